"""Report: how results are drawn, tabled and put into words for the pages of the book."""
