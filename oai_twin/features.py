"""Features: what one knee looks like on film, given its grade and its planted phenotype.

The grade follows from the features by the written definition (Kellgren & Lawrence 1957):
0 nothing; 1 a doubtful osteophyte; 2 a definite osteophyte, narrowing at most possible;
3 several osteophytes, definite narrowing and sclerosis; 4 a large osteophyte and severe
narrowing with sclerosis. Features are proposed from a smooth distribution and redrawn
until the definition gives the wanted grade. Scores run from 0 to 3 and are continuous.
"""

from __future__ import annotations

from functools import cache

import numpy as np

NARROWING = ("narrowing_medial", "narrowing_lateral")
OSTEOPHYTES = (
    "osteophyte_femur_medial",
    "osteophyte_femur_lateral",
    "osteophyte_tibia_medial",
    "osteophyte_tibia_lateral",
)
SCLEROSIS = ("sclerosis_medial", "sclerosis_lateral")
NAMES = (*NARROWING, *OSTEOPHYTES, *SCLEROSIS, "alignment", "texture")
LOW = np.array([-0.5] + [-0.5] + [0.0] * 6 + [-15.0, 0.0])
HIGH = np.array([3.0] * 8 + [15.0, 1.0])

DOUBTFUL_OSTEOPHYTE, DEFINITE_OSTEOPHYTE, LARGE_OSTEOPHYTE = 0.5, 1.0, 2.0
DOUBTFUL_NARROWING, DEFINITE_NARROWING, SEVERE_NARROWING = 0.5, 1.25, 2.4
DEFINITE_SCLEROSIS = 1.0

PLANTED_MIX: dict[int, dict[str, float]] = {
    0: {"typical": 0.70, "pain_prone": 0.30},
    1: {"medial": 0.40, "osteophytic": 0.30, "atrophic": 0.15, "lateral": 0.15},
    2: {"medial": 0.45, "osteophytic": 0.25, "atrophic": 0.15, "lateral": 0.15},
    3: {"medial": 0.62, "atrophic": 0.20, "lateral": 0.18},
    4: {"medial": 0.60, "atrophic": 0.20, "lateral": 0.20},
}

# Mean of each feature in the order of NAMES; lateral mirrors medial. Within a grade the
# phenotypes carry the same burden (see `burden`), so severity does not tell them apart.
_MIRROR = [1, 0, 3, 2, 5, 4, 7, 6]
_CENTRES: dict[tuple[int, str], list[float]] = {
    (0, "typical"): [0.0, 0.0, 0.10, 0.10, 0.12, 0.12, 0.15, 0.12, 0.5, 0.32],
    (1, "medial"): [0.65, 0.0, 0.50, 0.15, 0.72, 0.15, 0.60, 0.10, 3.0, 0.32],
    (1, "osteophytic"): [0.0, 0.0, 0.80, 0.80, 0.85, 0.85, 0.35, 0.35, 0.5, 0.25],
    (1, "atrophic"): [0.25, 0.25, 0.15, 0.15, 0.65, 0.15, 0.65, 0.65, 0.5, 0.80],
    (2, "medial"): [1.0, 0.0, 1.25, 0.40, 1.50, 0.40, 1.20, 0.20, 4.0, 0.32],
    (2, "osteophytic"): [0.0, 0.0, 1.85, 1.85, 1.95, 1.95, 0.25, 0.25, 0.5, 0.25],
    (2, "atrophic"): [0.45, 0.45, 0.35, 0.35, 1.18, 0.35, 1.30, 1.30, 0.5, 0.82],
    (3, "medial"): [1.80, 0.10, 1.70, 0.80, 2.00, 0.80, 1.90, 0.40, 5.0, 0.35],
    (3, "atrophic"): [1.55, 0.70, 1.20, 0.50, 1.30, 0.50, 1.50, 1.50, 2.0, 0.85],
    (4, "medial"): [2.72, 0.30, 2.45, 1.50, 2.65, 1.50, 2.50, 0.70, 8.0, 0.38],
    (4, "atrophic"): [2.65, 1.00, 1.00, 0.80, 2.20, 0.80, 2.20, 2.20, 3.0, 0.88],
}
_SPREAD = np.array([0.10, 0.10, 0.14, 0.14, 0.14, 0.14, 0.16, 0.16, 1.2, 0.06])
_SPREAD_OF_GRADE = {0: 1.0, 1: 0.7, 2: 1.0, 3: 1.2, 4: 1.0}
_SEVERITY = np.array([0.20, 0.20, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0])
_BURDEN = np.array([1.0, 1.0, 0.35, 0.35, 0.35, 0.35, 0.5, 0.5, 0.0, 0.0])
_PASSAGE = (1.2, 2.0)  # of the beta distribution of knees between medial and lateral
_REFERENCE_KNEES, _REFERENCE_SEED = 4000, 7_402_719
_ROUNDS = 400


def grade_of(features: np.ndarray) -> np.ndarray:
    """Return the Kellgren-Lawrence grade of each row of `features` (columns `NAMES`)."""
    narrowing = features[:, :2].max(axis=1)
    osteophytes = features[:, 2:6]
    largest, several = osteophytes.max(axis=1), (osteophytes >= DEFINITE_OSTEOPHYTE).sum(axis=1)
    sclerotic = features[:, 6:8].max(axis=1) >= DEFINITE_SCLEROSIS
    grade = (largest >= DOUBTFUL_OSTEOPHYTE).astype(int) + (largest >= DEFINITE_OSTEOPHYTE)
    definite = (several >= 2) & (narrowing >= DEFINITE_NARROWING) & sclerotic
    severe = (largest >= LARGE_OSTEOPHYTE) & (narrowing >= SEVERE_NARROWING) & sclerotic
    return np.where(severe, 4, np.where(definite, 3, grade))


