"""Graders: the page tells what was measured, and claims no cost the interval does not show."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kneephen_report import benchmark_results, grader_benchmark


def spread(name: str, estimate: float, low: float, high: float) -> dict[str, float]:
    return {name: estimate, f"{name}_low": low, f"{name}_high": high}


def option(name: str, change: float, half: float) -> dict[str, object]:
    scored = spread("kappa", 0.85, 0.8, 0.9) | spread("mae", 0.4 + change, 0.3, 0.5)
    moved = spread("mae_change", change, change - half, change + half)
    sizes = {"knees": 655, "participants": 331, "epochs": 9, "cpu_seconds": 90}
    return {"option": name, **scored, **moved, **sizes}


def reader(name: str, kappa: float) -> dict[str, object]:
    scored = spread("kappa", kappa, kappa - 0.05, kappa + 0.05) | spread("mae", 1 - kappa, 0.0, 1.0)
    return {"predictor": name, **scored, "knees": 300, "participants": 150}


def test_the_page_says_which_options_cost_error_and_what_rounding_changes(tmp_path: Path) -> None:
    int8 = option("int8", 0.0, 0.01) | {"cosine_least": 0.9952, "cosine_mean": 0.9998}
    int8 |= {"regraded": 0.014, "groups_ari": 0.96, "groups_knees": 90}
    rows = [option("default", 0.0, 0.0), int8]
    rows += [option("head=corn", 0.02, 0.03), option("patch_dropout=0.5", 0.05, 0.01)]
    rows += [option("frozen_blocks=0", -0.06, 0.01)]
    benchmark_results.write(
        pd.DataFrame(rows),
        tmp_path / grader_benchmark.OPTIONS,
        command="python x.py",
        code="commit abc",
    )
    said = grader_benchmark.markdown(tmp_path)
    assert "`head=corn` does not clearly change the error." in said
    assert "`patch_dropout=0.5` raises the error by 0.050." in said
    assert "`frozen_blocks=0` lowers the error by 0.060." in said
    assert "0.9998 with the unrounded one on average and 0.9952 at least" in said
    assert "1.4 % of the knees" in said
    assert "Rand index of 0.96 (90 knees)" in said
    assert "Made by `python x.py` at commit abc." in said


def test_the_grader_stands_beside_the_readers_and_the_best_constant_alone(tmp_path: Path) -> None:
    rows = [reader("finetuned", 0.72), reader("second reader", 0.79), reader("true grade", 0.87)]
    rows += [reader("always KL0", 0.0) | {"mae": 1.3}, reader("always KL1", 0.0) | {"mae": 0.9}]
    benchmark_results.write(
        pd.DataFrame(rows),
        tmp_path / grader_benchmark.READERS,
        command="python y.py",
        code="commit abc",
    )
    said = grader_benchmark.markdown(tmp_path)
    assert "weighted kappa of 0.79 (0.74 to 0.84); the fine-tuned grader does at 0.72" in said
    assert "0.07 below it" in said
    assert "always KL1" in said
    assert "always KL0" not in said
    assert said.index("| true grade") < said.index("| second reader") < said.index("| fine-tuned")


def test_without_tables_the_page_says_how_to_make_them(tmp_path: Path) -> None:
    assert "make bench-grading" in grader_benchmark.markdown(tmp_path)


def test_the_tables_in_the_book_are_told(root: Path) -> None:
    said = grader_benchmark.markdown(root / "book" / "measured")
    assert "nan" not in said
    assert "benchmarks/" in said
