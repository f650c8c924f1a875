"""Closed: what may be told where single knees may not be shown."""

from __future__ import annotations

FEW = 10  # counts, means and cells of fewer people or knees are not told
NOT_ASKED = "No picture is shown: mean pictures were not asked for (mean_pictures)."
TOO_FEW = f"No picture: under {FEW} people."


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
