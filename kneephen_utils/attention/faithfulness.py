"""Faithfulness: whether a map would look the same without the picture, or without the training.

Each check gives one value per knee, in a long table: `encoder`, `method`, `check`, `unit`,
`knee_id`, `value`. Means and intervals are taken elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch.nn import functional

from kneephen_utils.attention.relevance import OUTLIERS, PATCH, GradingModel

GRADES, COSINE = "grades", "cosine distance"
KEY = ["encoder", "method", "check", "unit", "knee_id"]


def replace(pictures: torch.Tensor, mean: torch.Tensor, chosen: np.ndarray) -> torch.Tensor:
    """Return pictures (n, channels, size, size) with patches taken from the mean picture.

    What is put there belongs there, so that a change of the answer is due to what was taken
    away; a patch of plain grey is an odd picture and changes the answer wherever it lies.

    Parameters
    ----------
    pictures
        Prepared pictures.
    mean
        Mean of prepared pictures (1, channels, size, size).
    chosen
        Which patches to replace, array (n, patches) of bool.
    """
    grid = round(chosen.shape[1] ** 0.5)
    mask = torch.from_numpy(chosen).view(-1, 1, grid, grid).float()
    mask = functional.interpolate(mask, pictures.shape[-2:], mode="nearest").bool()
    return torch.where(mask.to(pictures.device), mean, pictures)


def most(weights: np.ndarray, share: float) -> np.ndarray:
    """Return which patches hold the largest weights: array (n, patches) of bool.

    Parameters
    ----------
    weights
        Array (n, patches).
    share
        Share of the patches to choose, 0 to 1.
    """
    n, patches = weights.shape
    first = np.argsort(-weights.round(12), axis=1, kind="stable")[:, : round(share * patches)]
    chosen = np.zeros((n, patches), dtype=bool)
    np.put_along_axis(chosen, first, values=True, axis=1)
    return chosen


def deletion(
    reader: GradingModel,
    images: Any,
    known: pd.DataFrame,
    maps: pd.DataFrame,
    *,
    prior: np.ndarray,
    covered: float,
    seed: int,
    batch_size: int,
) -> pd.DataFrame:
    """Take away the patches a map points to, and show them alone; random and central ones too.

    What is taken away is replaced by the mean knee; shown alone, a patch lies on the mean knee.

    Parameters
    ----------
    reader
        The reader the maps came from.
    images
        zarr array (n, pixels, pixels).
    known
        Knees to check, with `knee_id` and `image`; the mean is taken over them.
    maps
        Maps of at least these knees.
    prior
        Centre prior (patches,).
    covered
        Share of the patches replaced, or shown alone.
    seed
        For the random patches; those of a knee depend on the seed and its picture alone.
    batch_size
        Pictures at a time.

    Returns
    -------
    Check `deletion`: how far the answer moves without the patches. Check `insertion`: how much
    nearer than the mean knee's the answer of these patches alone comes to that of the whole
    picture. Each with its differences `over_random` and `over_centre`, and in two units: 1 -
    cosine between embeddings, and grades, without regard to their sign, where there is a head.

    References
    ----------
    Samek et al. (2017), doi:10.1109/TNNLS.2016.2599820; Petsiuk, Das & Saenko (2018), deletion
    and insertion, doi:10.48550/arXiv.1806.07421.
    """
    own = maps[maps["encoder"] == reader.name].set_index("knee_id")
    weights = {
        str(method): rows.loc[known["knee_id"]].filter(like=PATCH).to_numpy()
        for method, rows in own.groupby("method", sort=False)
    }
    rolls = [np.random.default_rng([seed, image]).random(len(prior)) for image in known["image"]]
    weights |= {"random": np.stack(rolls), "centre": np.tile(prior, (len(known), 1))}
    chosen = {method: most(values, covered) for method, values in weights.items()}
    changes = _changes(reader, images, known["image"].to_numpy(), chosen, batch_size)
    rows = dict(changes)
    for (check, method, unit), change in changes.items():
        for other in {"random", "centre"} - {method}:
            beyond = change - changes[check, other, unit]
            rows[f"{check}_over_{other}", method, unit] = beyond
    return pd.concat(
        _values(known["knee_id"], reader.name, method, check, unit, value)
        for (check, method, unit), value in rows.items()
        if not (method in {"random", "centre"} and "_over_" in check)
    )


def likeness(maps: pd.DataFrame, known: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Compare maps of one knee with those it should not be like, by rank correlation.

    Returns
    -------
    Check `randomised`: with the map of the reader whose weights were drawn anew; check
    `other_knee`: with the map of a knee of another person.
    """
    wide = {
        (str(encoder), str(method)): rows.set_index("knee_id").loc[known["knee_id"]]
        for (encoder, method), rows in maps.groupby(["encoder", "method"], sort=False)
    }
    ranks = {key: _ranks(rows.filter(like=PATCH).to_numpy()) for key, rows in wide.items()}
    other = _of_another(known["participant_id"], seed)
    parts = []
    for (encoder, method), own in ranks.items():
        against = {"other_knee": own[other]}
        if encoder != "randomised" and ("randomised", method) in ranks:
            against["randomised"] = ranks["randomised", method]
        for check, theirs in against.items():
            value = (own * theirs).sum(1)
            parts.append(
                _values(known["knee_id"], encoder, method, check, "rank correlation", value)
            )
    return pd.concat(parts, ignore_index=True)


