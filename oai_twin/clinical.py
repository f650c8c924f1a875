"""Clinical: the `AllClinical` table of each contact, one row per participant.

The tables of baseline and 12 months hold labelled codes; later ones hold bare numbers
(`1.0`) and a space where nothing is known. People who did not come keep their row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oai_twin import observed, progression_model, value_format
from oai_twin.progression_model import CLINIC, PHONE
from oai_twin.registry import Registry
from oai_twin.simulation import Simulation

LABELLED_VISITS = {"V00", "V01"}
DAYS_GIVEN_FROM = "V03"
RATING = {0: "No pain", 10: "Pain as bad as you can imagine"}
RATING_LABELS = {score: RATING.get(score, str(score)) for score in range(11)}
EDUCATION = ["Less than high school graduate", "High school graduate", "Some college"]
EDUCATION += ["College graduate", "Some graduate school", "Graduate degree"]
INCOME = ["Less than $10K", "$10K to < $25K", "$25K to < $50K", "$50K to < $100K"]
INCOME += ["$100K or greater"]
SMOKER = {0: "Never", 1: "Current", 2: "Former", 3: "Current, not every day"}
WOMAC = {"KP": "womac_pain", "STF": "womac_stiffness", "ADL": "womac_function"}
HISTORY = {
    "INJ": "injury",
    "KSURG": "surgery",
    "ART": "arthroscopy",
    "MEN": "meniscectomy",
    "LR": "ligament",
    "KRS": "replaced",
}
KOOS = {"KOOSKP": "koos_pain", "KOOSYM": "koos_symptoms"}


def tables(simulation: Simulation, registry: Registry) -> dict[str, value_format.Columns]:
    """Return the columns of every `AllClinical` table by its visit."""
    visits = sorted(CLINIC | PHONE)
    return {visit: _table(simulation, registry, visit) for visit in visits}


def _table(simulation: Simulation, registry: Registry, visit: str) -> value_format.Columns:
    rng = np.random.default_rng([simulation.seed, 52, int(visit[1:])])
    contacts = simulation.contacts[simulation.contacts["visit"].eq(visit)]
    come = contacts["attended"].to_numpy()
    columns = {
        "ID": simulation.people["participant_id"].to_numpy(),
        "VERSION": np.full(len(come), "0.2.3" if visit == "V00" else f"{int(visit[1:])}.2.1"),
    }
    if visit == "V00":
        columns |= _before(simulation, registry, rng)
    else:
        columns |= _follow_up(simulation, registry, visit, contacts, rng)
    return columns | _scores(simulation, visit)


def _missing(visit: str) -> str:
    return value_format.NO_FORM if visit in LABELLED_VISITS else value_format.SPACE


def _coded(values: np.ndarray, labels: dict[int, str], visit: str) -> np.ndarray:
    """Spell codes in the style of the visit: labelled at first, bare decimals later."""
    if visit in LABELLED_VISITS:
        return value_format.labelled(values, labels, _missing(visit))
    return value_format.whole(values, _missing(visit), ending=".0")


def _before(
    simulation: Simulation, registry: Registry, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return what was asked and measured once, before or at enrolment."""
    people, n = simulation.people, len(simulation.people)
    weight = people["bmi"] * (people["height"] / 1000) ** 2
    columns = {
        "P01SVDATE": value_format.dates(registry.screened, value_format.SPACE),
        "V00EVDATE": value_format.dates(registry.enrolled, value_format.SPACE),
        "V00AGE": value_format.whole(people["age"], value_format.SPACE),
        "P01BMI": value_format.decimal(
            _lost(people["bmi"], 0.001, rng), value_format.SPACE, digits=1
        ),
        "P01HEIGHT": value_format.decimal(people["height"], value_format.SPACE, digits=1),
        "P01WEIGHT": value_format.decimal(weight, value_format.SPACE, digits=1),
    }
    columns |= _history(simulation)
    pain = _by_person(simulation, "womac_pain", "V00")
    for at, letter in enumerate("RL"):
        rating = np.clip(np.round(0.6 * pain[:, at] + rng.normal(0.5, 0.8, n)), 0, 10)
        frequent = observed.likely(-2.2 + 0.55 * pain[:, at], rng)
        columns[f"P01PM{letter}KRCV"] = _coded(rating, RATING_LABELS, "V00")
        columns[f"P01KPN{letter}EV"] = _coded(
            observed.likely(0.2 + pain[:, at], rng), value_format.YES_NO, "V00"
        )
        columns[f"P01KP{letter}12CV"] = _coded(frequent, value_format.YES_NO, "V00")
    return columns | _background(n, rng)


