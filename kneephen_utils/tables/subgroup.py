"""Subgroup tables: fusion, and phenotypes within one grade (stages 4, 5)."""

from __future__ import annotations

from kneephen_utils.tables.schema import (
    ARMS,
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    at_least,
    between,
    column,
    interval,
    one_of,
    table,
)

SHARE = between(0, 1)


def grade_and_arm() -> dict:
    """Return the columns with which every table of a grade and arm begins."""
    return {
        "kl_grade": column(WHOLE, "grade", between(0, 4)),
        "arm": column(TEXT, "what the features were made of", one_of(ARMS)),
    }


FUSED = table(
    "fused",
    "fusion",
    "One row per knee; one part per arm.",
    {
        "knee_id": column(TEXT, "knee"),
        r"(image|context|structure|pain)_\w+": column(NUMBER, "feature, block-scaled", regex=True),
    },
    key=["knee_id"],
)

FUSED_BLOCKS = table(
    "fused_blocks",
    "fusion",
    "Declared and realised share of each block in each arm.",
    {
        "arm": column(TEXT, "arm", one_of(ARMS)),
        "block": column(TEXT, "image, context, structure or pain"),
        "columns": column(WHOLE, "number of features", at_least(1)),
        "declared_share": column(NUMBER, "share of the fused variance that was asked for", SHARE),
        "realised_share": column(
            NUMBER, "share of the fused variance on the discover knees", SHARE
        ),
    },
    key=["arm", "block"],
)

NUISANCE = table(
    "nuisance",
    "fusion",
    "What can still be predicted from the image features, before and after adjustment.",
    {
        "target": column(TEXT, "kl_grade, kl_predicted, side, site or exposure"),
        "when": column(TEXT, "before or after adjustment", one_of(["before", "after"])),
        "metric": column(TEXT, "r2, or balanced accuracy"),
        "estimate": column(NUMBER, "value in people not used for the adjustment"),
        "chance": column(NUMBER, "value of a predictor that knows nothing"),
    },
    key=["target", "when"],
)

MAP = table(
    "map",
    "fusion",
    "Two-dimensional UMAP of the image features; for the eye only, nothing is computed on it.",
    {
        "knee_id": column(TEXT, "knee"),
        "x": column(NUMBER, "first map coordinate"),
        "y": column(NUMBER, "second map coordinate"),
    },
    key=["knee_id"],
)

PHENOTYPES = table(
    "phenotypes",
    "phenotype",
    "One row per knee of the grade and arm; one part per grade.",
    {
        **grade_and_arm(),
        "knee_id": column(TEXT, "knee"),
        "split": column(
            TEXT, "discover: found here; confirm: assigned", one_of(["discover", "confirm"])
        ),
        "phenotype": column(WHOLE, "phenotype, 0 is the largest, -1 unassigned", at_least(-1)),
        "membership": column(NUMBER, "0 (noise) to 1 (core)", SHARE),
        "drift": column(FLAG, "farther from the discover knees than they are from each other"),
    },
    key=["kl_grade", "arm", "knee_id"],
)

SWEEP = table(
    "sweep",
    "phenotype",
    "One row per clustering setting tried, before any outcome was opened.",
    {
        **grade_and_arm(),
        "reducer": column(TEXT, "none, pca or umap"),
        "min_cluster_size": column(WHOLE, "fewest knees in a phenotype", at_least(2)),
        "min_samples": column(WHOLE, "knees around a knee to call it dense", at_least(1)),
        "phenotypes": column(WHOLE, "phenotypes found", at_least(0)),
        "noise_share": column(NUMBER, "share of unassigned knees", SHARE),
        "stability": column(
            NUMBER,
            "share of knees in a group that comes back when people are left out; missing if fewer "
            "than two groups",
            SHARE,
            nullable=True,
        ),
        "dbcv": column(
            NUMBER,
            "density-based validity; a description, not a test",
            between(-1, 1),
            nullable=True,
        ),
        "best": column(FLAG, "the setting the rule takes among those with this reducer"),
        "chosen": column(FLAG, "the setting that was used"),
        "by_hand": column(FLAG, "the setting was given by the user, or pain was looked at before"),
    },
    key=["kl_grade", "arm", "reducer", "min_cluster_size", "min_samples"],
)

