"""Alternative clusterings: the same search in other spaces, shown beside the one that was taken.

The reducer is a parameter, fixed before anything is searched; the rule does not choose it. If the
best of three were taken, every draw without groups would have to take the best of three as
well, and a plane laid out once of all knees lets its groups come back more easily than
they should when people are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from kneephen_utils.phenotype import reduction, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

COLUMNS = ["arm", "compared", "other", "knee_id", "phenotype"]


def reducers(
    cells: Sequence[Stratum], *, settings: Settings
) -> tuple[pd.DataFrame, dict[str, dict[str, Candidate]]]:
    """Search with every reducer that is not the one of the settings.

    The published arm is left out: it is always reduced as published.

    Returns
    -------
    `sweep` rows, none of them `chosen`; and for each reducer what the rule takes in each arm.
    """
    free = [cell for cell in cells if cell.arm != reduction.PUBLISHED_ARM]
    rows, taken = [], {}
    for reducer in reduction.REDUCERS:
        if reducer != settings.reducer:
            swept, taken[reducer] = sweep.run(free, settings=replace(settings, reducer=reducer))
            rows.append(swept.assign(chosen=False))
    return pd.concat(rows, ignore_index=True), taken


def seeds(cells: Sequence[Stratum], *, settings: Settings) -> dict[str, Candidate]:
    """Search again from another seed where the layout depends on one: in the published arm."""
    published = [cell for cell in cells if cell.arm == reduction.PUBLISHED_ARM]
    return sweep.run(published, settings=replace(settings, seed=settings.seed + 1))[1]


def partitions(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, compared: str, other: str
) -> pd.DataFrame:
    """Return the groups of the discover knees, one row per knee and arm, named as a rival."""
    parts = [pd.DataFrame(columns=COLUMNS).astype({"phenotype": "int64"})]
    for cell in (cell for cell in cells if cell.arm in chosen):
        own = cell.knees.loc[cell.discover, ["knee_id"]].reset_index(drop=True)
        own = own.assign(phenotype=chosen[cell.arm].labels, arm=cell.arm)
        parts.append(own.assign(compared=compared, other=other)[COLUMNS])
    return pd.concat(parts, ignore_index=True)


def gather(
    cells: Sequence[Stratum],
    elsewhere: Sequence[Stratum],
    taken: Mapping[str, Mapping[str, Candidate]],
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Return the groups of every rival, as `partitions` does.

    Parameters
    ----------
    cells
        As `stratum.gather` returns.
    elsewhere
        The same knees as the other encoder sees them.
    taken
        What `reducers` took.
    settings
        How groups are looked for.
    """
    parts = [partitions(cells, own, compared="reducer", other=name) for name, own in taken.items()]
    parts.append(
        partitions(cells, seeds(cells, settings=settings), compared="seed", other="another")
    )
    seen = sweep.run(elsewhere, settings=settings)[1]
    parts.append(partitions(elsewhere, seen, compared="encoder", other="the other"))
    return pd.concat(parts, ignore_index=True)
