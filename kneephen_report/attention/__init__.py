"""Attention on the page: heatmaps, tables and sentences."""
