"""Summary text: what attention maps say, in sentences; a map that fails its check says nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kneephen_utils import formatting
from kneephen_utils.attention.aggregation import ALL_GRADES, ALL_KNEES
from kneephen_utils.attention.faithfulness import COSINE, GRADES

Map = tuple[str, str]  # encoder and method

NAMES: dict[Map, str] = {
    ("zeroshot", "cls"): "CLS attention before training",
    ("finetuned", "cls"): "CLS attention after training",
    ("zeroshot", "rollout"): "rollout before training",
    ("finetuned", "rollout"): "rollout after training",
    ("finetuned", "relevance"): "relevance for a higher grade",
    ("finetuned", "against"): "relevance for a lower grade",
    ("randomised", "cls"): "CLS attention, weights drawn anew",
    ("randomised", "rollout"): "rollout, weights drawn anew",
    ("randomised", "relevance"): "relevance for a higher grade, weights drawn anew",
    ("randomised", "against"): "relevance for a lower grade, weights drawn anew",
}
REAL: list[Map] = [seen for seen in NAMES if seen[0] != "randomised"]
TRAINED: list[Map] = [seen for seen in REAL if seen[0] == "finetuned"]
ALIKE = 0.5  # rank correlation from which two maps are called much alike


def text_verdict(scores: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
    """Say in sentences whether the maps are worth more than a blob in the centre."""
    sound = [seen for seen in REAL if passes(checks, seen)]
    return [
        _joint(scores, sound),
        *(_sentences(checks, seen) for seen in TRAINED if seen in sound),
        _failed(checks),
        _training(scores, checks),
        _pictures(checks, sound),
    ]


def passes(checks: pd.DataFrame, seen: Map) -> bool:
    """Say whether a map changes when the trained weights are drawn anew, as it should."""
    return bool(_row(checks, seen, "randomised")["high"] < ALIKE)


def deletion(checks: pd.DataFrame, seen: Map) -> str:
    """Say what taking the patches of a map away does, beside random and central ones."""
    unit = GRADES if seen[0] == "finetuned" else COSINE
    answer = "the grade" if unit == GRADES else "the embedding (1 - cosine)"
    chosen, random, centre = (
        spread(_row(checks, (seen[0], method), "deletion", unit))
        for method in (seen[1], "random", "centre")
    )
    return (
        f"Putting the mean knee in the patches it points to changes {answer} by {chosen}; "
        f"in as many random patches by {random}, in the central ones by {centre}."
    )


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about all knees together."""
    return table[(table["kl_grade"] == ALL_GRADES) & (table["phenotype"] == ALL_KNEES)]


def spread(row: pd.Series, decimals: int = 2) -> str:
    """Return an estimate with its interval, as text."""
    low, high = float(row["low"]), float(row["high"])
    return formatting.spread(float(row["estimate"]), low, high, decimals)


def _row(checks: pd.DataFrame, seen: Map, check: str, unit: str | None = None) -> pd.Series:
    own = whole(checks)
    own = own[(own["encoder"] == seen[0]) & (own["method"] == seen[1]) & (own["check"] == check)]
    return (own if unit is None else own[own["unit"] == unit]).iloc[0]


def _compared(row: pd.Series, other: float = 0.0) -> str:
    """Say how an interval lies to a value."""
    return (
        "more than"
        if row["low"] > other
        else "less than"
        if row["high"] < other
        else "about as much as"
    )


def _joint(scores: pd.DataFrame, sound: Sequence[Map]) -> str:
    """Say whether attention on the joint space exceeds the blob, of maps that may be trusted."""
    own = whole(scores)
    own = own[own["region"] == "joint_space"].set_index(["encoder", "method"])
    first, shares, above = own.iloc[0], [], []
    for seen in sound:
        row, name = own.loc[seen], NAMES[seen]
        word = _compared(row, row["centre_prior"])
        share, low, high = (round(100 * row[end]) for end in ("estimate", "low", "high"))
        shares.append(f"{share} % ({low} to {high}) of {name}, {word} the blob")
        above += [name] if word == "more than" else []
    answer = (
        f"exceeds the blob for {' and '.join(above)}"
        if above
        else "exceeds the blob in no map that passed"
    )
    lie = f" On it lie {'; '.join(shares)}." if shares else ""
    return (
        f"Attention on the joint {answer}. In {int(first['knees'])} knees of "
        f"{int(first['participants'])} people never trained on, the joint space is "
        f"{100 * first['area']:.0f} % of the picture, and a blob in the centre, which looks at "
        f"nothing, would put {100 * first['centre_prior']:.0f} % there.{lie}"
    )


def _sentences(checks: pd.DataFrame, seen: Map) -> str:
    """Say of one map of the trained reader what deletion, insertion and redrawn weights show."""
    gone = _compared(_row(checks, seen, "deletion_over_centre", GRADES))
    shown = _row(checks, seen, "insertion", GRADES)
    alone = _compared(_row(checks, seen, "insertion_over_centre", GRADES))
    name, told = NAMES[seen], deletion(checks, seen)
    return (
        f"{name[0].upper()}{name[1:]}: {told[0].lower()}{told[1:]} That is {gone} for the centre. "
        f"Shown alone on the mean knee, they bring the grade {spread(shown)} nearer to that of the "
        f"whole picture, {alone} the central ones. When the trained weights were drawn anew, the "
        f"map changed (rank correlation {spread(_row(checks, seen, 'randomised'))})."
    )


def _failed(checks: pd.DataFrame) -> str:
    """Name the maps that stay the same whatever was learned."""
    lost = [
        f"{NAMES[seen]} (rank correlation {spread(_row(checks, seen, 'randomised'))})"
        for seen in REAL
        if not passes(checks, seen)
    ]
    if not lost:
        return "Every map changes when the trained weights are drawn anew."
    return (
        f"Failed: {', '.join(lost)}. With the trained weights drawn anew these maps stay much the "
        "same, so they show the build of the encoder and nothing is claimed from them."
    )


def _training(scores: pd.DataFrame, checks: pd.DataFrame) -> str:
    """Say what fine-tuning does to the CLS attention, on one scale before and after."""
    own = whole(scores)
    own = own[(own["region"] == "joint_space") & (own["method"] == "cls")].set_index("encoder")
    parts = 100 * own[["estimate", "low", "high"]]
    shares = [spread(parts.loc[name], 0) for name in ("zeroshot", "finetuned")]
    beyond = [
        spread(_row(checks, (name, "cls"), "deletion_over_random", COSINE))
        for name in ("zeroshot", "finetuned")
    ]
    return (
        f"Training moves the share of CLS attention on the joint space from {shares[0]} to "
        f"{shares[1]} %, and what taking its patches away does to the embedding, beyond random "
        f"ones, from {beyond[0]} to {beyond[1]} (1 - cosine)."
    )


def _pictures(checks: pd.DataFrame, sound: Sequence[Map]) -> str:
    """Say how alike the maps of two people are."""
    rows = {seen: _row(checks, seen, "other_knee") for seen in sound}
    if not rows:
        return "No map is left of which to ask whether it is the same for every knee."
    parts = [f"{spread(row)} for {NAMES[seen]}" for seen, row in rows.items()]
    fixed = [NAMES[seen] for seen, row in rows.items() if row["low"] > ALIKE]
    means = (
        f"where it is high ({', '.join(fixed)}), most of the map is the same for every knee"
        if fixed
        else "no map is much the same for every knee"
    )
    return f"Maps of two people are alike at a rank correlation of {', '.join(parts)}: {means}."
