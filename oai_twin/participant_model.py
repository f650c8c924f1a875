"""Participant model: who takes part and what their knees look like.

Severity is correlated between the two knees of a person and depends weakly on age, body
mass index, sex, site and side; the phenotype within a grade does not depend on any of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, truncnorm

from oai_twin import acquisition, features

SITES = {"A": 756, "B": 1000, "C": 1306, "D": 1173, "E": 561}  # people per site
GRADE_SHARES = [0.38, 0.18, 0.27, 0.14, 0.03]
SHARE_WOMEN = 0.585
SEVERITY_CORRELATION, PHENOTYPE_CORRELATION = 0.585, 0.35  # of the two knees, latent scale
SEVERITY_EFFECTS = {"age": 0.24, "bmi": 0.22, "female": 0.04, "site": 0.08, "right": 0.04}
SITE_SEVERITY = {"A": -1.0, "B": 0.3, "C": -0.3, "D": 1.2, "E": 0.2}
FIRST_ID, LAST_ID = 9_000_000, 9_999_999
FEMORAL_WIDTH = {"female": (75.0, 3.2), "male": (85.5, 3.6)}  # mean and SD, mm
MEDIAL_WIDTH_RATIO, LATERAL_WIDTH_RATIO = 0.0625, 0.080  # healthy joint space / femoral width

HAZARDS = {"typical": 0.0, "pain_prone": 0.0, "medial": 0.0}
HAZARDS |= {"lateral": np.log(2.2), "osteophytic": np.log(0.6), "atrophic": np.log(1.4)}
PAIN_LEVELS = {"typical": -0.75, "pain_prone": 1.75, "medial": 0.0}  # points, mean 0 in a grade
PAIN_LEVELS |= {"lateral": 0.0, "osteophytic": -0.4, "atrophic": 0.7}
PAIN_SLOPES = {"typical": 0.0, "pain_prone": 0.15, "medial": 0.0}  # points a year
PAIN_SLOPES |= {"lateral": 0.05, "osteophytic": -0.03, "atrophic": 0.12}


def draw(*, participants: int, seed: int, planted: bool) -> dict[str, pd.DataFrame]:
    """Draw the people, knees and baseline films of a synthetic cohort.

    Parameters
    ----------
    participants
        Number of people.
    seed
        Same seed, same cohort.
    planted
        Whether phenotypes are planted. If not, features follow one continuous distribution
        per grade, every knee is `typical`, and neither hazard nor pain depends on a group.

    Returns
    -------
    `people`
        One row per person: `participant_id`, `sex`, `age` (years), `bmi` (kg/m2), `height`
        (mm), `site`, `half` of the cohort (1 or 2), `subcohort`.
    `knees`
        Two rows per person, right before left: the planted features, hazard and pain.
    `films`
        One row per person: the baseline film and how it is taken; `defect` is empty.

    Raises
    ------
    ValueError
        If there are fewer people than one or more than there are numbers for them.
    """
    if not 1 <= participants <= LAST_ID - FIRST_ID + 1:
        raise ValueError(f"{participants} participants cannot be drawn; expected 1 to 1,000,000")
    people = _people(participants, np.random.default_rng([seed, 1]))
    knees = _knees(people, np.random.default_rng([seed, 2]), planted=planted)
    people["subcohort"] = _subcohorts(knees, np.random.default_rng([seed, 3]))
    films = acquisition.draw(people, np.random.default_rng([seed, 4]))
    return {"people": people, "knees": knees, "films": films}


def widths(narrowing: np.ndarray, femoral_width: np.ndarray) -> np.ndarray:
    """Return joint-space widths (knees, 2: medial, lateral) in mm from narrowing 0 to 3."""
    ratio = np.array([MEDIAL_WIDTH_RATIO, LATERAL_WIDTH_RATIO])
    return np.clip(1 - narrowing / 3, 0, None) * ratio * np.asarray(femoral_width)[:, None]


def narrowing(knees: pd.DataFrame) -> np.ndarray:
    """Return narrowing (knees, 2: medial, lateral), 0 to 3, from the widths and the knee's size."""
    ratio = np.array([MEDIAL_WIDTH_RATIO, LATERAL_WIDTH_RATIO])
    healthy = ratio * knees["femoral_width"].to_numpy()[:, None]
    return 3 * (1 - knees[["jsw_medial", "jsw_lateral"]].to_numpy() / healthy)


def grade_of(knees: pd.DataFrame) -> np.ndarray:
    """Return the grade that follows from the planted features by the written definition."""
    rest = knees[list(features.NAMES[2:])].to_numpy()
    return features.grade_of(np.column_stack([narrowing(knees), rest]))


def _people(n: int, rng: np.random.Generator) -> pd.DataFrame:
    female = rng.random(n) < SHARE_WOMEN
    age = truncnorm.rvs(-1.25, 1.45, loc=61.2, scale=13.0, size=n, random_state=rng)
    bmi = np.clip(np.exp(rng.normal(np.log(28.2), 0.168, n)), 17.0, 48.0)
    height = rng.normal(np.where(female, 1630.0, 1769.0), np.where(female, 62.0, 66.0))
    shares = np.array(list(SITES.values())) / sum(SITES.values())
    return pd.DataFrame(
        {
            "participant_id": (
                FIRST_ID + acquisition.distinct(LAST_ID - FIRST_ID + 1, n, rng)
            ).astype(str),
            "sex": np.where(female, "female", "male"),
            "age": np.clip(np.floor(age), 45, 79).astype(int),
            "bmi": bmi.round(1),
            "height": height.round(),
            "site": rng.choice(list(SITES), size=n, p=shares),
            "half": np.where(rng.random(n) < 0.56, 1, 2),
        }
    )


