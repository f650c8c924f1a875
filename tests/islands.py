"""Islands: made-up knees whose pictures fall into planted groups, or into none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import fusion
from kneephen_utils.phenotype.stratum import Settings, Stratum, gather

SETTINGS = Settings(
    min_cluster_size=0,
    min_samples=0,
    reducer="pca",
    components=6,
    draws=8,
    null_draws=19,
    seed=3,
    workers=1,
)
DIMENSIONS = 12


def world(
    people: int = 90, *, groups: int = 3, apart: float = 6.0, seed: int = 1, grade: int = 2
) -> dict[str, pd.DataFrame]:
    """Return `embeddings`, `crops`, `knees`, `participants`, `grades` and `planted` (per knee).

    Every person has two knees of one grade. The knees of a group lie around a centre `apart`
    standard deviations out; with one group there is one cloud.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat([f"9{number:06d}" for number in range(people)], 2)
    side = np.tile(["right", "left"], people)
    knee = [f"{one}-{two[0].upper()}" for one, two in zip(person, side, strict=True)]
    planted = rng.integers(groups, size=2 * people)
    centres = apart * np.eye(DIMENSIONS)[:groups] if groups > 1 else np.zeros((1, DIMENSIONS))
    features = centres[planted] + rng.standard_normal((2 * people, DIMENSIONS))
    names = [f"feature_{place:03d}" for place in range(DIMENSIONS)]
    embeddings = pd.DataFrame(0.05 * features, columns=names)
    embeddings.insert(0, "knee_id", knee)
    knees = pd.DataFrame({"knee_id": knee, "participant_id": person, "side": side})
    knees["kl_grade"] = pd.array([grade] * len(knees), dtype="Int64")
    for column in fusion.BLOCKS["structure"]:
        knees[column] = rng.integers(0, 4, len(knees)).astype(float)
    for column in ("koos_pain", "womac_pain", "jsw_medial", "jsw_lateral"):
        knees[column] = rng.integers(0, 9, len(knees)).astype(float)
    for column in ("sclerosis_medial", "sclerosis_lateral"):
        knees[column] = np.nan
    one = np.unique(person)
    participants = pd.DataFrame(
        {"participant_id": one, "sex": rng.choice(["female", "male"], people)}
    )
    participants["age"] = rng.normal(61, 9, people)
    participants["bmi"] = rng.normal(28, 4, people)
    participants["site"] = rng.choice(list("ABC"), people)
    participants["split"] = np.where(np.arange(people) % 5 < 3, "discover", "confirm")
    crops = pd.DataFrame({"knee_id": knee, "status": "ok", "image": np.arange(len(knee))})
    crops["exposure"], crops["contrast"] = rng.random((2, len(knee)))
    grades = pd.DataFrame({"knee_id": knee, "kl_predicted": rng.normal(2, 0.3, len(knee))})
    truth = pd.DataFrame({"knee_id": knee, "planted": planted})
    return {
        "embeddings": embeddings,
        "crops": crops,
        "knees": knees,
        "participants": participants,
        "grades": grades,
        "planted": truth,
    }


def known(made: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what `fusion.known` knows of a world."""
    names = ("embeddings", "crops", "knees", "participants", "grades")
    return fusion.known(*(made[name] for name in names))


def cells(made: dict[str, pd.DataFrame], *arms: str, grade: int = 2) -> list[Stratum]:
    """Return the cells of a world in these arms, pictures as they are (no adjustment)."""
    of = known(made)
    raw = fusion.pictures(made["embeddings"], of)
    fused = fusion.fuse(raw, raw, of, context_share=0.1, structure_share=0.5, fused_weight=2.0)
    chosen = {arm: fused[arm] for arm in arms}
    return gather(chosen, made["knees"], made["participants"], kl_grade=grade)
