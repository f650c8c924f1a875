"""Mixed: published estimates are met, planted ones are found, a stuck fit is refused."""

from __future__ import annotations

from types import SimpleNamespace

import mixedlm
import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_utils.stats import lmm, lmm_contrasts


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


def test_estimating_equations_meet_the_mixed_model(rows: pd.DataFrame) -> None:
    fitted = lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)
    means = lmm.equations(rows, COLUMNS)
    gap = means.contrast({"years_1": 1.0})[0] - fitted.contrast({"years_1": 1.0})[0]
    assert abs(gap) < np.sqrt(fitted.covariance[3, 3])
