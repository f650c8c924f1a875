"""The cohort on the page: how people become knees, readings and films."""
