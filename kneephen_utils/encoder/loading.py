"""Loading: weights from the package, a folder or the hub, and never from chance.

A folder has the layout of the published BiomedCLIP repository: `open_clip_config.json`,
`open_clip_model.safetensors` or `open_clip_pytorch_model.bin`, the tokenizer's
`vocab.txt` or `tokenizer.json`, and `config.json` of the text tower, with which nothing is
fetched. What is missing is an error: open_clip alone would start from random weights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from kneephen_utils.encoder import hub_snapshot, statefile, tiny_clip
from kneephen_utils.encoder.model import Encoder, WeightsError

TOLD = 300  # letters of what a library says
WANTED = "expected a vision transformer of timm, read at its CLS token, and a linear projection"


def load(weights: str, *, text: bool) -> Encoder:
    """Load an encoder, on a GPU when there is one.

    Parameters
    ----------
    weights
        `embedded` for the small encoder of the package, a folder in the published layout, or
        `hf-hub:owner/name` where the hub can be reached.
    text
        Load the text tower too. Without it a folder needs no text packages and a third of the
        time, and pictures are embedded exactly alike.

    Raises
    ------
    WeightsError
        If weights, configuration or vocabulary are missing, damaged or do not fit.
    """
    if weights == "embedded":
        encoder = tiny_clip.load()
    elif weights.startswith("hf-hub:"):
        encoder = _whole(weights, {}, weights)
    elif not Path(weights).is_dir():
        raise WeightsError(f"weights {weights!r}: expected embedded, a folder or hf-hub:owner/name")
    else:
        encoder = _from_folder(Path(weights), text=text)
    return _settled(encoder, text=text)


def _from_folder(folder: Path, *, text: bool) -> Encoder:
    """Load a folder in the published layout, after looking whether everything is there."""
    config, path = _config(folder), _state_file(folder)
    options = _offline_text(folder, config["text_cfg"]) if text else {}
    hub_snapshot.verify(folder)
    state = statefile.read(path)
    if text:
        return _whole(f"local-dir:{folder}", options, str(folder), state)
    return _picture_half(folder, config, path, state)


def _whole(
    source: str,
    options: dict[str, Any],
    name: str,
    state: dict[str, torch.Tensor] | None = None,
) -> Encoder:
    """Load picture and text towers through open_clip, with the weights `state` if it is given."""
    import open_clip  # seconds to import, and not needed for pictures alone

    with _told(name):
        if state is None:  # this call of open_clip refuses to go on without weights
            model, preprocess = open_clip.create_model_from_pretrained(source, **options)
        else:
            with _quiet():
                model, _, preprocess = open_clip.create_model_and_transforms(
                    source, load_weights=False, **options
                )
            model.load_state_dict(_known(state, model))
        tokenizer = open_clip.get_tokenizer(source)
    visual: Any = model.visual
    trunk, head = getattr(visual, "trunk", None), getattr(visual, "head", None)
    if trunk is None or head is None or not _fits(trunk) or not isinstance(head[-1], nn.Linear):
        raise WeightsError(f"weights {name}: {WANTED}")
    _check_vocabulary(tokenizer, model.text, name)
    normal = preprocess.transforms[-1]
    inside = sum(weight.numel() for weight in visual.parameters())
    return Encoder(
        name=name,
        trunk=trunk,
        projection=head,
        text=model.text,
        tokenize=tokenizer,
        logit_scale=float(model.logit_scale.detach().exp()),
        image_size=int(np.ravel(visual.image_size)[0]),
        grid=int(trunk.patch_embed.grid_size[0]),
        dimensions=int(head[-1].out_features),
        channels=3,
        mean=tuple(normal.mean),
        std=tuple(normal.std),
        others=sum(weight.numel() for weight in model.parameters()) - inside,
    )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn whatever a library raises on a model that does not fit into a `WeightsError`."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # libraries raise of every kind here
        said = " ".join(str(error).split())[:TOLD]
        raise WeightsError(f"weights {name}: {type(error).__name__}: {said}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip from warning of weights that are loaded, strictly, one line later."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _known(state: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights without counters of positions, which the text tower no longer keeps."""
    own = set(model.state_dict())
    return {n: v for n, v in state.items() if n in own or not n.endswith("position_ids")}


def _fits(trunk: Any) -> bool:
    """Return whether a picture tower is a vision transformer that is read at its CLS token."""
    if not isinstance(trunk, VisionTransformer):
        return False
    return trunk.global_pool == "token" and trunk.num_prefix_tokens == 1


def _check_vocabulary(tokenizer: Any, text: nn.Module, name: str) -> None:
    """Refuse words the text tower has no vector for."""
    known, words = getattr(text, "vocab_size", 0), len(getattr(tokenizer, "tokenizer", ()))
    if known and words > known:
        raise WeightsError(f"weights {name}: {words} words, but the text tower knows {known}")


