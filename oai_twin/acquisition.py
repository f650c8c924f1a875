"""Acquisition: how the baseline film of each person is taken, and what goes wrong with it."""

from __future__ import annotations

import numpy as np
import pandas as pd

# What each site's machine looks like: spacing mm, exposure, noise, share of MONOCHROME1.
SITE_LOOKS = {
    "A": (0.40, 1.00, 1.0, 0.0),
    "B": (0.36, 1.15, 0.8, 0.1),
    "C": (0.42, 0.90, 1.2, 0.6),
    "D": (0.39, 1.05, 1.0, 0.3),
    "E": (0.47, 0.80, 1.5, 0.0),
}
DEFECTS = ["wrong_tag", "truncated", "one_knee", "prosthesis"]
DEFECTS += ["rotated", "burned_out", "missing_file", "hand"]


def draw(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw how the baseline film of each person is taken; the site decides the machine.

    Returns
    -------
    One row per person: `film_id` (12 digits), `site`, `spacing` (mm), `photometric`,
    `exposure` and `noise` (about 1), `collimation` and `soft_tissue` (mm), `marker`, and an
    empty `defect`.
    """
    n = len(people)
    spacing, exposure, noise, inverted = np.array([SITE_LOOKS[s] for s in people["site"]]).T
    series = 100_000 + distinct(900_000, n, rng)
    rng.shuffle(series)
    soft = 55 + 2.2 * (people["bmi"].to_numpy() - 28.6) + rng.normal(0, 5, n)
    return pd.DataFrame(
        {
            "participant_id": people["participant_id"],
            "film_id": [f"0166{number:08d}" for number in series],
            "site": people["site"],
            "spacing": np.clip(spacing + rng.normal(0, 0.008, n), 0.35, 0.50).round(4),
            "photometric": np.where(rng.random(n) < inverted, "MONOCHROME1", "MONOCHROME2"),
            "exposure": exposure * np.exp(rng.normal(0, 0.12, n)),
            "noise": noise * np.exp(rng.normal(0, 0.15, n)),
            "collimation": np.clip(rng.normal(14, 5, n), 2, 30),
            "soft_tissue": np.clip(soft, 25, 110),
            "marker": rng.random(n) < 0.9,
            "defect": "",
        }
    )


def distinct(stop: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` different whole numbers below `stop`, in rising order."""
    return np.sort(rng.choice(stop, size=n, replace=False))


def spoil(cohort: dict[str, pd.DataFrame], *, share: float, seed: int) -> dict[str, pd.DataFrame]:
    """Return the cohort with a share of its films made defective, each kind equally often.

    A film with the defect `prosthesis` shows a replaced joint in one of its knees, which is
    then marked `prosthesis` in `knees`.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share of defective films is {share}; expected 0 to 1")
    rng = np.random.default_rng([seed, 5])
    films, knees = cohort["films"].copy(), cohort["knees"].copy()
    count = round(share * len(films))
    rows = rng.permutation(len(films))[:count]
    kinds = np.resize(rng.permutation(DEFECTS), count)
    films.loc[rows, "defect"] = kinds
    replaced = rows[kinds == "prosthesis"]
    worse = knees["kl_true"].to_numpy().reshape(-1, 2).argmax(axis=1)
    knees.loc[2 * replaced + worse[replaced], "prosthesis"] = True
    return {**cohort, "films": films, "knees": knees}
