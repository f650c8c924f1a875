"""Phone: pain is asked by telephone too, and the models know how each visit was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny

from kneephen_utils import cohort, oai, tables
from kneephen_utils.cohort import event, reading_selection
from kneephen_utils.oai import visit_schedule
from kneephen_utils.stats import lmm, lmm_contrasts
from oai_twin import observed, release, simulation, symptoms
from oai_twin.progression_model import PHONE

CALL = "ID|VERSION|V07FVDATE|V07VISDYS|V07WOMKPR|V07WOMKPL\n9000001|7.2.1|03/05/2010|1830.0|4.0| \n"


def studied(source: oai.Release) -> dict[str, pd.DataFrame]:
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    people = cohort.participants(source, visits)
    events = event.find(knees, visits, chosen, cohort.replacements(source), people)
    return {"knees": knees, "visits": visits, "events": events}


@pytest.fixture(scope="module")
def people() -> simulation.Simulation:
    return simulation.simulate(
        participants=400, seed=11, planted=True, defects=0.0, reader_noise=0.007, floor=False
    )


def test_pain_by_telephone_is_read_and_the_kind_of_visit_is_known(tmp_path: Path) -> None:
    texts = tiny.texts() | {"AllClinical_ASCII/AllClinical07.txt": CALL}
    read = oai.read(tiny.write(tmp_path, texts))
    visits = tables.check(studied(read)["visits"], "visits")
    called = visits[visits["visit"].eq("V07")]
    assert called[["knee_id", "contact", "months", "days", "womac_pain"]].to_numpy().tolist() == [
        ["9000001-R", "phone", 60.0, 1830.0, 4.0]
    ]
    assert called[["kl_grade", "jsw_medial", "koos_pain"]].isna().all(axis=None)
    assert set(visits.loc[visits["visit"].ne("V07"), "contact"]) == {"clinic"}
    assert "V07KOOSKPR" in read.ingest.set_index("table").loc["AllClinical07", "sentence"]


def test_a_telephone_visit_without_womac_is_no_error_and_is_told(tmp_path: Path) -> None:
    call = "ID|VERSION|V09FVDATE\n9000001|9.2.1|03/05/2012\n"
    texts = tiny.texts() | {"AllClinical_ASCII/AllClinical09.txt": call}
    read = oai.read(tiny.write(tmp_path, texts))
    assert "V09WOMKPR" in read.ingest.set_index("table").loc["AllClinical09", "sentence"]
    assert not studied(read)["visits"]["visit"].eq("V09").any()


def test_the_synthetic_release_asks_womac_by_telephone_and_gives_it_back(
    people: simulation.Simulation, tmp_path: Path
) -> None:
    release.write(people, tmp_path)
    read = oai.read(tmp_path).symptoms
    asked = read[read["visit"].isin(PHONE)].set_index(["participant_id", "side", "visit"])
    told = people.calls.set_index(["participant_id", "side", "visit"])["womac_pain"]
    known = told.dropna().round(1)
    known = known[known.between(0, 20)]  # latent pain has no ends, a score has
    assert len(known) > 800
    np.testing.assert_allclose(asked.loc[known.index, "womac_pain"], known, atol=0.051)
    assert asked["koos_pain"].isna().all()


def test_tables_of_who_was_read_have_no_telephone_visits(people: simulation.Simulation) -> None:
    made = studied(observed.release(people))
    assert set(made["visits"].loc[made["visits"]["contact"].eq("phone"), "visit"]) == set(PHONE)
    clinic = {float(visit_schedule.CONTACTS[visit]) for visit in visit_schedule.CLINIC}
    assert set(reading_selection.seen(made["knees"], made["visits"])["months"]) == clinic
    rises = made["events"].query("outcome == 'kl_rise_1' and observed")
    assert set(rises["right_months"]) <= clinic


def test_the_difference_of_telephone_visits_is_estimated_and_leaves_the_slope_alone(
    people: simulation.Simulation,
) -> None:
    made = studied(observed.release(people))
    grouped = made["knees"][["knee_id", "participant_id", "kl_grade"]].assign(phenotype=0)
    far = {"horizon": 108.0}
    shifted = made["visits"].assign(
        womac_pain=made["visits"]["womac_pain"] - 2.0 * made["visits"]["contact"].eq("phone")
    )
    slope = {}
    for name, visits in {"told": made["visits"], "shifted": shifted}.items():
        rows = lmm_contrasts.at_visits(grouped, visits, "womac_pain", **far)
        assert lmm_contrasts.mode(rows) == ["phone"]
        fitted = lmm.fit(rows, ["years", "phone"], optimizer=lmm.FIRST, reml=True)
        slope[name] = fitted.contrast({"years": 1.0})[0]
        estimate, low, high, _ = fitted.contrast({"phone": 1.0})
        planted = symptoms.BY_PHONE - 2.0 * (name == "shifted")
        reach = (high - low) / 2
        assert abs(estimate - planted) < 1.5 * reach
        assert reach < 0.5
    assert slope["shifted"] == pytest.approx(slope["told"], abs=1e-3)
    blind = lmm.fit(rows, ["years"], optimizer=lmm.FIRST, reml=True)
    assert abs(blind.contrast({"years": 1.0})[0] - slope["told"]) > 0.05


@pytest.mark.parametrize(
    ("clinic", "phone", "expected"),
    [
        ([0, 12, 24], [60], ["phone"]),
        ([0, 12], [60, 84], ["phone"]),
        ([0], [60, 84], []),
        ([0, 12, 24], [], []),
    ],
)
def test_an_effect_of_the_telephone_is_asked_only_where_visits_can_carry_it(
    clinic: list[int], phone: list[int], expected: list[str]
) -> None:
    months = [*clinic, *phone]
    called = [0.0] * len(clinic) + [1.0] * len(phone)
    assert lmm_contrasts.mode(pd.DataFrame({"months": months, "phone": called})) == expected
    assert lmm_contrasts.mode(pd.DataFrame({"months": months})) == []
