"""Model: one face for every encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from kneephen_utils.encoder import batch_size_finder
from kneephen_utils.encoder.prefetch import ahead


class WeightsError(ValueError):
    """Weights or vocabulary are missing or do not fit; the message says which and where."""


@dataclass(frozen=True)
class Encoder:
    """A vision-language encoder, ready to use.

    Attributes
    ----------
    name
        What was asked for: `embedded`, a folder or a hub name.
    trunk
        Vision transformer (timm) with twelve `blocks`, a final `norm` and a CLS token.
    projection
        From the width of the trunk to `dimensions`.
    text
        Text tower, from tokens (n, length) to (n, dimensions); None if not asked for.
    tokenize
        From sentences to tokens (n, length); None without a text tower.
    logit_scale
        Factor on the cosine between picture and text.
    image_size
        Side of the input, pixels.
    grid
        Patches along a side.
    dimensions
        Length of an embedding.
    channels
        1 for grey input, 3 where grey is repeated.
    mean, std
        Normalisation of the input, one value per channel.
    others
        Parameters outside the picture tower, loaded or not: text tower and logit scale.
    """

    name: str
    trunk: Any
    projection: nn.Module
    text: nn.Module | None
    tokenize: Callable[[Sequence[str]], torch.Tensor] | None
    logit_scale: float
    image_size: int
    grid: int
    dimensions: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    others: int

    @property
    def device(self) -> torch.device:
        """Where the weights lie: a GPU when there is one."""
        return next(self.projection.parameters()).device

    def prepare(self, images: np.ndarray) -> torch.Tensor:
        """Return crops (n, pixels, pixels), unsigned bytes, as input (n, channels, size, size).

        The one preprocessing of every use: antialiased bicubic to the size of the input, grey
        repeated over the channels, normalised as the weights were trained.
        """
        if images.ndim != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"pictures have shape {images.shape} and type {images.dtype}; "
                "expected (n, pixels, pixels) of unsigned bytes"
            )
        pixels = torch.from_numpy(np.ascontiguousarray(images))[:, None].float() / 255
        size = (self.image_size, self.image_size)
        if tuple(pixels.shape[-2:]) != size:
            pixels = functional.interpolate(pixels, size, mode="bicubic", antialias=True)
            pixels = pixels.clamp(0, 1)
        mean = torch.tensor(self.mean).view(1, -1, 1, 1)
        std = torch.tensor(self.std).view(1, -1, 1, 1)
        return ((pixels.expand(-1, self.channels, -1, -1) - mean) / std).to(self.device)

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the embedding (n, dimensions) of the trunk's CLS output, unit length."""
        return functional.normalize(self.projection(pooled), dim=-1)


def embed_images(encoder: Encoder, images: Any, *, batch_size: int) -> np.ndarray:
    """Embed crops; no gradient is kept and batches do not influence each other.

    Parameters
    ----------
    encoder
        As `load` returns.
    images
        Array or zarr array (n, pixels, pixels) of unsigned bytes.
    batch_size
        Pictures at a time; 0 leaves that and their layout in memory to a short probe, and
        vectors then repeat but for rounding.

    Returns
    -------
    Array (n, dimensions), float32, rows of unit length.
    """
    encoder.trunk.eval()
    parts = []
    with torch.inference_mode():
        own = _pace(encoder, images, batch_size)
        starts = range(0, images.shape[0], own.batch_size)
        for batch in ahead(lambda start: _read(encoder, images, start, own.batch_size), starts):
            laid = batch.contiguous(memory_format=own.layout)
            parts.append(encoder.project(encoder.trunk(laid)).float().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dimensions), np.float32)


def by_knee(features: np.ndarray, knee_ids: pd.Series) -> pd.DataFrame:
    """Return the `embeddings` table of features (knees, dimensions) in the order of `knee_ids`."""
    names = [f"feature_{place:03d}" for place in range(features.shape[1])]
    table = pd.DataFrame(features, columns=names)
    table.insert(0, "knee_id", knee_ids.to_numpy())
    return table


def _pace(encoder: Encoder, images: Any, batch_size: int) -> batch_size_finder.Pace:
    if batch_size or not images.shape[0]:
        return batch_size_finder.Pace(batch_size or 1, torch.contiguous_format)
    pictures = _read(encoder, images, 0, batch_size_finder.SIZES[-1])
    return batch_size_finder.choose(lambda batch: encoder.project(encoder.trunk(batch)), pictures)


def _read(encoder: Encoder, images: Any, start: int, batch_size: int) -> torch.Tensor:
    return encoder.prepare(np.asarray(images[start : start + batch_size]))


def embed_texts(encoder: Encoder, prompts: Sequence[str]) -> np.ndarray:
    """Embed sentences; rows of unit length, (n, dimensions), float32.

    Raises
    ------
    WeightsError
        If the encoder was loaded without its text tower.
    """
    if encoder.text is None or encoder.tokenize is None:
        raise WeightsError(
            f"encoder {encoder.name} was loaded without text; load it with text=True"
        )
    with torch.inference_mode():
        tokens = encoder.tokenize(list(prompts)).to(encoder.device)
        return functional.normalize(encoder.text(tokens), dim=-1).float().cpu().numpy()
