"""Tighter crop: the same knees seen through a narrower crop, for the fork of the crop.

The crop that is kept on disk is cut again around its middle, so no film is opened.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import zarr
from torch.nn.functional import interpolate

from kneephen_utils import images
from kneephen_utils.encoder.model import Encoder, by_knee, embed_images

SHARE = 0.8  # of the side of the crop that stays


def embed(
    encoder: Encoder,
    stored: zarr.Array,
    crops: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    batch_size: int,
) -> pd.DataFrame:
    """Embed the middle of the crop of every knee of people who did not train the encoder.

    Parameters
    ----------
    encoder
        Before or after training.
    stored
        The `images` array.
    crops, participants
        The tables of these names.
    batch_size
        Pictures at a time.

    Returns
    -------
    `embeddings` table: `knee_id` and features, one row per knee.
    """
    split = crops["participant_id"].map(participants.set_index("participant_id")["split"])
    own = crops[(crops["status"] == "ok") & split.isin(["discover", "confirm"])]
    parts = []
    for start in range(0, len(own), batch_size):
        rows = own["image"].to_numpy()[start : start + batch_size]
        seen = cut(images.take(stored, rows), SHARE)
        parts.append(embed_images(encoder, seen, batch_size=batch_size))
    return by_knee(np.concatenate(parts), own["knee_id"])


def cut(pictures: np.ndarray, share: float) -> np.ndarray:
    """Return the middle of each picture (n, pixels, pixels), brought back to its size.

    Parameters
    ----------
    pictures
        Unsigned bytes.
    share
        Of the side that stays, above 0 and at most 1; 1 changes nothing.
    """
    pixels = pictures.shape[1]
    away = round(pixels * (1 - share) / 2)
    middle = torch.from_numpy(pictures[:, away : pixels - away, away : pixels - away].copy())
    grown = interpolate(
        middle[:, None].float(), size=(pixels, pixels), mode="bilinear", align_corners=False
    )
    return grown[:, 0].round().to(torch.uint8).numpy()
