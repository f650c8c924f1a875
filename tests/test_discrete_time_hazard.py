"""Hazard and survival: published and exact values are met, planted ratios are found."""

from __future__ import annotations

import lifelines
import numpy as np
import pandas as pd
import pytest
import simulated
from lifelines.datasets import load_rossi

from kneephen_utils.stats import cluster_resampling, discrete_time_hazard, ipcw, survival


def known(people: int, *, seed: int, log_ratio: float) -> pd.DataFrame:
    grouped = simulated.knees(people, seed=seed)
    found = simulated.events(grouped, seed=seed, log_ratio=log_ratio)
    cut = discrete_time_hazard.censor(
        found.assign(mark=grouped["phenotype"].astype(float)), horizon=48.0
    )
    return cut[cut["months"] > 0].reset_index(drop=True)


def test_rossi_gives_the_published_cox_coefficients() -> None:
    """Fox (2002), Cox regression, appendix to An R and S-PLUS Companion: model of all seven."""
    rossi = load_rossi().assign(participant_id=lambda d: d.index.astype(str))
    rossi = rossi.assign(months=rossi["week"].astype(float), observed=rossi["arrest"] == 1)
    columns = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    fitted = survival.cox(rossi, columns, clustered=False)
    published = [-0.379, -0.057, 0.314, -0.150, -0.434, -0.085, 0.091]
    errors = [0.191, 0.022, 0.308, 0.212, 0.382, 0.196, 0.029]
    np.testing.assert_allclose(fitted.estimate, published, atol=6e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.covariance)), errors, atol=6e-4)


def test_one_visit_gives_the_ratio_of_logarithms() -> None:
    """Where every knee is seen once, the hazard ratio is log(1 - p1) / log(1 - p0), exactly."""
    mark = np.repeat([0.0, 1.0], 100)
    moved = np.r_[np.arange(100) < 10, np.arange(100) < 30]
    seen = pd.DataFrame({"knee_id": np.arange(200).astype(str), "mark": mark, "observed": moved})
    seen = seen.assign(participant_id=seen["knee_id"], right_months=np.where(moved, 12.0, np.nan))
    cut = discrete_time_hazard.censor(
        seen.assign(left_months=np.where(moved, 0.0, 12.0)), horizon=48.0
    )
    fitted = discrete_time_hazard.fit(discrete_time_hazard.periods(cut), ["mark"])
    assert np.exp(fitted.estimate[0]) == pytest.approx(np.log(0.7) / np.log(0.9), rel=1e-6)


def test_events_after_the_horizon_count_as_not_seen() -> None:
    found = pd.DataFrame({"left_months": [36.0, 48.0], "right_months": [48.0, 72.0]})
    cut = discrete_time_hazard.censor(found.assign(observed=True), horizon=48.0)
    assert cut["observed"].tolist() == [True, False]
    assert cut["months"].tolist() == [48.0, 48.0]


def test_periods_keep_every_month_a_knee_was_followed() -> None:
    cut = known(60, seed=2, log_ratio=0.7)
    spells = discrete_time_hazard.periods(cut)
    widths = spells.groupby("knee_id")["width"].sum()
    months = cut.set_index("knee_id")["months"]
    pd.testing.assert_series_equal(widths, months[widths.index], check_names=False)
    assert spells["progressed"].sum() == cut["observed"].sum()


@pytest.mark.parametrize("log_ratio", [0.0, 0.8])
def test_the_planted_ratio_is_found_by_every_model(log_ratio: float) -> None:
    cut = known(1500, seed=7, log_ratio=log_ratio)
    main = discrete_time_hazard.fit(discrete_time_hazard.periods(cut), ["mark"]).contrast(
        {"mark": 1.0}
    )
    cox = survival.cox(cut, ["mark"], clustered=True).contrast({"mark": 1.0})
    weibull = survival.weibull(cut, "mark")
    for estimate in (main[0], cox[0], weibull[0]):
        assert estimate == pytest.approx(log_ratio, abs=0.2)
    assert main[0] == pytest.approx(cox[0], abs=0.05)
    assert main[0] == pytest.approx(weibull[0], abs=0.05)


