"""Run study: one whole study by the functions the notebooks call, from films to claims.

Nothing is simulated here and nothing is drawn: a release is read, its films are cut, embedded,
graded, fused, grouped and tested as in the stages, only without pages. What judges nothing
(attention, prompts, maps, curves) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from kneephen_utils import (
    cohort,
    encoder,
    fusion,
    grading,
    images,
    oai,
    pain,
    progression,
    radiograph,
    verdict,
)
from kneephen_utils import embedding as seeing
from kneephen_utils.cohort import data_checks, event, reading_selection
from kneephen_utils.encoder import trainer
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import assignment, contribution, criteria, null_models, stratum
from kneephen_utils.phenotype import stability as stable
from kneephen_utils.phenotype import sweep as sweeping
from kneephen_utils.stats import effects
from workflow import params

Settings = Mapping[str, Mapping[str, Any]]  # resolved parameters of each stage
Tables = dict[str, pd.DataFrame]
FOUND = ("phenotypes", "sweep", "stability", "null", "contribution", "gates")


class Study(NamedTuple):
    """What a study found and what it claims."""

    phenotypes: pd.DataFrame
    effects: pd.DataFrame
    gates: pd.DataFrame
    claims: pd.DataFrame


def run(release: Path, scratch: Path, *, settings: Settings, arms: tuple[str, ...]) -> Study:
    """Study a release.

    Parameters
    ----------
    release
        Folder of the release, checked by the same ledger as any other.
    scratch
        Folder for the crops.
    settings
        Parameters of each stage, as `params.resolve` returns them.
    arms
        Arms in which groups are looked for and compared.
    """
    known = _cohort(release, settings["cohort"])
    known |= _pictures(release, scratch, known, settings)
    fused = _fused(known, settings["fusion"])
    found = _groups({arm: fused[arm] for arm in arms}, known, settings["phenotype"])
    tested = _tests(found, known, arms, settings)
    claims = verdict.judge(
        found["gates"],
        found["null"],
        found["stability"],
        found["contribution"],
        found["sweep"],
        tested,
        alpha=settings["verdict"]["alpha"],
    )
    return Study(found["phenotypes"], tested, found["gates"], claims)


def _cohort(release: Path, own: Mapping[str, Any]) -> Tables:
    source = oai.read(release)
    chosen = reading_selection.choose(source.readings, projects=own["projects"])
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    shares = {name: own[name] for name in ("train_share", "discover_share", "seed")}
    participants = cohort.split(cohort.participants(source, visits), knees, **shares)
    events = event.find(knees, visits, chosen, cohort.replacements(source), participants)
    films = cohort.films(source)
    evidence = data_checks.Evidence(source, chosen, knees, visits, films)
    data_checks.enforce(data_checks.check(evidence, accept=own["accept"]))
    made = {"knees": knees, "visits": visits, "participants": participants}
    return made | {"events": events, "films": films}


def _pictures(release: Path, scratch: Path, known: Tables, settings: Settings) -> Tables:
    """Cut the films, train the upper half of the encoder, and embed every knee by it."""
    scratch.mkdir(parents=True, exist_ok=True)
    own, training = settings["radiograph"], settings["grading"]
    crops = radiograph.cut(
        known["films"],
        known["knees"],
        settings=params.pick(radiograph.Settings, own),
        release=release,
        artefacts=scratch,
        workers=own["workers"],
    )
    pictures = images.read(scratch)
    pictured = grading.pictured(crops, known["knees"], known["participants"])
    reader = encoder.load(training["weights"], text=False)
    tune = params.pick(trainer.Settings, training)
    trainer.use_threads(training["threads"])
    upper, _ = grading.fit(reader, pictures, pictured, settings=tune)
    grades, embeddings = grading.apply(
        reader, upper, pictures, pictured, settings=tune, int8=training["int8"]
    )
    if settings["fusion"]["embedding"] == "zeroshot":
        plain = encoder.load(training["weights"], text=False)
        embeddings = seeing.embed(plain, pictures, crops, batch_size=training["batch_size"])
    return {"crops": crops, "grades": grades, "embeddings": embeddings}


def _fused(known: Tables, own: Mapping[str, Any]) -> Tables:
    names = ("embeddings", "crops", "knees", "participants", "grades")
    of = fusion.known(*(known[name] for name in names))
    raw = fusion.pictures(known["embeddings"], of)
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    shares = ("context_share", "structure_share", "fused_weight")
    return fusion.fuse(raw, adjusted, of, **{name: own[name] for name in shares})


def _groups(fused: Tables, known: Tables, own: Mapping[str, Any]) -> Tables:
    """Look for groups in every grade, and put them before the gates."""
    settings = params.pick(stratum.Settings, own)
    cells = [
        one
        for grade in params.GRADES
        for one in stratum.gather(fused, known["knees"], known["participants"], kl_grade=grade)
    ]
    parts = [_grouped(one, settings) for one in cells]
    return {name: _stacked([part[name] for part in parts]) for name in FOUND}


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables one below another; where all are empty, an empty one."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _grouped(one: stratum.Stratum, settings: stratum.Settings) -> Tables:
    """Group one cell; the references are drawn only if every other gate was passed.

    They cost most, and a cell that has failed a gate claims nothing whatever they say.
    """
    swept, chosen = sweeping.run([one], settings=settings)
    given = assignment.assign([one], chosen, settings=settings)
    found = {
        "phenotypes": given,
        "sweep": swept,
        "stability": stable.stability_table([one], chosen, settings=settings),
    }
    found["contribution"] = contribution.measure([one], chosen, settings=settings)
    for draws in (0, settings.null_draws):
        found["null"] = null_models.draw(
            [one], chosen, settings=replace(settings, null_draws=draws)
        )
        names = ("sweep", "null", "stability", "contribution")
        found["gates"] = criteria.judge([one], *(found[name] for name in names))
        asked = found["gates"][~found["gates"]["gate"].isin(criteria.NULLS)]
        if not asked["passed"].all():
            return {**found, "gates": asked}
    return found


def _tests(found: Tables, known: Tables, arms: tuple[str, ...], settings: Settings) -> pd.DataFrame:
    """Compare the groups in pain and progression; return the effects that claims rest on."""
    grouped = effects.group(
        found["phenotypes"], known["knees"], known["participants"], found["gates"], arms=arms
    )
    own = settings["pain"]
    picked = {name: own[name] for name in ("horizon", "min_knees", "draws", "seed")}
    hurt = pain.compare(grouped, known["visits"], **picked)
    late = settings["progression"]
    least = progression.Least(knees=late["min_knees"], events=late["min_events"])
    shared = {"horizon": late["horizon"], "least": least, "draws": late["draws"]}
    moved = progression.compare(grouped, known["events"], **shared, seed=late["seed"])
    moved += progression.narrow(grouped, known["visits"], **shared, seed=late["seed"])
    return verdict.primary(
        effects.table(hurt, "pain_effects", families=own["families"]),
        effects.table(moved, "progression_effects", families=late["families"]),
    )
