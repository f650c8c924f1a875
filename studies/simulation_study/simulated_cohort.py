"""Simulated cohort: one simulated cohort as a study would hold it, and two groups of its knees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from kneephen_utils import cohort
from kneephen_utils.cohort import event, reading_selection
from oai_twin import observed, participant_model, simulation
from studies.simulation_study.estimands import Question

READER_NOISE = 0.007  # as in the synthetic release
SHARE = 0.3  # of knees that get a label without meaning
PAINFUL = 2.0  # from this pain on the published study called a knee of grade 0 painful


class Seen(NamedTuple):
    """The tables of stage 0, with the planted `kind` of each knee."""

    knees: pd.DataFrame
    visits: pd.DataFrame
    events: pd.DataFrame


def draw(*, people: int, seed: int, planted: bool) -> Seen:
    """Simulate a cohort and read it as stage 0 does.

    Where phenotypes are planted pain has no floor, because a difference on a floored scale is
    not the one planted; where none are, it is the questionnaire's score.
    """
    simulated = simulation.simulate(
        participants=people,
        seed=seed,
        planted=planted,
        defects=0.0,
        reader_noise=READER_NOISE,
        floor=not planted,
    )
    release = observed.release(simulated)
    chosen = reading_selection.choose(release.readings, projects="by_design")
    knees = cohort.knees(release, chosen)
    visits = cohort.visits(release, chosen, knees)
    persons = cohort.participants(release, visits)
    events = event.find(knees, visits, chosen, cohort.replacements(release), persons)
    kinds = simulated.knees.set_index("knee_id")["phenotype"]
    return Seen(knees.assign(kind=knees["knee_id"].map(kinds)), visits, events)


def pair(seen: Seen, asked: Question, *, seed: int) -> pd.DataFrame:
    """Return the knees of the two groups, `phenotype` 1 for the one compared and 0 for the other.

    Labels without meaning resemble each other in the two knees of a person, as planted ones do.
    """
    own = seen.knees[seen.knees["kl_grade"].eq(asked.kl_grade).fillna(value=False)]
    own = own.rename(columns={"womac_pain": "baseline"})
    if asked.groups:
        own = own[own["kind"].isin(asked.groups)]
        mark = own["kind"].eq(asked.groups[0])
    elif asked.rule:
        own = own.dropna(subset=["baseline"])
        mark = own["baseline"].ge(PAINFUL)
    else:
        mark = _labels(own["participant_id"], np.random.default_rng([seed, asked.kl_grade, 71]))
    columns = ["knee_id", "participant_id", "baseline"]
    return own[columns].assign(phenotype=np.asarray(mark).astype(int)).reset_index(drop=True)


def _labels(participants: pd.Series, rng: np.random.Generator) -> np.ndarray:
    person, names = pd.factorize(participants)
    shared = rng.standard_normal(len(names))[person]
    own = rng.standard_normal(len(person))
    tie = participant_model.PHENOTYPE_CORRELATION
    return np.sqrt(tie) * shared + np.sqrt(1 - tie) * own < norm.ppf(SHARE)
