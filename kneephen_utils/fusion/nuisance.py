"""Nuisance: severity, side, site and exposure are taken out of the picture's features.

Groups within one grade must not be the grade again, nor the clinic, the side or the film.
What is taken out is fitted on the people in whom groups are looked for; what is left of it
is measured in the others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kneephen_utils import umap_layout

NUMBERS = ("kl_predicted", "exposure", "contrast")
NAMES = ("kl_grade", "side", "site")
TARGETS = ("kl_grade", "kl_predicted", "side", "site", "exposure")
WORDS = {"kl_grade": "grade as read", "kl_predicted": "grade as predicted"}
SLACK = 0.10  # above chance by less is called gone
NEAREST = 10  # pictures nearest to that of a knee, of other people
NOTE = (
    "R² for numbers and the grade, balanced accuracy for categories, in people the adjustment was "
    "not fitted on; chance is what a predictor that knows nothing reaches."
)
FEWEST = 20  # people's knees on either side without which nothing is measured


def design(known: pd.DataFrame, fit: np.ndarray) -> np.ndarray:
    """Return what is regressed out, one row per knee: an intercept, numbers, categories.

    Parameters
    ----------
    known
        One row per knee with the columns of `NUMBERS` and `NAMES`.
    fit
        Which rows the scale of the numbers and the categories are taken from. A category
        that is not among them gets no column: it is adjusted as the first one.
    """
    columns = [np.ones(len(known))]
    for name in NUMBERS:
        values = known[name].to_numpy(float)
        spread = values[fit].std()
        scaled = (values - values[fit].mean()) / (spread if spread > 0 else 1.0)
        columns += [scaled, scaled**2] if name == "kl_predicted" else [scaled]
    for name in NAMES:
        values = known[name].astype(str).to_numpy()
        columns += [(values == each).astype(float) for each in sorted(set(values[fit]))[1:]]
    return np.column_stack(columns)


def adjust(features: np.ndarray, known: pd.DataFrame, fit: np.ndarray) -> np.ndarray:
    """Return what of the features a linear regression on `design` does not explain.

    Parameters
    ----------
    features
        Array (knees, features).
    known, fit
        See `design`; the regression is fitted on the rows `fit`.

    Raises
    ------
    ValueError
        If there are not more rows to fit on than columns to take out.
    """
    taken = design(known, fit)
    if fit.sum() <= taken.shape[1]:
        raise ValueError(
            f"{int(fit.sum())} knees to fit the adjustment on; expected more than the "
            f"{taken.shape[1]} columns that are taken out"
        )
    weights, *_ = np.linalg.lstsq(taken[fit], features[fit], rcond=None)
    return features - taken @ weights


def remaining(
    before: np.ndarray, after: np.ndarray, known: pd.DataFrame, fit: np.ndarray
) -> pd.DataFrame:
    """Say how well each target can be read off the features before and after adjustment.

    A ridge (numbers) or a ridge-penalised logistic regression (categories) is fitted on the
    rows `fit` and measured on all others.

    Returns
    -------
    `nuisance` table; targets of which one side knows fewer than 20 knees, or a single
    category, have no row.
    """
    rows = []
    for target in TARGETS:
        truth = known[target]
        there = truth.notna().to_numpy()
        train, test = fit & there, ~fit & there
        if min(train.sum(), test.sum()) < FEWEST or truth[train].nunique() < 2:
            continue
        for when, features in (("before", before), ("after", after)):
            rows.append({"target": target, "when": when} | _read(features, truth, train, test))
    return pd.DataFrame(rows, columns=["target", "when", "metric", "estimate", "chance"])


def neighbours(features: np.ndarray, known: pd.DataFrame) -> tuple[float, float]:
    """Return how often the nearest pictures of other people have a knee's grade, and by chance.

    A straight line sees no islands: nearness also shows what a linear adjustment leaves.

    Parameters
    ----------
    features
        Array (knees, features), adjusted.
    known
        One row per knee with `participant_id` and `kl_grade`.

    Returns
    -------
    The mean share (0 to 1) of the `NEAREST` pictures, and of all pictures of other people; not a
    number if there are no more than `NEAREST` of these.
    """
    grades, person = known["kl_grade"].astype(int), known["participant_id"]
    own = person.groupby(person).transform("size")
    others = len(known) - own
    if others.min() <= NEAREST:
        return float("nan"), float("nan")
    _, near = umap_layout.nearest(features, NEAREST + own.max(), metric="euclidean")
    people = person.factorize()[0]
    mine = people[near] == people[:, None]
    near = np.take_along_axis(near, mine.argsort(axis=1, kind="stable")[:, :NEAREST], axis=1)
    share = (grades.to_numpy()[near] == grades.to_numpy()[:, None]).mean()
    alike = grades.groupby(grades).transform("size")
    alike -= grades.groupby([person, grades]).transform("size")
    return float(share), float((alike / others).mean())


def text_neighbours(before: tuple[float, float], after: tuple[float, float]) -> str:
    """Say whether the grade can still be seen in who lies near whom, as `neighbours` found it."""
    if not np.isfinite(after).all():
        return "There are too few knees to say whose pictures lie near each other."
    share, chance = after
    told = (
        f"Of the {NEAREST} other people's pictures nearest to that of a knee, {100 * share:.0f} % "
        f"have its grade; before the adjustment {100 * before[0]:.0f} %, by chance "
        f"{100 * chance:.0f} %."
    )
    if share <= chance + SLACK:
        return f"{told} Severity hardly says any more who lies near whom."
    return f"{told} A straight line no longer reads the grade, but knees of one grade lie together."


def _read(
    features: np.ndarray, truth: pd.Series, train: np.ndarray, test: np.ndarray
) -> dict[str, object]:
    if truth.name in NUMBERS or truth.name == "kl_grade":
        values = truth.astype(float).to_numpy()
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13)))
        given = model.fit(features[train], values[train]).predict(features[test])
        return {"metric": "r2", "estimate": r2_score(values[test], given), "chance": 0.0}
    names = truth.astype(str).to_numpy()
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-5, 0, 6),
            cv=3,
            l1_ratios=(0.0,),
            class_weight="balanced",
            max_iter=500,
            use_legacy_attributes=False,
            scoring="balanced_accuracy",
        ),
    )
    given = model.fit(features[train], names[train]).predict(features[test])
    chance = 1 / len(set(names[train]))
    score = balanced_accuracy_score(names[test], given)
    return {"metric": "balanced accuracy", "estimate": float(score), "chance": chance}
