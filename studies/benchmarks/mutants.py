"""Mutants: the code that guards claims, wrong on purpose, must make its fast tests fail.

    python studies/benchmarks/mutants.py [--only verdict] [--keep]

Each mutant replaces one text in a copy of the package; the named tests are then run on the copy.
A mutant that they let pass has survived: what it changed is not tested.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

import workflow
from kneephen_report import benchmark_results

TABLE = "mutants.csv"


class Mutant(NamedTuple):
    """One wrong text in place of a right one."""

    guard: str
    file: str
    right: str
    wrong: str


FIREWALL, VERDICT = ("firewall", "firewall.py"), ("verdict", "verdict/__init__.py")
COHORT, GRADING = ("splits", "cohort/__init__.py"), ("splits", "grading/__init__.py")
RESAMPLE = ("splits", "stats/cluster_resampling.py")
TESTS = {
    FIREWALL: ["test_firewall.py"],
    VERDICT: ["test_verdict.py"],
    COHORT: ["test_cohort.py", "-k", "split"],
    GRADING: ["test_grading.py", "-k", "train_split or teach or never_trained"],
    RESAMPLE: ["test_cluster_resampling.py"],
}
WRONG = {
    FIREWALL: [
        ("set(MEASURES[outcome])", "set()"),
        ("set(PROXIES[outcome])", "set()"),
        ('"refused", f"', '"conditional", f"'),
        ('"conditional",\n', '"allowed",\n'),
        ('"womac_pain": ("womac_pain", "koos_pain"),', '"womac_pain": (),'),
        ('"womac_pain_course": ("womac_pain", "koos_pain")', '"womac_pain_course": ("koos_pain",)'),
        ('"fused": ("womac_pain", ', '"fused": ('),
        ('"kl_rise_1": ("jsn_medial", "jsn_lateral", *INPUTS["structure"][2:])', '"kl_rise_1": ()'),
        ("if column in INPUTS[arm]:", "if column not in INPUTS[arm]:"),
        ("if column in OUTCOME_COLUMNS", "if column not in OUTCOME_COLUMNS"),
        ("if name not in declared:", "if not declared:"),
    ],
    VERDICT: [
        ('row["firewall"] not in {"allowed", "conditional"},', "False,"),
        ('row["firewall"] not in {"allowed", ', 'row["firewall"] in {"allowed", '),
        ('not in {"allowed", "conditional"}', 'not in {"allowed", "conditional", None}'),
        ('row["failed_gate"] != "",\n', "False,\n"),
        ("not p < alpha,", "not p <= alpha,"),
        ("not p < alpha,", "p < alpha,"),
        ('pd.isna(row["estimate"]) or pd.isna(p)', "False"),
        ('row["firewall"] == "conditional",', "False,"),
        ('row["sample"] != "confirm",', "False,"),
        ('(row["by_hand"] is True, ("exp', '(False, ("exp'),
        ("return reached[0] if", "return reached[-1] if"),
        ('if row["failed_gate"]:', "if False:"),
        ('elif row["by_hand"] is True:', "elif False:"),
        ('together["role"] == "primary"', 'together["role"] != ""'),
        ("passed.ne(other=True)", "passed.eq(other=False)"),
        ("passed.eq(other=False), passed", "passed.ne(other=True), passed"),
        ('aggfunc="min"', 'aggfunc="max"'),
        ("fill_value=UNASKED", 'fill_value=""'),
        ("failed | (held", "False & failed | (held"),
        ('(held["firewall"] == "refused").to_numpy()', "False"),
    ],
    COHORT: [
        ("if shares.min() <= 0:", "if shares.min() < -1:"),
        ("shares * position - given", "given - shares * position"),
        ('sort_values(["worst", "site", "chance"])', 'sort_values(["chance"])'),
        ("default_rng([seed, 0])", "default_rng([0, 0])"),
        (
            'participants.sort_values("participant_id", ignore_index',
            "participants.reset_index(drop",
        ),
        ("given[behind] += 1", "given[behind] += 0"),
    ],
    GRADING: [
        ('known.loc[known["split"] == "train", "participant_id"]', 'known["participant_id"]'),
        ('(known["split"] == "train") & known["kl_grade"].notna()', 'known["kl_grade"].notna()'),
        ('known["split"].isin(["discover", "confirm"])', 'known["split"].notna()'),
    ],
    RESAMPLE: [
        ("np.sort(np.concatenate([rows[person] for person in chosen]))", "np.sort(chosen)"),
        ("rng.choice(len(rows), size=size, replace=False)", "rng.choice(len(rows), size=size)"),
        ("(1 + np.sum(", "(np.sum("),
        ("np.abs(permuted) >= abs(observed)", "permuted >= observed"),
    ],
}  # fmt: skip


def mutants() -> list[tuple[Mutant, list[str]]]:
    """Return every mutant with the words that pytest is given."""
    return [
        (Mutant(*place, *texts), TESTS[place]) for place, pairs in WRONG.items() for texts in pairs
    ]


def killed(mutant: Mutant, words: list[str], folder: Path) -> bool:
    """Say whether the tests fail on a copy of the package in `folder` with the mutant in it.

    Raises
    ------
    ValueError
        If the text to be replaced is not in the file exactly once.
    """
    path = folder / "kneephen_utils" / mutant.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(mutant.right) != 1:
        raise ValueError(f"{mutant.file}: {mutant.right!r} is not there once")
    path.write_text(sound.replace(mutant.right, mutant.wrong), encoding="utf-8")
    try:
        return not passes(words, folder)
    finally:
        path.write_text(sound, encoding="utf-8")


def passes(words: list[str], folder: Path) -> bool:
    """Say whether the named tests pass on the package in `folder`.

    Raises
    ------
    RuntimeError
        If no test was run.
    """
    name, *more = words
    test = workflow.ROOT / "tests" / name
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(test), *more],
        env=dict(os.environ, PYTHONPATH=str(folder)),  # noqa: TID251
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"{name}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.returncode == 0


def copy(folder: Path) -> None:
    """Copy the packages into a folder."""
    aside = shutil.ignore_patterns("__pycache__")
    for name in workflow.PACKAGES:
        shutil.copytree(workflow.ROOT / name, folder / name, ignore=aside)


def main() -> int:
    """Try every mutant; return how many survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="firewall, verdict, splits, or a file of these")
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    wanted = [
        (mutant, words)
        for mutant, words in mutants()
        if given.only in ("", mutant.guard, mutant.file)
    ]
    rows, code = [], benchmark_results.state()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        for words in {tuple(words) for _, words in wanted}:
            if not passes(list(words), folder):
                raise RuntimeError(f"{' '.join(words)} fail before anything is wrong")
        for mutant, words in wanted:
            fell = killed(mutant, words, folder)
            rows.append({"guard": mutant.guard, "file": mutant.file, "killed": fell})
            if not fell:
                print(f"survived: {mutant.right!r} -> {mutant.wrong!r}", flush=True)
    table = pd.DataFrame(rows).groupby(["guard", "file"], sort=False)["killed"]
    table = table.agg(mutants="size", killed="sum").reset_index()
    print(table.to_string(index=False))
    if given.keep:
        command = "python studies/benchmarks/mutants.py"
        path = benchmark_results.FOLDER / TABLE
        whole = benchmark_results.renewed(table, path, by=lambda rows: rows["file"])
        whole = whole.sort_values(["guard", "file"])
        benchmark_results.write(whole, path, command=command, code=code)
    return int((table["mutants"] - table["killed"]).sum())


if __name__ == "__main__":
    sys.exit(main())
