"""Known answers: published examples come out as they were printed.

The data ship with `mixedlm`, `greenwood` and `lifelines`, or are typed from their source.
"""

from __future__ import annotations

import greenwood
import mixedlm
import numpy as np
import pandas as pd
import pytest
import retinopathy
from lifelines.datasets import load_rossi

from kneephen_utils.stats import discrete_time_hazard, lmm, survival

# Finkelstein & Wolfe (1985), doi:10.2307/2530965: months to cosmetic deterioration after
# radiotherapy, between two visits; a minus sign says that none was seen after that month.
COSMESIS = """
45- 6,10 0,7 46- 46- 7,16 17- 7,14 37,44 0,8 4,11 15- 11,15 22- 46- 46- 25,37 46- 26,40 46- 27,34
36,44 46- 36,48 37- 40- 17,25 46- 11,18 38- 5,12 37- 0,5 18- 24- 36- 5,11 19,35 17,25 24- 32- 33-
19,26 37- 34- 36-
"""


def example(name: str) -> pd.DataFrame:
    data = greenwood.load_dataset(name)
    data = data.to_pandas() if hasattr(data, "to_pandas") else data
    return data.assign(participant_id=data.index.astype(str), months=data["time"].astype(float))


@pytest.mark.parametrize(
    ("reml", "error", "batch"), [(True, 0.6769, 1.657), (False, 0.6421, 1.199)]
)
def test_pastes_gives_the_nested_variances_of_lme4(
    *, reml: bool, error: float, batch: float
) -> None:
    """Casks within batches, as knees within people: Bates (2010), lme4: Mixed-effects modeling.

    Section 2.2 prints the fit by maximum likelihood; the one by REML is of the help page.
    """
    names = {"strength": "measure", "batch": "participant_id", "sample": "knee_id"}
    pastes = mixedlm.load_pastes().rename(columns=names).assign(years=0.0)
    fitted = lmm.fit(pastes, [], optimizer=lmm.FIRST, reml=reml)
    assert fitted.estimate[0] == pytest.approx(60.0533, abs=6e-5)
    assert np.sqrt(fitted.covariance[0, 0]) == pytest.approx(error, abs=6e-5)
    assert fitted.person[0, 0] == pytest.approx(batch, abs=6e-4)
    assert fitted.knee == pytest.approx(8.4337, abs=6e-5)
    assert fitted.residual == pytest.approx(0.678, abs=6e-4)


def test_dyestuff_gives_the_published_lme4_numbers() -> None:
    """Bates (2010), lme4: Mixed-effects modeling with R, section 1.3, by REML."""
    names = {"Yield": "measure", "Batch": "participant_id"}
    dyes = mixedlm.load_dyestuff().rename(columns=names).assign(years=0.0)
    dyes["knee_id"] = dyes["participant_id"]
    fitted = lmm.fit(dyes, [], optimizer=lmm.FIRST, reml=True)
    assert fitted.estimate[0] == pytest.approx(1527.5, abs=0.05)
    assert np.sqrt(fitted.covariance[0, 0]) == pytest.approx(19.38, abs=6e-3)
    assert np.sqrt(fitted.person[0, 0]) == pytest.approx(42.00, abs=6e-3)
    assert np.sqrt(fitted.residual) == pytest.approx(49.51, abs=6e-3)


def test_primary_biliary_cirrhosis_gives_the_mayo_model() -> None:
    """Therneau & Grambsch (2000), doi:10.1007/978-1-4757-3294-8, as R's `coxph` prints it."""
    pbc = example("pbc").assign(observed=lambda d: d["status"] == 2)
    logs = {f"log_{each}": np.log(pbc[each]) for each in ("bili", "protime", "albumin")}
    columns = ["age", "edema", *logs]
    fitted = survival.cox(pbc.assign(**logs).dropna(subset=columns), columns, clustered=False)
    np.testing.assert_allclose(fitted.estimate, [0.0396, 0.896, 0.864, 2.387, -2.507], atol=6e-4)
    errors = [0.00767, 0.271, 0.0829, 0.769, 0.653]
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.covariance)), errors, atol=6e-4)


def test_lung_cancer_gives_the_numbers_of_the_survival_package() -> None:
    """Loprinzi et al. (1994), doi:10.1200/JCO.1994.12.3.601, as R prints its models."""
    lung = example("lung").assign(observed=lambda d: d["status"] == 2)
    columns = ["age", "sex", "ph.ecog"]
    fitted = survival.cox(lung.dropna(subset=columns), columns, clustered=False)
    np.testing.assert_allclose(fitted.estimate, [0.011067, -0.552612, 0.463728], atol=6e-7)
    errors = np.sqrt(np.diag(fitted.covariance))
    np.testing.assert_allclose(errors, [0.009267, 0.167739, 0.113577], atol=6e-7)
    free = survival.free(lung, np.array([309.0, 310.0, 365.25]), np.ones((1, len(lung))))[0]
    assert free[0] > 0.5 > free[1], "the median is 310 days"
    assert free[2] == pytest.approx(0.409, abs=6e-4)


