"""Outcome tables: pain, progression and the verdict (stages 7 to 9)."""

from __future__ import annotations

from kneephen_utils.tables.schema import (
    ANSWERS,
    ARMS,
    NUMBER,
    SPLITS,
    TEXT,
    WHOLE,
    at_least,
    between,
    column,
    interval,
    knee_key,
    one_of,
    table,
)

PROBABILITY = between(0, 1)


def _effect(meaning: str) -> dict:
    return {
        "family": column(TEXT, "family of tests, declared before any was run"),
        "model": column(TEXT, "how it was estimated"),
        "role": column(TEXT, "primary, secondary, cross-check, sensitivity or naive"),
        "outcome": column(TEXT, "what was compared"),
        "contrast": column(TEXT, "which quantity, such as `level at 0 months` or `hazard ratio`"),
        "arm": column(TEXT, "arm of the phenotypes", one_of(ARMS)),
        "kl_grade": column(WHOLE, "grade, -1 for all grades together", between(-1, 4)),
        "phenotype": column(WHOLE, "phenotype compared", at_least(-1)),
        "reference": column(
            WHOLE, "phenotype it is compared with, -2 for all others", at_least(-2)
        ),
        "sample": column(
            TEXT, "people the estimate rests on", one_of(["confirm", "discover", "both"])
        ),
        **interval(meaning),
        "unit": column(TEXT, "unit of the estimate"),
        "p": column(
            NUMBER,
            "p value, by the procedure that made the interval",
            PROBABILITY,
            nullable=True,
        ),
        "p_adjusted": column(
            NUMBER, "p adjusted within the family (Holm)", PROBABILITY, nullable=True
        ),
        "knees": column(WHOLE, "knees", at_least(0)),
        "participants": column(WHOLE, "people", at_least(0)),
        "events": column(
            "Int64",
            "events seen, missing where the outcome is not an event",
            at_least(0),
            nullable=True,
        ),
        "firewall": column(TEXT, "may this arm be tested on this outcome", one_of(ANSWERS)),
        "sentence": column(TEXT, "the finding, or why it was not run, in words"),
    }


EFFECT_KEY = ["model", "outcome", "contrast", "arm", "kl_grade", "phenotype", "reference", "sample"]

PAIN_EFFECTS = table(
    "pain_effects",
    "pain",
    "One row per contrast of pain between phenotypes.",
    _effect("difference in WOMAC pain, or in its slope"),
    key=EFFECT_KEY,
)

PROGRESSION_EFFECTS = table(
    "progression_effects",
    "progression",
    "One row per contrast of progression between phenotypes.",
    _effect("hazard ratio, risk difference or time, as the contrast says"),
    key=EFFECT_KEY,
)


def _curve(meaning: str, unit: str) -> dict:
    return {
        "outcome": column(TEXT, "what is drawn"),
        "curve": column(
            TEXT, "raw or model; kaplan_meier, turnbull, cumulative_incidence or naive"
        ),
        "arm": column(TEXT, "arm of the phenotypes", one_of(ARMS)),
        "kl_grade": column(WHOLE, "grade, -1 for all", between(-1, 4)),
        "phenotype": column(WHOLE, "phenotype, -1 unassigned, -2 all knees", at_least(-2)),
        "months": column(NUMBER, "months since baseline", at_least(0), unit="months"),
        **interval(meaning, unit),
        "knees": column(WHOLE, "knees seen, or at risk, at that time", at_least(0)),
    }


CURVE_KEY = ["outcome", "curve", "arm", "kl_grade", "phenotype", "months"]

PAIN_CURVES = table(
    "pain_curves",
    "pain",
    "Mean pain over the visits, raw and fitted.",
    _curve("mean WOMAC pain", "points 0-20"),
    key=CURVE_KEY,
)

DISCORDANCE = table(
    "discordance",
    "pain",
    "Baseline pain of each knee beside the pain expected from its film and its person.",
    {
        **knee_key(),
        "split": column(TEXT, "use of the person; the fit is on discover people", one_of(SPLITS)),
        "kl_grade": column(WHOLE, "grade", between(0, 4)),
        "observed": column(NUMBER, "WOMAC pain at baseline", between(0, 20), unit="points"),
        "expected": column(NUMBER, "pain expected", unit="points"),
        "residual": column(NUMBER, "observed minus expected", unit="points"),
    },
    key=["knee_id"],
)

PROGRESSION_CURVES = table(
    "progression_curves",
    "progression",
    "Curves of progression over the visits.",
    _curve("probability of being free of the outcome, or mean KL change", ""),
    key=CURVE_KEY,
)

DESIGN = table(
    "reading_design",
    "progression",
    "Who could be seen: share of baseline knees read at each visit.",
    {
        "kl_grade": column(WHOLE, "baseline grade", between(0, 4)),
        "months": column(NUMBER, "months since baseline", at_least(0), unit="months"),
        "knees": column(WHOLE, "baseline knees of this grade", at_least(0)),
        "read": column(WHOLE, "of these, read at this visit", at_least(0)),
        "share": column(NUMBER, "share read", PROBABILITY),
    },
    key=["kl_grade", "months"],
)

