"""Two-part model: a third of knees have no pain at all, and a mean hides that.

The two parts of a score with a floor are asked separately: who has any, and how much do
those have. Beside them stands the test that takes knees as independent.
"""

from __future__ import annotations

import pandas as pd
from scipy import stats

from kneephen_utils.stats import lmm, lmm_contrasts

NONE, SOME = "share without pain", "level where there is pain"


def two_parts(pair: pd.DataFrame, phenotype: int) -> dict[str, tuple[pd.DataFrame, dict]]:
    """Compare the share at the floor, and the mean above it, over all visits.

    Parameters
    ----------
    pair
        One row per knee and visit of two phenotypes: `participant_id`, `phenotype`, `years`,
        `measure`, which is 0 at the floor.
    phenotype
        The one compared with the other.

    Returns
    -------
    For each part its rows and `estimate`, `low`, `high`, `p`, clustered by person. A part in
    which a phenotype has no two values, or whose equations have no solution, is left out.

    References
    ----------
    Duan et al. (1983), doi:10.1080/07350015.1983.10509330.
    """
    none = pair.assign(measure=(pair["measure"] == 0).astype(float))
    found = {}
    for contrast, part in {NONE: none, SOME: pair[pair["measure"] > 0]}.items():
        values = part.groupby("phenotype")["measure"].nunique()
        if len(values) < 2 or values.max() < 2 or part["participant_id"].nunique() < 5:
            continue
        marked = part.assign(mark=(part["phenotype"] == phenotype).astype(float))
        timed = ["years"] if len(part["years"].unique()) > 1 else []
        try:
            fitted = lmm.equations(marked, ["mark", *timed, *lmm_contrasts.mode(marked)])
        except lmm.MixedModelError:
            continue
        result = fitted.contrast({"mark": 1.0})
        found[contrast] = (part, dict(zip(("estimate", "low", "high", "p"), result, strict=True)))
    return found


def independent(pair: pd.DataFrame, phenotype: int) -> dict[str, float]:
    """Compare knees at one visit as if they were independent; empty if a group has no two knees.

    Welch's interval and p value, which is how such groups are often compared.
    """
    mark = pair["phenotype"] == phenotype
    one, other = pair.loc[mark, "measure"], pair.loc[~mark, "measure"]
    if min(len(one), len(other)) < 2:
        return {}
    welch = stats.ttest_ind(one, other, equal_var=False)
    interval = welch.confidence_interval()
    return {
        "estimate": float(one.mean() - other.mean()),
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(welch.pvalue),
    }