def _history(simulation: Simulation) -> dict[str, np.ndarray]:
    """Return injury and surgery of each knee before the study."""
    past = observed.histories(simulation)
    return {
        f"P01{stem}{letter}": _coded(past[name].to_numpy()[at::2], value_format.YES_NO, "V00")
        for at, letter in enumerate("RL")
        for stem, name in HISTORY.items()
    }


def _background(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return columns the study does not use but a release holds."""
    education = dict(enumerate(EDUCATION))
    income = dict(enumerate(INCOME, start=1))
    return {
        "V00CESD": value_format.whole(
            _lost(np.minimum(rng.gamma(0.8, 8.2, n), 60), 0.01, rng), " "
        ),
        "V00COMORB": value_format.whole(rng.poisson(0.4, n), " "),
        "V00PASE": value_format.whole(
            _lost(np.maximum(rng.normal(161, 82, n), 0), 0.005, rng), " "
        ),
        "V00EDCV": _coded(_lost(rng.integers(0, 6, n), 0.01, rng), education, "V00"),
        "V00INCOME": _coded(_lost(rng.integers(1, 6, n), 0.07, rng), income, "V00"),
        "V00RXNSAID": _coded((rng.random(n) < 0.25).astype(float), value_format.YES_NO, "V00"),
        "V00SMOKER": _coded(rng.choice(4, n, p=[0.53, 0.05, 0.40, 0.02]), SMOKER, "V00"),
        "V00NOTE": np.where(rng.random(n) < 0.01, "seen twice: form repeated", value_format.SPACE),
    }


def _follow_up(
    simulation: Simulation,
    registry: Registry,
    visit: str,
    contacts: pd.DataFrame,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return dates and what was asked again; blank for people who did not come."""
    people, n = simulation.people, len(simulation.people)
    come, days = contacts["attended"].to_numpy(), contacts["days"].to_numpy()
    here = np.where(come, 1.0, np.nan)
    missing = _missing(visit)
    columns = {f"{visit}FVDATE": value_format.dates(here * (registry.enrolled + days), missing)}
    if visit >= DAYS_GIVEN_FROM:
        columns[f"{visit}VISDYS"] = value_format.whole(here * days, missing)
    columns[f"{visit}AGE"] = value_format.whole(
        here * np.floor(people["age"] + days / 365.25), missing
    )
    if visit in CLINIC:
        bmi = people["bmi"] + rng.normal(0, 0.12 * np.sqrt(int(visit[1:])), n)
        columns[f"{visit}BMI"] = value_format.decimal(
            _lost(here * bmi, 0.02, rng), missing, digits=1
        )
    replaced = simulation.fates["replacement_months"].to_numpy().reshape(-1, 2)
    months = days / progression_model.DAYS_PER_MONTH
    for at, letter in enumerate("RL"):
        recent = (replaced[:, at] <= months) & (replaced[:, at] > months - 13)
        columns[f"{visit}KRS{letter}12"] = _coded(here * recent, value_format.YES_NO, visit)
    return columns


def _scores(simulation: Simulation, visit: str) -> dict[str, np.ndarray]:
    """Return WOMAC of both knees and, in the clinic, KOOS of the knees and the person."""
    missing = _missing(visit)
    koos = KOOS if visit in CLINIC else {}
    values = {
        name: _by_person(simulation, name, visit) for name in (*WOMAC.values(), *koos.values())
    }
    values["total"] = sum((values[name] for name in WOMAC.values()), np.zeros(1))
    columns = {}
    for at, letter in enumerate("RL"):
        for stem, name in {**WOMAC, "TS": "total"}.items():
            spelled = value_format.decimal(values[name][:, at], missing, digits=1)
            columns[f"{visit}WOM{stem}{letter}"] = spelled
        for stem, name in koos.items():
            spelled = value_format.decimal(values[name][:, at], missing, digits=1)
            columns[f"{visit}{stem}{letter}"] = spelled
    if not koos:
        return columns
    worst = values["koos_pain"].min(axis=1)
    columns[f"{visit}KOOSFSR"] = value_format.decimal(5 * np.floor(worst / 5), missing, digits=1)
    columns[f"{visit}KOOSQOL"] = value_format.decimal(
        6.25 * np.floor(0.85 * worst / 6.25), missing, digits=1
    )
    return columns


def _by_person(simulation: Simulation, name: str, visit: str) -> np.ndarray:
    """Return a score as (people, 2), right before left."""
    told, visits = (
        (simulation.scores, list(CLINIC)) if visit in CLINIC else (simulation.calls, list(PHONE))
    )
    return told[name].to_numpy().reshape(-1, 2, len(visits))[:, :, visits.index(visit)]


def _lost(values: np.ndarray | pd.Series, share: float, rng: np.random.Generator) -> np.ndarray:
    """Make a share of values missing."""
    return np.where(rng.random(len(values)) < share, np.nan, np.asarray(values, dtype=float))
