"""Tuner: one grade and arm tuned live, with the functions of its page.

What depends on the grade alone is computed once and kept: the reduced points, the whole
sweep. Moving a slider searches these knees and their subsamples anew. Pain stays covered
until a peek, and a peek is saved with the setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pandas as pd

from kneephen_report import figure, umap_plots
from kneephen_report.phenotype import explorer_data
from kneephen_utils import formatting, small_cells
from kneephen_utils.phenotype import sweep
from kneephen_utils.phenotype.stratum import FEWEST, Settings, Stratum, gather
from kneephen_utils.phenotype.sweep import Candidate


class Tuner:
    """The knees of a run, searched setting by setting.

    Attributes
    ----------
    settings
        How groups are looked for, without a choice by hand.
    disclose
        Whether single knees may be shown.
    """

    def __init__(
        self,
        fused: Mapping[str, pd.DataFrame],
        *whole: pd.DataFrame,
        settings: Settings,
        disclose: bool,
    ) -> None:
        """Take the fused tables of all arms, and `knees`, `participants` and `map`."""
        self.fused = fused
        self.knees, self.participants, self.laid_out = whole
        self.settings = replace(settings, min_cluster_size=0, min_samples=0)
        self.disclose = disclose
        self.cell = lru_cache(maxsize=None)(self._cell)
        self.swept = lru_cache(maxsize=None)(self._swept)

    def search(self, grade: int, arm: str, min_cluster_size: int, min_samples: int) -> Candidate:
        """Return what one setting gives, subsamples of people included."""
        cell = self.cell(grade, arm)
        return sweep.attempt(
            sweep.reduced(cell, self.settings).points,
            cell.people,
            settings=self.settings,
            draws=self.settings.draws,
            axes=([min_cluster_size], [min_samples]),
        )[0]

    def phenotypes(self, grade: int, arm: str, found: Candidate) -> pd.DataFrame:
        """Return the discover knees with their groups, as the map and the table want them."""
        cell = self.cell(grade, arm)
        own = cell.knees[cell.discover][["knee_id", "split"]].reset_index(drop=True)
        return own.assign(phenotype=found.labels)

    def profile(self, grade: int, arm: str, found: Candidate, *, peeked: bool) -> pd.DataFrame:
        """Return who the knees of each group are; pain only after a peek."""
        of = explorer_data.known(
            [self.cell(grade, arm)], self.knees, self.participants, self.laid_out
        )
        packed = explorer_data.partition(found.labels, of, disclose=self.disclose)
        names = list(explorer_data.VARIABLES.values())
        rows = []
        for group in packed["groups"]:
            few = f"fewer than {small_cells.FEW}" if group["knees"] is None else group["knees"]
            values = [*group["values"], group["covered"] if peeked else "covered"]
            rows.append([group["name"], few, *values])
        return pd.DataFrame(rows, columns=["group", "knees", *names], dtype=object)

    def most(self, grade: int, arm: str) -> int:
        """Return the largest `min_cluster_size` worth trying; 0 if there are too few knees."""
        cell = self.cell(grade, arm)
        return max(FEWEST, int(cell.discover.sum()) // 2) if cell.enough else 0

    def draw(self, grade: int, arm: str, found: Candidate) -> Any:
        """Return the map of the groups, for the page."""
        return figure.show(
            umap_plots.plot_groups(
                self.laid_out, self.phenotypes(grade, arm, found), disclose=self.disclose
            ),
            caption=umap_plots.caption(len(self.laid_out), disclose=self.disclose),
            alt=text_candidate(found),
            vector=False,
        )

    def _cell(self, grade: int, arm: str) -> Stratum:
        return gather({arm: self.fused[arm]}, self.knees, self.participants, kl_grade=grade)[0]

    def _swept(self, grade: int, arm: str) -> pd.DataFrame:
        return sweep.run([self.cell(grade, arm)], settings=self.settings)[0]


def text_candidate(found: Candidate) -> str:
    """Say what one setting gave."""
    return (
        f"min_cluster_size {found.min_cluster_size}, min_samples {found.min_samples}: "
        f"{formatting.counted(found.phenotypes, 'group')}, "
        f"{100 * found.noise:.0f} % of the knees in none, "
        f"{formatting.number(found.score)} of the knees found again."
    )
