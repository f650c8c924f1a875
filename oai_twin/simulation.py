"""Simulation: one synthetic cohort with its whole history, as tables and without pixels."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from oai_twin import acquisition, participant_model, progression_model, simulated_readers, symptoms


@dataclass(frozen=True)
class Simulation:
    """A cohort and what was seen of it.

    Attributes
    ----------
    seed
        Every draw started here.
    people, knees, films
        See `participant_model.draw`; what was planted.
    fates, contacts, states
        See `progression_model.follow`; what truly happened.
    scores
        See `symptoms.draw`; what the people said.
    calls
        See `symptoms.by_phone`; what they said by telephone.
    readings
        See `simulated_readers.draw`; what the readers saw.
    readers
        See `simulated_readers.second`; what another reader would have seen.
    """

    seed: int
    people: pd.DataFrame
    knees: pd.DataFrame
    films: pd.DataFrame
    fates: pd.DataFrame
    contacts: pd.DataFrame
    states: pd.DataFrame
    scores: pd.DataFrame
    calls: pd.DataFrame
    readings: pd.DataFrame
    readers: pd.DataFrame


def simulate(
    *,
    participants: int,
    seed: int,
    planted: bool,
    defects: float,
    reader_noise: float,
    floor: bool,
    reader_spread: float = 0.0,
) -> Simulation:
    """Draw a cohort and let it be followed for 108 months.

    Parameters
    ----------
    participants, seed, planted
        See `participant_model.draw`.
    defects
        Share of films made defective, see `acquisition.spoil`.
    reader_noise, reader_spread
        See `simulated_readers.draw`.
    floor
        See `symptoms.draw`.
    """
    cohort = participant_model.draw(participants=participants, seed=seed, planted=planted)
    cohort = acquisition.spoil(cohort, share=defects, seed=seed)
    course = progression_model.follow(cohort, seed=seed)
    scores = symptoms.draw(cohort, course, seed=seed, floor=floor)
    calls = symptoms.by_phone(cohort, course, seed=seed, floor=floor)
    error = {"reader_noise": reader_noise, "reader_spread": reader_spread}
    readings = simulated_readers.draw(cohort, course, seed=seed, **error)
    readers = simulated_readers.second(cohort, course, seed=seed, **error)
    seen = {"scores": scores, "calls": calls, "readings": readings, "readers": readers}
    return Simulation(seed=seed, **cohort, **course, **seen)
