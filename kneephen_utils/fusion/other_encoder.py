"""Other encoder: the same knees as the other encoder sees them, for comparison alone."""

from __future__ import annotations

import pandas as pd

from kneephen_utils import fusion
from kneephen_utils.fusion import nuisance

OTHER = {"finetuned": "zeroshot", "zeroshot": "finetuned", "block": "finetuned"}
ARMS = ("image", "context")


def other(embedding: str) -> str:
    """Return the encoder that was not asked for: after its training on the grade, or before.

    Raises
    ------
    ValueError
        If the encoder is unknown.
    """
    if embedding not in OTHER:
        raise ValueError(f"embedding is {embedding!r}; expected {', '.join(OTHER)}")
    return OTHER[embedding]


def fuse(
    embeddings: pd.DataFrame,
    of: pd.DataFrame,
    *,
    context_share: float,
    structure_share: float,
    fused_weight: float,
) -> dict[str, pd.DataFrame]:
    """Return the `fused` table of the arms `image` and `context` from other embeddings.

    Severity, side, site and exposure are taken out of them as of the first ones.

    Parameters
    ----------
    embeddings
        `embeddings` table of the other encoder.
    of
        As `fusion.known` returns.
    context_share, structure_share, fused_weight
        As for `fusion.fuse`.
    """
    raw = fusion.pictures(embeddings, of)
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    arms = fusion.fuse(
        raw,
        adjusted,
        of,
        context_share=context_share,
        structure_share=structure_share,
        fused_weight=fused_weight,
    )
    return {arm: arms[arm] for arm in ARMS}
