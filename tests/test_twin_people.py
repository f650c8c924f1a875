"""Twin, people: the cohort shows the facts of the real one, and what is planted is there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import ks_2samp
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import silhouette_score

from oai_twin import (
    acquisition,
    features,
    observed,
    participant_model,
    progression_model,
    simulation,
    symptoms,
)

PEOPLE = 4796
LOOKS = [*features.OSTEOPHYTES, *features.SCLEROSIS, "alignment", "texture"]


def simulated(*, planted: bool) -> simulation.Simulation:
    return simulation.simulate(
        participants=PEOPLE, seed=1, planted=planted, defects=0.0, reader_noise=0.007, floor=True
    )


@pytest.fixture(scope="module")
def cohort() -> simulation.Simulation:
    return simulated(planted=True)


@pytest.fixture(scope="module")
def null() -> simulation.Simulation:
    return simulated(planted=False)


def looks(knees: pd.DataFrame) -> np.ndarray:
    return np.column_stack([participant_model.narrowing(knees), knees[LOOKS]])


def by_visit(cohort: simulation.Simulation, table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy(dtype=float).reshape(len(cohort.knees), -1)


@pytest.mark.parametrize("planted", [True, False])
def test_the_grade_follows_from_the_planted_features(*, planted: bool) -> None:
    knees = participant_model.draw(participants=2000, seed=5, planted=planted)["knees"]
    assert (participant_model.grade_of(knees) == knees["kl_true"]).all()


def test_the_written_definition_separates_the_five_grades() -> None:
    plain = np.zeros((5, len(features.NAMES)))
    osteophyte, second, narrowing, sclerosis = 2, 4, 0, 6
    plain[1:, osteophyte] = [0.6, 1.2, 1.6, 2.6]
    plain[3:, second] = 1.4
    plain[1:, narrowing] = [0.4, 1.0, 1.8, 2.8]
    plain[3:, sclerosis] = 1.5
    assert features.grade_of(plain).tolist() == [0, 1, 2, 3, 4]


def test_grades_sexes_ages_and_sides_are_mixed_as_published(cohort: simulation.Simulation) -> None:
    shares = cohort.knees["kl_true"].value_counts(normalize=True).sort_index()
    assert np.allclose(shares, [0.38, 0.18, 0.27, 0.14, 0.03], atol=0.02)
    assert cohort.people["sex"].eq("female").mean() == pytest.approx(0.58, abs=0.03)
    assert cohort.people["age"].between(45, 79).all()
    grades = cohort.knees["kl_true"].to_numpy().reshape(-1, 2)
    assert np.corrcoef(grades.T)[0, 1] == pytest.approx(0.52, abs=0.03)


def test_phenotypes_of_a_grade_are_separate_groups_of_equal_severity(
    cohort: simulation.Simulation,
) -> None:
    for grade in range(1, 5):
        knees = cohort.knees[cohort.knees["kl_true"] == grade]
        seen = looks(knees)
        scaled = (seen - seen.mean(axis=0)) / seen.std(axis=0)
        assert silhouette_score(scaled, knees["phenotype"]) > 0.35
        model = LinearDiscriminantAnalysis().fit(scaled[::2], knees["phenotype"].iloc[::2])
        assert model.score(scaled[1::2], knees["phenotype"].iloc[1::2]) > 0.98
        burden = pd.Series(features.burden(seen)).groupby(knees["phenotype"].to_numpy()).mean()
        assert burden.max() - burden.min() < 0.05 * burden.mean()


def test_pain_prone_knees_look_like_the_others(cohort: simulation.Simulation) -> None:
    clean = cohort.knees[cohort.knees["kl_true"] == 0]
    prone = clean["phenotype"].eq("pain_prone").to_numpy()
    seen = looks(clean)
    assert min(ks_2samp(seen[prone, at], seen[~prone, at]).pvalue for at in range(10)) > 0.001
    model = LinearDiscriminantAnalysis().fit(seen[::2], prone[::2])
    assert model.score(seen[1::2], prone[1::2]) < 0.74


def test_without_phenotypes_the_moments_stay_and_the_groups_go(
    cohort: simulation.Simulation, null: simulation.Simulation
) -> None:
    assert set(null.knees["phenotype"]) == {"typical"}
    assert not null.knees[["hazard", "pain_level", "pain_slope"]].any(axis=None)
    for grade in range(1, 3):
        planted = looks(cohort.knees[cohort.knees["kl_true"] == grade])
        plain = looks(null.knees[null.knees["kl_true"] == grade])
        spread = planted.std(axis=0)
        assert (np.abs(planted.mean(axis=0) - plain.mean(axis=0)) < 0.35 * spread).all()
        assert np.allclose(plain.std(axis=0), spread, rtol=0.35)
        assert largest_gap(plain[:, 9]) < 0.5 * largest_gap(planted[:, 9])


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_without_phenotypes_no_grade_is_cut_in_two_by_its_definition(grade: int) -> None:
    knees = participant_model.draw(participants=4000, seed=5, planted=False)["knees"]
    narrowing = participant_model.narrowing(knees)[(knees["kl_true"] == grade).to_numpy()]
    counts, _ = np.histogram(narrowing[:, 0] - narrowing[:, 1], bins=9)
    valley = min(
        counts[k] / min(counts[:k].max(), counts[k + 1 :].max()) for k in range(1, len(counts) - 1)
    )
    assert valley > 0.75


def largest_gap(values: np.ndarray) -> float:
    """Widest empty stretch between neighbours, the outer one per cent on each side left out."""
    inner = np.sort(values)[len(values) // 100 : -len(values) // 100]
    return float(np.diff(inner).max())


def test_same_seed_same_cohort_and_another_seed_another() -> None:
    first, again, other = (
        participant_model.draw(participants=50, seed=seed, planted=True)["knees"]
        for seed in (3, 3, 4)
    )
    assert_frame_equal(first, again)
    assert not first["jsw_medial"].equals(other["jsw_medial"])


@pytest.mark.parametrize("participants", [0, 1_000_001])
def test_impossible_numbers_of_people_are_refused(participants: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1,000,000"):
        participant_model.draw(participants=participants, seed=0, planted=True)


def test_defects_have_the_wanted_share_and_mark_replaced_knees() -> None:
    drawn = participant_model.draw(participants=400, seed=2, planted=True)
    spoiled = acquisition.spoil(drawn, share=0.1, seed=2)
    counts = spoiled["films"]["defect"].value_counts()
    assert counts.drop("").sum() == 40
    assert counts.drop("").to_dict() == dict.fromkeys(acquisition.DEFECTS, 5)
    replaced = spoiled["knees"].loc[spoiled["knees"]["prosthesis"], "participant_id"]
    shown = spoiled["films"].loc[spoiled["films"]["defect"] == "prosthesis", "participant_id"]
    assert sorted(replaced) == sorted(shown)
    assert drawn["films"]["defect"].eq("").all()


def test_pain_has_the_published_level_floor_and_side_correlation(
    cohort: simulation.Simulation,
) -> None:
    pain = by_visit(cohort, cohort.scores, "womac_pain")[:, 0]
    means = pd.Series(pain).groupby(cohort.knees["kl_true"].to_numpy()).mean()
    assert np.allclose(means[:4], [1.6, 1.9, 2.8, 3.5], atol=0.3)
    assert means[4] == pytest.approx(5.5, abs=0.7)
    assert np.mean(pain == 0) == pytest.approx(0.443, abs=0.03)
    assert pd.DataFrame(pain.reshape(-1, 2)).corr().loc[0, 1] == pytest.approx(0.47, abs=0.04)


def test_pain_regresses_to_the_mean(cohort: simulation.Simulation) -> None:
    pain = by_visit(cohort, cohort.scores, "womac_pain")
    painful = (pain[:, 0] >= 2) & (cohort.knees["kl_true"] == 0).to_numpy()
    assert np.nanmean(pain[painful, 2] - pain[painful, 0]) < -0.5


def test_pain_varies_between_people_knees_and_days_as_published(
    cohort: simulation.Simulation,
) -> None:
    pain = by_visit(cohort, cohort.scores, "womac_pain")
    grade = cohort.knees["kl_true"].to_numpy()
    means = np.array([np.nanmean(pain[grade == level], axis=0) for level in range(5)])
    rest = pd.DataFrame(pain - means[grade])
    apart = ~np.eye(rest.shape[1], dtype=bool)
    sides = pd.concat([rest[::2].reset_index(drop=True), rest[1::2].reset_index(drop=True)], axis=1)
    between = sides.cov().to_numpy()[:7, 7:][apart].mean()
    within = rest.cov().to_numpy()[apart].mean()
    total = np.diag(rest.cov()).mean()
    found = np.sqrt([between, within - between, total - within])
    assert np.allclose(found, [2.0, 1.1, 1.85], rtol=0.12)


def test_latent_pain_is_returned_as_it_is_where_no_floor_is_wanted() -> None:
    drawn = participant_model.draw(participants=3000, seed=9, planted=True)
    course = progression_model.follow(drawn, seed=9)
    scores = symptoms.draw(drawn, course, seed=9, floor=False)
    noise = (scores["womac_pain"] - scores["pain_true"]).dropna()
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(symptoms.DAY_SD, rel=0.02)
    assert (scores["womac_pain"] < 0).any()


def test_grades_rise_at_the_published_rates(cohort: simulation.Simulation) -> None:
    first, grade = cohort.fates["rise_1"].to_numpy(), cohort.knees["kl_true"].to_numpy()
    risen = [np.mean(first[grade < 4] <= months) for months in (24, 36, 48)]
    assert np.allclose(risen, [0.084, 0.112, 0.142], atol=0.012)
    by_grade = [np.mean(first[grade == level] <= 48) for level in range(4)]
    assert np.allclose(by_grade, [0.087, 0.198, 0.148, 0.214], atol=0.03)
    assert np.isinf(first[grade == 4]).all()


@pytest.mark.parametrize(("kind", "ratio"), [("lateral", 2.2), ("osteophytic", 0.6)])
def test_planted_hazard_ratios_hold_for_the_population(kind: str, ratio: float) -> None:
    drawn = participant_model.draw(participants=40_000, seed=11, planted=True)
    risen = progression_model.follow(drawn, seed=11)["fates"]["rise_1"] <= 48
    table = drawn["knees"].assign(risen=risen)
    shares = table.pivot_table(index="kl_true", columns="phenotype", values="risen")
    hazards = -np.log1p(-shares)
    ratios = (hazards[kind] / hazards["medial"]).loc[1:3].dropna()
    assert np.exp(np.log(ratios).mean()) == pytest.approx(ratio, rel=0.1)


def test_two_knees_of_a_person_change_together(cohort: simulation.Simulation) -> None:
    grades = by_visit(cohort, cohort.states, "kl_true")
    change = (grades[:, 4] - grades[:, 0]).reshape(-1, 2)
    assert np.corrcoef(change.T)[0, 1] == pytest.approx(0.22, abs=0.06)
    assert (np.diff(grades, axis=1) >= 0).all()


def test_joint_space_never_widens(cohort: simulation.Simulation) -> None:
    for name in ("jsw_medial", "jsw_lateral"):
        assert (np.diff(by_visit(cohort, cohort.states, name), axis=1) <= 1e-9).all()


def test_a_risen_grade_is_felt_but_changes_no_course_that_was_planted(
    cohort: simulation.Simulation,
) -> None:
    """What is felt has a mean of zero in every phenotype, and ties pain to the later grade."""
    drawn = {"people": cohort.people, "knees": cohort.knees}
    months = by_visit(cohort, cohort.states, "months")
    chance = progression_model.chance_of_rise(drawn, months)
    risen = cohort.fates["rise_1"].to_numpy()[:, None] <= months
    assert not chance[:, 0].any()
    assert (np.diff(chance[:, [0, 2, 4, 6]], axis=1) >= 0).all()
    for kind in sorted(set(cohort.knees["phenotype"])):
        own = cohort.knees["phenotype"].eq(kind).to_numpy()
        beyond = risen[own, -1] - chance[own, -1]
        error = beyond.std() / np.sqrt(own.sum() / 2)  # two knees a person
        assert abs(beyond.mean()) < 3.5 * error


def test_the_lateral_width_is_that_of_its_fixed_place_and_closes_with_the_joint(
    cohort: simulation.Simulation,
) -> None:
    measured = observed.widths(cohort).merge(
        cohort.states, on=["knee_id", "visit"], suffixes=("", "_true")
    )
    beyond = measured["jsw_lateral"] - measured["jsw_lateral_true"]
    open_joint = measured["jsw_lateral_true"].gt(observed.OPEN)
    assert beyond[open_joint].mean() == pytest.approx(observed.FIXED_PLACE, abs=0.01)
    closed = measured["jsw_lateral_true"].lt(0.05)
    assert closed.sum() > 30
    assert measured.loc[closed, "jsw_lateral"].lt(0.7).all()
    medial = measured["jsw_medial"] - measured["jsw_medial_true"]
    assert medial.mean() == pytest.approx(0, abs=0.01)
