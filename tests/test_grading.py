"""Grading: learnt on some people, scored on others, beside predictors that need no encoder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import narrow
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from sklearn.metrics import cohen_kappa_score

from kneephen_report.grading import plots
from kneephen_utils import baseline, grading, grading_metrics, tables
from kneephen_utils.grading import calibration, probe_before_after

SETTINGS = dataclasses.replace(narrow.SETTINGS, epochs=3)
METRIC = "quadratic_weighted_kappa"


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(80, ungraded=3)


@pytest.fixture(scope="module")
def known(study: narrow.Study) -> pd.DataFrame:
    return grading.pictured(study.crops, study.knees, study.participants)


@pytest.fixture(scope="module")
def graded(study: narrow.Study, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grades and embeddings of every knee."""
    reader = narrow.encoder()
    upper, _ = grading.fit(reader, study.images, known, settings=SETTINGS)
    return grading.apply(reader, upper, study.images, known, settings=SETTINGS)


@pytest.fixture(scope="module")
def predicted(
    study: narrow.Study, known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> pd.DataFrame:
    zeroshot = known[["knee_id"]].assign(kl_predicted=2.5)
    return baseline.predictors(graded[0], zeroshot, study.images, known)


@pytest.fixture(scope="module")
def scores(predicted: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    return tables.check(grading.score(predicted, known, draws=20, seed=0), "grading_scores")


# --- metrics


def test_metrics_have_the_values_worked_out_by_hand() -> None:
    read, given = np.array([0, 1, 2, 4]), np.array([0.4, 2.6, 2.0, 2.0])
    found = {name: metric(read, given) for name, metric in grading_metrics.METRICS.items()}
    assert found["mae"] == pytest.approx((0.4 + 1.6 + 0 + 2) / 4)
    assert found["rmse"] == pytest.approx(np.sqrt((0.16 + 2.56 + 0 + 4) / 4))
    assert found["exact"] == pytest.approx(2 / 4)
    assert found["within_1"] == pytest.approx(2 / 4)
    assert found["balanced_accuracy"] == pytest.approx(2 / 4)


def test_weighted_kappa_is_that_of_scikit_learn_and_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    read, given = rng.integers(0, 5, 200), rng.uniform(0, 4, 200)
    found = grading_metrics.METRICS[METRIC](read, given)
    assert found == pytest.approx(cohen_kappa_score(read, np.rint(given), weights="quadratic"))
    table = grading_metrics.confusion(read, given) / 200
    cost = np.subtract.outer(np.arange(5), np.arange(5)) ** 2
    chance = np.outer(table.sum(axis=1), table.sum(axis=0))
    assert found == pytest.approx(1 - (cost * table).sum() / (cost * chance).sum())


def test_a_constant_agrees_no_better_than_chance_and_perfection_is_one() -> None:
    read = np.random.default_rng(0).integers(0, 5, 100)
    for grade in range(5):
        assert grading_metrics.METRICS[METRIC](read, np.full(100, float(grade))) == pytest.approx(0)
    assert grading_metrics.METRICS[METRIC](read, read.astype(float)) == pytest.approx(1)
    assert np.isnan(grading_metrics.METRICS["spearman"](read, np.ones(100)))
    assert np.isnan(grading_metrics.METRICS[METRIC](np.ones(4, dtype=int), np.ones(4)))


def test_the_confusion_matrix_counts_every_knee_once() -> None:
    rng = np.random.default_rng(0)
    read, given = rng.integers(0, 5, 50), rng.uniform(-0.4, 4.4, 50)
    slow = np.zeros((5, 5), dtype=int)
    for one, other in zip(read, given, strict=True):
        slow[one, min(4, max(0, round(other)))] += 1
    np.testing.assert_array_equal(grading_metrics.confusion(read, given), slow)


# --- who teaches and who chooses


def test_the_epoch_is_chosen_by_whole_people_of_the_train_split(known: pd.DataFrame) -> None:
    inner = grading.inner_split(known, seed=0)
    chosen, others = set(known.loc[inner, "participant_id"]), known[~inner]
    assert chosen.isdisjoint(others["participant_id"])
    assert (known.loc[inner, "split"] == "train").all()
    people = known.loc[known["split"] == "train", "participant_id"].nunique()
    assert len(chosen) == round(0.2 * people)
    assert chosen != set(known.loc[grading.inner_split(known, seed=1), "participant_id"])


def test_the_order_of_the_knees_does_not_change_who_chooses(known: pd.DataFrame) -> None:
    shuffled = known.sample(frac=1, random_state=0)
    first, second = (
        set(table.loc[grading.inner_split(table, seed=0), "participant_id"])
        for table in (known, shuffled)
    )
    assert first == second


def test_grades_of_people_not_in_train_teach_nothing(
    study: narrow.Study, known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    other = known["kl_grade"].where(known["split"] == "train", 4 - known["kl_grade"])
    reader = narrow.encoder()
    upper, _ = grading.fit(reader, study.images, known.assign(kl_grade=other), settings=SETTINGS)
    again, features = grading.apply(reader, upper, study.images, known, settings=SETTINGS)
    assert_frame_equal(again, graded[0], check_exact=True)
    assert_frame_equal(features, graded[1], check_exact=True)


def test_too_few_graded_knees_are_an_error(study: narrow.Study, known: pd.DataFrame) -> None:
    few = known.assign(kl_grade=known["kl_grade"].where(known.index < 12))
    with pytest.raises(ValueError, match="graded knees to train on; expected at least 20"):
        grading.fit(narrow.encoder(), study.images, few, settings=SETTINGS)


def test_a_stopped_training_leaves_its_state_only_while_it_runs(
    study: narrow.Study, known: pd.DataFrame, tmp_path: Path
) -> None:
    short = dataclasses.replace(SETTINGS, epochs=1)
    grading.fit(narrow.encoder(), study.images, known, settings=short, artefacts=str(tmp_path))
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert len(list((tmp_path / "cache").iterdir())) == 2


# --- every knee graded


def test_every_pictured_knee_is_graded_ungraded_ones_too(
    known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    grades, embeddings = tables.check(graded[0], "grades"), tables.check(graded[1], "embeddings")
    assert grades["knee_id"].tolist() == known["knee_id"].tolist()
    assert embeddings["knee_id"].tolist() == known["knee_id"].tolist()
    assert grades["kl_grade"].isna().sum() == 3
    lengths = np.linalg.norm(embeddings.filter(like="feature_"), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_grades_are_those_of_the_whole_encoder_picture_by_picture(
    study: narrow.Study, known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    reader = narrow.encoder()
    upper, _ = grading.fit(reader, study.images, known, settings=SETTINGS)
    for row in (0, 77, 159):
        place = known["image"].iloc[row]
        picture = reader.prepare(np.asarray(study.images[place : place + 1]))
        with torch.inference_mode():
            slow = upper.head(reader.project(reader.trunk(picture))).item()
        assert graded[0]["kl_predicted"].iloc[row] == pytest.approx(slow, abs=0.01)


# --- scores


def test_scores_are_of_people_never_trained_on(
    predicted: pd.DataFrame, known: pd.DataFrame, scores: pd.DataFrame
) -> None:
    tested = known["split"].isin(["discover", "confirm"]) & known["kl_grade"].notna()
    own = scores[(scores["predictor"] == "finetuned") & (scores["group"] == "all")]
    read = known.loc[tested, "kl_grade"].to_numpy(int)
    given = predicted.loc[tested, "finetuned"].to_numpy()
    for row in own.itertuples():
        assert row.estimate == pytest.approx(grading_metrics.METRICS[row.metric](read, given))
        assert row.low <= row.estimate <= row.high
    assert set(own["knees"]) == {tested.sum()}
    spoilt = predicted.copy()
    spoilt.loc[known["split"] == "train", spoilt.columns.drop("knee_id")] = 0.0
    assert_frame_equal(grading.score(spoilt, known, draws=20, seed=0), scores)


def test_the_planted_grade_is_learnt_and_constants_are_beside_it(scores: pd.DataFrame) -> None:
    own = scores[scores["group"] == "all"]
    whole = own.pivot_table(index="predictor", columns="metric", values="estimate")
    constants = whole.filter(like="always", axis=0)
    assert len(constants) == 5
    assert constants[METRIC].to_numpy() == pytest.approx(np.zeros(5), abs=1e-12)
    assert whole.loc["finetuned", "mae"] < 0.5 * constants["mae"].min()
    assert whole.loc["finetuned", METRIC] > 0.8
    assert {"pixel ridge", "gradient ridge", "joint-space width"} <= set(whole.index)


def test_groups_divide_the_knees(scores: pd.DataFrame) -> None:
    own = scores[(scores["predictor"] == "finetuned") & (scores["metric"] == "mae")]
    knees = own.set_index("group")["knees"]
    for names in (["right", "left"], ["site A", "site B"], [f"KL{k}" for k in range(5)]):
        assert knees[names].sum() == knees["all"]


def test_a_predictor_that_misses_knees_is_scored_on_the_others(
    predicted: pd.DataFrame, known: pd.DataFrame
) -> None:
    holes = predicted.assign(zeroshot=predicted["zeroshot"].where(predicted.index % 2 == 0))
    found = grading.score(holes, known, draws=2, seed=0)
    whole = found[(found["group"] == "all") & (found["metric"] == "mae")].set_index("predictor")
    assert whole.loc["zeroshot", "knees"] < whole.loc["finetuned", "knees"]


def test_nobody_to_score_on_is_an_error(predicted: pd.DataFrame, known: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="0 graded knees of people never trained on"):
        grading.score(predicted, known.assign(split="train"), draws=2, seed=0)


def test_the_sentences_name_the_best_constant_and_the_floor(scores: pd.DataFrame) -> None:
    first, second, third = grading.text_verdict(scores)
    assert first.startswith(f"On {scores['knees'].max()} knees")
    assert "the best constant, always KL" in second
    assert "a ridge on gradient histograms" in third
    without = scores[scores["predictor"] != "gradient ridge"]
    assert "too few graded knees" in grading.text_verdict(without)[2]
    shown = grading.table_scores(scores)["predictor"].tolist()
    assert shown[:2] == ["fine-tuned", "zero-shot"]
    assert "ridge on gradient histograms" in shown
    others = grading.table_scores(scores, grading.SECOND)
    assert others.columns.tolist() == ["predictor", *grading.SECOND.values()]
    assert others["predictor"].tolist() == shown
    assert grading.by_group(scores)["group"].iloc[0] == "all knees"


def test_of_the_constants_only_the_nearest_and_the_most_often_right_are_shown() -> None:
    names = ["finetuned", "always KL0", "always KL1", "always KL2"]
    compared = pd.DataFrame(
        {"predictor": names, "mae": [0.4, 1.3, 1.0, 1.1], "exact": [0.7, 0.4, 0.2, 0.3]}
    )
    assert baseline.worth(compared)["predictor"].tolist() == names[:3]
    without = compared[:1]
    assert baseline.worth(without).equals(without)


@pytest.mark.parametrize(
    ("kappa", "said"),
    [(0.95, "clears"), (0.83, "is not clearly better than"), (0.70, "does no better than")],
)
def test_a_grader_below_the_ridge_is_not_called_nearly_above_it(kappa: float, said: str) -> None:
    names = ["finetuned", "gradient ridge"]
    kappas = pd.DataFrame({"estimate": [kappa, 0.8]}, index=names)
    kappas = kappas.assign(low=kappas["estimate"] - 0.05, high=kappas["estimate"] + 0.05)
    errors = pd.DataFrame({"estimate": [0.4, 0.5]}, index=names)
    assert grading._floor(kappas, errors).startswith(f"It {said} a ridge")


# --- what was gained and lost


def test_the_cost_of_training_follows_the_knee_not_the_row(
    known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    _, after = graded
    widths = known[["knee_id"]].assign(feature_000=known["jsw_lateral"])
    found = probe_before_after.measure(widths.sample(frac=1, random_state=0), after, known)
    r2 = found.set_index(["target", "features"])["r2"]
    assert r2["jsw_lateral", "before"] > 0.99
    assert r2["jsw_lateral", "after"] < 0.2
    assert r2["kl_grade", "after"] > 0.8
    said = probe_before_after.text_probes(found)
    assert f"the lateral width from 1.00 to {r2['jsw_lateral', 'after']:.2f}" in said
    same = probe_before_after.text_probes(probe_before_after.measure(after, after, known))
    assert "neither gave nor took" in same
    assert f"{r2['kl_grade', 'after']:.2f} of the grade" in same


# --- simple predictors


def test_predictors_follow_the_knee_not_the_row(
    study: narrow.Study, known: pd.DataFrame, graded: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    zeroshot = known[["knee_id"]].assign(kl_predicted=np.linspace(0, 4, len(known)))
    first, second = (
        baseline.predictors(grades, zeroshot.loc[grades.index], study.images, known)
        for grades in (graded[0], graded[0].sample(frac=1, random_state=0))
    )
    assert_frame_equal(first, second)


def test_a_ridge_learns_from_train_people_alone(known: pd.DataFrame, study: narrow.Study) -> None:
    zeroshot = known[["knee_id"]].assign(kl_predicted=2.0)
    other = known["kl_grade"].where(known["split"] == "train", 4 - known["kl_grade"])
    first, second = (
        baseline.predictors(zeroshot, zeroshot, study.images, table)[list(baseline.RIDGES)]
        for table in (known, known.assign(kl_grade=other))
    )
    assert_frame_equal(first, second)
    tested = known["split"] != "train"
    error = (first["pixel ridge"] - known["kl_grade"].astype(float))[tested].abs().mean()
    assert error < 0.3


def test_a_knee_without_a_width_gets_no_grade_from_it(
    known: pd.DataFrame, study: narrow.Study
) -> None:
    zeroshot = known[["knee_id"]].assign(kl_predicted=2.0)
    holes = known.assign(jsw_medial=known["jsw_medial"].where(known.index > 3))
    found = baseline.predictors(zeroshot, zeroshot, study.images, holes)["joint-space width"]
    assert found.isna().tolist() == [True] * 4 + [False] * (len(known) - 4)


def test_gradient_histograms_see_direction_and_not_brightness() -> None:
    down = np.tile(np.arange(0, 112, 2, dtype=np.uint8)[:, None], (1, 56))
    found = [baseline.gradients(each[None])[0] for each in (down, down + 20, down.T)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert np.abs(found[0] - found[2]).max() > 0.9
    lengths = np.linalg.norm(found[0].reshape(-1, 8), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-2)


# --- calibration


def wide(n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grades of people never trained on, read as often as given, and whose knees they are."""
    rng = np.random.default_rng(0)
    given = rng.uniform(0, 4, n)
    read = np.clip(np.floor(given + rng.uniform(0, 1, n)), 0, 4)
    ids = [f"k{number}" for number in range(n)]
    grades = pd.DataFrame({"knee_id": ids, "split": "discover", "kl_predicted": given})
    grades["kl_grade"] = pd.array(read.astype(int), dtype="Int64")
    known = pd.DataFrame({"knee_id": ids, "participant_id": [f"p{k // 2}" for k in range(n)]})
    return grades, known


def test_an_honest_grader_lies_on_the_line_and_an_exaggerating_one_does_not() -> None:
    grades, known = wide()
    found = tables.check(calibration.curve(grades, known, draws=200, seed=0), "grading_calibration")
    assert found["knees"].tolist() == [40] * 10
    assert ((found["low"] <= found["predicted"]) & (found["predicted"] <= found["high"])).sum() >= 8
    far = grades.assign(kl_predicted=(2 * grades["kl_predicted"] - 2).clip(0, 4))
    off = calibration.curve(far, known, draws=200, seed=0)
    assert ((off["low"] > off["predicted"]) | (off["high"] < off["predicted"])).sum() >= 6


def test_a_group_of_the_curve_is_worked_out_by_hand_and_train_people_are_not_in_it() -> None:
    grades, known = wide(25)
    taught = grades.assign(split="train", knee_id="t" + grades["knee_id"], kl_grade=4)
    both = pd.concat([taught, grades.sample(frac=1, random_state=0)], ignore_index=True)
    found = calibration.curve(both, known, draws=20, seed=0)
    assert found["knees"].tolist() == [25]
    assert found["participants"].tolist() == [13]
    assert found["estimate"].item() == pytest.approx(grades["kl_grade"].mean())
    assert found["predicted"].item() == pytest.approx(grades["kl_predicted"].mean())
    nobody = calibration.curve(taught, known, draws=20, seed=0)
    assert nobody.empty


def test_captions_tell_the_numbers_of_the_figures() -> None:
    curve = pd.DataFrame({"place": [1, 2], "predicted": [0.5, 3.0], "estimate": [0.6, 2.0]})
    curve = curve.assign(low=[0.4, 1.8], high=[0.8, 2.2], knees=[20, 21], participants=[10, 11])
    said = plots.text_calibration(curve)
    assert "41 knees" in said
    assert "in 1 of 2" in said
    assert "graded 3.00 on average and read 2.00 (1.80 to 2.20)" in said
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.31], "chosen": [False, True]})
    history = history.assign(validation_loss=[0.9, 0.42], validation_mae=[0.7, 0.35])
    told = plots.text_history(history)
    assert "Epoch 2 of 2" in told
    assert "0.35 grades in the people kept apart, loss 0.42 there and 0.31" in told
    plots.plot_history(history)
    plots.plot_calibration(curve)
