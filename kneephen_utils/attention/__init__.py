"""Attention: where the encoder looks, per phenotype, in numbers.

Maps are averaged over knees of people who were never trained on, and no map stands alone:
its share on a part of the joint is shown beside the area of that part and beside a blob in
the centre, and what it points to is taken away to see whether the answer changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from kneephen_utils.attention import aggregation, faithfulness, regions, relevance
from kneephen_utils.attention.aggregation import FEWEST, GROUP
from kneephen_utils.attention.relevance import PATCH

KEY = ["encoder", "method", "knee_id"]  # what one map of one knee is of
MAP = ["encoder", "arm", "method", *GROUP]  # what one mean map is of


class Settings(NamedTuple):
    """How maps are made and weighed.

    Attributes
    ----------
    region
        Side of the crop, mm.
    prior_width
        Standard deviation of the blob in the centre, mm.
    covered
        Share of the patches replaced in the deletion check, 0 to 1.
    batch_size
        Pictures at a time.
    draws
        Resamples of people for the intervals.
    seed
        Start of every random draw.
    """

    region: float
    prior_width: float
    covered: float
    batch_size: int
    draws: int
    seed: int


def find_knees(phenotypes: pd.DataFrame, crops: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return the knees of one arm that have a picture, in the order of the pictures.

    Phenotypes exist for people of the `discover` and `confirm` splits alone, so nobody here
    was trained on.

    Returns
    -------
    Columns `knee_id`, `participant_id`, `image`, `arm`, `kl_grade`, `phenotype`.

    Raises
    ------
    ValueError
        If fewer than `FEWEST` knees are left.
    """
    own = phenotypes.loc[phenotypes["arm"] == arm, ["knee_id", "arm", *GROUP]]
    pictured = crops.loc[crops["status"] == "ok", ["knee_id", "participant_id", "image"]]
    known = pictured.merge(own, on="knee_id", validate="one_to_one").sort_values("image")
    if len(known) < FEWEST:
        raise ValueError(
            f"{len(known)} knees have a picture and a phenotype of arm {arm!r}; "
            f"a mean needs at least {FEWEST}"
        )
    return known.reset_index(drop=True)


