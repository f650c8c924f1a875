"""Parameter consistency: values of one stage that must fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HOLDS = {  # lists that must hold the value claims are made from
    "pain": {"arms": "arm"},
    "progression": {"arms": "arm"},
    "multiverse": {"arms": "arm", "reducers": "reducer"},
}


def fault(stage: str, run: Mapping[str, Any], owners: Mapping[str, object]) -> str | None:
    """Return what does not fit together in a run, or None.

    Parameters
    ----------
    stage, run
        A stage and its resolved parameters.
    owners
        Where values of the run were taken from, by name.
    """
    shares = [run.get(name, 0.0) for name in ("train_share", "discover_share")]
    if stage == "cohort" and sum(shares) > 1 - 1e-9:
        return (
            f"cohort.train_share {shares[0]:g} and cohort.discover_share {shares[1]:g} leave "
            "nobody to confirm; expected a sum below 1"
        )
    for name, one in HOLDS.get(stage, {}).items():
        if name in run and one in run and run[one] not in run[name]:
            return (
                f"{stage}.{name} is {run[name]!r} and lacks {run[one]!r}, which is "
                f"{owners.get(one, f'{stage}.{one}')}; expected a list that holds it"
            )
    return None
