"""Laterality: asks all films together whether right knees are right knees.

A single knee with its fibula on the inner side is refused by itself. Many of them mean that
films, or the two halves of every film, were exchanged, and then no crop can be trusted.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

NAME = "film_side"
WRONG = {"side_disagrees"}
MOST = 0.05  # of 4,794 bilateral films of the OAI, 0.15 % show the left knee on the left
FEWEST = 20  # knees below which the question is not asked


class SideError(ValueError):
    """Too many knees have their fibula on the inner side, and this was not accepted."""


def check(crops: pd.DataFrame, *, accept: Collection[str]) -> str:
    """Say how many knees have their fibula on the inner side; stop if they are many.

    Parameters
    ----------
    crops
        `crops` table.
    accept
        May hold `film_side`, to go on with exchanged films.

    Raises
    ------
    SideError
        If more than `MOST` of the knees found disagree with their side.
    ValueError
        If `accept` names another check.
    """
    if strange := sorted(set(accept) - {NAME}):
        raise ValueError(f"accept names {strange[0]!r}, which is no check; known check: {NAME}")
    wrong, count = (int(crops["status"].isin(of).sum()) for of in (WRONG, WRONG | {"ok"}))
    if count < FEWEST:
        return f"Whether films show the side they claim is not asked: {count} knees were found."
    share = wrong / count
    found = f"Of {count:,} knees found on films, {share:.1%} have their fibula on the inner side."
    if share <= MOST:
        return found
    if NAME in accept:
        return f"{found} This was accepted."
    raise SideError(
        f"[{NAME}] {found} Expected: at most {MOST:.0%}. Right and left are exchanged on the "
        "films, or in the table that links knees to them. "
        f'To go on all the same: make all SET="radiograph.accept=[{NAME}]"'
    )
