"""Phenotypes on the page: sweep, robustness, prototypes, explorer and tuner."""
