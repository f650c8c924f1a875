"""Simulated readers: who grades which film, under which reading project, and with what error.

Project 15 reads the visits to 48 months. Project 37, and a few people coded 42, read all
visits of an incidence sub-study: people who were still filmed after 48 months and had, with
few exceptions, no knee with definite disease at baseline. Osteophytes and sclerosis are
read only in people with a knee of grade 2 or more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oai_twin import features, participant_model
from oai_twin.progression_model import CLINIC, attended

VISITS = list(CLINIC)
TO_48, SUBSTUDY, SUBSTUDY_OLD_CODE = 15, 37, 42
SHARE_TO_48 = 0.915  # people whose films project 15 has read
SUBSTUDY_SHARE = np.array([0.99, 0.99, 0.115, 0.085, 0.01])  # by worst baseline grade
WITHOUT_FILM = {"V06": np.array([0.0, 0.0, 0.005, 0.07, 0.12])}  # of attending knees, by grade
UNREADABLE = 0.004
RISE_TIMING_SD = 7.0  # months by which two readings of one series see a rise apart
SLIP = 0.00008  # of single readings, one grade off: a series is read side by side
SCORE_SD = 0.12  # of narrowing and margin scores between projects
OSTEOPHYTE_OPEN, SCLEROSIS_OPEN = 0.25, 0.2  # a score of 1 is given from 0.75, from 0.8
DECIMAL = 0.2  # steps of narrowing within a score at follow-up
DISTRACTORS = ("cyst", "chondrocalcinosis", "attrition")


def draw(
    cohort: dict[str, pd.DataFrame],
    course: dict[str, pd.DataFrame],
    *,
    seed: int,
    reader_noise: float,
    reader_spread: float = 0.0,
) -> pd.DataFrame:
    """Draw every reading of every film.

    Parameters
    ----------
    cohort, course
        From `participant_model.draw` and `progression_model.follow`.
    seed
        Same seed, same readings.
    reader_noise
        Share of knees that one reading project grades one off, at all visits alike; such
        knees lie at the edge of their grade.
    reader_spread
        Standard deviation, in grades, of what a reader sees about the true severity of a knee;
        0 reads the true grade.

    Returns
    -------
    One row per knee, visit and reading project: `reading_code` (15, 37 or 42), `kl_grade`,
    `jsn_medial`, `jsn_lateral` (decimals at follow-up mean change within a score), the four
    osteophytes, sclerosis of femur and tibia; missing means not read.

    Raises
    ------
    ValueError
        If `reader_noise` is not between 0 and 0.5.
    """
    if not 0 <= reader_noise <= 0.5:
        raise ValueError(f"reader noise is {reader_noise}; expected 0 to 0.5")
    rng = np.random.default_rng([seed, 31])
    seen = _filmed(cohort, course, rng)
    projects = _projects(cohort, seen, rng)
    parts = []
    for number, (codes, visits) in enumerate(projects):
        own = np.random.default_rng([seed, 32, number])
        rows = seen & visits & (np.repeat(codes, 2) > 0)[:, None]
        read = _read(cohort, course, own, reader_noise=reader_noise, reader_spread=reader_spread)
        parts.append(read[rows.ravel()].assign(reading_code=_spread(codes)[rows.ravel()]))
    readings = pd.concat(parts, ignore_index=True)
    order = ["participant_id", "side", "visit", "reading_code"]
    return readings.sort_values(order, ascending=[True, False, True, True], ignore_index=True)


def second(
    cohort: dict[str, pd.DataFrame],
    course: dict[str, pd.DataFrame],
    *,
    seed: int,
    reader_noise: float,
    reader_spread: float,
) -> pd.DataFrame:
    """Let a second reader, who is in no release, grade every knee at baseline.

    Returns
    -------
    Columns `knee_id`, `kl_second`; its agreement with the release is the ceiling of a grader.
    """
    rng = np.random.default_rng([seed, 33])
    grades = _grades(
        cohort["knees"], course, rng, reader_noise=reader_noise, reader_spread=reader_spread
    )
    return pd.DataFrame({"knee_id": cohort["knees"]["knee_id"], "kl_second": grades[:, 0]})


def _spread(codes: np.ndarray) -> np.ndarray:
    return np.repeat(codes, 2 * len(VISITS))


def _filmed(
    cohort: dict[str, pd.DataFrame], course: dict[str, pd.DataFrame], rng: np.random.Generator
) -> np.ndarray:
    """Return which knees have a film at which visit (knees, visits)."""
    filmed = np.repeat(attended(course["contacts"]), 2, axis=0)
    for visit, share in WITHOUT_FILM.items():
        lost = rng.random(len(filmed)) < share[cohort["knees"]["kl_true"]]
        filmed[:, VISITS.index(visit)] &= ~lost
    return filmed


def _projects(
    cohort: dict[str, pd.DataFrame], seen: np.ndarray, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, per series of readings, the code of each person (0: not read) and its visits."""
    n = len(cohort["people"])
    worst = cohort["knees"]["kl_true"].to_numpy().reshape(-1, 2).max(axis=1)
    late = seen[::2, -2:].any(axis=1)
    chosen = late & (rng.random(n) < SUBSTUDY_SHARE[worst])
    to_48 = np.where(rng.random(n) < np.where(chosen, 0.98, SHARE_TO_48), TO_48, 0)
    substudy = np.where(chosen, np.where(worst <= 1, SUBSTUDY, SUBSTUDY_OLD_CODE), 0)
    early = np.array([CLINIC[visit] <= 48 for visit in VISITS])
    return [(to_48, early), (substudy, np.ones(len(VISITS), dtype=bool))]


