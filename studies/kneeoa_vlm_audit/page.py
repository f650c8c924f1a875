"""Page: the audit of the published tables, or of invented ones where there are none."""

from __future__ import annotations

import pandas as pd

from studies.kneeoa_vlm_audit import Tables, audit, example_tables, parse, read

INVENTED_PEOPLE = 900
INVENTED = (
    "No published tables were given (`verdict.published_tables` is empty). What follows is "
    "**invented**: tables in the published layout, made by a program and of nobody, with the known "
    "faults built in, so that the audit can be seen at work. No figure below says anything "
    "about knees."
)
NOTE = "A check that failed names what is wrong; the figures below are shown as told and put right."


def tables_of(folder: str, *, seed: int) -> Tables:
    """Return the published tables of a folder; invented ones where none is given."""
    if folder:
        return read(folder)
    return parse(*example_tables.draw(INVENTED_PEOPLE, seed=seed))


def introduction(folder: str, tables: Tables) -> str:
    """Say whose tables these are."""
    if not folder:
        return INVENTED
    people = tables.knees["participant_id"].nunique()
    return f"The tables that were given hold {len(tables.knees):,} knees of {people:,} people."


def checks(tables: Tables) -> pd.DataFrame:
    """Return the audit as a table for reading."""
    found = audit.check(tables)
    return found[["check", "verdict", "sentence"]].rename(columns={"sentence": "what was found"})


def title(folder: str, what: str) -> str:
    """Return the heading of a table, marked where the table is invented."""
    return what if folder else f"INVENTED TABLE: {what}"
