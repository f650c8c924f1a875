"""Phenotype: groups of knees that look alike although they share one radiographic grade.

The stage runs once per grade. It gathers the knees of that grade in every arm (`cell`), tries
clustering settings on the discover people before any outcome is opened (`sweep`), gives
the confirm people the groups that were found (`assignment`), asks whether data without
groups do as well (`reference`), whether groups come back (`stability`) and whether the
picture made them (`contribution`), and lets written rules decide (`gate`).
"""
