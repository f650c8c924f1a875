"""IPCW: weights that let knees still read stand in for knees that were lost.

Whoever stays away may differ from whoever comes. A knee that was read although few like it were
counts for more, so that what is known at baseline no longer tells the lost from the kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm

MOST = 10.0  # no knee counts for more than this many


def weights(events: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the stabilised weight of each knee in each period in which it was followed.

    Parameters
    ----------
    events
        From `discrete_time_hazard.censor`, knees never read again included, with numeric baseline
        `columns` without missing values.
    columns
        What the chance of being read again may depend on, beside the visit.

    Returns
    -------
    `knee_id`, `period` (visit at its end, months) and `weight`; the mean is about one.

    References
    ----------
    Robins & Finkelstein (2000), doi:10.1111/j.0006-341X.2000.00779.x.
    """
    visits = np.unique(np.r_[events["left_months"], events["right_months"].dropna()])
    starts = np.r_[0.0, visits[visits > 0]]
    months = events["months"].to_numpy(float)
    seen = events["observed"].to_numpy(bool)
    followed = (months[:, None] > starts[:-1]) | ((months[:, None] == starts[:-1]) & ~seen[:, None])
    knee, step = np.nonzero(followed)
    stayed = (months[knee] > starts[step]).astype(float)
    visit = (step[:, None] == np.unique(step)[None, :]).astype(float)
    known = events[list(columns)].to_numpy(float)[knee]
    scale = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    known = (known - known.mean(axis=0)) / scale
    likely = chance(stayed, np.column_stack([visit, known]))
    ratio = np.clip(chance(stayed, visit), 1e-6, 1) / np.clip(likely, 1e-6, 1)
    table = pd.DataFrame({"knee": knee, "period": starts[step + 1], "ratio": ratio})
    table["weight"] = table.groupby("knee")["ratio"].cumprod().clip(upper=MOST)
    kept = table[stayed == 1]
    names = events["knee_id"].to_numpy()[kept["knee"]]
    return kept[["period", "weight"]].assign(knee_id=names)[["knee_id", "period", "weight"]]


def chance(stayed: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Return the fitted chance of staying; where everybody stayed there is nothing to fit.

    Parameters
    ----------
    stayed
        (rows,) zeros and ones.
    design
        (rows, columns) of a logistic model, a constant or indicators among them; a trace of
        shrinkage keeps columns apart that determine each other.
    """
    if stayed.min() == stayed.max():
        return np.ones(len(stayed))
    model = sm.GLM(stayed, design, family=sm.families.Binomial())
    return np.asarray(model.fit_regularized(alpha=1e-4, L1_wt=0.0).predict(design))
