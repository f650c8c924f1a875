"""Progression on the page: the alluvial plot of compartments."""