STABILITY = table(
    "stability",
    "phenotype",
    "One row per phenotype: is it found again when people are resampled?",
    {
        **grade_and_arm(),
        "phenotype": column(WHOLE, "phenotype", at_least(0)),
        "knees": column(WHOLE, "discover knees in it", at_least(1)),
        "participants": column(WHOLE, "people they belong to", at_least(1)),
        "jaccard": column(NUMBER, "mean best Jaccard over resamples", SHARE),
        "low": column(NUMBER, "2.5 percentile over resamples", SHARE),
        "high": column(NUMBER, "97.5 percentile over resamples", SHARE),
        "switched": column(
            NUMBER, "share of its knees that end in another group or in none", SHARE
        ),
        "rechosen": column(
            NUMBER,
            "least agreement of all groups of the grade with those of a setting chosen anew",
            between(-1, 1),
        ),
        "named": column(FLAG, "stable enough to carry a name"),
    },
    key=["kl_grade", "arm", "phenotype"],
)

PAIRS = table(
    "pairs",
    "phenotype",
    "One row per ordered pair of phenotypes: do their knees stay apart, and how far?",
    {
        **grade_and_arm(),
        "phenotype": column(WHOLE, "one phenotype", at_least(0)),
        "other": column(WHOLE, "the other, or the same", at_least(0)),
        "together": column(
            NUMBER,
            "share of pairs of their knees that land in one group when people are left out",
            SHARE,
            nullable=True,
        ),
        "distance": column(
            NUMBER,
            "between their means, in standard deviations within them along that line",
            at_least(0),
        ),
    },
    key=["kl_grade", "arm", "phenotype", "other"],
)

AGREEMENT = table(
    "agreement",
    "phenotype",
    "One row per rival: are the groups the same in another arm, encoder, reducer or knee?",
    {
        **grade_and_arm(),
        "compared": column(
            TEXT,
            "arm, encoder, reducer, seed of the layout, or the two knees of a person",
            one_of(["arm", "encoder", "reducer", "seed", "knees"]),
        ),
        "other": column(TEXT, "what the groups were compared with"),
        "measure": column(
            TEXT, "adjusted Rand index, or kappa for two knees", one_of(["ari", "kappa"])
        ),
        **interval("agreement, 0 chance, 1 equal"),
        "knees": column(WHOLE, "knees compared", at_least(0)),
    },
    key=["kl_grade", "arm", "compared", "other"],
)

PROFILES = table(
    "profiles",
    "phenotype",
    "One row per phenotype and clinical column: who they are.",
    {
        **grade_and_arm(),
        "phenotype": column(WHOLE, "phenotype, -1 unassigned", at_least(-1)),
        "variable": column(TEXT, "clinical column"),
        "role": column(
            TEXT, "role of the column in the arm", one_of(["input", "descriptor", "outcome"])
        ),
        **interval("median, or share for yes/no columns; the interval is the quartiles"),
        "mean": column(NUMBER, "mean", nullable=True),
        "sd": column(NUMBER, "standard deviation", at_least(0), nullable=True),
        "smd": column(
            NUMBER,
            "difference from all other knees of the grade, in standard deviations; never of an "
            "outcome",
            nullable=True,
        ),
        "knees": column(WHOLE, "knees with a value", at_least(0)),
    },
    key=["kl_grade", "arm", "phenotype", "variable"],
)

SCHEMAS = [
    FUSED,
    FUSED_BLOCKS,
    NUISANCE,
    MAP,
    PHENOTYPES,
    SWEEP,
    STABILITY,
    PAIRS,
    AGREEMENT,
    PROFILES,
]
