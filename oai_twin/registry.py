"""Registry: who is enrolled, when they came and what became of them in the end.

Holds the dates and film numbers of a simulated cohort and writes `Enrollees` and
`Outcomes99` from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from oai_twin import observed, progression_model, value_format
from oai_twin.progression_model import CLINIC
from oai_twin.simulation import Simulation

FIRST_SCREENING, SCREENING_DAYS = 12_463, 800  # 2004-02-15 as days since 1970
RELEASE_OF_HALF = {1: "0.C.2", 2: "0.E.1"}
SEXES = {1: "Male", 2: "Female"}
SUBCOHORTS = {1: "Progression", 2: "Incidence", 3: "Non-exposed control group"}
HALVES = {1: "First half of cohort", 2: "Second half of cohort"}
RACES = {0: "Other Non-white", 1: "White or Caucasian", 2: "Black or African American", 3: "Asian"}
IMAGES = {
    0: "No",
    1: "Yes, Knee MR only",
    2: "Yes, Knee Xray only",
    3: "Yes, Knee MR and knee xray",
}
VISIT_LABELS = {
    0: "Baseline",
    1: "12-month",
    2: "18-month",
    3: "24-month",
    4: "30-month",
    5: "36-month",
    6: "48-month",
    7: "60-month",
    8: "72-month",
    9: "84-month",
    10: "96-month",
    11: "108-month",
}
ADJUDICATED = {
    0: "Replacement adjudcated,failed to confirm",
    1: "Replacement self-reported",
    3: "Replacement adjudicated, confirmed",
}
SEEN = {
    0: "No replacement seen on any FU xray",
    1: "Yes, replacement seen on FU xray",
    2: "No FU xrays of this knee (or hip)",
}
DEATHS = {1: "Death reported, not confirmed", 2: "Death confirmed"}


@dataclass(frozen=True)
class Registry:
    """Dates as days since 1970, one per person, and film numbers (people, clinic visits)."""

    screened: np.ndarray
    enrolled: np.ndarray
    barcodes: np.ndarray


def keep(simulation: Simulation) -> Registry:
    """Give every person dates and every film of every clinic visit a number."""
    rng = np.random.default_rng([simulation.seed, 41])
    n = len(simulation.people)
    screened = FIRST_SCREENING + rng.integers(0, SCREENING_DAYS, n)
    enrolled = screened + 7 + np.round(rng.gamma(3.0, 8.0, n)).astype(int)
    later = 1_000_000 + rng.permutation(n * (len(CLINIC) - 1)).reshape(n, -1)
    numbers = np.char.add("0166", np.char.zfill(later.astype(str), 8))
    first = simulation.films["film_id"].to_numpy(dtype=str)[:, None]
    return Registry(screened, enrolled, np.concatenate([first, numbers], axis=1))


def film_folders(simulation: Simulation, registry: Registry) -> pd.DataFrame:
    """Return where each baseline film lies: `release`, `date` and `folder` below the month."""
    half = simulation.people["half"].map(RELEASE_OF_HALF)
    date = pd.Series(pd.to_datetime(registry.screened, unit="D").strftime("%Y%m%d"))
    series = simulation.films["film_id"].str[-8:]
    folder = half + "/" + simulation.people["participant_id"] + "/" + date + "/" + series
    return pd.DataFrame({"release": half, "date": date, "folder": folder})


def enrollees(simulation: Simulation) -> value_format.Columns:
    """Return the 60 columns of `Enrollees`, labelled."""
    rng = np.random.default_rng([simulation.seed, 42])
    people, n = simulation.people, len(simulation.people)
    race = np.where(rng.random(n) < 0.001, np.nan, rng.choice(4, n, p=[0.018, 0.791, 0.182, 0.009]))
    hispanic = (rng.random(n) < 0.0125).astype(float)
    subcohort = people["subcohort"].map({"progression": 1, "incidence": 2, "control": 3})
    columns: dict[str, np.ndarray] = {
        "ID": people["participant_id"].to_numpy(),
        "VERSION": np.full(n, "25"),
        "P02HISP": value_format.labelled(hispanic, value_format.YES_NO, value_format.NO_FORM),
        "P02RACE": value_format.labelled(race, RACES, value_format.NO_FORM),
        "P02SEX": value_format.labelled(
            np.where(people["sex"].eq("male"), 1, 2), SEXES, value_format.NO_FORM
        ),
        "V00CHRTHLF": value_format.labelled(people["half"], HALVES, value_format.NO_FORM),
        "V00COHORT": value_format.labelled(subcohort, SUBCOHORTS, value_format.NO_FORM),
    }
    come = progression_model.attended(simulation.contacts)
    none = value_format.labelled(np.zeros(n), IMAGES, value_format.NO_FORM)
    home = np.where(people["half"].eq(1), "C", "E")
    for at, visit in enumerate(CLINIC):
        for letter in "ABCDEFG":
            taken = np.where((home == letter) & come[:, at], 3, 0)
            columns[f"{visit}IMAGES{letter}"] = value_format.labelled(
                taken, IMAGES, value_format.NO_FORM
            )
        if visit == "V00":
            columns["V00SITE"] = people["site"].to_numpy()
            columns["V01HADINTV"] = np.full(n, "0: No interim visit")
        if visit in {"V01", "V03"}:
            columns["V02IMAGESD" if visit == "V01" else "V04IMAGESG"] = none
    return columns


def outcomes(simulation: Simulation, registry: Registry, *, packed: bool) -> value_format.Columns:
    """Return `Outcomes99`: replacements as adjudicated, deaths and the last contact.

    The release writes dates with years of two digits and no days since enrolment; the package
    of the archive (`packed`) writes whole years and the days to replacements.
    """
    n = len(simulation.people)
    columns: dict[str, np.ndarray] = {
        "id": simulation.people["participant_id"].to_numpy(),
        "VERSION": np.full(n, "8"),
    }
    knees, ends = observed.replacements(simulation), observed.ends(simulation)
    for at, letter in enumerate("RL"):
        columns |= _replacements(knees[at::2], registry, f"V99E{letter}K", packed=packed)
    before = np.where(ends["death_days"].notna(), ends["last_contact"], np.nan)
    day = registry.enrolled + ends["death_days"]
    columns["V99EDDCF"] = value_format.labelled(
        ends["death_status"], DEATHS, value_format.NOT_EXPECTED
    )
    columns["V99EDDDATE"] = value_format.dates(day, value_format.NOT_EXPECTED, short=not packed)
    columns["V99EDDVSPR"] = value_format.labelled(before, VISIT_LABELS, value_format.NOT_EXPECTED)
    columns["V99RNTCNT"] = value_format.labelled(
        ends["last_contact"], VISIT_LABELS, value_format.NO_FORM
    )
    return columns


def _replacements(
    knees: pd.DataFrame, registry: Registry, stem: str, *, packed: bool
) -> dict[str, np.ndarray]:
    """Return the columns of one side."""
    gone = value_format.NOT_EXPECTED
    dates = registry.enrolled + knees["days"].to_numpy()
    kinds = {0: "Total", 1: "Partial"}
    return {
        f"{stem}BLRP": value_format.labelled(knees["seen_at_baseline"], value_format.YES_NO, gone),
        f"{stem}DATE": value_format.dates(dates, gone, short=not packed),
        **({f"{stem}DAYS": value_format.whole(knees["days"], gone)} if packed else {}),
        f"{stem}RPCF": value_format.labelled(knees["status"], ADJUDICATED, gone),
        f"{stem}RPSN": value_format.labelled(knees["on_film"], SEEN, gone),
        f"{stem}TLPR": value_format.labelled(knees["partial"], kinds, gone),
        f"{stem}VSRP": value_format.labelled(knees["reported"], VISIT_LABELS, gone),
        f"{stem}VSPR": value_format.labelled(knees["before"], VISIT_LABELS, gone),
        f"{stem}VSAF": value_format.labelled(knees["reported"], VISIT_LABELS, gone),
    }
