"""Loading: weights from the package, a folder or the hub, and never from chance.

A folder has the layout of the published BiomedCLIP repository: `open_clip_config.json`,
`open_clip_model.safetensors` or `open_clip_pytorch_model.bin`, the tokenizer's
`vocab.txt` or `tokenizer.json`, and `config.json` of the text tower, with which nothing is
fetched. What is missing is an error: open_clip alone would start from random weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from kneephen_utils.encoder import small
from kneephen_utils.encoder.model import Encoder, WeightsError

WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
VOCABULARY_FILES = ("tokenizer.json", "vocab.txt")


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
        If weights, configuration or vocabulary are missing or do not fit.
    """
    if weights == "embedded":
        encoder = small.load()
    elif weights.startswith("hf-hub:"):
        encoder = _whole(weights, {}, weights)
    elif not Path(weights).is_dir():
        raise WeightsError(f"weights {weights!r}: expected embedded, a folder or hf-hub:owner/name")
    elif text:
        encoder = _whole(f"local-dir:{weights}", _offline_text(Path(weights)), weights)
    else:
        encoder = _picture_half(Path(weights))
    return _settled(encoder, text=text)


def _whole(source: str, options: dict[str, Any], name: str) -> Encoder:
    """Load picture and text towers through open_clip."""
    import open_clip  # seconds to import, and not needed for pictures alone

    try:
        model, preprocess = open_clip.create_model_from_pretrained(
            source, require_pretrained=True, **options
        )
        tokenizer = open_clip.get_tokenizer(source)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"weights {name}: {error}") from error
    normal = preprocess.transforms[-1]
    return Encoder(
        name=name,
        trunk=model.visual.trunk,
        projection=model.visual.head,
        text=model.text,
        tokenize=tokenizer,
        logit_scale=float(model.logit_scale.exp()),
        image_size=int(np.ravel(model.visual.image_size)[0]),
        grid=int(model.visual.trunk.patch_embed.grid_size[0]),
        dimensions=int(model.visual.head[-1].out_features),
        channels=3,
        mean=tuple(normal.mean),
        std=tuple(normal.std),
    )


def _offline_text(folder: Path) -> dict[str, Any]:
    """Return options by which open_clip reads the text tower from the folder, not the hub."""
    _state_file(folder)
    if not any((folder / name).exists() for name in VOCABULARY_FILES):
        raise WeightsError(
            f"{folder.name}: no vocabulary; expected {' or '.join(VOCABULARY_FILES)}"
        )
    if not (folder / "config.json").exists():
        raise WeightsError(f"{folder.name}: config.json of the text tower is missing")
    text = _config(folder)["model_cfg"]["text_cfg"]
    return {"text_cfg": {**text, "hf_model_name": str(folder), "hf_model_pretrained": False}}


def _picture_half(folder: Path) -> Encoder:
    """Load the picture tower alone, strictly, from the weights of the whole model."""
    config = _config(folder)
    vision, dimensions = config["model_cfg"]["vision_cfg"], config["model_cfg"]["embed_dim"]
    path = _state_file(folder)
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    own = {k.removeprefix("visual."): v for k, v in state.items() if k.startswith("visual.")}
    size = int(vision["image_size"])
    trunk = timm.create_model(vision["timm_model_name"], num_classes=0, img_size=size)
    head = nn.Sequential()
    head.add_module("proj", nn.Linear(trunk.num_features, dimensions, bias=False))
    both = nn.ModuleDict({"trunk": trunk, "head": head})
    try:
        both.load_state_dict({name: value.float() for name, value in own.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path.name}: {error}") from None
    normal = config.get("preprocess_cfg", {})
    return Encoder(
        name=str(folder),
        trunk=trunk,
        projection=head,
        text=None,
        tokenize=None,
        logit_scale=float(state["logit_scale"].exp()),
        image_size=size,
        grid=trunk.patch_embed.grid_size[0],
        dimensions=dimensions,
        channels=3,
        mean=tuple(normal.get("mean", (0.48145466, 0.4578275, 0.40821073))),
        std=tuple(normal.get("std", (0.26862954, 0.26130258, 0.27577711))),
    )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "open_clip_config.json"
    if not path.exists():
        raise WeightsError(f"{folder.name}: open_clip_config.json is missing")
    return json.loads(path.read_text())


def _state_file(folder: Path) -> Path:
    for name in WEIGHT_FILES:
        if (folder / name).exists():
            return folder / name
    raise WeightsError(f"{folder.name}: no weights; expected {' or '.join(WEIGHT_FILES)}")


def _settled(encoder: Encoder, *, text: bool) -> Encoder:
    """Put the parts on the device, in evaluation mode, without gradients."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for module in (encoder.trunk, encoder.projection, encoder.text):
        if module is not None:
            module.to(device).eval().requires_grad_(requires_grad=False)
    if text:
        return encoder
    fields = {**encoder.__dict__, "text": None, "tokenize": None}
    return Encoder(**fields)
