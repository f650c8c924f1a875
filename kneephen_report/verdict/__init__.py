"""The verdict on the page: evidence, cards, exemplars and checklists."""
