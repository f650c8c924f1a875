"""Gaze: what maps of attention say, in sentences and tables for reading."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import figure, report
from kneephen_utils.attention.groups import ALL_GRADES, ALL_KNEES

Map = tuple[str, str]  # encoder and method

NAMES: dict[Map, str] = {
    ("zeroshot", "cls"): "CLS attention before training",
    ("finetuned", "cls"): "CLS attention after training",
    ("finetuned", "relevance"): "relevance to the grade",
    ("randomised", "cls"): "CLS attention, weights drawn anew",
    ("randomised", "relevance"): "relevance, weights drawn anew",
}
TRAINED: list[Map] = [("finetuned", "cls"), ("finetuned", "relevance")]
REAL: list[Map] = [("zeroshot", "cls"), *TRAINED]
ALIKE = 0.5  # rank correlation from which two maps are called much alike
SCORES_NOTE = (
    "Per cent of the map on each place of the crop, 95 % intervals by person. Area and blob look "
    "at no picture."
)
CHECKS_NOTE = (
    "95 % intervals by person. A change is that of the grade, or of the embedding "
    "(1 - cosine) where there is no head; rank correlation 1 is the same map."
)


def verdict(scores: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
    """Say in sentences whether the maps are worth more than a blob in the centre."""
    return [_joint(scores), *(_sentences(checks, seen) for seen in TRAINED), _pictures(checks)]


def by_map(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the share of every map on every region, over all knees, as a table for reading."""
    own = _of(scores)
    first = own.drop_duplicates("region")
    lines = {
        NAMES[seen]: {row.region: _percent(row) for row in rows.itertuples()}
        for seen in NAMES
        if len(rows := own[(own["encoder"] == seen[0]) & (own["method"] == seen[1])])
    }
    lines["blob in the centre"] = _whole(first, "centre_prior")
    lines["area of the picture"] = _whole(first, "area")
    table = pd.DataFrame(lines).T.rename(columns=lambda name: name.replace("_", " "))
    return table.rename_axis("map").reset_index()


def by_group(scores: pd.DataFrame, seen: Map) -> pd.DataFrame:
    """Return the share of one map on every region, by grade and phenotype, for reading."""
    own = scores[(scores["encoder"] == seen[0]) & (scores["method"] == seen[1])]
    rows = []
    for (grade, phenotype), group in own.groupby(["kl_grade", "phenotype"], sort=True):
        name = "all" if grade == ALL_GRADES else f"KL{grade}"
        places = {row.region.replace("_", " "): _percent(row) for row in group.itertuples()}
        who = {"grade": name, "phenotype": figure.phenotype_label(int(phenotype))}
        rows.append({**who, **places, "knees": group["knees"].iloc[0]})
    return pd.DataFrame(rows)


def by_check(checks: pd.DataFrame) -> pd.DataFrame:
    """Return every check over all knees as a table for reading."""
    own = _of(checks)
    own = own[own["encoder"] != "randomised"]
    what = {
        "deletion": "change when replaced",
        "over_random": "change beyond random patches",
        "over_centre": "change beyond central patches",
        "randomised": "likeness to redrawn weights",
        "other_knee": "likeness to another person",
        "largest_patch": "share of the largest patch",
    }
    order = {name: place for place, name in enumerate(what)}
    own = own.sort_values(["encoder", "check", "method"], key=lambda c: c.map(order).fillna(c))
    names = [
        NAMES.get((row.encoder, row.method), f"{row.method} patches, {row.encoder}")
        for row in own.itertuples()
    ]
    return pd.DataFrame(
        {
            "map": names,
            "check": own["check"].map(what).to_numpy(),
            "value": [_spread(row, 3) for row in own.itertuples()],
            "unit": own["unit"].to_numpy(),
            "knees": own["knees"].to_numpy(),
            "people": own["participants"].to_numpy(),
        }
    )


