"""Encoder: the embedded one is whole, and its vectors depend on picture or sentence alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kneephen_utils import encoder
from kneephen_utils.encoder import WeightsError, prompts, tiny_clip
from studies import pretrain

SENTENCES = [prompts.GRADES[0][0], prompts.GRADES[4][1], "knee radiograph, severe varus"]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 224, 224), dtype=np.uint8)


@pytest.fixture(scope="module")
def embedded() -> encoder.Encoder:
    return encoder.load("embedded", text=True)


def test_the_embedded_encoder_has_twelve_blocks_and_fits_in_the_package(
    embedded: encoder.Encoder,
) -> None:
    assert len(embedded.trunk.blocks) == 12
    assert sum(path.stat().st_size for path in tiny_clip.FOLDER.iterdir()) <= 12e6
    kinds = {value.dtype for value in load_file(tiny_clip.FOLDER / "model.safetensors").values()}
    assert kinds == {torch.float16}
    assert (tiny_clip.FOLDER / "card.md").exists()


def test_embeddings_have_unit_length(embedded: encoder.Encoder, pictures: np.ndarray) -> None:
    seen = encoder.embed_images(embedded, pictures, batch_size=2)
    said = encoder.embed_texts(embedded, SENTENCES)
    for vectors in (seen, said):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert seen.shape == (5, embedded.dimensions)
    assert encoder.embed_images(embedded, pictures[:0], batch_size=2).shape == (0, 128)


def test_a_vector_does_not_depend_on_what_else_is_embedded(
    embedded: encoder.Encoder, pictures: np.ndarray
) -> None:
    alone = encoder.embed_images(embedded, pictures, batch_size=1)
    together = encoder.embed_images(embedded, pictures[::-1], batch_size=5)[::-1]
    np.testing.assert_allclose(alone, together, atol=1e-5)
    one_by_one = np.concatenate([encoder.embed_texts(embedded, [each]) for each in SENTENCES])
    np.testing.assert_allclose(encoder.embed_texts(embedded, SENTENCES), one_by_one, atol=1e-5)


def test_every_word_of_the_prompts_is_known_and_a_sentence_without_words_is_harmless(
    embedded: encoder.Encoder,
) -> None:
    assert embedded.tokenize is not None
    everything = [each for sentences in prompts.GRADES.values() for each in sentences]
    assert (embedded.tokenize(everything) != 1).all()
    assert np.isfinite(encoder.embed_texts(embedded, ["", "...", "zebra"])).all()


@pytest.mark.parametrize("name", ["model.safetensors", "vocabulary.json", "settings.json"])
def test_a_missing_part_of_the_embedded_encoder_is_named(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(tiny_clip.FOLDER, folder)
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=f"small/{name} is missing"):
        tiny_clip.load(folder)


def test_a_vocabulary_that_does_not_fit_the_weights_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(tiny_clip.FOLDER, folder)
    (folder / "vocabulary.json").write_text(json.dumps(["knee"]))
    with pytest.raises(WeightsError, match="size mismatch"):
        tiny_clip.load(folder)


def test_text_is_refused_where_it_was_not_asked_for() -> None:
    loaded = encoder.load("embedded", text=False)
    with pytest.raises(WeightsError, match="load it with text=True"):
        encoder.embed_texts(loaded, SENTENCES)


def test_pictures_of_another_kind_are_refused(embedded: encoder.Encoder) -> None:
    with pytest.raises(ValueError, match="unsigned bytes"):
        embedded.prepare(np.zeros((2, 224, 224)))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(WeightsError, match="expected embedded, a folder or hf-hub:owner/name"):
        encoder.load("biomedclip", text=False)


def test_pretraining_runs_by_command_and_leaves_the_shipped_weights_alone(tmp_path: Path) -> None:
    shipped = (tiny_clip.FOLDER / "model.safetensors").read_bytes()
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 2, (2, 24, pretrain.PIXELS, pretrain.PIXELS), dtype=np.uint8)
    np.save(tmp_path / "crops.npy", crops)
    words = f"--knees 24 --steps 3 --batch 4 --out {tmp_path}/made --cache {tmp_path}/crops.npy"
    pretrain.main(words.split())
    made = tiny_clip.load(tmp_path / "made")
    assert len(made.trunk.blocks) == 12
    settings = json.loads((tmp_path / "made" / "settings.json").read_text())
    assert settings["logit_scale"] == round(made.logit_scale, 4)
    assert settings["steps"] == 3
    assert (tiny_clip.FOLDER / "model.safetensors").read_bytes() == shipped
