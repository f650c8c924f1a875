"""The grader on the page: training, calibration and agreement."""
