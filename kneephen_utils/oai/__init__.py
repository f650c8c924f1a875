"""OAI: a release of the Osteoarthritis Initiative, read into tidy typed tables.

`read` finds the tables of a release whatever its flavour, folders, letter case and value
style, and says what is missing. Nothing is decided here: all readings, all visits and
all films that the study might use are returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kneephen_utils.oai import catalog, image_index, table_reader, visit_schedule
from kneephen_utils.oai.raw import ReleaseError

__all__ = ["Release", "ReleaseError", "read"]

SEXES = {1.0: "male", 2.0: "female"}
SUBCOHORTS = {1.0: "progression", 2.0: "incidence", 3.0: "control"}
CONFIRMED_DEATH = 2.0


@dataclass(frozen=True)
class Release:
    """The tables of a release, tidy and typed.

    Attributes
    ----------
    people
        One row per participant: `sex`, `site`, `subcohort`, `age` (years), `bmi` (kg/m2).
    contacts
        One row per participant and visit, in the clinic or by telephone: `visit`, `months`
        (nominal), `days` since enrolment.
    symptoms
        One row per knee and visit, in the clinic or by telephone: `womac_pain` (0-20),
        `koos_pain` (0-100).
    histories
        One row per knee: `injury`, `surgery` and `replaced_before` baseline.
    readings
        One row per knee, visit and reading of the film: `reading_code` (15, 37 or 42),
        `kl_grade`, joint-space narrowing, osteophytes, sclerosis, `film_id`; missing means not
        read. `prosthesis` is true where the reading says so.
    widths
        One row per knee and visit: `jsw_medial`, `jsw_lateral` (mm).
    replacements
        One row per knee: `seen_at_baseline`, `status` (3 confirmed), `months` since enrolment,
        `reported_months` of the visit that reported it.
    ends
        One row per participant: `last_contact_months`, `death_months`.
    films
        One row per baseline series: see `image_index.listed`.
    ingest
        One row per expected table, and one of the lists of films: what was found, and what its
        absence means.
    """

    people: pd.DataFrame
    contacts: pd.DataFrame
    symptoms: pd.DataFrame
    histories: pd.DataFrame
    readings: pd.DataFrame
    widths: pd.DataFrame
    replacements: pd.DataFrame
    ends: pd.DataFrame
    films: pd.DataFrame
    ingest: pd.DataFrame


def read(release: str | Path) -> Release:
    """Read the release in a folder.

    Raises
    ------
    ReleaseError
        If the folder is missing or empty, holds no release, or lacks a table or column that
        the study cannot do without.
    """
    library = table_reader.library(release)
    enrollees = library.open(catalog.ENROLLEES, "")
    characteristics = library.open(catalog.CHARACTERISTICS, "V00")
    clinical = library.visits(catalog.CLINICAL)
    readings = library.visits(catalog.READINGS)
    widths = library.visits(catalog.WIDTHS)
    xrays = library.open(catalog.XRAYS, "V00")
    outcomes = library.open(catalog.OUTCOMES, "V99")
    baseline = clinical[clinical["visit"].eq("V00")]
    enrolment = baseline.drop_duplicates("participant_id").set_index("participant_id")["date"]
    films, line = image_index.listed(
        library.folder, xrays, library.shelf.get(image_index.MANIFEST, [])
    )
    return Release(
        people=_people(enrollees, characteristics, baseline),
        contacts=_contacts(clinical, enrolment),
        symptoms=table_reader.by_knee(clinical, ["womac_pain", "koos_pain"]),
        histories=_histories(baseline),
        readings=readings.drop(columns="version"),
        widths=_widths(widths),
        replacements=_replacements(outcomes, enrolment),
        ends=_ends(outcomes, enrolment),
        films=films,
        ingest=pd.DataFrame([*library.report, line]).sort_values("table", ignore_index=True),
    )


def text_ingest(ingest: pd.DataFrame) -> str:
    """Say in a few sentences how many tables were found, and what is done without the others."""
    found, gone = ingest["found"].sum(), ingest[~ingest["found"].astype(bool)]
    odd = int(ingest["not_understood"].sum())
    cells = f" {odd} cells were not understood and are taken as missing." if odd else ""
    return " ".join([f"{found} of {len(ingest)} tables were found.{cells}", *gone["sentence"]])


def _people(
    enrollees: pd.DataFrame, characteristics: pd.DataFrame, baseline: pd.DataFrame
) -> pd.DataFrame:
    people = enrollees.drop_duplicates("participant_id").set_index("participant_id")
    traits = [each.drop_duplicates("participant_id") for each in (characteristics, baseline)]
    first, second = (each.set_index("participant_id")[["age", "bmi"]] for each in traits)
    known = first.combine_first(second).reindex(people.index)
    return pd.DataFrame(
        {
            "sex": people["sex"].map(SEXES),
            "site": people["site"],
            "subcohort": people["subcohort"].map(SUBCOHORTS),
            "age": known["age"],
            "bmi": known["bmi"],
        }
    ).reset_index()


def _contacts(clinical: pd.DataFrame, enrolment: pd.Series) -> pd.DataFrame:
    contacts = clinical[["participant_id", "visit"]].assign(
        months=visit_schedule.months(clinical["visit"]),
        days=clinical["days"].fillna(_days(clinical, "date", enrolment)),
    )
    return contacts.drop_duplicates(["participant_id", "visit"]).reset_index(drop=True)


def _histories(baseline: pd.DataFrame) -> pd.DataFrame:
    names = ["injury", "surgery", "replaced_before"]
    knees = table_reader.by_knee(baseline.drop(columns="visit"), names)
    return knees.assign(**{name: _yes(knees[name]) for name in names})


def _widths(widths: pd.DataFrame) -> pd.DataFrame:
    return widths[["participant_id", "side", "visit"]].assign(
        jsw_medial=widths["jsw_medial"].mask(widths["no_medial"].eq(1)),
        jsw_lateral=widths["jsw_lateral"].mask(widths["no_lateral"].eq(1)),
    )


def _replacements(outcomes: pd.DataFrame, enrolment: pd.Series) -> pd.DataFrame:
    names = ["seen_at_baseline", "status", "days", "date", "reported"]
    knees = table_reader.by_knee(outcomes, names)
    days = knees["days"].fillna(_days(knees, "date", enrolment))
    return knees[["participant_id", "side", "status"]].assign(
        seen_at_baseline=knees["seen_at_baseline"].eq(1),
        months=visit_schedule.months_of_days(days),
        reported_months=visit_schedule.months_of_contact(knees["reported"]),
    )


def _ends(outcomes: pd.DataFrame, enrolment: pd.Series) -> pd.DataFrame:
    days = outcomes["death_days"].fillna(_days(outcomes, "death_date", enrolment))
    last_contact = visit_schedule.months_of_contact(outcomes["last_contact"])
    visit = visit_schedule.months_of_contact(outcomes["death_visit"]).fillna(last_contact)
    died = outcomes["death_status"].eq(CONFIRMED_DEATH)
    ends = outcomes[["participant_id"]].assign(
        last_contact_months=last_contact,
        death_months=visit_schedule.months_of_days(days).fillna(visit).where(died),
    )
    return ends.drop_duplicates("participant_id")


def _days(table: pd.DataFrame, dates: str, enrolment: pd.Series) -> pd.Series:
    """Return days from each person's enrolment to a date column."""
    passed = table[dates] - table["participant_id"].map(enrolment)
    return passed.dt.days.astype("float64")


def _yes(codes: pd.Series) -> pd.Series:
    return codes.map({0.0: False, 1.0: True}).astype("boolean")
