"""Small cells: what may be told where single knees may not be shown.

One rule for every table and figure: a count of fewer than `FEW` is withheld, other counts are
rounded to `BASE`, shares are made of counts so rounded, and where the rest of a row would give a
withheld count away, its neighbour is withheld too. A curve of events steps down only
when `FEW` events have come together since the step before. Zero is told: it is nobody.

References
----------
Hundepool et al. (2012), Statistical Disclosure Control, doi:10.1002/9781118348239.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

FEW = 10  # counts, means and cells of fewer people or knees are not told
BASE = 5  # counts are rounded to its multiples
NOT_ASKED = "No picture is shown: mean pictures were not asked for (mean_pictures)."
TOO_FEW = f"No picture: under {FEW} people."
SMALL = f"fewer than {FEW}"


def withheld(people: int, *, disclose: bool, mean_pictures: bool) -> str:
    """Say why the mean picture of that many people is not shown; nothing if it may be.

    Parameters
    ----------
    people
        People behind the mean.
    disclose
        Whether single knees may be shown; then any mean may.
    mean_pictures
        Whether means of at least `FEW` people were asked for where single knees are closed.
    """
    if disclose:
        return ""
    if not mean_pictures:
        return NOT_ASKED
    return TOO_FEW if people < FEW else ""


def is_small(counts: pd.Series | pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Say which counts are of somebody, but of fewer than `FEW`."""
    return counts.gt(0) & counts.lt(FEW)


def count(number: int, *, disclose: bool) -> int | None:
    """Return a count as it may be told; nothing if it is withheld."""
    if disclose:
        return int(number)
    return None if 0 < number < FEW else BASE * int(number / BASE + 0.5)


def written(number: int, *, disclose: bool) -> str:
    """Write a count as it may be told."""
    told = count(number, disclose=disclose)
    return SMALL if told is None else f"{told:,}"


def counts(numbers: pd.Series, *, disclose: bool) -> pd.Series:
    """Return whole numbers as they may be told; a withheld one is missing."""
    numbers = numbers.astype("Int64")
    if disclose:
        return numbers
    rounded = (numbers.astype("Float64") / BASE + 0.5).floordiv(1).astype("Int64") * BASE
    return rounded.mask(is_small(numbers).fillna(value=False))


def parts(table: pd.DataFrame, names: Sequence[str], *, disclose: bool) -> pd.DataFrame:
    """Return a table whose columns `names` are counts that make up a whole known to the reader.

    Where fewer than `FEW` are withheld in a row, its next cell is withheld with them: else the
    whole less the others would tell them.
    """
    if disclose:
        return table
    exact = table[list(names)].fillna(0).to_numpy(dtype=np.int64)
    gone = (exact > 0) & (exact < FEW)
    for row in np.flatnonzero(gone.any(axis=1)):
        gone[row, _with_it(exact[row], gone[row])] = True
    told = {name: counts(table[name], disclose=False) for name in names}
    return table.assign(**{name: told[name].mask(gone[:, at]) for at, name in enumerate(names)})


def _with_it(exact: np.ndarray, gone: np.ndarray) -> list[int]:
    """Return the places to withhold too, nearest first, until `FEW` are withheld together.

    The place is chosen by where it stands, not by its size, which would tell something of it.
    """
    more: list[int] = []
    first = int(gone.argmax())
    others = [at for at in range(len(exact)) if not gone[at] and exact[at] > 0]
    for at in sorted(others, key=lambda at: (abs(at - first), at < first)):
        if exact[gone].sum() + exact[more].sum() >= FEW:
            break
        more.append(at)
    return more


def share(part: pd.Series, whole: pd.Series, *, disclose: bool) -> pd.Series:
    """Return shares (0-1) of counts; missing where the part, or what it leaves, is withheld."""
    part, whole = part.astype("float64"), whole.astype("float64")
    if disclose:
        return part / whole
    few = is_small(part) | is_small(whole - part)
    rounded = [counts(each.round(), disclose=False).astype("float64") for each in (part, whole)]
    return (rounded[0] / rounded[1]).clip(0, 1).mask(few)


def steps(curve: pd.DataFrame, *, falls: bool) -> pd.DataFrame:
    """Return a curve of events that moves only when `FEW` of them have come together.

    Until then estimate and interval stay where they were; the times and sizes of single events
    cannot be read off it.

    Parameters
    ----------
    curve
        One group, by `months`: `estimate`, `low`, `high`, and `knees` at risk before each time.
    falls
        Whether the estimate is the share free of the event (Kaplan-Meier, Turnbull), or that
        with it.

    Returns
    -------
    The rows with at least `FEW` knees at risk, `knees` rounded.
    """
    rows = curve.sort_values("months")
    rows = rows[rows["knees"].ge(FEW)]
    if rows.empty:
        return rows
    free = rows["estimate"].to_numpy(float) if falls else 1 - rows["estimate"].to_numpy(float)
    before = np.r_[1.0, free[:-1]]
    happened = rows["knees"].to_numpy(float) * (1 - free / np.where(before > 0, before, 1.0))
    place, since, taken = -1, 0.0, []
    for at, events in enumerate(happened):
        since += events
        if since >= FEW - 0.5:
            place, since = at, 0.0
        taken.append(place)
    kept = np.array(taken)
    start = {"estimate": 1.0 if falls else 0.0, "low": np.nan, "high": np.nan}
    moved = {
        name: np.where(kept >= 0, rows[name].to_numpy(float)[kept], value)
        for name, value in start.items()
    }
    knees = counts(rows["knees"], disclose=False).astype("int64")
    return rows.assign(**moved, knees=knees)