def burden(features: np.ndarray) -> np.ndarray:
    """Return the sum of structural damage that phenotypes of one grade have in common."""
    return np.clip(features, 0, None) @ _BURDEN


def draw(
    grades: np.ndarray,
    phenotypes: np.ndarray,
    severity: np.ndarray,
    *,
    planted: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the features of each knee.

    Parameters
    ----------
    grades, phenotypes, severity
        One value per knee: grade 0-4, name of the phenotype, and severity within the grade
        from 0 to 1, which moves all phenotypes alike.
    planted
        If false, phenotypes are ignored: one smooth distribution per grade. Up to grade 2 it has
        the mean and covariance that the planted groups have together. From grade 3 on narrowing
        of one compartment is part of the definition, which would cut such a cloud in two; there
        narrowing passes without a gap from medial through both to lateral.
    rng
        Source of randomness.

    Returns
    -------
    Array (knees, features) in the order of `NAMES`.
    """
    drawn = np.empty((len(grades), len(NAMES)))
    for grade in range(5):
        kinds = phenotypes if planted else np.full(len(grades), f"grade {grade}")
        for kind in np.unique(kinds[grades == grade]):
            rows = np.flatnonzero((grades == grade) & (kinds == kind))
            drawn[rows] = _draw_group(grade, str(kind), severity[rows], planted=planted, rng=rng)
    return drawn


def _draw_group(
    grade: int, kind: str, severity: np.ndarray, *, planted: bool, rng: np.random.Generator
) -> np.ndarray:
    n = len(severity)
    if planted or grade == 0:
        centre, root = _centre(grade, kind if planted else "typical"), np.diag(_spread(grade))
        mean = np.tile(centre, (n, 1))
    elif grade < 3:
        centre, root = _joint(grade)
        mean = np.tile(centre, (n, 1))
    else:
        mean = _passage(grade, rng.beta(*_PASSAGE, size=n))
        root = np.diag(_spread(grade) * np.r_[np.full(len(NAMES) - 1, 1.3), 3.0])
    shift = (severity[:, None] - 0.5) * (_SEVERITY * (mean > 0.3) if grade else 0.3 * _SEVERITY)
    drawn = np.empty((len(severity), len(NAMES)))
    waiting = np.arange(len(severity))
    for _ in range(_ROUNDS):
        noise = rng.standard_normal((len(waiting), len(NAMES))) @ root.T
        proposed = _folded(mean[waiting] + shift[waiting] + noise)
        fits = (grade_of(proposed) == grade) & _plausible(proposed, grade)
        drawn[waiting[fits]] = proposed[fits]
        waiting = waiting[~fits]
        if not len(waiting):
            return drawn
    raise RuntimeError(f"no features found for {len(waiting)} knees of grade {grade}, {kind}")


def _plausible(features: np.ndarray, grade: int) -> np.ndarray:
    """Keep narrowing within what the grade allows: none in 0, doubtful in 1, possible in 2."""
    limit = [DOUBTFUL_NARROWING, 1.0, DEFINITE_NARROWING, SEVERE_NARROWING, np.inf][grade]
    return features[:, :2].max(axis=1) < limit


def _folded(features: np.ndarray) -> np.ndarray:
    """Reflect values at the ends of their range, which leaves no heap of equal values there."""
    lower = np.where(features < LOW, 2 * LOW - features, features)
    return np.clip(np.where(lower > HIGH, 2 * HIGH - lower, lower), LOW, HIGH)


def _centre(grade: int, kind: str) -> np.ndarray:
    if kind == "pain_prone":
        kind = "typical"
    if kind == "lateral":
        medial = np.array(_CENTRES[grade, "medial"])
        return np.concatenate([medial[_MIRROR], [-medial[8], medial[9]]])
    return np.array(_CENTRES[grade, kind])


def _passage(grade: int, share: np.ndarray) -> np.ndarray:
    """Return a mean per knee between purely medial (share 0) and purely lateral disease (1)."""
    medial, lateral = _centre(grade, "medial"), _centre(grade, "lateral")
    mean = medial + share[:, None] * (lateral - medial)
    sides = np.column_stack([1 - share, share])
    mean[:, :2] = medial[0] * np.clip(2 * sides, 0, 1)
    mean[:, 9] = _joint(grade)[0][9]
    return mean


def _spread(grade: int) -> np.ndarray:
    return _SPREAD * _SPREAD_OF_GRADE[grade]


@cache
def _joint(grade: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and root of the covariance of a grade's planted groups taken together."""
    rng = np.random.default_rng([_REFERENCE_SEED, grade])
    mix = PLANTED_MIX[grade]
    kinds = rng.choice(list(mix), size=_REFERENCE_KNEES, p=list(mix.values()))
    middle = np.full(_REFERENCE_KNEES, 0.5)
    grades = np.full(_REFERENCE_KNEES, grade)
    reference = draw(grades, kinds, middle, planted=True, rng=rng)
    covariance = np.cov(reference, rowvar=False)
    return reference.mean(axis=0), np.linalg.cholesky(covariance + 1e-9 * np.eye(len(NAMES)))
