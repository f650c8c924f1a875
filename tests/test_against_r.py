"""Against R: the same data give what R's `survival` gives, asked live or as it answered before."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kneephen_utils.stats import discrete_time_hazard, profile, survival

KEPT = Path(__file__).parent / "r_survival.json"  # what R answered, with the call and its version
SCRIPT = Path(__file__).parent / "r_survival.R"


def pairs() -> pd.DataFrame:
    """Return knees of 200 people that mostly move at the same visit; made without any chance."""
    number = np.arange(1, 201)
    steady = (number * 0.6180339887498949) % 1
    mark, jsn = (number % 5 < 2).astype(float), (number % 3).astype(float)
    time = np.ceil(-np.log(steady) / np.exp(0.7 * mark + 0.2 * jsn - 1.2))
    other = np.where(number % 4 == 0, 1 + (time + number) % 5, time)
    rows = [
        pd.DataFrame(
            {"participant_id": number, "time": each, "mark": mark, "jsn": jsn, "side": side}
        )
        for side, each in enumerate([time, other])
    ]
    knees = pd.concat(rows, ignore_index=True)
    knees["observed"] = knees["time"] <= 4
    knees["months"] = 12 * knees["time"].clip(upper=4)
    knees["knee_id"] = knees["participant_id"].astype(str) + "-" + knees["side"].astype(str)
    return knees.assign(kind=np.where(knees["observed"], 1 + (knees["participant_id"] % 4 == 1), 0))


def ours() -> dict[str, list[float]]:
    """Return what this package finds, under the names of the R script."""
    knees = pairs()
    cox = survival.cox(knees, ["mark", "jsn"], clustered=True)
    alone = survival.cox(knees, ["mark", "jsn"], clustered=False)
    seen = knees.assign(right_months=knees["months"].where(knees["observed"]))
    left = seen["months"].where(~seen["observed"], seen["months"] - 12)
    spells = discrete_time_hazard.periods(seen.assign(left_months=left))
    curve = survival.incidence(knees, draws=3, seed=0)
    return {
        "cox": list(cox.estimate),
        "cox_error": list(np.sqrt(np.diag(alone.covariance))),
        "cox_robust": list(np.sqrt(np.diag(cox.covariance))),
        "proportional": [survival.proportional(knees, "mark")],
        "cloglog": [float(np.log(profile.ratio(spells, "mark", ["jsn"])["estimate"]))],
        "incidence": list(curve["estimate"].iloc[1:]),
    }


def asked(folder: Path) -> dict[str, list[float]]:
    """Run the R script on the same data."""
    pairs().to_csv(folder / "pairs.csv", index=False)
    call = ["Rscript", "--vanilla", str(SCRIPT), str(folder / "pairs.csv")]
    done = subprocess.run(call, capture_output=True, text=True, check=True, encoding="utf-8")
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: [float(value) for value in values] for name, *values in lines}


def has_survival() -> bool:
    if not shutil.which("Rscript"):
        return False
    call = ["Rscript", "--vanilla", "-e", "library(survival)"]
    return subprocess.run(call, capture_output=True, check=False).returncode == 0


def compare(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-4, err_msg=name)


def test_the_numbers_are_those_that_r_gave() -> None:
    compare(ours(), json.loads(KEPT.read_text(encoding="utf-8"))["answers"])


def test_r_gives_the_kept_numbers_again(tmp_path: Path) -> None:
    if not has_survival():
        pytest.skip("needs R with its package survival")
    compare(asked(tmp_path), json.loads(KEPT.read_text(encoding="utf-8"))["answers"])
