"""Picture tables: from films to embeddings, grades and attention (stages 1 to 3 and 6)."""

from __future__ import annotations

from kneephen_utils.tables.schema import (
    ARMS,
    FLAG,
    NUMBER,
    SIDES,
    SPLITS,
    TEXT,
    WHOLE,
    WHOLE_OR_MISSING,
    at_least,
    between,
    column,
    interval,
    knee_key,
    one_of,
    table,
)

SHARE = between(0, 1)
ENCODERS = ["zeroshot", "finetuned"]
REGIONS = ["joint_space", "femoral_condyles", "tibial_plateau", "border"]
CHECKS = ["deletion", "deletion_over_random", "deletion_over_centre"]
CHECKS += ["insertion", "insertion_over_random", "insertion_over_centre"]
CHECKS += ["randomised", "other_knee", "largest_patch", "outliers"]
METHOD = (
    "cls: attention of the CLS token in the last block; rollout: through all blocks; relevance, "
    "against: attention of all blocks weighted by what raises, or lowers, the grade"
)

CROPS = table(
    "crops",
    "radiograph",
    "One row per knee that should have a picture: how it was cut, or why not.",
    {
        **knee_key(),
        "side": column(TEXT, "side of the body", one_of(SIDES)),
        "film_id": column(TEXT, "barcode of the film", nullable=True),
        "status": column(TEXT, "`ok`, or the reason there is no picture"),
        "detail": column(TEXT, "the reason in words, empty when ok"),
        "image": column(WHOLE, "row of the picture in `images`, -1 for none", at_least(-1)),
        "center_x": column(
            NUMBER, "joint centre from the left edge of the film", unit="mm", nullable=True
        ),
        "center_y": column(
            NUMBER, "joint centre from the top edge of the film", unit="mm", nullable=True
        ),
        "confidence": column(NUMBER, "confidence of the locator", SHARE, nullable=True),
        "spacing": column(NUMBER, "pixel spacing of the film", unit="mm", nullable=True),
        "spacing_source": column(TEXT, "tag the spacing came from", nullable=True),
        "photometric": column(TEXT, "MONOCHROME1 or MONOCHROME2", nullable=True),
        "exposure": column(
            NUMBER, "median of the crop before windowing, share of full scale", SHARE, nullable=True
        ),
        "contrast": column(
            NUMBER,
            "5-95 percentile range before windowing, share of full scale",
            SHARE,
            nullable=True,
        ),
    },
    key=["knee_id"],
)

EMBEDDINGS = table(
    "embeddings",
    "embedding",
    "One row per pictured knee; parts `zeroshot`, `block` and `finetuned`.",
    {
        "knee_id": column(TEXT, "knee"),
        r"feature_\d{3}": column(
            "float32", "unit-length embedding of the crop", between(-1, 1), regex=True
        ),
    },
    key=["knee_id"],
)

ZEROSHOT_GRADES = table(
    "zeroshot_grades",
    "embedding",
    "One row per pictured knee: KL grade from text prompts alone.",
    {
        "knee_id": column(TEXT, "knee"),
        "split": column(TEXT, "use of the person", one_of(SPLITS)),
        "kl_grade": column(WHOLE_OR_MISSING, "grade as read", between(0, 4), nullable=True),
        "kl_predicted": column(
            NUMBER, "expected grade under the prompt probabilities", between(0, 4)
        ),
        **{f"p_{k}": column(NUMBER, f"probability of grade {k}", SHARE) for k in range(5)},
    },
    key=["knee_id"],
)

ZEROSHOT_GROUPS = table(
    "zeroshot_groups",
    "embedding",
    "One row per graded knee never trained on: groups of the untrained vectors, without a gate.",
    {
        "knee_id": column(TEXT, "knee"),
        "split": column(TEXT, "use of the person", one_of(SPLITS)),
        "kl_grade": column(WHOLE, "grade as read", between(0, 4)),
        "pooled": column(WHOLE, "group over all grades, -1 for none", at_least(-1)),
        "within": column(WHOLE, "group within the grade, -1 for none", at_least(-1)),
    },
    key=["knee_id"],
)

GRADES = table(
    "grades",
    "grading",
    "One row per pictured knee: KL grade from the fine-tuned encoder.",
    {
        "knee_id": column(TEXT, "knee"),
        "split": column(TEXT, "use of the person", one_of(SPLITS)),
        "kl_grade": column(WHOLE_OR_MISSING, "grade as read", between(0, 4), nullable=True),
        "kl_predicted": column(NUMBER, "4 x sigmoid of the head", between(0, 4)),
    },
    key=["knee_id"],
)

HISTORY = table(
    "history",
    "grading",
    "One row per epoch of fine-tuning.",
    {
        "epoch": column(WHOLE, "epoch, from 1", at_least(1)),
        "train_loss": column(NUMBER, "mean training loss"),
        "validation_loss": column(
            NUMBER, "loss on the inner validation people, without weights or ranking"
        ),
        "validation_mae": column(
            NUMBER, "mean absolute error on the inner validation people", unit="grades"
        ),
        "learning_rate": column(NUMBER, "learning rate of the backbone at the end of the epoch"),
        "chosen": column(FLAG, "the checkpoint that was kept"),
    },
    key=["epoch"],
)

