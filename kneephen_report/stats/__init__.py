"""Effects on the page: curves, forest plots, tables and sentences."""
