"""Stratum: the knees of one grade in one arm, which is where groups are looked for."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

FEWEST = 8  # knees that may form a phenotype
ENOUGH = 5 * FEWEST  # discover knees; a sparse line looks like islands, so fewer claim too often


@dataclass(frozen=True)
class Settings:
    """How groups are looked for; see `notebooks/params.yml` for what each is."""

    min_cluster_size: int
    min_samples: int
    reducer: str
    components: int
    draws: int
    null_draws: int
    seed: int
    workers: int
    peeked: bool = False  # pain was looked at before a setting was taken
    dask: str = ""  # address of a Dask scheduler; the result does not depend on it


@dataclass(frozen=True)
class Stratum:
    """The knees of one grade in one arm.

    Attributes
    ----------
    arm, kl_grade
        Which arm and grade.
    knees
        `knee_id`, `participant_id`, `split`, one row per knee.
    features
        Fused features in the same order, one column each.
    """

    arm: str
    kl_grade: int
    knees: pd.DataFrame
    features: pd.DataFrame

    @cached_property
    def discover(self) -> np.ndarray:
        """Which rows belong to people in whom groups are looked for."""
        return (self.knees["split"] == "discover").to_numpy()

    @property
    def enough(self) -> bool:
        """Whether there are enough discover knees to look for groups."""
        return int(self.discover.sum()) >= ENOUGH

    @cached_property
    def people(self) -> pd.Series:
        """Participant of each discover knee."""
        return self.knees.loc[self.discover, "participant_id"].reset_index(drop=True)

    @cached_property
    def points(self) -> np.ndarray:
        """Fused features of the discover knees, (knees, features)."""
        return self.features.to_numpy()[self.discover]

    @cached_property
    def picture(self) -> np.ndarray:
        """Which features come from the picture."""
        return np.asarray(self.features.columns.str.startswith("image_"), dtype=bool)

    @cached_property
    def reductions(self) -> dict[Hashable, Any]:
        """What `sweep.reduced` has made of the points, so that nothing is reduced twice."""
        return {}

    @property
    def key(self) -> dict[str, object]:
        """`kl_grade` and `arm`, as every table of the stage begins."""
        return {"kl_grade": self.kl_grade, "arm": self.arm}

    def sequence(self, *what: int) -> list[int]:
        """Return seeds that depend on grade and arm, so no two cells share their draws."""
        return [self.kl_grade, sum(map(ord, self.arm)), *what]

    def with_points(self, points: np.ndarray) -> Stratum:
        """Return the discover knees alone, with other features."""
        knees = self.knees[self.discover].reset_index(drop=True)
        features = pd.DataFrame(points, columns=self.features.columns)
        return replace(self, knees=knees, features=features)

    def of(self, rows: np.ndarray) -> Stratum:
        """Return some of the discover knees alone, by their positions among them."""
        knees = self.knees[self.discover].iloc[rows].reset_index(drop=True)
        features = pd.DataFrame(self.points[rows], columns=self.features.columns)
        return replace(self, knees=knees, features=features)


def gather(
    fused: Mapping[str, pd.DataFrame],
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    kl_grade: int,
) -> list[Stratum]:
    """Return one cell per arm for the knees of a grade.

    Parameters
    ----------
    fused
        `fused` table of each arm.
    knees, participants
        The tables of these names.
    kl_grade
        Kellgren-Lawrence grade as read, 0 to 4.

    Raises
    ------
    ValueError
        If a fused knee is not in `knees`.
    """
    known = knees[["knee_id", "participant_id", "kl_grade"]].merge(
        participants[["participant_id", "split"]], on="participant_id", validate="many_to_one"
    )
    cells = []
    for arm, table in fused.items():
        joined = table[["knee_id"]].merge(known, on="knee_id", how="left", validate="one_to_one")
        if joined["split"].isna().any():
            stray = int(joined["split"].isna().sum())
            raise ValueError(
                f"fused, arm {arm}: {stray} of {len(joined)} rows are of no knee of table knees"
            )
        own = (joined["kl_grade"] == kl_grade).fillna(value=False).to_numpy(bool)
        cells.append(
            Stratum(
                arm=arm,
                kl_grade=kl_grade,
                knees=joined.loc[own, ["knee_id", "participant_id", "split"]].reset_index(
                    drop=True
                ),
                features=table.loc[own].drop(columns="knee_id").reset_index(drop=True),
            )
        )
    return cells