CALIBRATION = table(
    "grading_calibration",
    "grading",
    "One row per group of knees of like predicted grade; people never trained on.",
    {
        "place": column(WHOLE, "group, from the lowest predicted grade, from 1", at_least(1)),
        "predicted": column(NUMBER, "mean predicted grade", between(0, 4)),
        **interval("mean grade as read"),
        "knees": column(WHOLE, "knees", at_least(1)),
        "participants": column(WHOLE, "people", at_least(1)),
    },
    key=["place"],
)

SCORES = table(
    "grading_scores",
    "grading",
    "One row per predictor, group of knees and metric; people never trained on.",
    {
        "predictor": column(
            TEXT, "what predicts: finetuned, zeroshot, always KL0 .. KL4, pixel ridge, ..."
        ),
        "group": column(TEXT, "all, or one grade or site, such as `KL2` or `site A`"),
        "metric": column(
            TEXT,
            "mae, rmse, exact, within_1, balanced_accuracy, quadratic_weighted_kappa, spearman",
        ),
        **interval("value of the metric, interval from a bootstrap of people"),
        "knees": column(WHOLE, "knees scored", at_least(0)),
        "participants": column(WHOLE, "people scored", at_least(0)),
    },
    key=["predictor", "group", "metric"],
)


def _map_key(last: str) -> dict:
    return {
        "encoder": column(
            TEXT,
            "zeroshot, finetuned, or randomised: finetuned with its trained weights drawn anew",
            one_of([*ENCODERS, "randomised"]),
        ),
        "arm": column(TEXT, "arm the phenotypes come from", one_of(ARMS)),
        "method": column(TEXT, METHOD + last),
        "kl_grade": column(WHOLE, "grade, -1 for all", between(-1, 4)),
        "phenotype": column(
            WHOLE, "phenotype within the grade, -1 unassigned, -2 all knees", at_least(-2)
        ),
    }


ATTENTION = table(
    "attention",
    "attention",
    "Mean map per group on the patch grid; groups of at least ten knees, never trained on.",
    {
        **_map_key(""),
        "row": column(WHOLE, "patch row from the top", at_least(0)),
        "column": column(
            WHOLE, "patch column; medial side on the right of the picture", at_least(0)
        ),
        "weight": column(NUMBER, "share of the map, sums to 1 over the patches", SHARE),
        "knees": column(WHOLE, "knees averaged", at_least(1)),
    },
    key=["encoder", "method", "kl_grade", "phenotype", "row", "column"],
)

ATTENTION_SCORES = table(
    "attention_scores",
    "attention",
    "Share of each map on named regions beside area and a centre prior.",
    {
        **_map_key(""),
        "region": column(
            TEXT,
            "joint_space, femoral_condyles, tibial_plateau, border: fixed places on the crop",
            one_of(REGIONS),
        ),
        **interval("mean share of the map on the region, interval from a bootstrap of people"),
        "area": column(NUMBER, "share of the picture the region covers", SHARE),
        "centre_prior": column(NUMBER, "share a round blob in the centre would give", SHARE),
        "knees": column(WHOLE, "knees averaged", at_least(1)),
        "participants": column(WHOLE, "people they belong to", at_least(1)),
    },
    key=["encoder", "method", "kl_grade", "phenotype", "region"],
)

ATTENTION_CHECKS = table(
    "attention_checks",
    "attention",
    "Would a map look the same without the picture or the training? A sample of the knees.",
    {
        **_map_key(
            "; for deletion and insertion also random and centre, patches chosen without a map"
        ),
        "check": column(
            TEXT,
            "deletion: change of the answer when the chosen patches are those of the mean knee; "
            "insertion: how much nearer than the mean knee's the answer of the chosen patches "
            "alone comes to that of the whole picture; _over_random, _over_centre: less the same "
            "for random or central patches; randomised, other_knee: likeness to the map of "
            "redrawn weights or of another person's knee; largest_patch: share of the map on one "
            "patch; outliers: share that lay on outlier tokens before they were left out",
            one_of(CHECKS),
        ),
        **interval("mean over the knees, interval from a bootstrap of people"),
        "unit": column(TEXT, "grades, cosine distance, rank correlation or share"),
        "knees": column(WHOLE, "knees checked", at_least(1)),
        "participants": column(WHOLE, "people they belong to", at_least(1)),
    },
    key=["encoder", "method", "kl_grade", "phenotype", "check", "unit"],
)

SCHEMAS = [
    CROPS,
    EMBEDDINGS,
    ZEROSHOT_GRADES,
    ZEROSHOT_GROUPS,
    GRADES,
    HISTORY,
    CALIBRATION,
    SCORES,
    ATTENTION,
    ATTENTION_SCORES,
    ATTENTION_CHECKS,
]
