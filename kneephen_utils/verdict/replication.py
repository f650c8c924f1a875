"""Replication: each claim of the published study beside what this run's data say to it.

The published figures are those of KneeOA-VLM (University of Peradeniya, 2025), as printed.
What stands beside them is computed from the artefacts of this run, whatever its release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kneephen_utils import display_names, formatting

PUBLISHED_ARM = "fused"
LATE = 60.0  # months; after it grades were read in a sub-study only
DISEASED = 2  # grade from which the published progression was told
PAIR = re.compile(r", (\S+) against (\S+), (\w+)$")  # the end of a contrast
NOTE = "Published: KneeOA-VLM, University of Peradeniya, 2025. This run: from its own artefacts."


@dataclass(frozen=True)
class Run:
    """The artefacts of a run that the published claims are held against.

    Tables of these names, all grades and arms.
    """

    claims: pd.DataFrame
    contribution: pd.DataFrame
    null: pd.DataFrame
    grading_scores: pd.DataFrame
    reading_design: pd.DataFrame
    ledger_cohort: pd.DataFrame
    profiles: pd.DataFrame


Line = tuple[str, str, str, str]  # claim, published, this run, verdict


def compare(run: Run, *, arm: str) -> pd.DataFrame:
    """Return the published claims one by one as a table for reading.

    Parameters
    ----------
    run
        What the run found.
    arm
        The arm this study claims from.

    Returns
    -------
    Columns `claim`, `published`, `this run`, `verdict`.
    """
    questions: list[Callable[[Run, str], Iterator[Line]]] = [
        _picture,
        _clusters,
        _pain,
        _progression,
        _late,
        _grader,
        _sides,
    ]
    lines = [line for ask in questions for line in ask(run, arm)]
    return pd.DataFrame(lines, columns=["claim", "published", "this run", "verdict"])


def _picture(run: Run, _arm: str) -> Iterator[Line]:
    own = run.contribution[run.contribution["arm"] == PUBLISHED_ARM]
    own = own[own["shuffled_ari"].notna()]
    if own.empty:
        said, verdict = "the published recipe found no groups", "not replicated"
    else:
        moved = int(own["image_phenotype"].sum())
        said = (
            f"the picture holds {100 * own['image_share'].mean():.1f} % of the variance of the "
            f"plane; in {moved} of {len(own)} grades the groups are read off it in other people"
        )
        verdict = "replicated" if moved == len(own) else "not replicated"
    published = "the fine-tuned encoder found them"
    yield "The clusters are read off the picture", published, said, verdict


def _clusters(run: Run, _arm: str) -> Iterator[Line]:
    own = run.null[run.null["arm"] == PUBLISHED_ARM]
    beaten, asked = 0, 0
    for _, rows in own.groupby("kl_grade"):
        seen = rows.loc[rows["reference"] == "observed", "statistic"].iloc[0]
        drawn = rows[rows["reference"] != "observed"].groupby("reference")["statistic"]
        beaten += bool((drawn.quantile(0.95) < seen).all())
        asked += 1
    said = (
        f"the same recipe beats data without groups in {beaten} of {asked} grades"
        if asked
        else "too few knees to ask"
    )
    verdict = "replicated" if asked and beaten == asked else "not replicated"
    published = "silhouette 0.78 to 0.84 in the plane"
    yield "The clusters are distinct", published, said, verdict


def _pain(run: Run, _arm: str) -> Iterator[Line]:
    own = run.claims[(run.claims["question"] == "pain") & (run.claims["arm"] == PUBLISHED_ARM)]
    refused = int((own["verdict"] == "refused").sum())
    said = f"pain made the groups of this recipe: {refused} of {len(own)} tests of pain are refused"
    verdict = "refused as circular" if refused else "not tested"
    yield "A KL0 phenotype is dominated by pain", "WOMAC pain 4.7 against 0.2", said, verdict


def _progression(run: Run, arm: str) -> Iterator[Line]:
    own = run.claims[(run.claims["question"] == "progression") & (run.claims["arm"] == arm)]
    asked = own[own["verdict"] != "no phenotype"].dropna(subset=["estimate"])
    rise = asked[asked["contrast"].astype(str).str.startswith("kl_rise_1, hazard ratio,")]
    told, held = [], False
    for row in rise.itertuples():
        one, other, sample = PAIR.findall(str(row.contrast))[0]
        narrowed = [_narrowed(run, arm, int(row.kl_grade), each) for each in (one, other)]
        ratio = np.array([row.estimate, row.low, row.high])
        if narrowed == ["medial", "lateral"]:
            ratio = 1 / ratio[[0, 2, 1]]
        elif narrowed != ["lateral", "medial"]:
            continue
        told.append(f"KL{row.kl_grade}, {sample}: hazard ratio {formatting.spread(*ratio)}")
        held = held or (row.verdict == "supported" and ratio[0] > 1)
    said = "; ".join(told) or "no phenotype narrowed laterally stands against one narrowed medially"
    verdict = ("supported" if held else "not supported") if told else "not tested"
    published = "50.0 against 25.8 % progressed by year 8"
    yield "Lateral narrowing progresses twice as fast as medial", published, said, verdict


def _narrowed(run: Run, arm: str, grade: int, label: str) -> str:
    """Return the side on which a phenotype is narrowed more by the readers' mean scores."""
    own = run.profiles[(run.profiles["arm"] == arm) & (run.profiles["kl_grade"] == grade)]
    own = own[own["phenotype"].map(display_names.phenotype_label) == label].set_index("variable")
    medial, lateral = (own["mean"].get(f"jsn_{side}", np.nan) for side in ("medial", "lateral"))
    return "lateral" if lateral > medial else "medial" if medial > lateral else ""


def _late(run: Run, _arm: str) -> Iterator[Line]:
    late = run.reading_design[
        (run.reading_design["months"] > LATE) & (run.reading_design["kl_grade"] >= DISEASED)
    ]
    share = 100 * late["read"].sum() / max(late["knees"].sum(), 1)
    said = (
        f"{share:.1f} % of the knees of KL{DISEASED} and above were graded after {LATE:.0f} months"
    )
    verdict = "cannot be seen" if share < 50 else "can be seen"
    yield "Progression to year 8 and 10 is known", "told for every phenotype", said, verdict


def _grader(run: Run, _arm: str) -> Iterator[Line]:
    scores = run.grading_scores[run.grading_scores["group"] == "all"]
    wide = scores.pivot_table(index="predictor", columns="metric", values="estimate")
    constants = wide[wide.index.str.startswith("always")]
    said = (
        f"exact {100 * wide.loc['finetuned', 'exact']:.0f} %, within one grade "
        f"{100 * wide.loc['finetuned', 'within_1']:.0f} %; the best constants reach "
        f"{100 * constants['exact'].max():.0f} and {100 * constants['within_1'].max():.0f} %"
    )
    better = wide.loc["finetuned", "exact"] > constants["exact"].max()
    verdict = "beats a constant" if better else "no better than a constant"
    yield "The encoder grades knees", "exact 31.0 %, within one grade 86.4 %", said, verdict


def _sides(run: Run, _arm: str) -> Iterator[Line]:
    found = run.ledger_cohort.set_index("check").loc["sides"]
    said = str(found["sentence"]) if pd.notna(found["value"]) else "too few people to ask"
    verdict = "sides agree" if found["verdict"] == "passed" else f"check {found['verdict']}"
    published = "correlation -0.28 in its own tables"
    yield "Grade and pain belong to the same knee", published, said, verdict
