"""Gates: each is the last thing between a grade and a claim, and its limit is where it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kneephen_utils import tables, verdict
from kneephen_utils.phenotype import criteria, null_models
from kneephen_utils.phenotype.stratum import ENOUGH, Stratum

NULLS = [f"null_{name}" for name in null_models.REFERENCES]
PASSING = {
    "enough_knees": ENOUGH, "two_groups": 2, **dict.fromkeys(NULLS, 1),
    "jaccard": 0.75, "rechosen": 0.75, "dbcv": 0.2, "image": 0.49,
    "read": 0.25,
}  # fmt: skip
FAILING = {
    "enough_knees": ENOUGH - 1, "two_groups": 1, **dict.fromkeys(NULLS, 2),
    "jaccard": 0.74, "rechosen": 0.74, "dbcv": 0.19, "image": 0.5,
    "read": 0.24,
}  # fmt: skip
DRAWS = 39  # of each reference: one draw that does as well gives p 0.05, two give 0.075


def gates(**change: float) -> pd.DataFrame:
    """Return the gates of a grade that lies on the passing side of every limit, but for `change`.

    The nulls are given as draws that do at least as well as the observed grouping, itself one.
    """
    own = PASSING | change
    size, found = int(own["enough_knees"]), int(own["two_groups"])
    at = {"kl_grade": 2, "arm": "image"}
    knees = pd.DataFrame({"knee_id": [f"k{n}" for n in range(size + 9)], "split": "confirm"})
    knees["participant_id"] = knees["knee_id"]
    knees.loc[: size - 1, "split"] = "discover"
    cell = Stratum("image", 2, knees, pd.DataFrame({"image_0": np.zeros(len(knees))}))
    swept = pd.DataFrame([at | {"chosen": True, "phenotypes": found, "dbcv": own["dbcv"]}])
    null = [at | {"reference": "observed", "statistic": 0.5}]
    for name in null_models.REFERENCES:
        as_good = int(own[f"null_{name}"])
        drawn = [0.5] * as_good + [0.4] * (DRAWS - as_good)
        null += [at | {"reference": name, "statistic": value} for value in drawn]
    again = pd.DataFrame([at | {"jaccard": value} for value in (0.99, own["jaccard"], 0.1)[:found]])
    again["rechosen"] = own["rechosen"]
    moved = pd.DataFrame(
        [
            at
            | {
                "shuffled_ari": own["image"],
                "read_ari": own["read"],
                "sentence": "the groups move.",
            }
        ]
    )
    return criteria.judge([cell], swept, pd.DataFrame(null), again, moved)


def test_a_grade_at_every_limit_passes_and_the_verdict_knows_each_gate_in_order() -> None:
    judged = tables.check(gates(), "gates")
    assert judged["passed"].all()
    assert judged["gate"].tolist() == list(verdict.GATE_WORDS) == list(PASSING)


@pytest.mark.parametrize("name", [name for name in FAILING if name not in {"enough_knees"}])
def test_each_gate_bites_alone(name: str) -> None:
    judged = gates(**{name: FAILING[name]})
    alone = {"jaccard", "rechosen"} if name == "two_groups" else set()  # one group is no grouping
    assert set(judged.loc[~judged["passed"], "gate"]) == {name} | alone


def test_one_knee_too_few_ends_the_question_although_all_else_would_pass() -> None:
    judged = tables.check(gates(enough_knees=FAILING["enough_knees"]), "gates")
    assert judged["gate"].tolist() == ["enough_knees"]
    assert not judged["passed"].any()
    assert judged["value"].tolist() == [ENOUGH - 1]


def test_knees_of_other_people_do_not_make_up_the_number() -> None:
    judged = gates(enough_knees=1)
    assert judged["value"].tolist() == [1.0]
    assert not judged["passed"].any()


@pytest.mark.parametrize("name", ["rechosen", "dbcv", "image", "read"])
def test_a_value_that_is_missing_has_not_passed(name: str) -> None:
    judged = gates(**{name: float("nan")}).set_index("gate")
    assert not judged.loc[name, "passed"]
