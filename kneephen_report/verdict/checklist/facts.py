"""Facts: what the run knows about itself, in sentences made from its tables and parameters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from kneephen_utils import formatting
from kneephen_utils.stats import effects

SYNTHETIC = (
    "a synthetic release in the formats of the Osteoarthritis Initiative; nobody was studied"
)
REAL = "a release of the Osteoarthritis Initiative, five centres in the United States, from 2004"
WORDS = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))


def gather(
    participants: pd.DataFrame,
    knees: pd.DataFrame,
    events: pd.DataFrame,
    grading_scores: pd.DataFrame,
    claims: pd.DataFrame,
    power: pd.DataFrame,
    *,
    arm: str,
    synthetic: bool,
) -> dict[str, str]:
    """Return every fact by name, from tables of the run; `power` is that of module `power`."""
    people = f"{len(participants):,} people"
    splits = participants["split"].value_counts()
    parts = ", ".join(
        f"{splits.get(name, 0):,} {name}" for name in ("train", "discover", "confirm")
    )
    graded = knees["kl_grade"].notna()
    mix = knees.loc[graded, "kl_grade"].value_counts(normalize=True).sort_index()
    grades = ", ".join(f"KL{grade} {100 * share:.0f} %" for grade, share in mix.items())
    women = 100 * effects.female(participants["sex"]).mean()
    share = "women not known" if pd.isna(women) else f"{women:.0f} % women"
    rose = events[events["outcome"] == "kl_rise_1"]
    seen = rose["left_months"].median()
    best = power["hazard_ratio"].min()
    reach = (
        "no hazard ratio" if pd.isna(best) else f"a hazard ratio of {best:.1f} in its best grade"
    )
    source = SYNTHETIC if synthetic else REAL
    return {
        **WORDS,
        "summary": f"{_verdicts(claims, arm)} Source: {source}.",
        "design": f"A cohort followed at yearly and later two-yearly visits: {source}.",
        "setting": f"The data are {source}.",
        "eligible": f"Everyone in the release: {people}; grades {grades}.",
        "flow": f"{people}, {len(knees):,} knees, {int(graded.sum()):,} with a grade; "
        "each loss by its reason in {doc}`00_cohort`.",
        "inputs": f"Arm *{arm}*, from which claims are made: the picture, age, BMI and sex; "
        "other arms are told apart.",
        "people": f"{share}, mean age {participants['age'].mean():.1f} years; {parts}.",
        "events": f"{int(rose['observed'].sum()):,} rises of the grade in {len(rose):,} knees.",
        "follow_up": f"Grades are known to {seen:.0f} months in the middle knee; accrual and "
        "visits are those of the release.",
        "power": f"The size is that of the release; the study could have shown {reach}.",
        "size": f"The size is that of the release: {parts} people.",
        "splits": f"People are split once, both knees together: {parts}.",
        "grader": _grader(grading_scores),
        "encoder": "A vision-language encoder with twelve blocks, six of them frozen; its source "
        "and parameters stand on {doc}`02_embedding`.",
        "claims": f"{_verdicts(claims, arm)} Each with estimate, interval and weakest link in "
        "{doc}`09_verdict`.",
    }


def cards(facts: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the model card (Mitchell et al. 2019) and the data card (Gebru et al. 2021)."""
    model = {
        "What it is": facts["encoder"],
        "Meant for": "Research on groups of knees within a grade. " + facts["use"],
        "Not meant for": "Diagnosis, grading in care, or the choice of a treatment for one person.",
        "Trained on": facts["splits"] + " " + facts["training"],
        "How well it grades": facts["grader"],
        "By group of people": facts["fairness"],
        "Known limits": facts["limits"],
    }
    data = {
        "Source": facts["setting"],
        "Who is in it": facts["eligible"] + " " + facts["people"],
        "What was measured": facts["measured"],
        "What is missing": facts["missing"],
        "Preparation": facts["preparation"],
        "Checks": facts["bias"],
        "Access": facts["code"],
        "Consent and ethics": "☐ **blank:** for the authors to fill",
    }
    return {"Model card": model, "Data card": data}


def _verdicts(claims: pd.DataFrame, arm: str) -> str:
    own = claims[claims["arm"] == arm]
    counts = own["verdict"].value_counts()
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return f"Of {len(own):,} claims of arm *{arm}*: {told}."


def _grader(scores: pd.DataFrame) -> str:
    own = scores[(scores["group"] == "all") & (scores["predictor"] == "finetuned")]
    by_metric = own.set_index("metric")
    if "quadratic_weighted_kappa" not in by_metric.index:
        return "There are too few graded knees to tell."
    kappa = by_metric.loc["quadratic_weighted_kappa"]
    spread = formatting.spread(kappa["estimate"], kappa["low"], kappa["high"])
    return (
        f"Weighted kappa {spread} on {int(kappa['knees']):,} knees of people never trained on; by "
        "grade, side and site in {doc}`03_grading`."
    )
