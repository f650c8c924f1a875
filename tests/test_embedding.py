"""Embedding: calibration finds what was planted, probes and constants are what they claim."""

from __future__ import annotations

import narrow
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.special import log_softmax, softmax
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from kneephen_report.embedding import plots
from kneephen_utils import embedding, encoder, tables
from kneephen_utils.embedding import image_text_matching, kmeans_baseline
from kneephen_utils.encoder import augmentation, prompts


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(120, ungraded=3)


@pytest.fixture(scope="module")
def by_grade() -> np.ndarray:
    """Five sentences as vectors at right angles to each other."""
    return np.eye(5, 8)


def near(study: narrow.Study, by_grade: np.ndarray, *, noise: float) -> pd.DataFrame:
    """Return an `embeddings` table in which a knee lies near the sentence of its grade."""
    rng = np.random.default_rng(0)
    grade = study.knees["kl_grade"].fillna(2).to_numpy(int)
    vectors = by_grade[grade] + noise * rng.normal(size=(len(grade), by_grade.shape[1]))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    table = pd.DataFrame(vectors, columns=[f"feature_{k:03d}" for k in range(vectors.shape[1])])
    table.insert(0, "knee_id", study.knees["knee_id"])
    return table


def graded_of(study: narrow.Study, by_grade: np.ndarray, noise: float = 0.4) -> pd.DataFrame:
    found = near(study, by_grade, noise=noise)
    return embedding.zeroshot_grades(
        found, by_grade, study.knees, study.participants, logit_scale=10.0
    )


# --- vectors


def test_every_pictured_knee_gets_the_vector_of_its_own_picture(study: narrow.Study) -> None:
    reader = narrow.encoder()
    crops = study.crops.assign(status=["too_small", *["ok"] * (len(study.crops) - 1)])
    found = tables.check(
        embedding.embed(reader, study.images, crops, batch_size=7), "embeddings"
    ).set_index("knee_id")
    assert set(found.index) == set(crops.loc[crops["status"] == "ok", "knee_id"])
    for row in crops.iloc[[1, 50, 239]].itertuples():
        picture = study.images[row.image : row.image + 1]
        alone = encoder.embed_images(reader, picture, batch_size=1)[0]
        np.testing.assert_allclose(found.loc[row.knee_id], alone, atol=1e-5)


def test_a_grade_is_the_mean_of_its_sentences_at_unit_length() -> None:
    reader = encoder.load("embedded", text=True)
    found = embedding.prompt_embeddings(reader)
    for grade, sentences in prompts.GRADES.items():
        mean = sum(encoder.embed_texts(reader, [each])[0] for each in sentences)
        np.testing.assert_allclose(found[grade], mean / np.linalg.norm(mean), atol=1e-5)


