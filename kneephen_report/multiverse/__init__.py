"""The multiverse on the page: the specification curve."""
