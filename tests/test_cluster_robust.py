"""Clustered: errors that trust people alone are those of slower programs, and cover."""

from __future__ import annotations

from dataclasses import replace

import mixedlm
import numpy as np
import pandas as pd
import pytest
import simulated
import statsmodels.api as sm

from kneephen_utils.stats import cluster_robust, lmm, lmm_contrasts

COLUMNS = ["years", "is_1", "years_1"]


def visits_of(people: int, *, seed: int, share: float = 0.4, level: float = 0.0) -> pd.DataFrame:
    grouped, visits = simulated.pain(
        simulated.knees(people, seed=seed, share=share), seed=seed, level=level
    )
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    return lmm_contrasts.design(seen, ["years"], [1])[0]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return visits_of(120, seed=4)


@pytest.fixture(scope="module")
def fitted(rows: pd.DataFrame) -> lmm.Fit:
    return lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)


def marked(rows: pd.DataFrame, kept: cluster_robust.Sums) -> np.ndarray:
    return rows.groupby("participant_id")["is_1"].max()[kept.people].to_numpy()


def test_the_estimates_are_those_of_the_mixed_model(rows: pd.DataFrame, fitted: lmm.Fit) -> None:
    robust = cluster_robust.robust(cluster_robust.sums(rows, COLUMNS, fitted), fitted)
    np.testing.assert_allclose(robust.estimate, fitted.estimate, rtol=1e-5)
    ratio = np.sqrt(np.diag(robust.covariance) / np.diag(fitted.covariance))
    assert ((ratio > 0.7) & (ratio < 1.4)).all(), "the model is right here, so errors agree"


def test_without_random_effects_the_errors_are_those_of_clustered_least_squares(
    rows: pd.DataFrame, fitted: lmm.Fit
) -> None:
    plain = replace(fitted, person=np.zeros((2, 2)), knee=0.0, residual=1.0)
    robust = cluster_robust.robust(cluster_robust.sums(rows, COLUMNS, plain), plain)
    codes = pd.factorize(rows["participant_id"])[0]
    model = sm.OLS(rows["measure"], sm.add_constant(rows[COLUMNS]))
    slow = model.fit(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False})
    people = codes.max() + 1
    np.testing.assert_allclose(robust.estimate, slow.params, rtol=1e-8)
    expected = slow.cov_params().to_numpy() * people / (people - 4)
    np.testing.assert_allclose(robust.covariance, expected, rtol=1e-6)


def test_the_bootstrap_meets_the_published_profile_of_the_sleep_study() -> None:
    """Bates et al. (2015), doi:10.18637/jss.v067.i01, print 7.36 to 13.58 for the slope."""
    study = mixedlm.load_sleepstudy().rename(columns={"Days": "years", "Reaction": "measure"})
    study["participant_id"] = study["knee_id"] = study["Subject"].astype(str)
    fitted = lmm.fit(study, ["years"], optimizer=lmm.FIRST, reml=True)
    kept = cluster_robust.sums(study, ["years"], fitted)
    one = np.zeros(len(kept.people))
    slope = cluster_robust.intervals(kept, [{"years": 1.0}], strata=one, draws=1999, seed=0)[0]
    np.testing.assert_allclose(slope, [10.467, 7.36, 13.58], atol=0.35)


def turned(kept: cluster_robust.Sums, name: str, *, draws: int, seed: int) -> float:
    """Return the p value of one effect by turning signs where that effect is held at zero."""
    place = kept.names.index(name)
    bread = np.linalg.inv(kept.squares.sum(axis=0))
    others = [i for i in range(len(kept.names)) if i != place]
    bound = np.zeros(len(kept.names))
    bound[others] = np.linalg.solve(
        kept.squares.sum(axis=0)[np.ix_(others, others)], kept.products.sum(axis=0)[others]
    )
    parts = (kept.products - kept.squares @ bound) @ bread[:, place]
    return cluster_robust.flipped(parts, draws=draws, seed=seed)


def test_turned_signs_find_what_is_there_and_agree_with_the_interval(
    rows: pd.DataFrame, fitted: lmm.Fit
) -> None:
    kept = cluster_robust.sums(rows, COLUMNS, fitted)
    wald = fitted.contrast({"is_1": 1.0})[3]
    p = cluster_robust.inverted(kept, {"is_1": 1.0}, draws=1999, seed=0)[3]
    assert p == pytest.approx(wald, abs=0.06)
    apart = rows.assign(measure=rows["measure"] + 2 * rows["is_1"])
    far = cluster_robust.sums(apart, COLUMNS, fitted)
    assert cluster_robust.inverted(far, {"is_1": 1.0}, draws=199, seed=0)[3] == pytest.approx(
        1 / 200
    )


def test_a_draw_without_the_small_group_cannot_happen(rows: pd.DataFrame, fitted: lmm.Fit) -> None:
    kept = cluster_robust.sums(rows, COLUMNS, fitted)
    strata = marked(rows, kept)
    found = cluster_robust.intervals(kept, [{"is_1": 1.0}], strata=strata, draws=99, seed=1)[0]
    again = cluster_robust.intervals(kept, [{"is_1": 1.0}], strata=strata, draws=99, seed=1)[0]
    assert found == again
    assert found[1] < found[0] < found[2]


@pytest.mark.slow
def test_intervals_of_a_group_of_few_people_cover() -> None:
    held = {"Wald": [], "bootstrap": []}
    for seed in range(250):
        rows = visits_of(50, seed=seed, share=0.12, level=1.0)
        if rows.loc[rows["is_1"] == 1, "knee_id"].nunique() < 8:
            continue
        fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
        kept = cluster_robust.sums(rows, COLUMNS, fitted)
        _, low, high, _ = fitted.contrast({"is_1": 1.0})
        held["Wald"].append(low < 1.0 < high)
        _, low, high = cluster_robust.intervals(
            kept, [{"is_1": 1.0}], strata=marked(rows, kept), draws=199, seed=seed
        )[0]
        held["bootstrap"].append(low < 1.0 < high)
    assert len(held["Wald"]) > 150
    assert 0.91 < np.mean(held["Wald"]) < 0.99
    assert 0.91 < np.mean(held["bootstrap"]) < 0.99


def test_an_interval_of_turned_signs_holds_exactly_what_they_do_not_reject() -> None:
    agreed = []
    for seed in range(12):
        rows = visits_of(40, seed=seed, share=0.3, level=0.9)
        fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
        kept = cluster_robust.sums(rows, COLUMNS, fitted)
        estimate, low, high, p = cluster_robust.inverted(kept, {"is_1": 1.0}, draws=199, seed=seed)
        assert low < estimate < high
        assert p == turned(kept, "is_1", draws=199, seed=seed)
        agreed.append((p < 0.05, not low <= 0 <= high))
    assert all(one == other for one, other in agreed)
    assert {one for one, _ in agreed} == {True, False}