def largest(maps: pd.DataFrame) -> pd.DataFrame:
    """Return check `largest_patch`: the share of the attention on its largest patch."""
    top = maps.filter(like=PATCH).max(axis=1)
    values = maps[["encoder", "method", "knee_id"]].assign(check="largest_patch", unit="share")
    return values.assign(value=top)[[*KEY, "value"]]


def outliers(maps: pd.DataFrame) -> pd.DataFrame:
    """Return check `outliers`: the share of a map that lay on tokens that stand for no place."""
    values = maps[["encoder", "method", "knee_id"]].assign(check="outliers", unit="share")
    return values.assign(value=maps[OUTLIERS])[[*KEY, "value"]]


def _changes(
    reader: GradingModel,
    images: Any,
    rows: np.ndarray,
    chosen: dict[str, np.ndarray],
    batch_size: int,
) -> dict[tuple[str, str, str], np.ndarray]:
    """Return deletion and insertion (n,) by check, method and unit; `chosen` are (n, patches)."""
    places = [slice(start, start + batch_size) for start in range(0, len(rows), batch_size)]
    parts: dict[tuple[str, str, str], list[np.ndarray]] = {}
    with torch.inference_mode():
        batches = [reader.encoder.prepare(np.asarray(images.oindex[rows[here]])) for here in places]
        sums = [batch.sum(0, keepdim=True) for batch in batches]
        mean = torch.stack(sums).sum(0) / len(rows)
        nothing = reader.embed(mean)
        for here, pictures in zip(places, batches, strict=True):
            whole = reader.embed(pictures)
            far = _distances(reader, whole, nothing)
            for method, patches in chosen.items():
                gone = reader.embed(replace(pictures, mean, patches[here]))
                alone = reader.embed(replace(pictures, mean, ~patches[here]))
                for unit, change in _distances(reader, whole, gone).items():
                    parts.setdefault(("deletion", method, unit), []).append(change)
                for unit, left in _distances(reader, whole, alone).items():
                    nearer = far[unit] - left
                    parts.setdefault(("insertion", method, unit), []).append(nearer)
    return {key: np.concatenate(values) for key, values in parts.items()}


def _distances(
    reader: GradingModel, one: torch.Tensor, other: torch.Tensor
) -> dict[str, np.ndarray]:
    """Return how far two sets of embeddings are apart (n,), by unit."""
    found = {COSINE: (1 - (one * other).sum(1)).clamp(min=0)}
    if reader.head is not None:
        found[GRADES] = (reader.head(one) - reader.head(other)).abs()
    return {unit: value.double().cpu().numpy() for unit, value in found.items()}


def _ranks(weights: np.ndarray) -> np.ndarray:
    """Return ranks along the rows, centred and of unit length; 0 for a row without contrast."""
    ranks = stats.rankdata(weights, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _of_another(participants: pd.Series, seed: int) -> np.ndarray:
    """Return for each row the position of a row of another person; of any, if there is one."""
    order = np.random.default_rng([seed, 6]).permutation(participants.unique())
    following = dict(zip(order, np.roll(order, -1), strict=True))
    first = {person: place for place, person in reversed(list(enumerate(participants)))}
    return np.array([first[following[person]] for person in participants])


def _values(
    knee_ids: pd.Series, encoder: str, method: str, check: str, unit: str, value: np.ndarray
) -> pd.DataFrame:
    made = pd.DataFrame({"knee_id": knee_ids.to_numpy(), "value": value})
    return made.assign(encoder=encoder, method=method, check=check, unit=unit)[[*KEY, "value"]]