def test_breast_cosmesis_gives_the_published_turnbull_estimate() -> None:
    """Fay & Shaw (2010), doi:10.18637/jss.v036.i02: the eight intervals that hold probability."""
    ends = [each.rstrip("-").split(",") for each in COSMESIS.split()]
    left = [float(each[0]) for each in ends]
    right = [float(each[1]) if len(each) > 1 else np.nan for each in ends]
    curve = survival.turnbull(pd.DataFrame({"left_months": left, "right_months": right}))
    held = -np.diff(np.r_[1.0, curve["estimate"]])
    at = curve["months"][held > 1e-5].tolist()
    assert at == [5, 7, 8, 12, 25, 34, 40, 48]
    published = [0.0463, 0.0334, 0.0887, 0.0708, 0.0926, 0.0818, 0.1209, 0.4656]
    np.testing.assert_allclose(held[held > 1e-5], published, atol=6e-5)


def test_weeks_of_rossi_bring_the_grouped_model_to_the_published_cox_model() -> None:
    """Fox (2002): with 49 narrow intervals both models ask the same; a fifth of an error apart."""
    rossi = load_rossi()
    arrest, week = rossi["arrest"] == 1, rossi["week"].astype(float)
    person = rossi.index.astype(str)
    seen = rossi.assign(participant_id=person, knee_id=person, observed=arrest)
    seen["left_months"], seen["right_months"] = week - arrest, week.where(arrest)
    fitted = discrete_time_hazard.fit(
        discrete_time_hazard.periods(seen), ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    )
    published = np.array([-0.379, -0.057, 0.314, -0.150, -0.434, -0.085, 0.091])
    errors = np.array([0.191, 0.022, 0.308, 0.212, 0.382, 0.196, 0.029])
    assert (np.abs(fitted.estimate - published) < 0.2 * errors).all()
    np.testing.assert_allclose(fitted.estimate, published, atol=4e-3)


def test_incidence_with_death_competing_is_the_product_of_its_definition() -> None:
    """The `mgus2` cohort of Kyle et al. (2002), doi:10.1056/NEJMoa01133202: 115 progressions."""
    cohort = greenwood.load_dataset("mgus2")
    cohort = cohort.to_pandas() if hasattr(cohort, "to_pandas") else cohort
    moved = cohort["pstat"] == 1
    kind = np.where(moved, 1, 2 * cohort["death"])
    assert np.bincount(kind).tolist() == [409, 115, 860]
    months = np.where(moved, cohort["ptime"], cohort["futime"]).astype(float)
    people = pd.DataFrame({"months": months, "kind": kind, "participant_id": np.arange(len(kind))})
    ours = survival.incidence(people, draws=2, seed=0)
    steps = np.unique(months[kind > 0])
    steps = steps[steps <= 240]
    at_risk = (months[:, None] >= steps).sum(axis=0)
    first, any_ = (
        ((months[:, None] == steps) & k[:, None]).sum(axis=0) for k in (kind == 1, kind > 0)
    )
    free = np.r_[1.0, np.cumprod(1 - any_ / at_risk)[:-1]]
    expected = float((free * first / at_risk).sum())
    found = ours[ours["months"] <= 240.5]["estimate"].iloc[-1]
    assert found == pytest.approx(expected, rel=1e-9)


def test_paired_eyes_give_the_published_errors_clustered_by_person() -> None:
    """Therneau & Grambsch (2000), doi:10.1007/978-1-4757-3294-8, section 8.4: 197 people.

    The two eyes of a person are alike, so the clustered errors of what differs within a person
    are smaller than those that take eyes for people.
    """
    eyes = retinopathy.eyes()
    assert (len(eyes), eyes["participant_id"].nunique()) == (394, 197)
    assert eyes.groupby("treated")["observed"].sum().tolist() == [101, 54]
    eyes = eyes.assign(both=eyes["treated"] * eyes["adult"])
    alone, paired = (
        survival.cox(eyes, ["treated", "adult", "both"], clustered=each) for each in (False, True)
    )
    np.testing.assert_allclose(paired.estimate, [-0.425, 0.341, -0.846], atol=6e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(alone.covariance)), [0.218, 0.199, 0.351], atol=6e-4)
    np.testing.assert_allclose(
        np.sqrt(np.diag(paired.covariance)), [0.185, 0.196, 0.304], atol=6e-4
    )


def test_treated_eyes_of_the_grouped_model_differ_as_those_of_the_cox_model() -> None:
    """The same eyes as if looked at once a quarter, with the person in the errors."""
    eyes = retinopathy.eyes()
    visit = np.ceil(eyes["months"] / 3) * 3
    seen = eyes.assign(knee_id=eyes.index.astype(str), months=visit)
    seen["left_months"] = np.where(seen["observed"], visit - 3, visit)
    seen["right_months"] = visit.where(seen["observed"])
    fitted = discrete_time_hazard.fit(discrete_time_hazard.periods(seen), ["treated"])
    exact = survival.cox(eyes, ["treated"], clustered=True)
    assert fitted.estimate[0] == pytest.approx(exact.estimate[0], abs=0.03)
    errors = [float(np.sqrt(each.covariance[0, 0])) for each in (fitted, exact)]
    assert errors[0] == pytest.approx(errors[1], rel=0.05)
