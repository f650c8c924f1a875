"""Evidence tables: what judges the groups of one grade before they may be claimed (stage 5)."""

from __future__ import annotations

from kneephen_utils.tables.schema import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    at_least,
    between,
    column,
    one_of,
    table,
)
from kneephen_utils.tables.subgroup import SHARE, grade_and_arm

GATES_ASKED = {  # in their order, as a heading of a column says them
    "enough_knees": "enough\nknees",
    "two_groups": "two\ngroups",
    "null_gaussian": "beat a\nsmooth cloud",
    "null_shuffled": "beat\nshuffling",
    "null_uniform": "beat an\neven cloud",
    "jaccard": "come\nback",
    "rechosen": "chosen\nagain",
    "dbcv": "are\ndense",
    "image": "from the\npicture",
    "read": "read off\nelsewhere",
}

NULL = table(
    "null",
    "phenotype",
    "One row per reference draw: the same pipeline on data without groups.",
    {
        **grade_and_arm(),
        "reference": column(
            TEXT,
            "observed, gaussian, shuffled or uniform",
            one_of(["observed", "gaussian", "shuffled", "uniform"]),
        ),
        "draw": column(WHOLE, "number of the draw, 0 for observed", at_least(0)),
        "phenotypes": column(WHOLE, "phenotypes found", at_least(0)),
        "statistic": column(
            NUMBER, "share of knees in a group that comes back, times density-based validity", SHARE
        ),
    },
    key=["kl_grade", "arm", "reference", "draw"],
)


CONTRIBUTION = table(
    "contribution",
    "phenotype",
    "One row per arm: did the picture make these groups?",
    {
        **grade_and_arm(),
        "image_share": column(
            NUMBER, "share of the variance of the space of the groups that is picture", SHARE
        ),
        "tree_ari": column(
            NUMBER,
            "agreement with a tree on the tabular inputs, a leaf a group",
            between(-1, 1),
            nullable=True,
        ),
        "shuffled_ari": column(
            NUMBER,
            "agreement of the groups before and after the pictures are shuffled",
            between(-1, 1),
            nullable=True,
        ),
        "read_ari": column(
            NUMBER,
            "agreement of the groups with those read off the picture in other people",
            between(-1, 1),
            nullable=True,
        ),
        "image_phenotype": column(
            FLAG, "the groups move when pictures are shuffled, and are read off them elsewhere"
        ),
        "sentence": column(TEXT, "the finding in words"),
    },
    key=["kl_grade", "arm"],
)


GATES = table(
    "gates",
    "phenotype",
    "One row per gate a grade and arm must pass before it may claim phenotypes.",
    {
        **grade_and_arm(),
        "gate": column(TEXT, ", ".join(GATES_ASKED)),
        "value": column(NUMBER, "what was measured", nullable=True),
        "threshold": column(NUMBER, "what was required"),
        "passed": column(FLAG, "the gate was passed"),
        "sentence": column(TEXT, "the finding in words"),
    },
    key=["kl_grade", "arm", "gate"],
)

SCHEMAS = [NULL, CONTRIBUTION, GATES]
