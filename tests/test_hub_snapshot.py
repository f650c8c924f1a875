"""Store: a folder kept for later is the repository, checked file by file."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import published
import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from kneephen_utils import encoder
from kneephen_utils.encoder import WeightsError, hub_snapshot
from kneephen_utils.encoder.__main__ import from_hub, main

HUB = f"hf-hub:{published.NAME}"


class Hub:
    """Stands for the hub: two repositories as folders of this machine."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.folders = {
            published.NAME: folder / "picture and text",
            published.TEXT_NAME: folder / "text",
        }

    def __call__(self, name: str, file: str) -> Path | None:
        """Return the file, or None as the repository has no such file."""
        self.asked.append(file)
        path = self.folders[name] / file
        return path if path.exists() else None


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """Hub with the files where they are published: the text configuration in another place."""
    made = Hub(tmp_path / "hub")
    first, second = made.folders.values()
    published.tiny(first, safe=False)
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("open_clip*"))
    (first / "config.json").unlink()
    return made


def test_what_was_kept_loads_and_embeds_as_the_repository_does(hub: Hub, tmp_path: Path) -> None:
    hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)
    loaded = encoder.load(str(tmp_path / "kept"), text=True)
    original = hub.folders[published.NAME]
    shutil.copy(hub.folders[published.TEXT_NAME] / "config.json", original)
    expected = encoder.load(str(original), text=True)
    words = ["severe sclerosis", "no osteophytes"]
    np.testing.assert_array_equal(
        encoder.embed_texts(loaded, words), encoder.embed_texts(expected, words)
    )


def test_the_checksum_of_every_file_is_noted(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    hub_snapshot.keep(HUB, folder, fetch=hub)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    noted = {name: found for found, name in (line.split("  ") for line in lines)}
    files = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert set(noted) == files
    for name, sum_of_it in noted.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sum_of_it


@pytest.mark.parametrize("text", [True, False])
def test_a_damaged_or_missing_file_is_noticed_on_load(
    hub: Hub,
    tmp_path: Path,
    text: bool,  # noqa: FBT001
) -> None:
    folder = tmp_path / "kept"
    hub_snapshot.keep(HUB, folder, fetch=hub)
    with (folder / "vocab.txt").open("a") as stream:
        stream.write("more\n")
    with pytest.raises(WeightsError, match=r"kept/vocab.txt is damaged"):
        encoder.load(str(folder), text=text)
    (folder / "vocab.txt").unlink()
    with pytest.raises(WeightsError, match=r"kept/vocab.txt is missing"):
        encoder.load(str(folder), text=text)


def test_a_folder_already_kept_is_checked_and_nothing_is_fetched(hub: Hub, tmp_path: Path) -> None:
    hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)
    hub.asked.clear()
    hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)
    assert hub.asked == []
    (tmp_path / "kept" / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="damaged"):
        hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)


def test_a_folder_with_something_else_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(WeightsError, match="not empty"):
        hub_snapshot.keep(HUB, tmp_path / "mine", fetch=hub)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]


def test_a_repository_without_weights_leaves_no_folder(hub: Hub, tmp_path: Path) -> None:
    (hub.folders[published.NAME] / "open_clip_pytorch_model.bin").unlink()
    with pytest.raises(WeightsError, match="has no open_clip_model"):
        hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


def test_a_vocabulary_may_come_from_the_repository_of_the_text_tower(
    hub: Hub, tmp_path: Path
) -> None:
    for name in ("vocab.txt", "tokenizer.json"):
        (hub.folders[published.NAME] / name).unlink()
    hub_snapshot.keep(HUB, tmp_path / "kept", fetch=hub)
    assert (tmp_path / "kept" / "tokenizer.json").exists()


def test_the_command_says_how_to_use_the_folder_or_what_is_wrong(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [HUB, "--out", str(tmp_path / "kept")]
    assert main(words, fetch=hub) == 0
    assert f"WEIGHTS={tmp_path / 'kept'}" in capsys.readouterr().out
    (tmp_path / "kept" / "config.json").unlink()
    assert main(words, fetch=hub) == 1
    assert "weights: kept/config.json is missing" in capsys.readouterr().err


def test_a_file_the_hub_does_not_have_is_told_from_a_hub_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(error: Exception) -> None:
        def download(*_: object) -> None:
            raise error

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)

    answer(EntryNotFoundError("404"))
    assert from_hub(published.NAME, "vocab.txt") is None
    answer(LocalEntryNotFoundError("no connection"))
    with pytest.raises(WeightsError, match="the hub cannot be reached"):
        from_hub(published.NAME, "vocab.txt")
    answer(OSError("gated"))
    with pytest.raises(WeightsError, match=f"{published.NAME}: gated"):
        from_hub(published.NAME, "vocab.txt")