def test_coarse_pixels_are_block_means(study: narrow.Study) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (70, 64, 64), dtype=np.uint8)
    found = embedding.pixel_features(pictures).reshape(70, 32, 32)
    for picture, row, column in [(0, 0, 0), (3, 31, 31), (69, 5, 20)]:
        block = pictures[picture, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert found[picture, row, column] == pytest.approx(block.mean() / 255, abs=1e-6)
    assert embedding.pixel_features(study.images).shape == (240, 1024)


def test_a_block_gives_its_cls_token_and_the_last_vectors_stay_as_they_were(
    study: narrow.Study,
) -> None:
    reader = narrow.encoder()
    layers = embedding.embed_layers(reader, study.images, study.crops, block=4, batch_size=7)
    plain = embedding.embed(reader, study.images, study.crops, batch_size=7)
    assert_frame_equal(layers["zeroshot"], plain)
    found = tables.check(layers["block"], "embeddings").set_index("knee_id")
    for row in study.crops.iloc[[0, 100]].itertuples():
        picture = reader.prepare(np.asarray(study.images[row.image : row.image + 1]))
        slow = augmentation.frozen_part(reader, picture, 4)[0, 0].numpy()
        np.testing.assert_allclose(found.loc[row.knee_id], slow / np.linalg.norm(slow), atol=1e-5)
    with pytest.raises(ValueError, match="block is 13; expected 1 to 12"):
        embedding.embed_layers(reader, study.images, study.crops, block=13, batch_size=7)


# --- calibration


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_calibration_recovers_a_known_temperature(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 5))
    chances = softmax(logits / temperature, axis=1)
    grades = (chances.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    found, shares = embedding.calibrate(logits, grades)
    assert found == pytest.approx(temperature, rel=0.1)
    assert shares == pytest.approx(np.full(5, 0.2), abs=0.03)
    assert shares.sum() == pytest.approx(1)


def test_calibration_is_the_best_of_a_grid() -> None:
    rng = np.random.default_rng(1)
    logits, grades = rng.normal(0, 2, (300, 5)), rng.integers(0, 3, 300)
    found, shares = embedding.calibrate(logits, grades)

    def surprise(temperature: float) -> float:
        scaled = log_softmax(logits / temperature + np.log(shares), axis=1)
        return -float(np.mean([scaled[row, grade] for row, grade in enumerate(grades)]))

    assert surprise(found) <= min(map(surprise, np.exp(np.linspace(-3, 5, 200)))) + 1e-6


def test_without_graded_knees_nothing_is_calibrated() -> None:
    found, shares = embedding.calibrate(np.zeros((0, 5)), np.zeros(0, dtype=int))
    assert (found, shares.tolist()) == (1.0, [0.2] * 5)


# --- zero-shot grades


def test_planted_grades_are_found_by_their_sentences(
    study: narrow.Study, by_grade: np.ndarray
) -> None:
    graded = tables.check(graded_of(study, by_grade), "zeroshot_grades")
    chances = graded.filter(like="p_").to_numpy()
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_allclose(chances @ np.arange(5), graded["kl_predicted"])
    assert graded["kl_grade"].isna().sum() == 3
    errors = embedding.compare(graded).set_index("predictor")["mae"]
    assert errors["zero-shot"] < 0.6 * errors.drop("zero-shot").min()
    assert "Zero-shot grading beats the best constant" in embedding.text_verdict(graded)


def test_grades_of_people_not_in_train_change_no_prediction(
    study: narrow.Study, by_grade: np.ndarray
) -> None:
    found = near(study, by_grade, noise=0.4)
    known = study.knees.merge(study.participants, on="participant_id")
    other = known["kl_grade"].where(known["split"] == "train", 4 - known["kl_grade"])
    changed = study.knees.assign(kl_grade=other)
    first, second = (
        embedding.zeroshot_grades(found, by_grade, knees, study.participants, logit_scale=10.0)
        for knees in (study.knees, changed)
    )
    columns = ["knee_id", "kl_predicted", *[f"p_{grade}" for grade in range(5)]]
    assert_frame_equal(first[columns], second[columns])


def test_vectors_of_noise_do_not_beat_a_constant(study: narrow.Study, by_grade: np.ndarray) -> None:
    assert "does not beat" in embedding.text_verdict(graded_of(study, by_grade, noise=1e6))


def test_constants_have_the_values_worked_out_by_hand() -> None:
    graded = pd.DataFrame(
        {
            "split": ["train", "discover", "confirm", "confirm", "discover", "confirm"],
            "kl_grade": pd.array([3, 0, 1, 2, 4, pd.NA], dtype="Int64"),
            "kl_predicted": [0.0, 0.2, 1.6, 2.0, 2.4, 1.0],
        }
    )
    found = embedding.compare(graded).set_index("predictor")
    assert found.loc["always KL1"].tolist() == pytest.approx([1.25, 0.25, 0.75, 0.0])
    expected = cohen_kappa_score([0, 1, 2, 4], [0, 2, 2, 2], labels=range(5), weights="quadratic")
    assert found.loc["zero-shot"].tolist() == pytest.approx([0.6, 0.5, 0.75, expected])


def test_with_nobody_to_judge_on_nothing_is_judged() -> None:
    graded = pd.DataFrame({"split": ["train"], "kl_grade": [1], "kl_predicted": [1.0]})
    assert embedding.compare(graded).empty
    assert "not judged" in embedding.text_verdict(graded)


def test_the_figure_says_in_words_what_it_shows(study: narrow.Study, by_grade: np.ndarray) -> None:
    graded = graded_of(study, by_grade)
    tested = graded[graded["split"] != "train"]["kl_grade"].notna().sum()
    assert f"Zero-shot grade of {tested} knees" in plots.caption(graded)
    assert plots.alt(graded).count("KL") == 5
    assert len(plots.plot_grades(graded).axes[0].get_xticklabels()) == 5
    sentences = embedding.table_prompts(prompts.GRADES).set_index("grade")["sentences"]
    assert all(each in sentences["KL4"] for each in prompts.GRADES[4])
    assert sentences.index.tolist() == [f"KL{grade}" for grade in range(5)]


def test_a_grade_that_is_never_given_is_named(study: narrow.Study, by_grade: np.ndarray) -> None:
    graded = graded_of(study, by_grade)
    assert "never gives" not in embedding.text_verdict(graded)
    low = graded.assign(kl_predicted=graded["kl_predicted"].clip(upper=3.4))
    assert embedding.text_verdict(low).endswith("It never gives KL4.")


def test_what_the_embedding_tells_is_told_beside_coarse_pixels() -> None:
    found = pd.DataFrame(
        {
            "target": ["jsw_medial", "jsw_medial", "kl_grade", "kl_grade"],
            "features": ["embedding", "pixels 32 x 32"] * 2,
            "r2": [0.9, 0.8, 0.7, 0.7],
            "knees": 50,
        }
    )
    said = embedding.text_probes(found)
    assert said.endswith("+0.10 for the medial joint-space width, +0.00 for the grade as read.")
    assert "too few knees" in embedding.text_probes(found.assign(r2=np.nan))


def test_other_predictors_stand_beside_and_one_with_gaps_is_left_out(
    study: narrow.Study, by_grade: np.ndarray
) -> None:
    graded = graded_of(study, by_grade)
    pixels = embedding.pixel_grades(study.images, study.crops, graded)
    holes = np.where(np.arange(len(graded)) % 2, np.nan, 1.0)
    others = {embedding.PIXELS: pixels, "gaps": holes}
    found = embedding.compare(graded, others).set_index("predictor")["mae"]
    assert found[embedding.PIXELS] < 0.3  # the brightness of a picture is its grade
    assert "gaps" not in found
    assert "a ridge on coarse pixels" in embedding.text_verdict(graded, others)


def test_without_calibration_the_chances_are_those_of_the_plain_cosines(
    study: narrow.Study, by_grade: np.ndarray
) -> None:
    found = near(study, by_grade, noise=0.4)
    graded = embedding.zeroshot_grades(
        found, by_grade, study.knees, study.participants, logit_scale=10.0, calibrated=False
    )
    expected = softmax(10 * found.filter(like="feature_").to_numpy(float) @ by_grade.T, axis=1)
    np.testing.assert_allclose(graded.filter(like="p_"), expected)


# --- sentences of findings


def known_of(study: narrow.Study) -> pd.DataFrame:
    return embedding.with_split(study.knees[["knee_id"]], study.knees, study.participants)


def test_a_knee_without_findings_has_no_sentence_and_no_vector() -> None:
    known = pd.DataFrame({"jsn_medial": [0.0, 3.0, np.nan], "womac_pain": [1.0, 2.0, 3.0]})
    words = image_text_matching.sentences(known)
    assert words.tolist()[2] == ""
    assert words[0] != words[1]
    vectors = image_text_matching.embed(encoder.load("embedded", text=True), words)
    assert np.isfinite(vectors).all(axis=1).tolist() == [True, True, False]


def test_a_grade_without_sentences_is_stood_for_by_its_description(study: narrow.Study) -> None:
    known = known_of(study)
    vectors = np.eye(5, 8)[known["kl_grade"].fillna(0).to_numpy(int)]
    vectors[(known["kl_grade"] == 4).to_numpy(bool, na_value=False)] = np.nan
    found = image_text_matching.by_grade(vectors, known, otherwise=np.full((5, 8), 8**-0.5))
    np.testing.assert_allclose(found[:4].argmax(axis=1), range(4))
    np.testing.assert_allclose(found[4], 8**-0.5)


def test_sentences_that_know_only_the_grade_find_their_knee_among_all_but_not_within_a_grade(
    study: narrow.Study,
) -> None:
    known, rng = known_of(study), np.random.default_rng(0)
    grade = known["kl_grade"].fillna(2).to_numpy(int)
    pictures = np.eye(5, 8)[grade] + 0.3 * rng.normal(size=(len(grade), 8))
    vectors = np.eye(5, 8)[grade] + 0.3 * rng.normal(size=(len(grade), 8))
    words = pd.Series([f"sentence {place}" for place in range(len(grade))])
    found = image_text_matching.matched(
        pictures, vectors, words, known, draws=20, seed=0
    ).set_index("among")
    assert found.loc["all knees", "estimate"] > 0.8
    within = found.drop("all knees")
    assert len(within) == 5
    assert (within["low"] < 0.6).all()
    exact = image_text_matching.matched(
        pictures, pictures, words, known, draws=20, seed=0
    ).set_index("among")
    assert (exact["low"] > 0.7).all()


def test_a_sentence_that_leads_away_from_its_knee_is_said_to() -> None:
    found = pd.DataFrame(
        {
            "among": ["all knees", "KL0", "KL1", "KL2"],
            "estimate": [0.8, 0.3, 0.7, 0.5],
            "low": [0.7, 0.2, 0.6, 0.4],
            "high": [0.9, 0.4, 0.8, 0.6],
            "knees": 40,
        }
    )
    assert image_text_matching.text_matching(found) == (
        "A knee's own sentence lies nearer than chance within KL1; farther than chance within KL0; "
        "not told from chance within KL2."
    )


def test_knees_told_alike_are_not_compared() -> None:
    alike = np.array([[0.5, 0.9, 0.1], [0.9, 0.5, 0.9], [0.1, 0.2, 0.3]])
    share = image_text_matching._nearer(alike, np.array(["a", "a", "b"]))
    np.testing.assert_allclose(share, [1.0, 0.0, 1.0])


# --- groups of untrained vectors


def test_planted_groups_are_found_and_confirm_people_join_them(
    study: narrow.Study,
) -> None:
    known, rng = known_of(study), np.random.default_rng(9)
    planted = rng.integers(2, size=len(known))
    vectors = rng.normal(size=(len(known), 12))
    vectors[:, 0] += 12 * planted
    made = pd.DataFrame(vectors, columns=[f"feature_{k:03d}" for k in range(12)])
    groups = tables.check(kmeans_baseline.find(made, known, seed=0), "zeroshot_groups")
    assert set(groups["split"]) == {"discover", "confirm"}
    truth = pd.Series(planted, index=known["knee_id"])[groups["knee_id"]].to_numpy()
    assert adjusted_rand_score(truth, groups["pooled"]) == 1
    assert (groups["within"] == -1).all()  # twelve discover knees of a grade are too few
    agreed = kmeans_baseline.agreement(groups, known, draws=20, seed=0)
    assert agreed["scope"].tolist() == ["all grades"] * 3
    assert (agreed["estimate"].abs() < 0.1).all()
    assert "2 groups" in kmeans_baseline.text_agreement(agreed)
    assert kmeans_baseline.text_agreement(agreed.iloc[:0]).startswith("There are too few knees")
    assert len(kmeans_baseline.table_agreement(agreed)) == 1


def test_groups_that_are_the_grade_again_are_said_to_be(study: narrow.Study) -> None:
    found = near(study, np.eye(5, 8), noise=0.01)
    known = known_of(study)
    groups = kmeans_baseline.find(found, known, seed=0)
    agreed = kmeans_baseline.agreement(groups, known, draws=20, seed=0).set_index("target")
    assert agreed.loc["kl_grade", "estimate"] > 0.95
    assert agreed.loc["site", "high"] < 0.2


# --- probes


def probed(study: narrow.Study, features: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(features, columns=[f"feature_{k:03d}" for k in range(features.shape[1])])
    table.insert(0, "knee_id", study.knees["knee_id"])
    found = embedding.probes(table, study.images, study.crops, study.knees, study.participants)
    return found[found["features"] == "embedding"].set_index("target")


def test_a_constant_feature_reads_nothing(study: narrow.Study) -> None:
    found = probed(study, np.ones((240, 4)))
    assert (found["r2"] <= 0).all()


def test_a_probe_reads_what_is_in_the_vector_and_nothing_else(study: narrow.Study) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(240, 6))
    features[:, 2] += 10 * study.knees["jsw_medial"]
    found = probed(study, features)
    assert found.loc["jsw_medial", "r2"] > 0.95
    assert found.loc["jsw_lateral", "r2"] < 0.1


def test_a_probe_is_measured_on_all_graded_knees_it_was_not_fitted_on(study: narrow.Study) -> None:
    known = study.knees.merge(study.participants, on="participant_id")
    others = known[known["split"] != "train"]
    found = probed(study, np.random.default_rng(0).normal(size=(240, 3)))
    assert found.loc["jsw_medial", "knees"] == len(others)
    assert found.loc["kl_grade", "knees"] == others["kl_grade"].notna().sum()


def test_too_few_knees_give_no_probe(study: narrow.Study) -> None:
    few = study._replace(knees=study.knees.assign(jsw_medial=np.nan))
    found = probed(few, np.random.default_rng(0).normal(size=(240, 3)))
    assert np.isnan(found.loc["jsw_medial", "r2"])
    assert found.loc["jsw_medial", "knees"] == 0


def test_the_page_says_where_the_vectors_were_computed() -> None:
    reader = narrow.encoder()
    vectors = pd.DataFrame({"knee_id": ["a", "b"]})
    assert "2 knees became vectors of 16 numbers on the CPU." in embedding.text_encoder(
        reader, vectors
    )
    reader.projection.to("meta")  # stands for any device that is not the CPU
    assert "on a GPU (meta)" in embedding.text_encoder(reader, vectors)