def _read(
    cohort: dict[str, pd.DataFrame],
    course: dict[str, pd.DataFrame],
    rng: np.random.Generator,
    *,
    reader_noise: float,
    reader_spread: float,
) -> pd.DataFrame:
    """Read all visits of all knees once, as one project would."""
    knees, states = cohort["knees"], course["states"]
    shape = (len(knees), len(VISITS))
    grade = _grades(knees, course, rng, reader_noise=reader_noise, reader_spread=reader_spread)
    blank = states["replaced"].to_numpy().reshape(shape) | knees["prosthesis"].to_numpy()[:, None]
    unreadable = rng.random(shape) < UNREADABLE
    unread = blank | unreadable
    table = states[["participant_id", "knee_id", "side", "visit"]].copy()
    table["kl_grade"] = np.where(unread, np.nan, grade).ravel()
    for name, values in _narrowing(knees, states, rng).items():
        table[name] = np.where(unread, np.nan, values).ravel()
    diseased = (grade >= 2) & ~unread
    person = diseased.reshape(-1, 2, len(VISITS)).any(axis=1)
    open_to = np.repeat(np.maximum.accumulate(person, axis=1), 2, axis=0) & ~unread
    for name, values in _margins(knees, grade, rng).items():
        table[name] = np.where(open_to, values, np.nan).ravel()
    return table


def _grades(
    knees: pd.DataFrame,
    course: dict[str, pd.DataFrame],
    rng: np.random.Generator,
    *,
    reader_noise: float,
    reader_spread: float,
) -> np.ndarray:
    """Return the grades one project reads (knees, visits), errors included."""
    months = course["states"]["months"].to_numpy().reshape(len(knees), -1)
    rises = course["fates"][["rise_1", "rise_2", "rise_3", "rise_4"]].to_numpy()
    felt = rises + RISE_TIMING_SD * rng.standard_normal((len(knees), 1))
    risen = (np.maximum(felt, 0.5)[:, None, :] <= months[:, :, None]).sum(axis=2)
    edge = 2 * knees["severity"].to_numpy() - 1
    off = rng.random(len(knees)) < 2 * reader_noise * np.abs(edge)
    start = np.clip(knees["kl_true"].to_numpy() + off * np.sign(edge).astype(int), 0, 4)
    if reader_spread:
        seen = knees["kl_true"].to_numpy() + edge / 2 + rng.normal(0, reader_spread, len(knees))
        start = np.clip(np.rint(seen), 0, 4).astype(int)
    slip = (rng.random(months.shape) < SLIP) * rng.choice([-1, 1], size=months.shape)
    return np.clip(start[:, None] + risen + slip, 0, 4)


def _narrowing(
    knees: pd.DataFrame, states: pd.DataFrame, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return narrowing scores; worsening within a score is a decimal at follow-up."""
    start = participant_model.narrowing(knees)
    error = rng.normal(0, SCORE_SD, start.shape)
    names = {"jsn_medial": "jsw_medial", "jsn_lateral": "jsw_lateral"}
    ratios = [participant_model.MEDIAL_WIDTH_RATIO, participant_model.LATERAL_WIDTH_RATIO]
    scores = {}
    for at, (name, width) in enumerate(names.items()):
        healthy = ratios[at] * knees["femoral_width"].to_numpy()[:, None]
        now = 3 * (1 - states[width].to_numpy().reshape(len(knees), -1) / healthy)
        base = np.clip(np.floor(start[:, [at]] + error[:, [at]] + 0.5), 0, 3)
        whole = np.clip(np.floor(now + error[:, [at]] + 0.5), 0, 3)
        worse = np.clip(np.floor((now - start[:, [at]]) / DECIMAL - 1) * DECIMAL, 0, 0.8)
        within = np.where((base > 0) & (base < 3), base + worse, base)
        scores[name] = np.round(np.where(whole > base, whole, within), 1)
        scores[name][:, 0] = base[:, 0]
    return scores


def _margins(
    knees: pd.DataFrame, grade: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return scores 0-3 of osteophytes, sclerosis and the features few people have."""
    growth = np.clip(grade - grade[:, [0]], 0, None)

    def score(name: str, pace: float, opens: float) -> np.ndarray:
        planted = knees[name].to_numpy() + rng.normal(0, SCORE_SD, len(knees))
        grown = planted[:, None] + pace * growth * (planted[:, None] > 0.3)
        return np.clip(np.floor(grown + opens), 0, 3)

    scores = {name: score(name, 0.6, OSTEOPHYTE_OPEN) for name in features.OSTEOPHYTES}
    for side in ("medial", "lateral"):
        for bone in ("femur", "tibia"):
            scores[f"sclerosis_{bone}_{side}"] = score(f"sclerosis_{side}", 0.4, SCLEROSIS_OPEN)
    for name in DISTRACTORS:
        scores[name] = (rng.random(grade.shape) < 0.02 + 0.03 * grade).astype(float)
    return scores
