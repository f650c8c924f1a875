"""Loading: a published encoder is the same by every way, and none starts from chance."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import published
import pytest
import torch
from safetensors.torch import load_file, save_file

from kneephen_utils import encoder
from kneephen_utils.encoder import WeightsError, finetune, prompts

SENTENCES = [prompts.GRADES[0][0], prompts.GRADES[4][1], "knee radiograph, severe varus"]
HUB = """
import sys
import numpy as np
from kneephen_utils import encoder
name, folder = sys.argv[1:]
loaded = encoder.load(name, text=True)
pictures, sentences = np.load(f"{folder}/pictures.npy"), open(f"{folder}/sentences").read()
np.save(f"{folder}/seen.npy", encoder.embed_images(loaded, pictures, batch_size=2))
np.save(f"{folder}/said.npy", encoder.embed_texts(loaded, sentences.split("|")))
"""


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 224, 224), dtype=np.uint8)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if anything asks the network, even if it would do without an answer."""
    asked: list[object] = []

    def refuse(*given: object, **_: object) -> None:
        asked.append(given)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert asked == []


# --- the published layout, narrow


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published.tiny(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """Folder of which files may be taken away."""
    return Path(shutil.copytree(tiny, tmp_path / "tiny", copy_function=os.link))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("safe", [True, False])
def test_the_picture_half_equals_the_whole_and_asks_no_network(
    tmp_path: Path,
    pictures: np.ndarray,
    safe: bool,  # noqa: FBT001
) -> None:
    made = published.tiny(tmp_path / "made", safe=safe)
    whole, half = (encoder.load(str(made), text=text) for text in (True, False))
    seen = [encoder.embed_images(each, pictures, batch_size=5) for each in (whole, half)]
    np.testing.assert_array_equal(*seen)
    assert np.isfinite(encoder.embed_texts(whole, SENTENCES)).all()
    assert half.text is None
    fields = ("logit_scale", "image_size", "grid", "dimensions", "channels", "mean", "std")
    for field in (*fields, "others", "name"):
        assert getattr(whole, field) == getattr(half, field), field
    assert len(whole.trunk.blocks) == 12


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", "tokenizer_config.json"])
def test_either_form_of_the_vocabulary_will_do(tiny: Path, folder: Path, name: str) -> None:
    (folder / name).unlink()
    expected = encoder.embed_texts(encoder.load(str(tiny), text=True), SENTENCES)
    found = encoder.embed_texts(encoder.load(str(folder), text=True), SENTENCES)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("missing", "message", "pictures_need_it"),
    [
        (["open_clip_model.safetensors"], "tiny: no weights; expected open_clip_model", True),
        (["open_clip_config.json"], "tiny: open_clip_config.json is missing", True),
        (["vocab.txt", "tokenizer.json"], "tiny: no vocabulary; expected tokenizer.json", False),
        (["config.json"], "tiny: config.json of the text tower is missing", False),
    ],
)
def test_what_is_missing_is_named_and_nothing_starts_from_chance(
    folder: Path,
    missing: list[str],
    message: str,
    pictures_need_it: bool,  # noqa: FBT001
) -> None:
    for name in missing:
        (folder / name).unlink()
    with pytest.raises(WeightsError, match=message):
        encoder.load(str(folder), text=True)
    if pictures_need_it:
        with pytest.raises(WeightsError, match=message):
            encoder.load(str(folder), text=False)
    else:
        assert encoder.load(str(folder), text=False).dimensions == 64


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("harm", ["a tensor is missing", "cut short", "not understood"])
def test_weights_that_are_not_whole_are_refused(
    folder: Path,
    harm: str,
    text: bool,  # noqa: FBT001
) -> None:
    path = folder / "open_clip_model.safetensors"
    state, content = load_file(path), path.read_bytes()
    path.unlink()  # the file is shared with the other tests
    if harm == "a tensor is missing":
        del state["visual.trunk.blocks.7.norm1.weight"]
        save_file(state, path)
    else:
        path.write_bytes(content[:100_000] if harm == "cut short" else b"<html></html>")
    with pytest.raises(WeightsError):
        encoder.load(str(folder), text=text)


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("change", [{"timm_pool": "avg"}, {"timm_proj": "mlp"}])
def test_an_encoder_that_is_not_read_at_its_cls_token_is_refused(
    tmp_path: Path,
    change: dict[str, str],
    text: bool,  # noqa: FBT001
) -> None:
    made = published.tiny(tmp_path / "other", **change)
    with pytest.raises(WeightsError, match="read at its CLS token"):
        encoder.load(str(made), text=text)


# --- BiomedCLIP's own architecture


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("weights") / "biomedclip"
    yield published.whole(folder)
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("text", [True, False])
def test_biomedclip_has_the_published_numbers_of_parameters(
    whole: Path,
    text: bool,  # noqa: FBT001
) -> None:
    loaded = encoder.load(str(whole), text=text)
    upper = finetune.upper_half(loaded, grades=np.array([1.0, 2.0]), frozen_blocks=6)
    head = sum(p.numel() for p in upper.head.parameters())
    counted = finetune.count(loaded, upper).set_index("part")
    assert head == 513
    assert counted.loc["all", "parameters"] - head == 195_902_721
    assert counted.loc["trained", "parameters"] - head == 42_921_984
    assert counted["parameters"].to_dict() == {
        "trained": 42_922_497,
        "frozen": 152_980_737,
        "all": 195_903_234,
    }
    assert round(100 * counted.loc["trained", "share"], 2) == 21.91


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_biomedclip_is_the_same_from_the_hub_a_folder_and_its_picture_half(
    whole: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "pictures.npy", pictures[:2])
    (tmp_path / "sentences").write_text("|".join(SENTENCES))
    fake_hub(whole, tmp_path / "hf" / "hub")
    name = f"hf-hub:{published.NAME}"
    subprocess.run(
        [sys.executable, "-c", HUB, name, str(tmp_path)],
        check=True,
        env={"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    torch.set_num_threads(1)
    full = encoder.load(str(whole), text=True)
    seen = encoder.embed_images(full, pictures[:2], batch_size=2)
    np.testing.assert_array_equal(seen, np.load(tmp_path / "seen.npy"))
    said = encoder.embed_texts(full, SENTENCES)
    np.testing.assert_array_equal(said, np.load(tmp_path / "said.npy"))
    half = encoder.load(str(whole), text=False)
    np.testing.assert_array_equal(seen, encoder.embed_images(half, pictures[:2], batch_size=2))


def fake_hub(folder: Path, cache: Path) -> None:
    """Lay `folder` out as the two repositories in the cache of the hub's own client."""
    words = ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"]
    everything = [path.name for path in folder.iterdir()]
    for name, files in ((published.NAME, everything), (published.TEXT_NAME, words)):
        repository = cache / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0" * 40)
        for file in files:
            (snapshot / file).symlink_to(folder / file)
