"""Robust: what was tried is told, and mutants are applied and undone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import workflow
from kneephen_report import benchmark_results, robustness_report


def test_faults_and_tests_are_told_with_their_command(tmp_path: Path) -> None:
    assert "make faults" in robustness_report.faults(tmp_path)
    assert "make coverage" in robustness_report.tests(tmp_path)
    assert "studies/benchmarks/fuzz.py" in robustness_report.fuzzed(tmp_path)
    kept = {
        robustness_report.FAULTS: {
            "fault": ["make killed"],
            "tried": [3],
            "survived": [3],
            "lost": [0],
        },
        robustness_report.COVERAGE: {"part": ["all"], "lines": [2000], "run": [1810]},
        robustness_report.MUTANTS: {
            "guard": ["splits"],
            "file": ["a.py"],
            "mutants": [4],
            "killed": [4],
        },
        robustness_report.FUZZ: {"input": ["film"], "tried": [9000], "crashed": [0]},
    }
    for name, columns in kept.items():
        benchmark_results.write(
            pd.DataFrame(columns), tmp_path / name, command="make x", code="commit a"
        )
    assert "| make killed | 3 | 3 | 0 |\n\nMade by `make x`" in robustness_report.faults(tmp_path)
    assert "| film | 9,000 | 0 |" in robustness_report.fuzzed(tmp_path)
    films = pd.DataFrame({"input": ["film, changed"], "tried": [5000], "crashed": [1]})
    benchmark_results.write(films, tmp_path / "fuzz_films.csv", command="make y", code="commit b")
    both = robustness_report.fuzzed(tmp_path)
    assert "| film | 9,000 | 0 |" in both
    assert "| film, changed | 5,000 | 1 |\n\nMade by `make y` at commit b." in both
    told = robustness_report.tests(tmp_path)
    assert "| all | 2,000 | 1,810 | 90.5 |" in told
    assert "| splits | `a.py` | 4 | 4 |" in told


def test_every_mutant_changes_one_place_that_there_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "studies" / "benchmarks"))
    import mutants

    listed = [mutant for mutant, _ in mutants.mutants()]
    assert {mutant.guard for mutant in listed} == {"firewall", "verdict", "splits"}
    for mutant in listed:
        assert (workflow.ROOT / "kneephen_utils" / mutant.file).read_text().count(
            mutant.right
        ) == 1, mutant
        assert mutant.right != mutant.wrong


def test_a_mutant_is_noticed_and_undone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "studies" / "benchmarks"))
    import mutants

    mutants.copy(tmp_path)
    sound = (tmp_path / "kneephen_utils" / "firewall.py").read_text()
    wrong = mutants.Mutant("firewall", "firewall.py", "set(MEASURES[outcome])", "set()")
    assert mutants.killed(wrong, ["test_firewall.py"], tmp_path)
    harmless = mutants.Mutant("firewall", "firewall.py", "frozen=True", "frozen=False")
    assert not mutants.killed(harmless, ["test_firewall.py"], tmp_path)
    assert (tmp_path / "kneephen_utils" / "firewall.py").read_text() == sound


def test_a_number_stays_on_one_line_with_its_unit_its_error_and_its_interval() -> None:
    cells = ["94.3 % ± 1.3", "0.5 (-0.2 to -0.1)", "from A to B"]
    text = benchmark_results.table_markdown(pd.DataFrame({"told": cells}))
    assert "| 94.3_%_±_1.3 |" in text.replace("\N{NO-BREAK SPACE}", "_")
    assert "| 0.5 (-0.2_to_-0.1) |" in text.replace("\N{NO-BREAK SPACE}", "_")
    assert "| from A to B |" in text
