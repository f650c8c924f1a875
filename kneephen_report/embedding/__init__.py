"""Untrained vectors on the page: zero-shot grades."""
