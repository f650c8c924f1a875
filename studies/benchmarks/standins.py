"""Stand-ins: numbers in place of pictures, drawn from what was planted in each knee.

The planted features of a knee, mixed into many numbers with noise, stand for the embedding of
its film, so that everything after the encoder can be asked at a size for which no film is
rendered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from kneephen_utils import images, tables
from oai_twin import features, participant_model

DIMENSIONS, NOISE, PIXELS = 512, 0.15, 224


def pictures(knees: pd.DataFrame, rng: np.random.Generator, *, dimensions: int) -> np.ndarray:
    """Return numbers (knees, dimensions) in place of the pictures of planted knees.

    Parameters
    ----------
    knees
        From `participant_model.draw`.
    rng
        Of the noise; how features are mixed is always the same.
    dimensions
        Numbers for each knee.
    """
    seen = knees[[*features.NAMES[2:]]].assign(
        narrowing_medial=participant_model.narrowing(knees)[:, 0],
        narrowing_lateral=participant_model.narrowing(knees)[:, 1],
    )
    plain = ((seen - seen.mean()) / seen.std()).to_numpy()
    mixed = plain @ np.random.default_rng(5).standard_normal((plain.shape[1], dimensions))
    return mixed / mixed.std() + NOISE * rng.standard_normal(mixed.shape)


def write(artefacts: Path, *, participants: int, seed: int) -> int:
    """Write what the stages of pictures would have written for a release of tables alone.

    Crops with blank pictures, embeddings of both encoders and grades, for the knees of stage 0.
    Returns how many knees there are.

    Parameters
    ----------
    artefacts
        Folder with the tables of stage 0.
    participants, seed
        Those of the release.
    """
    drawn = participant_model.draw(participants=participants, seed=seed, planted=True)["knees"]
    rng = np.random.default_rng([seed, 77])
    seen = pictures(drawn, rng, dimensions=DIMENSIONS)
    knees = tables.read("knees", artefacts).set_index("knee_id")
    there = drawn["knee_id"].isin(knees.index[~knees["replaced_at_baseline"]]).to_numpy()
    names = drawn.loc[there, "knee_id"].reset_index(drop=True)
    own = knees.loc[names].reset_index()
    tables.write(_crops(own, rng), "crops", artefacts)
    images.create(artefacts, len(names), PIXELS)
    for part, noise in (("finetuned", 0.0), ("zeroshot", NOISE)):
        vectors = seen[there] + noise * rng.standard_normal((len(names), DIMENSIONS))
        tables.write(_embeddings(names, vectors), "embeddings", artefacts, part)
    split = tables.read("participants", artefacts).set_index("participant_id")["split"]
    noisy = own["kl_grade"].astype(float).fillna(0.0) + 0.3 * rng.standard_normal(len(own))
    grades = own[["knee_id", "kl_grade"]].assign(
        split=split[own["participant_id"]].to_numpy(), kl_predicted=noisy.clip(0, 4)
    )
    tables.write(grades[["knee_id", "split", "kl_grade", "kl_predicted"]], "grades", artefacts)
    return len(knees)


def _crops(knees: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    numbers = dict.fromkeys(["center_x", "center_y"], 100.0) | {"confidence": 1.0, "spacing": 0.4}
    texts = {"film_id": "none", "status": "ok", "detail": ""}
    texts |= {"spacing_source": "PixelSpacing", "photometric": "MONOCHROME2"}
    exposure, contrast = rng.random((2, len(knees)))
    measured = {"image": np.arange(len(knees)), "exposure": exposure, "contrast": contrast}
    table = knees[["knee_id", "participant_id", "side"]].assign(**texts, **numbers, **measured)
    return table[list(tables.SCHEMAS["crops"].columns)]


def _embeddings(names: pd.Series, vectors: np.ndarray) -> pd.DataFrame:
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    table = pd.DataFrame(unit, columns=[f"feature_{k:03d}" for k in range(unit.shape[1])])
    table.insert(0, "knee_id", names)
    return table
