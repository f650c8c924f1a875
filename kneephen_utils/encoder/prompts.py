"""Prompts: what a radiologist would say of a knee, as sentences for a text encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

DEGREES = ("no", "mild", "moderate", "severe")
SITES = (
    ("femur_medial", "medial femur"),
    ("tibia_medial", "medial tibia"),
    ("femur_lateral", "lateral femur"),
    ("tibia_lateral", "lateral tibia"),
)
GRADES: dict[int, tuple[str, ...]] = {
    0: (
        "normal knee radiograph without osteoarthritis",
        "knee radiograph, no osteophytes, joint space preserved",
        "kellgren lawrence grade 0, no features of osteoarthritis",
    ),
    1: (
        "knee radiograph with doubtful osteoarthritis",
        "knee radiograph, mild osteophytes, doubtful joint space narrowing",
        "kellgren lawrence grade 1, doubtful osteoarthritis",
    ),
    2: (
        "knee radiograph with minimal osteoarthritis",
        "knee radiograph, definite osteophytes, possible joint space narrowing",
        "kellgren lawrence grade 2, minimal osteoarthritis",
    ),
    3: (
        "knee radiograph with moderate osteoarthritis",
        "knee radiograph, moderate osteophytes, definite joint space narrowing, sclerosis",
        "kellgren lawrence grade 3, moderate osteoarthritis",
    ),
    4: (
        "knee radiograph with severe osteoarthritis",
        "knee radiograph, severe osteophytes, severe joint space narrowing, severe sclerosis",
        "kellgren lawrence grade 4, severe osteoarthritis",
    ),
}


def narrative(findings: Mapping[str, Any]) -> str:
    """Describe one knee from structured findings; what was not read is not mentioned.

    Parameters
    ----------
    findings
        Any of `jsn_medial`, `jsn_lateral`, `osteophyte_...` and `sclerosis_...`, each 0 to 3,
        missing where not read. Pain is no finding of a picture and is never mentioned.

    Returns
    -------
    One sentence without a capital letter or full stop.
    """
    parts = ["knee radiograph"]
    for side in ("medial", "lateral"):
        if (degree := _degree(findings.get(f"jsn_{side}"))) is not None:
            parts.append(f"{degree} {side} joint space narrowing")
    for site, words in SITES:
        if (degree := _degree(findings.get(f"osteophyte_{site}"))) is not None:
            parts.append(f"{degree} osteophytes at the {words}")
    for side in ("medial", "lateral"):
        if (degree := _degree(findings.get(f"sclerosis_{side}"))) is not None:
            parts.append(f"{degree} {side} sclerosis")
    return ", ".join(parts)


def vocabulary() -> list[str]:
    """Return every word these sentences can hold, sorted."""
    everything = [sentence for sentences in GRADES.values() for sentence in sentences]
    for degree in range(4):
        names = [f"osteophyte_{site}" for site, _ in SITES]
        names += [
            f"{what}_{side}" for what in ("jsn", "sclerosis") for side in ("medial", "lateral")
        ]
        everything.append(narrative(dict.fromkeys(names, degree)))
    words = " ".join(everything).replace(",", " ").split()
    return sorted({*words, "coarse", "fine", "trabecular", "texture", "varus", "valgus"})


def _degree(score: Any) -> str | None:
    if score is None or not np.isfinite(float(score)):
        return None
    return DEGREES[min(3, max(0, round(float(score))))]