CLAIMS = table(
    "claims",
    "verdict",
    "One row per claim the study could make, with its evidence and its weakest link.",
    {
        "claim": column(TEXT, "the claim in words"),
        "question": column(
            TEXT, "phenotypes, pain or progression", one_of(["phenotypes", "pain", "progression"])
        ),
        "arm": column(TEXT, "arm", one_of(ARMS)),
        "kl_grade": column(WHOLE, "grade", between(0, 4)),
        "phenotype": column(
            "Int64", "phenotype, missing for a claim about the whole grade", nullable=True
        ),
        "contrast": column(TEXT, "contrast", nullable=True),
        **interval("estimate the claim rests on"),
        "unit": column(TEXT, "unit of the estimate", nullable=True),
        "p_adjusted": column(NUMBER, "adjusted p", PROBABILITY, nullable=True),
        "null_p": column(
            NUMBER, "largest p value against data without groups", PROBABILITY, nullable=True
        ),
        "stability": column(
            NUMBER, "Jaccard of the phenotype, or least of the grade", PROBABILITY, nullable=True
        ),
        "image_phenotype": column("boolean", "the picture made the groups", nullable=True),
        "firewall": column(TEXT, "answer of the firewall", one_of(ANSWERS), nullable=True),
        "knees": column("Int64", "knees", nullable=True),
        "participants": column("Int64", "people", nullable=True),
        "verdict": column(
            TEXT,
            "what may be said",
            one_of(["supported", "not supported", "refused", "no phenotype", "exploratory"]),
        ),
        "weakest_link": column(TEXT, "the gate or test that decided"),
    },
    key=["question", "arm", "kl_grade", "phenotype", "contrast"],
)

CARDS = table(
    "cards",
    "verdict",
    "One row per phenotype that earned a name and line of its card.",
    {
        "kl_grade": column(WHOLE, "grade", between(0, 4)),
        "arm": column(TEXT, "arm", one_of(ARMS)),
        "phenotype": column(WHOLE, "phenotype", at_least(0)),
        "position": column(WHOLE, "place of the line on the card", at_least(0)),
        "heading": column(TEXT, "what the line is about"),
        "text": column(TEXT, "the line"),
    },
    key=["kl_grade", "arm", "phenotype", "position"],
)

TRUTH = table(
    "truth",
    "verdict",
    "Planted against found; only where the release is synthetic.",
    {
        "quantity": column(TEXT, "what was planted"),
        "arm": column(TEXT, "arm", nullable=True),
        "kl_grade": column("Int64", "grade, missing for all", nullable=True),
        "planted": column(NUMBER, "planted value", nullable=True),
        **interval("value found"),
        "knees": column(WHOLE, "knees compared", at_least(0)),
        "sentence": column(TEXT, "the comparison in words"),
    },
    key=["quantity", "arm", "kl_grade"],
)

MULTIVERSE = table(
    "multiverse",
    "multiverse",
    "One row per path through the analysis: the ratio of lateral against medial narrowing.",
    {
        "embedding": column(TEXT, "zeroshot or finetuned", one_of(["zeroshot", "finetuned"])),
        "crop": column(TEXT, "as cut, or its middle", one_of(["as cut", "closer"])),
        "arm": column(TEXT, "arm", one_of(ARMS)),
        "weight": column(
            TEXT, "of the clinical columns, to the set one", one_of(["as set", "half", "double"])
        ),
        "reducer": column(TEXT, "reducer before clustering", one_of(["none", "pca", "umap"])),
        "setting": column(TEXT, "setting of the clustering, from the one the rule chose"),
        "outcome": column(TEXT, "outcome of the `events` table"),
        "adjustment": column(TEXT, "covariates beside the grade"),
        "sample": column(TEXT, "people it rests on", one_of(["confirm", "both"])),
        "path": column(TEXT, "default, published or other"),
        **interval("hazard ratio"),
        "knees": column(WHOLE, "knees of the two groups", at_least(0)),
        "participants": column(WHOLE, "people", at_least(0)),
        "events": column(WHOLE, "events seen", at_least(0)),
        "firewall": column(TEXT, "answer of the firewall", one_of(ANSWERS)),
        "sentence": column(TEXT, "why there is no estimate, where there is none"),
    },
    key=[
        "embedding",
        "crop",
        "arm",
        "weight",
        "reducer",
        "setting",
        "outcome",
        "adjustment",
        "sample",
    ],
)

SCHEMAS = [
    PAIN_EFFECTS,
    PAIN_CURVES,
    DISCORDANCE,
    PROGRESSION_EFFECTS,
    PROGRESSION_CURVES,
    DESIGN,
    CLAIMS,
    CARDS,
    TRUTH,
    MULTIVERSE,
]