def test_knees_of_one_person_widen_the_interval() -> None:
    cut = known(800, seed=3, log_ratio=0.5)
    doubled = pd.concat([cut, cut.assign(knee_id=cut["knee_id"] + "x")], ignore_index=True)
    once, twice = (
        discrete_time_hazard.fit(discrete_time_hazard.periods(each), ["mark"])
        for each in (cut, doubled)
    )
    np.testing.assert_allclose(once.covariance, twice.covariance, rtol=1e-3)


def test_free_and_mean_free_are_those_of_lifelines() -> None:
    cut = known(100, seed=8, log_ratio=0.0)
    fitter = lifelines.KaplanMeierFitter().fit(cut["months"], cut["observed"])
    times = np.array([0.0, 12.0, 30.0, 48.0])
    ones = np.ones((1, len(cut)))
    expected = fitter.survival_function_at_times(times).to_numpy()
    np.testing.assert_allclose(survival.free(cut, times, ones)[0], expected, rtol=1e-10)
    mean = lifelines.utils.restricted_mean_survival_time(fitter, t=48.0)
    assert survival.mean_free(cut, 48.0, ones)[0] == pytest.approx(mean)


def test_turnbull_without_missed_visits_is_the_product_of_the_visits() -> None:
    cut = known(200, seed=9, log_ratio=0.0)
    adjacent = cut[(cut["right_months"] - cut["left_months"]).fillna(12.0) == 12.0]
    curve = survival.turnbull(adjacent)
    at_risk = [(adjacent["left_months"] >= t - 12).sum() for t in curve["months"]]
    moved = [(adjacent["right_months"] == t).sum() for t in curve["months"]]
    ended = [(adjacent["left_months"] == t - 12) & ~adjacent["observed"] for t in curve["months"]]
    stay = 1 - np.array(moved) / (np.array(at_risk) - [each.sum() for each in ended])
    np.testing.assert_allclose(curve["estimate"], np.cumprod(stay), atol=1e-6)


def test_lifelines_misses_the_first_interval_of_the_turnbull_curve() -> None:
    """Why the interval-censored curve is not taken from lifelines 0.30: none moves by month 12."""
    cut = known(200, seed=9, log_ratio=0.0)
    right = cut["right_months"].fillna(np.inf)
    fitter = lifelines.KaplanMeierFitter().fit_interval_censoring(cut["left_months"], right)
    assert fitter.survival_function_.loc[12.0].iloc[0] == 1.0
    assert (cut["right_months"] == 12.0).sum() > 10
    assert survival.turnbull(cut)["estimate"].iloc[0] < 0.97


def test_incidence_without_competition_is_one_minus_free() -> None:
    cut = known(150, seed=11, log_ratio=0.0)
    curve = survival.incidence(cut.assign(kind=cut["observed"].astype(int)), draws=2, seed=0)
    ones = np.ones((1, len(cut)))
    expected = 1 - survival.free(cut, np.array([48.0]), ones)[0, 0]
    assert curve["estimate"].iloc[-1] == pytest.approx(expected, rel=1e-9)


def test_intervals_of_incidence_know_that_knees_share_a_person() -> None:
    """Where both knees of a person do the same, twice the knees tell nothing new."""
    person = np.repeat(np.arange(300), 2)
    times = pd.DataFrame({"participant_id": person, "months": 12.0 * (1 + person % 5)})
    times["kind"] = np.select([person % 10 < 3, person % 10 < 5], [1, 2], 0)
    paired, apart = (
        survival.incidence(each, draws=300, seed=0).iloc[-1]
        for each in (times, times.assign(participant_id=np.arange(600)))
    )
    assert paired["estimate"] == apart["estimate"]
    ratio = (paired["high"] - paired["low"]) / (apart["high"] - apart["low"])
    assert ratio == pytest.approx(np.sqrt(2), rel=0.2)


