"""State files: weights in every form people have them load alike, and what is none is told."""

from __future__ import annotations

import argparse
import json
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import published
import pytest
import torch
from safetensors.torch import save_file

from kneephen_utils import encoder
from kneephen_utils.encoder import WeightsError, hub_snapshot, statefile

POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 783734177\n"
)
NAME = "open_clip_pytorch_model.bin"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published.tiny(tmp_path_factory.mktemp("weights") / "base", safe=False)


@pytest.fixture(scope="module")
def state(base: Path) -> dict[str, torch.Tensor]:
    return torch.load(base / NAME, weights_only=True)


State = dict[str, torch.Tensor]
FORMS: dict[str, Callable[[State, Path], object]] = {
    "bare": torch.save,
    "within": lambda s, p: torch.save({"epoch": 3, "state_dict": s, "optimizer": {"lr": 1}}, p),
    "parallel": lambda s, p: torch.save({f"module.{k}": v for k, v in s.items()}, p),
    "both": lambda s, p: torch.save({"state_dict": {f"module.{k}": v for k, v in s.items()}}, p),
    "old": lambda s, p: torch.save(s, p, _use_new_zipfile_serialization=False),
    "ordered": lambda s, p: torch.save(OrderedDict(s), p),
    "half": lambda s, p: torch.save({k: v.half() for k, v in s.items()}, p),
    "safetensors": lambda s, p: save_file({f"module.{k}": v.contiguous() for k, v in s.items()}, p),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_tensors(state: State, form: str, tmp_path: Path) -> None:
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.bin")
    FORMS[form](state, path)
    found = statefile.read(path)
    assert list(found) == list(state) or form == "safetensors"
    for name, value in state.items():
        expected = value.half() if form == "half" else value
        torch.testing.assert_close(found[name], expected, rtol=0, atol=0)


@pytest.mark.parametrize("form", ["both", "old"])
def test_such_a_form_loads_with_and_without_text(
    base: Path, state: State, form: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "weights"))
    (folder / NAME).unlink()
    FORMS[form](state, folder / NAME)
    whole, half = (encoder.load(str(folder), text=text) for text in (True, False))
    for name, value in half.trunk.state_dict().items():
        assert torch.equal(value, state[f"visual.trunk.{name}"])
        assert torch.equal(value, whole.trunk.state_dict()[name])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p.write_text(POINTER, encoding="utf-8"), "a pointer of git-lfs, not the file"),
        (lambda p: p.write_bytes(b""), "w.bin is empty"),
        (lambda p: p.write_bytes(b"<!DOCTYPE html><p>login"), "a page of the web"),
        (lambda p: p.write_bytes(b"\x1f\x8bxx"), "packed"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(900)), "damaged or no file of torch"),
        (lambda p: p.write_text("weights", encoding="utf-8"), "damaged or no file of torch"),
        (
            lambda p: torch.save({"state_dict": {}, "args": argparse.Namespace(lr=1)}, p),
            "pickled objects beside tensors",
        ),
        (lambda p: torch.save([1, 2], p), "holds no weights"),
        (lambda p: torch.save({"state_dict": {"a": "b"}}, p), "things that are no tensors"),
        (lambda p: torch.save({"state_dict": {}}, p), "holds no weights"),
    ],
)
def test_what_is_no_weights_is_told(
    make: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    make(tmp_path / "w.bin")
    with pytest.raises(WeightsError, match=says):
        statefile.read(tmp_path / "w.bin")


def test_no_object_of_a_checkpoint_is_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "run",)

    torch.save({"state_dict": {}, "trap": Trap()}, tmp_path / "w.bin")
    with pytest.raises(WeightsError):
        statefile.read(tmp_path / "w.bin")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("[1]", "model_cfg is missing"),
        ("{", "is no JSON"),
        (POINTER, "is a pointer of git-lfs"),
        ('{"model_cfg": {"embed_dim": 64, "text_cfg": {}}}', "vision_cfg is missing"),
        ('{"model_cfg": {"embed_dim": 64, "vision_cfg": {}}}', "text_cfg is missing"),
        ('{"model_cfg": {"vision_cfg": {}, "text_cfg": {}}}', "embed_dim is missing"),
        ('{"model_cfg": {"embed_dim": 8, "vision_cfg": {}, "text_cfg": {}}}', "vision transformer"),
    ],
)
def test_a_configuration_with_a_part_missing_is_told_alike_with_and_without_text(
    tmp_path: Path,
    config: str,
    says: str,
    text: bool,  # noqa: FBT001
) -> None:
    (tmp_path / "open_clip_config.json").write_text(config, encoding="utf-8")
    (tmp_path / NAME).write_bytes(b"unread")
    with pytest.raises(WeightsError, match=says):
        encoder.load(str(tmp_path), text=text)


@pytest.mark.parametrize(
    "line", ["{sum}  {name}", "{sum} *{name}", "{sum} *./{name}", "{SUM}  {name}"]
)
def test_checksums_are_read_as_sha256sum_writes_them(tmp_path: Path, line: str) -> None:
    path = tmp_path / "open_clip_config.json"
    path.write_text(json.dumps({}), encoding="utf-8")
    digest = hub_snapshot.checksum(path)
    told = line.format(sum=digest, SUM=digest.upper(), name=path.name)
    (tmp_path / hub_snapshot.SUMS_FILE).write_text(f"{told}\r\n\n", encoding="utf-8")
    hub_snapshot.verify(tmp_path)
    path.write_text("{ }", encoding="utf-8")
    with pytest.raises(WeightsError, match="damaged"):
        hub_snapshot.verify(tmp_path)
    (tmp_path / hub_snapshot.SUMS_FILE).write_text("no checksum\n", encoding="utf-8")
    with pytest.raises(WeightsError, match="a line is not understood"):
        hub_snapshot.verify(tmp_path)