def _offline_text(folder: Path, text: dict[str, Any]) -> dict[str, Any]:
    """Return options by which open_clip reads the text tower from the folder, not the hub."""
    if "hf_model_name" not in text:
        return {}
    if not any((folder / name).exists() for name in hub_snapshot.VOCABULARY_FILES):
        wanted = " or ".join(hub_snapshot.VOCABULARY_FILES)
        raise WeightsError(f"{folder.name}: no vocabulary; expected {wanted}")
    if not (folder / hub_snapshot.TEXT_CONFIG_FILE).exists():
        raise WeightsError(f"{folder.name}: config.json of the text tower is missing")
    return {"text_cfg": {**text, "hf_model_name": str(folder), "hf_model_pretrained": False}}


def _picture_half(
    folder: Path, config: dict[str, Any], path: Path, state: dict[str, torch.Tensor]
) -> Encoder:
    """Load the picture tower alone, strictly, from the weights of the whole model."""
    vision, normal = config["vision_cfg"], config["preprocess_cfg"]
    if vision.get("timm_proj", "linear") != "linear" or vision.get("timm_proj_bias"):
        raise WeightsError(f"weights {folder}: {WANTED}")
    with _told(path.name):
        trunk: Any = timm.create_model(vision["timm_model_name"], num_classes=0)
        if vision.get("timm_pool"):
            trunk.reset_classifier(0, global_pool=vision["timm_pool"])
        if not _fits(trunk):
            raise WeightsError(f"weights {folder}: {WANTED}")
        head = nn.Sequential()
        head.add_module("proj", nn.Linear(trunk.num_features, config["embed_dim"], bias=False))
        inside = {k.removeprefix("visual."): v for k, v in state.items() if k.startswith("visual.")}
        both = nn.ModuleDict({"trunk": trunk, "head": head})
        both.load_state_dict({name: value.float() for name, value in inside.items()})
        scale = float(state["logit_scale"].float().exp())
    outside = [v for k, v in state.items() if not k.startswith("visual.") and v.is_floating_point()]
    return Encoder(
        name=str(folder),
        trunk=trunk,
        projection=head,
        text=None,
        tokenize=None,
        logit_scale=scale,
        image_size=int(vision["image_size"]),
        grid=int(trunk.patch_embed.grid_size[0]),
        dimensions=int(config["embed_dim"]),
        channels=3,
        mean=tuple(normal.get("mean", (0.48145466, 0.4578275, 0.40821073))),
        std=tuple(normal.get("std", (0.26862954, 0.26130258, 0.27577711))),
        others=sum(value.numel() for value in outside),
    )


def _config(folder: Path) -> dict[str, Any]:
    """Return the configuration of both towers, and of the input as `preprocess_cfg`."""
    path = folder / hub_snapshot.CONFIG_FILE
    if not path.exists():
        raise WeightsError(f"{folder.name}: {path.name} is missing")
    where = f"{folder.name}/{path.name}"
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        what = statefile.other(path) or "no JSON"
        raise WeightsError(f"{where} is {what}; expected a configuration of open_clip") from None
    config = _part(whole, "model_cfg", where)
    for name in ("vision_cfg", "text_cfg"):
        _part(config, name, where)
    if not isinstance(config.get("embed_dim"), int):
        raise WeightsError(f"{where}: embed_dim is missing or no whole number")
    if {"timm_model_name", "image_size"} - set(config["vision_cfg"]):
        raise WeightsError(f"{where}: {WANTED}")
    normal = _part(whole, "preprocess_cfg", where) if "preprocess_cfg" in whole else {}
    return config | {"preprocess_cfg": normal}


def _part(config: Any, name: str, where: str) -> dict[str, Any]:
    """Return one part of a configuration."""
    part = config.get(name) if isinstance(config, dict) else None
    if not isinstance(part, dict):
        raise WeightsError(f"{where}: {name} is missing; expected a configuration of open_clip")
    return part


def _state_file(folder: Path) -> Path:
    for name in hub_snapshot.WEIGHT_FILES:
        if (folder / name).exists():
            return folder / name
    raise WeightsError(
        f"{folder.name}: no weights; expected {' or '.join(hub_snapshot.WEIGHT_FILES)}"
    )


def _settled(encoder: Encoder, *, text: bool) -> Encoder:
    """Put the parts on the device, in evaluation mode, without gradients."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for module in (encoder.trunk, encoder.projection, encoder.text):
        if module is not None:
            module.to(device).eval().requires_grad_(requires_grad=False)
    return encoder if text else replace(encoder, text=None, tokenize=None)
