"""Assign: knees of another release receive the phenotypes of a finished run, frozen.

Nothing is fitted again. The encoder, the adjustment, the scales, the projection and the
groups are those of the run; a new knee joins a group of its grade, abstains, or is said to
lie too far from every knee the groups were found in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kneephen_utils import (
    cohort,
    embedding,
    encoder,
    fusion,
    grading,
    images,
    oai,
    radiograph,
    tables,
)
from kneephen_utils.cohort import data_checks, reading_selection
from kneephen_utils.encoder import finetune, trainer
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import assignment, hdbscan_tree, stratum, sweep
from kneephen_utils.radiograph import laterality
from kneephen_utils.tables.schema import ARMS
from workflow import params

NEW = "new "  # before the identifiers of another release while both are in one table
Settings = Mapping[str, Mapping[str, Any]]  # resolved parameters of each stage


def assign(release: Path, run: Path, out: Path, *, settings: Settings) -> pd.DataFrame:
    """Return the `phenotypes` of the knees of another release.

    Parameters
    ----------
    release
        Folder of the release, checked by the same ledger as any other.
    run
        Folder of the artefacts of a finished run, which is only read.
    out
        Folder for the crops of the new release.
    settings
        Parameters of the finished run, by stage; those of stage phenotype by grade too.

    Returns
    -------
    `phenotypes` table; every row has the split `confirm`, since nothing was found in it.

    Raises
    ------
    FileNotFoundError
        If the run is not finished.
    """
    new = _pictured(release, run, out, settings=settings)
    names = ("crops", "knees", "participants", "grades")
    old = {name: tables.read(name, run) for name in names}
    old["embeddings"] = tables.read("embeddings", run, settings["fusion"]["embedding"])
    both = {name: pd.concat([old[name], new[name]], ignore_index=True) for name in old}
    of = fusion.known(
        *(both[n] for n in ("embeddings", "crops", "knees", "participants", "grades"))
    )
    fused = fuse(both["embeddings"], of, settings=settings["fusion"])
    found = tables.read("phenotypes", run)
    parts = [
        _of_cell(one, found, settings[f"phenotype {grade}"])
        for grade in range(5)
        for one in stratum.gather(fused, both["knees"], both["participants"], kl_grade=grade)
    ]
    assigned = pd.concat([part for part in parts if len(part)], ignore_index=True)
    assigned["knee_id"] = assigned["knee_id"].str.removeprefix(NEW)
    return tables.check(assigned, "phenotypes")


def fuse(
    embeddings: pd.DataFrame, of: pd.DataFrame, *, settings: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Fuse old and new knees by what was fitted on the discover people of the run."""
    discover = (of["split"] == "discover").to_numpy()
    raw = fusion.pictures(embeddings, of)
    adjusted = nuisance.adjust(raw, of, discover)
    shares = ("context_share", "structure_share", "fused_weight")
    return fusion.fuse(raw, adjusted, of, **{name: settings[name] for name in shares})


def _pictured(
    release: Path, run: Path, out: Path, *, settings: Settings
) -> dict[str, pd.DataFrame]:
    """Return the tables of the new release up to the embedding, identifiers marked as new."""
    source = oai.read(release)
    chosen = reading_selection.choose(source.readings, projects=settings["cohort"]["projects"])
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    films = cohort.films(source)
    evidence = data_checks.Evidence(source, chosen, knees, visits, films)
    data_checks.enforce(data_checks.check(evidence, accept=settings["cohort"]["accept"]))
    own = settings["radiograph"]
    cutting = params.pick(radiograph.Settings, own)
    out.mkdir(parents=True, exist_ok=True)
    crops = radiograph.cut(
        films, knees, settings=cutting, release=release, artefacts=out, workers=own["workers"]
    )
    laterality.check(crops, accept=own.get("accept", ()))
    participants = cohort.participants(source, visits).assign(split="confirm")
    known = grading.pictured(crops, knees, participants)
    grades, embeddings = _seen(run, images.read(out), crops, known, settings=settings)
    made = {"knees": knees, "participants": participants, "crops": crops}
    made |= {"grades": grades, "embeddings": embeddings}
    return {name: _marked(table) for name, table in made.items()}


def _seen(
    run: Path, pictures: Any, crops: pd.DataFrame, known: pd.DataFrame, *, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return grades and embeddings by the encoder of the run, trained or not as fusion asks."""
    own, path = settings["grading"], run / "encoder.safetensors"
    training = params.pick(trainer.Settings, own)
    reader = encoder.load_tuned(own["weights"], path, frozen_blocks=own["frozen_blocks"])
    upper = finetune.TrainableTail(reader, encoder.load_head(path), own["frozen_blocks"]).to(
        reader.device
    )
    grades, embeddings = grading.apply(reader, upper, pictures, known, settings=training)
    wanted, block = settings["fusion"]["embedding"], settings["embedding"]["block"]
    if wanted != "finetuned":
        plain = encoder.load(own["weights"], text=False)
        embeddings = embedding.embed_layers(
            plain, pictures, crops, block=block, batch_size=own["batch_size"]
        )[wanted]
    return grades, embeddings


def _of_cell(
    one: stratum.Stratum, found: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the rows of the new knees of one grade and arm."""
    new = one.knees["knee_id"].str.startswith(NEW).to_numpy(bool)
    kept = one.knees.loc[new, ["knee_id", "split"]].assign(**one.key)
    own = found[(found["arm"] == one.arm) & (found["kl_grade"] == one.kl_grade)]
    own = own.set_index("knee_id").reindex(one.knees.loc[one.discover, "knee_id"])
    if not new.any():
        return kept.iloc[:0]
    if not one.enough or own["phenotype"].max() < 0:
        blank = kept.assign(phenotype=hdbscan_tree.UNASSIGNED, membership=0.0, drift=False)
        return blank[assignment.COLUMNS]
    labels, membership = own["phenotype"].to_numpy(int), own["membership"].to_numpy(float)
    low = sweep.reduced(one, params.pick(stratum.Settings, settings))
    others = low.place(one.features.to_numpy()[new])
    given = assignment.vote(low, labels, membership, others)
    columns = dict(zip(("phenotype", "membership", "drift"), given, strict=True))
    return kept.assign(**columns)[assignment.COLUMNS]


def _marked(table: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in ("knee_id", "participant_id") if name in table]
    return table.assign(**{name: NEW + table[name] for name in names})


def text_assigned(assigned: pd.DataFrame, arms: tuple[str, ...] = tuple(ARMS)) -> str:
    """Say, for each arm, how many knees joined a group, abstained or drifted."""
    lines = []
    for arm in arms:
        own = assigned[assigned["arm"] == arm]
        joined, drifted = int((own["phenotype"] >= 0).sum()), int(own["drift"].sum())
        lines.append(
            f"{arm}: {joined:,} of {len(own):,} knees joined a group, "
            f"{len(own) - joined - drifted:,} abstained, {drifted:,} lie too far away"
        )
    return "\n".join(lines)