def compute_maps(
    readers: Sequence[relevance.GradingModel],
    images: Any,
    known: pd.DataFrame,
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Map every knee with every reader and every method it has.

    Parameters
    ----------
    readers
        Encoders, with or without a head.
    images
        zarr array (n, pixels, pixels).
    known
        As `find_knees` returns.
    settings
        Of which `batch_size` is used.

    Returns
    -------
    One row per reader, method and knee: `encoder`, `method`, `knee_id`, `outliers` and
    `patch_000` onwards, row by row from the top left, shares that sum to 1. What lay on outlier
    tokens is left out of them; `outliers` says how much it was.
    """
    kept: dict[tuple[str, str], list[torch.Tensor]] = {}
    lost: dict[tuple[str, str], list[torch.Tensor]] = {}
    for batch in _batches(images, known, settings):
        for reader in readers:
            seen = relevance.maps(reader, reader.encoder.prepare(batch))
            outliers = seen.pop(relevance.OUTLIERS)
            for method, shares in seen.items():
                key = reader.name, method
                kept.setdefault(key, []).append(relevance.without(shares, outliers))
                lost.setdefault(key, []).append((shares * outliers).sum(1))
    made = []
    for (name, method), parts in kept.items():
        weights = torch.cat(parts).cpu().numpy()
        table = pd.DataFrame(weights).rename(columns=lambda place: f"{PATCH}{place:03d}")
        on_outliers = torch.cat(lost[name, method]).cpu().numpy()
        values = name, method, known["knee_id"].to_numpy(), on_outliers
        for place, value in enumerate(values):
            table.insert(place, [*KEY, relevance.OUTLIERS][place], value)
        made.append(table)
    return pd.concat(made, ignore_index=True)


def regrade(
    reader: relevance.GradingModel, images: Any, known: pd.DataFrame, *, settings: Settings
) -> pd.Series:
    """Return the grade the reader gives each knee, by `knee_id`."""
    with torch.inference_mode():
        parts = [
            reader.grade(reader.encoder.prepare(batch)).double().cpu().numpy()
            for batch in _batches(images, known, settings)
        ]
    return pd.Series(np.concatenate(parts), index=known["knee_id"], name="kl_predicted")


def average(maps: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Average maps over the knees of each group; a reader may have mapped fewer knees than others.

    Parameters
    ----------
    maps, known
        As `compute_maps` and `find_knees` return.

    Returns
    -------
    `attention` table; `weight` sums to 1 over the patches of each map.
    """
    joined = pd.concat(
        members.merge(own, on="knee_id") for own, members in _of_each_reader(maps, known)
    )
    by = joined.groupby(MAP)
    means = by[list(maps.filter(like=PATCH))].mean()
    grid = _grid(maps)
    means.columns = range(means.shape[1])
    wide = means.assign(knees=by.size()).reset_index()
    long = wide.melt([*MAP, "knees"], var_name="place", value_name="weight").astype(
        {"place": "int64"}
    )
    long = long.assign(row=long["place"] // grid, column=long["place"] % grid)
    order = [*MAP, "row", "column"]
    return long.sort_values(order, ignore_index=True)[[*order, "weight", "knees"]]


def score(maps: pd.DataFrame, known: pd.DataFrame, *, settings: Settings) -> pd.DataFrame:
    """Return the share of each map on each region, beside area and centre prior.

    Parameters
    ----------
    maps, known
        As `compute_maps` and `find_knees` return.
    settings
        Size of the crop, width of the prior, resamples and seed.

    Returns
    -------
    `attention_scores` table.
    """
    covered = regions.cover(_grid(maps), region=settings.region)
    parts = []
    for own, members in _of_each_reader(maps, known):
        shares = own.filter(like=PATCH).to_numpy() @ covered.to_numpy()
        table = pd.DataFrame(shares, columns=covered.columns, index=own.index)
        long = pd.concat([own[KEY], table], axis=1).melt(KEY, var_name="region", value_name="value")
        parts.append(_summarise(long, members, ["encoder", "method", "region"], settings))
    scores = pd.concat(parts, ignore_index=True)
    blob = pd.Series(_prior(maps, settings) @ covered.to_numpy(), covered.columns)
    area = scores["region"].map(covered.mean())
    scores = scores.assign(area=area, centre_prior=scores["region"].map(blob))
    first = [*MAP, "region", "estimate", "low", "high"]
    return scores[[*first, "area", "centre_prior", "knees", "participants"]]


def check(
    readers: Sequence[relevance.GradingModel],
    images: Any,
    known: pd.DataFrame,
    maps: pd.DataFrame,
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Return what the maps are worth: deletion, insertion, redrawn weights, other knees, outliers.

    Parameters
    ----------
    readers
        Those of `compute_maps`; the one with redrawn weights is compared and not itself checked.
    images
        zarr array (n, pixels, pixels).
    known
        Knees to check, such as `aggregation.sample` returns.
    maps
        As `compute_maps` returns.
    settings
        All of them.

    Returns
    -------
    `attention_checks` table.
    """
    prior, real = _prior(maps, settings), [one for one in readers if one.name != "randomised"]
    parts = [
        faithfulness.deletion(
            reader,
            images,
            known,
            maps,
            prior=prior,
            covered=settings.covered,
            seed=settings.seed,
            batch_size=settings.batch_size,
        )
        for reader in real
    ]
    own = maps[maps["knee_id"].isin(known["knee_id"])]
    parts += [faithfulness.likeness(own, known, seed=settings.seed)]
    parts += [faithfulness.largest(own), faithfulness.outliers(own)]
    by = ["encoder", "method", "check", "unit"]
    members = aggregation.gather(known)
    checks = _summarise(pd.concat(parts, ignore_index=True), members, by, settings)
    values = ["estimate", "low", "high", "unit", "knees", "participants"]
    return checks[[*MAP, "check", *values]]


def _batches(images: Any, known: pd.DataFrame, settings: Settings) -> Iterator[np.ndarray]:
    rows = known["image"].to_numpy()
    for start in range(0, len(rows), settings.batch_size):
        yield np.asarray(images.oindex[rows[start : start + settings.batch_size]])


def _of_each_reader(
    maps: pd.DataFrame, known: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the maps of each reader and the groups of the knees it mapped."""
    for _, own in maps.groupby("encoder", sort=False):
        yield own, aggregation.gather(known[known["knee_id"].isin(own["knee_id"])])


def _summarise(
    values: pd.DataFrame, members: pd.DataFrame, by: list[str], settings: Settings
) -> pd.DataFrame:
    return aggregation.summarise(values, members, by, draws=settings.draws, seed=settings.seed)


def _grid(maps: pd.DataFrame) -> int:
    return round(maps.columns.str.startswith(PATCH).sum() ** 0.5)


def _prior(maps: pd.DataFrame, settings: Settings) -> np.ndarray:
    return regions.centre_prior(_grid(maps), region=settings.region, width=settings.prior_width)
