"""Replication: each published claim is answered from the artefacts, whichever way they point."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from kneephen_utils.verdict import replication

LATERAL = "Lateral narrowing progresses twice as fast as medial"


@pytest.fixture
def run() -> replication.Run:
    return replication.Run(
        claims=pd.DataFrame(
            {
                "question": ["pain", "pain", "progression"],
                "arm": ["fused", "fused", "context"],
                "kl_grade": [0, 2, 3],
                "contrast": ["level", "level", "kl_rise_1, hazard ratio, B against A, confirm"],
                "estimate": [float("nan"), float("nan"), 2.1],
                "low": [float("nan"), float("nan"), 1.4],
                "high": [float("nan"), float("nan"), 3.2],
                "verdict": ["refused", "refused", "supported"],
            }
        ),
        contribution=pd.DataFrame(
            {
                "arm": ["fused", "fused", "image"],
                "image_share": [0.02, 0.03, 1.0],
                "shuffled_ari": [1.0, 0.9, 0.0],
                "image_phenotype": [False, False, True],
            }
        ),
        null=pd.DataFrame(
            {
                "arm": "fused",
                "kl_grade": 2,
                "reference": ["observed", "gaussian", "gaussian", "shuffled", "shuffled"],
                "statistic": [0.9, 0.3, 0.4, 0.95, 0.9],
            }
        ),
        grading_scores=pd.DataFrame(
            {
                "predictor": ["finetuned", "finetuned", "always KL0", "always KL0"],
                "group": "all",
                "metric": ["exact", "within_1", "exact", "within_1"],
                "estimate": [0.7, 0.95, 0.38, 0.56],
            }
        ),
        reading_design=pd.DataFrame(
            {"kl_grade": [0, 2, 3], "months": 96.0, "knees": [100, 80, 20], "read": [70, 6, 1]}
        ),
        ledger_cohort=pd.DataFrame(
            {"check": ["sides"], "value": [0.3], "verdict": ["passed"], "sentence": ["It is 0.30."]}
        ),
        profiles=narrowed(A=(1.8, 0.1), B=(0.2, 1.5)),
    )


def narrowed(**means: tuple[float, float]) -> pd.DataFrame:
    """Return profiles of KL3 with the mean medial and lateral narrowing of each phenotype."""
    return pd.DataFrame(
        [
            {"arm": "context", "kl_grade": 3, "phenotype": place, "variable": name, "mean": mean}
            for place, pair in enumerate(means.values())
            for name, mean in zip(("jsn_medial", "jsn_lateral"), pair, strict=True)
        ]
    )


def test_every_claim_has_one_line_with_its_answer(run: replication.Run) -> None:
    told = replication.compare(run, arm="context")
    assert told["claim"].is_unique
    assert told["verdict"].tolist() == [
        "not replicated",
        "not replicated",
        "refused as circular",
        "supported",
        "cannot be seen",
        "beats a constant",
        "sides agree",
    ]
    said = told.set_index("verdict")["this run"]
    assert "2.5 % of the variance of the plane; in 0 of 2 grades" in said["not replicated"].iloc[0]
    assert "beats data without groups in 0 of 1 grades" in said["not replicated"].iloc[1]
    assert said["cannot be seen"].startswith("7.0 % of the knees")
    assert "KL3, confirm: hazard ratio 2.10 (1.40 to 3.20)" in said["supported"]


def test_the_answers_follow_the_artefacts(run: replication.Run) -> None:
    other = replace(
        run,
        contribution=run.contribution.assign(image_phenotype=True),
        null=run.null.assign(statistic=[0.9, 0.3, 0.4, 0.1, 0.2]),
        claims=run.claims.assign(verdict="no phenotype"),
        ledger_cohort=run.ledger_cohort.assign(verdict="accepted"),
    )
    told = replication.compare(other, arm="context").set_index("claim")["verdict"]
    assert told["The clusters are read off the picture"] == "replicated"
    assert told["The clusters are distinct"] == "replicated"
    assert told["A KL0 phenotype is dominated by pain"] == "not tested"
    assert told[LATERAL] == "not tested"
    assert told["Grade and pain belong to the same knee"] == "check accepted"


def test_a_run_that_tested_and_grouped_nothing_is_answered_too(run: replication.Run) -> None:
    bare = replace(
        run,
        claims=run.claims.iloc[:0].assign(contrast=float("nan")),
        contribution=run.contribution.iloc[:0],
        null=run.null.iloc[:0],
    )
    told = replication.compare(bare, arm="context").set_index("claim")["verdict"]
    assert told["The clusters are distinct"] == "not replicated"
    assert told[LATERAL] == "not tested"


def test_a_ratio_speaks_for_lateral_narrowing_only_between_a_lateral_and_a_medial_group(
    run: replication.Run,
) -> None:
    both_medial = replace(run, profiles=narrowed(A=(1.8, 0.1), B=(1.5, 0.9)))
    told = replication.compare(both_medial, arm="context").set_index("claim").loc[LATERAL]
    assert told["verdict"] == "not tested"
    assert "2.10" not in told["this run"]
    turned = replace(run, profiles=narrowed(A=(0.1, 1.8), B=(1.5, 0.2)))
    told = replication.compare(turned, arm="context").set_index("claim").loc[LATERAL]
    assert "hazard ratio 0.48 (0.31 to 0.71)" in told["this run"]
    assert told["verdict"] == "not supported"  # the lateral group is the slower one


def test_a_grader_no_better_than_a_constant_is_called_so(run: replication.Run) -> None:
    scores = run.grading_scores.assign(estimate=[0.31, 0.86, 0.38, 0.83])
    told = replication.compare(replace(run, grading_scores=scores), arm="context")
    assert "no better than a constant" in set(told["verdict"])