def test_errors_of_the_cox_model_scatter_as_they_say_where_both_knees_move_at_one_visit() -> None:
    """Under Efron's ties the usual scores tell 0.094 here where estimates scatter by 0.112."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng([seed, 5])
        mark = np.repeat((rng.random(400) < 0.5).astype(float), 2)
        time = np.ceil(rng.exponential(size=400) / np.exp(0.7 * mark[::2] - 1.2)).repeat(2)
        rows = pd.DataFrame({"participant_id": np.repeat(np.arange(400), 2), "mark": mark})
        rows = rows.assign(months=12 * np.clip(time, 1, 4), observed=time <= 4)
        found.append(survival.cox(rows, ["mark"], clustered=True))
    told = np.mean([np.sqrt(each.covariance[0, 0]) for each in found])
    assert 0.105 < told < 0.119


def test_weibull_errors_meet_a_bootstrap_of_people() -> None:
    cut = known(200, seed=12, log_ratio=0.6)
    estimate, low, high = survival.weibull(cut, "mark")
    values = []
    for rows in cluster_resampling.bootstrap_people(cut["participant_id"], draws=12, seed=0):
        values.append(survival.weibull(cut.iloc[rows].reset_index(drop=True), "mark")[0])
    assert low < estimate < high
    assert 0.5 < np.std(values, ddof=1) / ((high - low) / 3.92) < 1.7


@pytest.mark.slow
def test_proportional_hazards_are_not_rejected_more_often_than_stated() -> None:
    p = [survival.proportional(known(150, seed=s, log_ratio=0.7), "mark") for s in range(60)]
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert np.mean(np.array(p) < 0.5) > 0.3


def test_a_covariate_that_repeats_the_label_is_an_error_that_names_it() -> None:
    rows = pd.DataFrame(
        {
            "participant_id": [f"p{i // 2}" for i in range(40)],
            "period": np.tile([12.0, 24.0], 20),
            "width": 12.0,
            "progressed": np.arange(40) % 3 == 0,
            "mark": np.arange(40) // 20 * 1.0,
        }
    )
    rows["twin"] = 1 - rows["mark"]
    with pytest.raises(discrete_time_hazard.NoSolutionError, match="mark, twin"):
        discrete_time_hazard.fit(rows, ["mark", "twin"])


def test_a_weight_of_two_is_a_row_that_is_there_twice() -> None:
    spells = discrete_time_hazard.periods(known(300, seed=4, log_ratio=0.5))
    often = np.where(np.arange(len(spells)) % 3 == 0, 2.0, 1.0)
    weighted = discrete_time_hazard.fit(spells, ["mark"], weights=often)
    twice = spells.loc[spells.index.repeat(often.astype(int))].reset_index(drop=True)
    repeated = discrete_time_hazard.fit(twice, ["mark"])
    np.testing.assert_allclose(weighted.estimate, repeated.estimate, rtol=1e-6)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, rtol=2e-3)


def test_a_knee_like_those_that_were_lost_counts_for_more() -> None:
    rng = np.random.default_rng(1)
    frail = (rng.random(4000) < 0.4).astype(float)
    stays = rng.random((4000, 3)) < np.where(frail, 0.6, 0.95)[:, None]
    months = 12.0 * np.cumprod(stays, axis=1).sum(axis=1)
    events = pd.DataFrame({"knee_id": np.arange(4000).astype(str), "frail": frail})
    events = events.assign(left_months=months, months=months, right_months=np.nan, observed=False)
    found = ipcw.weights(events, ["frail"]).merge(events[["knee_id", "frail"]], on="knee_id")
    assert found["weight"].mean() == pytest.approx(1.0, abs=0.05)
    last = found[found["period"] == 36.0]
    share = np.average(last["frail"], weights=last["weight"])
    assert last["frail"].mean() < 0.25
    assert share == pytest.approx(frail.mean(), abs=0.05)