def deletion(checks: pd.DataFrame, seen: Map) -> str:
    """Say what replacing the patches of a map does, beside random and central ones."""
    own = _of(checks)
    own = own[(own["encoder"] == seen[0]) & (own["check"] == "deletion")].set_index("method")
    graded = own["unit"].iloc[0] == "grades"
    answer = "the grade" if graded else "the embedding (1 - cosine)"
    chosen, random, centre = (_spread(own.loc[m]) for m in (seen[1], "random", "centre"))
    return (
        f"Putting the mean knee in the patches it points to changes {answer} by {chosen}; "
        f"in as many random patches by {random}, in the central ones by {centre}."
    )


def _joint(scores: pd.DataFrame) -> str:
    """Say whether attention on the joint space exceeds the blob."""
    own = _of(scores)
    own = own[own["region"] == "joint_space"].set_index(["encoder", "method"])
    first, shares, above = own.iloc[0], [], []
    for seen in REAL:
        row, name = own.loc[seen], NAMES[seen]
        more, less = row["low"] > row["centre_prior"], row["high"] < row["centre_prior"]
        word = "more than" if more else "less than" if less else "about as much as"
        share, low, high = (round(100 * row[end]) for end in ("estimate", "low", "high"))
        shares.append(f"{share} % ({low} to {high}) of {name}, {word} the blob")
        above += [name] if more else []
    answer = (
        f"exceeds the blob for {' and '.join(above)}" if above else "exceeds the blob in no map"
    )
    return (
        f"Attention on the joint {answer}. In {int(first['knees'])} knees of "
        f"{int(first['participants'])} people never trained on, the joint space is "
        f"{100 * first['area']:.0f} % of the picture, and a blob in the centre, which looks at "
        f"nothing, would put {100 * first['centre_prior']:.0f} % there. On it lie "
        f"{'; '.join(shares)}."
    )


def _sentences(checks: pd.DataFrame, seen: Map) -> str:
    """Say of one map of the trained reader what deletion and redrawn weights show."""
    own = _of(checks)
    own = own[(own["encoder"] == seen[0]) & (own["method"] == seen[1])].set_index("check")
    over, redrawn = own.loc["over_centre"], own.loc["randomised"]
    better, worse = over["low"] > 0, over["high"] < 0
    rests = "more than" if better else "less than" if worse else "about as much as"
    changed = redrawn["high"] < ALIKE
    moves = "changed, so it depends on what" if changed else "stayed much the same, whatever"
    name, told = NAMES[seen], deletion(checks, seen)
    return (
        f"{name[0].upper()}{name[1:]}: {told[0].lower()}{told[1:]} That is {rests} for the centre. "
        f"When the trained weights were drawn anew, the map {moves} was learned (rank correlation "
        f"{_spread(redrawn)})."
    )


def _pictures(checks: pd.DataFrame) -> str:
    """Say how alike the maps of two people are."""
    own = _of(checks)
    own = own[(own["check"] == "other_knee")].set_index(["encoder", "method"])
    parts = [f"{_spread(own.loc[seen])} for {NAMES[seen]}" for seen in REAL]
    fixed = [NAMES[seen] for seen in REAL if own.loc[seen, "low"] > ALIKE]
    means = (
        f"where it is high ({', '.join(fixed)}), most of the map is the same for every knee"
        if fixed
        else "no map is much the same for every knee"
    )
    return f"Maps of two people are alike at a rank correlation of {', '.join(parts)}: {means}."


def _of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about all knees together."""
    return table[(table["kl_grade"] == ALL_GRADES) & (table["phenotype"] == ALL_KNEES)]


def _percent(row: object) -> str:
    low, high = getattr(row, "low", np.nan), getattr(row, "high", np.nan)
    return report.spread(100 * getattr(row, "estimate", np.nan), 100 * low, 100 * high, 0)


def _whole(first: pd.DataFrame, name: str) -> dict[str, str]:
    return {row["region"]: f"{100 * row[name]:.0f}" for _, row in first.iterrows()}


def _spread(row: object, decimals: int = 2) -> str:
    low, high = float(getattr(row, "low", np.nan)), float(getattr(row, "high", np.nan))
    return report.spread(float(getattr(row, "estimate", np.nan)), low, high, decimals)
