"""Probe before and after fine-tuning: learning severity may cost what else was readable."""

from __future__ import annotations

import pandas as pd

from kneephen_utils import linear_probe

SAME = 0.01  # R² that moved by less has not moved


def measure(before: pd.DataFrame, after: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return what a probe reads before and after fine-tuning.

    Parameters
    ----------
    before, after
        `embeddings` tables of the encoder as it was and as it became.
    known
        As `grading.pictured` returns.

    Returns
    -------
    As `linear_probe.read` returns.
    """
    kinds = {
        name: known[["knee_id"]]
        .merge(table, on="knee_id", how="left", validate="one_to_one")
        .drop(columns="knee_id")
        .to_numpy(float)
        for name, table in (("before", before), ("after", after))
    }
    return linear_probe.read(
        kinds, linear_probe.targets(known), (known["split"] == "train").to_numpy()
    )


def text_probes(found: pd.DataFrame) -> str:
    """Say in a sentence what fine-tuning gave and took."""
    table = linear_probe.wide(found).set_index("target")[["before", "after"]]
    words = {"kl_grade": "grade", "jsw_medial": "medial width", "jsw_lateral": "lateral width"}
    own = table.loc[list(words)]
    if (own["after"] - own["before"]).abs().max() < SAME:
        told = ", ".join(f"{own.loc[name, 'after']:.2f} of the {w}" for name, w in words.items())
        return f"Fine-tuning neither gave nor took here: R² stays at {told}."
    parts = [
        f"the {word} from {own.loc[name, 'before']:.2f} to {own.loc[name, 'after']:.2f}"
        for name, word in words.items()
    ]
    return f"Fine-tuning moves the R² of {parts[0]}, of {parts[1]} and of {parts[2]}."