def _knees(people: pd.DataFrame, rng: np.random.Generator, *, planted: bool) -> pd.DataFrame:
    n = len(people)
    latent = _severity(people, rng)
    grade = np.digitize(latent, norm.ppf(np.cumsum(GRADE_SHARES)[:-1]))
    edges = np.concatenate([[0.0], np.cumsum(GRADE_SHARES)])
    severity = (norm.cdf(latent) - edges[grade]) / np.array(GRADE_SHARES)[grade]
    severity = np.clip(severity, 0.0, 1.0)
    kinds = _phenotypes(grade, rng) if planted else np.full(2 * n, "typical", dtype=object)
    drawn = features.draw(grade, kinds, severity, planted=planted, rng=rng)
    rows = people.loc[people.index.repeat(2)].reset_index(drop=True)
    anatomy = _anatomy(people, rng)
    jsw = widths(drawn[:, :2], anatomy["femoral_width"].to_numpy())
    knees = pd.DataFrame(
        {
            "participant_id": rows["participant_id"],
            "knee_id": rows["participant_id"] + np.tile(["-R", "-L"], n),
            "side": np.tile(["right", "left"], n),
            "phenotype": kinds.astype(str),
            "kl_true": grade.astype(int),
            "severity": severity,
            "jsw_medial": jsw[:, 0],
            "jsw_lateral": jsw[:, 1],
        }
    )
    looks = pd.DataFrame(drawn[:, 2:], columns=list(features.NAMES[2:]))
    knees = pd.concat([knees, looks, anatomy], axis=1)
    return _consequences(knees.assign(prosthesis=False), planted=planted)


def _severity(people: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return latent severity of the knees, right before left: mean 0, variance 1."""
    effect = SEVERITY_EFFECTS
    known = (
        effect["age"] * (people["age"].to_numpy() - 61.1) / 8.8
        + effect["bmi"] * (people["bmi"].to_numpy() - 28.6) / 4.8
        + effect["female"] * np.where(people["sex"].eq("female"), 0.71, -1.0)
        + effect["site"] * people["site"].map(SITE_SEVERITY).to_numpy() / 0.75
    )
    explained = sum(effect[name] ** 2 for name in ("age", "bmi", "female", "site"))
    person = known + np.sqrt(SEVERITY_CORRELATION - explained) * rng.standard_normal(len(people))
    side = np.tile([effect["right"], -effect["right"]], len(people))
    own = np.sqrt(1 - SEVERITY_CORRELATION) * rng.standard_normal(2 * len(people))
    return np.repeat(person, 2) + own + side


def _phenotypes(grade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shared = np.repeat(rng.standard_normal(len(grade) // 2), 2)
    own = rng.standard_normal(len(grade))
    latent = np.sqrt(PHENOTYPE_CORRELATION) * shared + np.sqrt(1 - PHENOTYPE_CORRELATION) * own
    rank = norm.cdf(latent)
    kinds = np.empty(len(grade), dtype=object)
    for level, mix in features.PLANTED_MIX.items():
        rows = grade == level
        at = np.searchsorted(np.cumsum(list(mix.values())), rank[rows], side="right")
        kinds[rows] = np.array(list(mix), dtype=object)[np.minimum(at, len(mix) - 1)]
    return kinds


def _anatomy(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(people)
    size = np.array([FEMORAL_WIDTH[sex] for sex in people["sex"]])
    taller = (people["height"].to_numpy() - np.where(people["sex"] == "female", 1630, 1769)) / 64
    width = size[:, 0] + size[:, 1] * (0.5 * taller + 0.85 * rng.standard_normal(n))
    decline = 0.006 * (people["age"].to_numpy() - 61) + 0.03 * people["sex"].eq("female").to_numpy()
    density = np.clip(1.01 - decline + 0.08 * rng.standard_normal(n), 0.7, 1.3)
    return pd.DataFrame(
        {
            "density": np.clip(np.repeat(density, 2) + rng.normal(0, 0.02, 2 * n), 0.7, 1.3),
            "femoral_width": np.repeat(width, 2) + rng.normal(0, 0.5, 2 * n),
            "tilt": np.clip(rng.normal(0, 2.0, 2 * n), -6, 6),
        }
    )


def _consequences(knees: pd.DataFrame, *, planted: bool) -> pd.DataFrame:
    """Add hazard, pain level and pain slope that belong to the phenotype of a knee."""
    tables = {"hazard": HAZARDS, "pain_level": PAIN_LEVELS, "pain_slope": PAIN_SLOPES}
    for name, effects in tables.items():
        knees[name] = knees["phenotype"].map(effects).astype(float) if planted else 0.0
    return knees


def _subcohorts(knees: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Progression: a knee with definite disease, often; control: two clean knees, rarely."""
    worst = knees["kl_true"].to_numpy().reshape(-1, 2).max(axis=1)
    chance = rng.random(len(worst))
    symptomatic = (worst >= 2) & (chance < 0.22 + 0.10 * worst)
    control = (worst == 0) & (chance < 0.10)
    return np.where(symptomatic, "progression", np.where(control, "control", "incidence"))
