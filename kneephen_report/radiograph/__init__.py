"""Radiographs on the page: contact sheets of crops and films."""
