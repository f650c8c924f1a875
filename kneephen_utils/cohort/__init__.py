"""Cohort: who was read, when, on which side and by which reading project.

Stage 0 turns the tables of a release into participants, knees, visits and films. What was
not read stays missing, never zero, and a replaced knee has no grade.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import tables
from kneephen_utils.cohort.reading_selection import knee_ids
from kneephen_utils.oai import Release, visit_schedule

VIEW = "bilateral pa fixed flexion knee"
SPLITS = ("train", "discover", "confirm")
CONFIRMED = 3.0
SIDES = ("right", "left")
WIDTHS = ["jsw_medial", "jsw_lateral"]
PAIN = ["womac_pain", "koos_pain"]
JSN = ["jsn_medial", "jsn_lateral"]
OSTEOPHYTES = [
    f"osteophyte_{bone}_{part}" for bone in ("femur", "tibia") for part in ("medial", "lateral")
]
NOT_READ = -1


def knees(source: Release, chosen: pd.DataFrame) -> pd.DataFrame:
    """Return the `knees` table: both knees of every enrolled person, as they were at baseline.

    Parameters
    ----------
    source
        The release.
    chosen
        Readings that count, see `reading_selection.choose`.
    """
    table = _both_sides(source.people)
    key = table["knee_id"]
    first = chosen[chosen["visit"].eq("V00")].set_index("knee_id").reindex(key)
    pain = _once(source.symptoms[source.symptoms["visit"].eq("V00")]).reindex(key)
    width = _once(source.widths[source.widths["visit"].eq("V00")]).reindex(key)
    history = _once(source.histories).reindex(key)
    replaced = key.isin(replaced_at_baseline(source, chosen)).to_numpy()
    scores = {score: first[score].mask(replaced) for score in [*JSN, *OSTEOPHYTES]}
    parts = {
        "kl_grade": first["kl_grade"].mask(replaced).astype("Int64"),
        **scores,
        "sclerosis_medial": _worse(first, "medial").mask(replaced),
        "sclerosis_lateral": _worse(first, "lateral").mask(replaced),
        **{name: width[name].mask(replaced) for name in WIDTHS},
        **{name: pain[name] for name in PAIN},
        "injury": history["injury"].astype("boolean"),
        "surgery": history["surgery"].astype("boolean"),
        "replaced_at_baseline": replaced,
        "reading_project": first["reading_project"].astype("Int64"),
        "film_id": first["film_id"],
    }
    values = pd.DataFrame({name: np.asarray(part) for name, part in parts.items()})
    types = {name: part.dtype for name, part in parts.items() if isinstance(part, pd.Series)}
    return pd.concat([table, values.astype(types)], axis=1)


def visits(source: Release, chosen: pd.DataFrame, knees: pd.DataFrame) -> pd.DataFrame:
    """Return the `visits` table: one row per knee and visit at which anything was recorded.

    A knee counts as replaced from its confirmed replacement on; its grade and widths are then
    missing, while the pain reported at it is kept. Pain is also asked by telephone, at 60, 84
    and 108 months; `contact` says how.
    """
    key = ["knee_id", "visit"]
    read = ["kl_grade", "kl_grade_start", "reading_project", *JSN]
    parts = [
        _graded(chosen).set_index(key)[read],
        _once(source.widths, "visit")[WIDTHS],
        _once(source.symptoms, "visit")[PAIN],
    ]
    table = pd.concat([part.dropna(how="all") for part in parts], axis=1).reset_index()
    table = knees[["knee_id", "participant_id"]].merge(table, on="knee_id")
    table["months"] = visit_schedule.months(table["visit"])
    table["contact"] = visit_schedule.kind(table["visit"])
    contacts = source.contacts[["participant_id", "visit", "days"]]
    tables.once(contacts, ["participant_id", "visit"], "contacts of the release")
    table = table.merge(contacts, on=["participant_id", "visit"], how="left")
    table["replaced"] = _replaced_by(table, source, chosen)
    table[[*read, *WIDTHS]] = table[[*read, *WIDTHS]].mask(table["replaced"])
    whole = ["kl_grade", "kl_grade_start", "reading_project"]
    table[whole] = table[whole].astype("Int64")
    order = ["knee_id", "participant_id", "visit", "contact", "months", "days"]
    return table[[*order, *read, *WIDTHS, *PAIN, "replaced"]].sort_values(
        ["knee_id", "months"], ignore_index=True
    )


def participants(source: Release, visits: pd.DataFrame) -> pd.DataFrame:
    """Return every enrolled person with what is known of them, not yet split.

    The last contact is the later of the one the release names and the last visit seen.
    """
    people = source.people.merge(source.ends, on="participant_id", how="left")
    seen = people["participant_id"].map(visits.groupby("participant_id")["months"].max())
    known = pd.concat([people["last_contact_months"], seen], axis=1).max(axis=1)
    return people.assign(last_contact_months=known).sort_values("participant_id", ignore_index=True)


def split(
    participants: pd.DataFrame,
    knees: pd.DataFrame,
    *,
    train_share: float,
    discover_share: float,
    seed: int,
) -> pd.DataFrame:
    """Give every person one use: train the encoder, discover phenotypes or confirm them.

    People are put in a random order within strata of their worst grade and site, and dealt
    out along that order to the use that is furthest behind its share. So the shares hold in
    every stratum up to one person, and both knees of a person stay together.

    Parameters
    ----------
    participants
        Table without or with `split`; row order does not matter.
    knees
        Baseline grades; a person without a read knee is a stratum of their own.
    train_share, discover_share
        Shares of the people, 0-1; what remains confirms.
    seed
        Start of the random order.

    Raises
    ------
    ValueError
        If the shares leave nobody to confirm.
    """
    shares = np.array([train_share, discover_share, 1 - train_share - discover_share])
    if shares.min() <= 0:
        raise ValueError(
            f"train_share {train_share} and discover_share {discover_share} must be above 0 and "
            "leave people to confirm"
        )
    worst = knees["kl_grade"].astype("float64").groupby(knees["participant_id"]).max()
    people = participants.sort_values("participant_id", ignore_index=True)
    people["chance"] = np.random.default_rng([seed, 0]).random(len(people))
    people["worst"] = people["participant_id"].map(worst).astype("Int64").fillna(NOT_READ)
    dealt = people.sort_values(["worst", "site", "chance"])
    people["split"] = pd.Series(_deal(len(dealt), shares), index=dealt.index)
    return people.drop(columns=["chance", "worst"])


def films(source: Release) -> pd.DataFrame:
    """Return the `films` table: baseline films of both knees standing bent, from behind."""
    view = source.films["view"].str.split().str.join(" ").str.casefold()
    kept = source.films[view.eq(VIEW).fillna(value=False)]
    kept = kept[kept["participant_id"].isin(source.people["participant_id"])]
    return kept[["film_id", "participant_id", "visit", "view", "path"]].reset_index(drop=True)


def replacements(source: Release) -> pd.DataFrame:
    """Return what the release says of replacements, with `knee_id`."""
    return source.replacements.assign(knee_id=knee_ids(source.replacements))


def replaced_at_baseline(source: Release, chosen: pd.DataFrame) -> set[str]:
    """Return the knees that held a prosthesis when the study began."""
    known = replacements(source)
    early = known["seen_at_baseline"] | (known["status"].eq(CONFIRMED) & known["months"].le(0))
    told = source.histories[source.histories["replaced_before"].fillna(value=False)]
    read = chosen[chosen["visit"].eq("V00") & chosen["prosthesis"]]
    return {*known.loc[early, "knee_id"], *knee_ids(told), *read["knee_id"]}


def _replaced_by(table: pd.DataFrame, source: Release, chosen: pd.DataFrame) -> pd.Series:
    """Say at which visits a knee had been replaced: by date, or a prosthesis was read."""
    known = replacements(source)
    known = known[known["status"].eq(CONFIRMED)].drop_duplicates("knee_id").set_index("knee_id")
    when = known["months"].fillna(known["reported_months"])
    read = chosen[chosen["prosthesis"]].groupby("knee_id")["months"].min()
    early = pd.Series(0.0, index=sorted(replaced_at_baseline(source, chosen)))
    seen = visit_schedule.months_of_days(table["days"]).fillna(table["months"])
    since = pd.concat([table["knee_id"].map(each) for each in (when, early)], axis=1).min(axis=1)
    return seen.ge(since) | table["months"].ge(table["knee_id"].map(read))


def _both_sides(people: pd.DataFrame) -> pd.DataFrame:
    table = people[["participant_id"]].merge(pd.DataFrame({"side": SIDES}), how="cross")
    table = table.sort_values("participant_id", kind="stable", ignore_index=True)
    return pd.DataFrame({"knee_id": knee_ids(table)}).join(table)


def _graded(chosen: pd.DataFrame) -> pd.DataFrame:
    """Leave project and starting grade out where nothing was graded."""
    graded = chosen[["kl_grade", *JSN]].notna().any(axis=1)
    own = ["kl_grade_start", "reading_project"]
    return chosen.assign(**{name: chosen[name].where(graded) for name in own})


def _once(table: pd.DataFrame, *more: str) -> pd.DataFrame:
    """Index by knee (and visit); of repeated rows the fullest is kept."""
    keyed = table.assign(knee_id=knee_ids(table), empty=table.isna().sum(axis=1))
    keyed = keyed.sort_values("empty", kind="stable").drop_duplicates(["knee_id", *more])
    return keyed.drop(columns="empty").set_index(["knee_id", *more])


def _worse(first: pd.DataFrame, part: str) -> pd.Series:
    return first[[f"sclerosis_femur_{part}", f"sclerosis_tibia_{part}"]].max(axis=1)


def _deal(count: int, shares: np.ndarray) -> list[str]:
    given, names = np.zeros(len(shares)), []
    for position in range(1, count + 1):
        behind = int(np.argmax(shares * position - given))
        given[behind] += 1
        names.append(SPLITS[behind])
    return names
