"""Mixed: published estimates are met, planted ones are found, a stuck fit is refused."""

from __future__ import annotations

from types import SimpleNamespace

import mixedlm
import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_utils.stats import cluster_resampling, lmm, lmm_contrasts, permutation_gls


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    grouped, visits = simulated.pain(simulated.knees(80, seed=4), seed=4, level=1.0, slope=0.2)
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    return lmm_contrasts.design(seen, ["years"], [1])[0]


COLUMNS = ["years", "is_1", "years_1"]


def test_sleepstudy_gives_the_published_lme4_numbers() -> None:
    """Bates et al. (2015), doi:10.18637/jss.v067.i01, model fm1, to the digits printed."""
    study = mixedlm.load_sleepstudy().rename(columns={"Days": "years", "Reaction": "measure"})
    study["participant_id"] = study["knee_id"] = study["Subject"].astype(str)
    fitted = lmm.fit(study, ["years"], optimizer=lmm.FIRST, reml=True)
    np.testing.assert_allclose(fitted.estimate, [251.405, 10.467], atol=5e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.covariance)), [6.825, 1.546], atol=5e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.person)), [24.74, 5.92], atol=6e-3)
    assert np.sqrt(fitted.residual) == pytest.approx(25.59, abs=6e-3)
    np.testing.assert_allclose(fitted.degrees, 17, atol=0.01)
    estimate, low, high, p = fitted.contrast({"years": 1.0})
    assert p == pytest.approx(3.26e-6, abs=6e-9), "as lmerTest prints it: t 6.771 on 17"
    np.testing.assert_allclose(
        [low, high], estimate + np.array([-1, 1]) * 2.1098 * 1.5458, atol=2e-3
    )


def test_two_programs_and_two_optimisers_agree(rows: pd.DataFrame) -> None:
    compared = lmm.agreement(rows, COLUMNS, people=60, seed=0)
    assert lmm_contrasts.apart(compared) < 0.02
    assert compared["error_ratio"].between(0.97, 1.06).all()


def test_planted_variances_are_found() -> None:
    grouped, visits = simulated.pain(simulated.knees(600, seed=5), seed=5)
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    fitted = lmm.fit(seen, ["years"], optimizer=lmm.FIRST, reml=True)
    np.testing.assert_allclose(fitted.person, simulated.PERSON, atol=0.7)
    assert fitted.knee == pytest.approx(simulated.KNEE, rel=0.2)
    assert fitted.residual == pytest.approx(simulated.RESIDUAL, rel=0.1)


def test_an_effect_of_exactly_zero_is_refused(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = SimpleNamespace(
        fixef=lambda: {"(Intercept)": 3.0, "is_1": 0.0}, vcov=lambda: np.eye(2), converged=True
    )
    monkeypatch.setattr(mixedlm, "lmer", lambda *_, **__: stuck)
    with pytest.raises(lmm.MixedModelError, match=r"is_1: the effect is exactly 0\.0"):
        lmm.fit(rows, ["is_1"], optimizer=lmm.FIRST, reml=True)


def test_a_column_that_repeats_others_is_refused(rows: pd.DataFrame) -> None:
    twice = rows.assign(again=1 - rows["is_1"])
    with pytest.raises(lmm.MixedModelError, match="repeats what the others say"):
        lmm.fit(twice, ["years", "is_1", "again"], optimizer=lmm.FIRST, reml=True)


def test_no_knee_term_without_a_person_with_two_knees(rows: pd.DataFrame) -> None:
    assert "knee_id" in lmm.formula(rows, COLUMNS)
    assert "knee_id" not in lmm.formula(rows[rows["knee_id"].str.endswith("R")], COLUMNS)


def test_least_squares_with_held_variances_is_the_mixed_model(rows: pd.DataFrame) -> None:
    fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
    kept = permutation_gls.sums(rows, ["years"], fitted)
    labels = rows.drop_duplicates("knee_id").set_index("knee_id")["is_1"]
    estimate, covariance = permutation_gls.effects(kept, [labels[kept.knees["knee_id"]].to_numpy()])
    np.testing.assert_allclose(estimate[0], fitted.estimate[2:], rtol=1e-6)
    np.testing.assert_allclose(covariance[0], fitted.covariance[2:, 2:], rtol=1e-6)


def test_permuted_labels_give_what_a_slow_solution_gives(rows: pd.DataFrame) -> None:
    some = rows[rows["participant_id"].isin(rows["participant_id"].unique()[:12])]
    some = some.sort_values(["participant_id", "knee_id", "years"])
    fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
    kept = permutation_gls.sums(some, ["years"], fitted)
    labels = np.arange(len(kept.knees)) % 3 == 0
    mark = some["knee_id"].map(dict(zip(kept.knees["knee_id"], labels, strict=True))).astype(float)
    line = np.column_stack([np.ones(len(some)), some["years"]])
    design = np.column_stack([line, line * mark.to_numpy()[:, None]])
    people, knee = (some[each].to_numpy() for each in ("participant_id", "knee_id"))
    covariance = (line @ fitted.person @ line.T) * (people[:, None] == people)
    covariance += fitted.knee * (knee[:, None] == knee) + fitted.residual * np.eye(len(some))
    weighted = design.T @ np.linalg.inv(covariance)
    slow = np.linalg.solve(weighted @ design, weighted @ some["measure"].to_numpy())
    np.testing.assert_allclose(permutation_gls.effects(kept, [labels])[0][0], slow[2:], rtol=1e-8)


def test_permuted_scores_of_unrelated_labels_are_about_standard(rows: pd.DataFrame) -> None:
    fitted = lmm.fit(rows, ["years"], optimizer=lmm.FIRST, reml=True)
    kept = permutation_gls.sums(rows, ["years"], fitted)
    labels = rows.drop_duplicates("knee_id").set_index("knee_id")["is_1"]
    drawn = cluster_resampling.permute_people(
        kept.knees["participant_id"], labels[kept.knees["knee_id"]].to_numpy(), draws=400, seed=1
    )
    scores = permutation_gls.scores(kept, drawn, np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=0.25)


def test_estimating_equations_meet_the_mixed_model(rows: pd.DataFrame) -> None:
    fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
    means = lmm.equations(rows, COLUMNS)
    gap = means.contrast({"years_1": 1.0})[0] - fitted.contrast({"years_1": 1.0})[0]
    assert abs(gap) < np.sqrt(fitted.covariance[3, 3])
