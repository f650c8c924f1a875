"""Speed: exponents are those planted, and the page tells what was measured and by what."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from kneephen_report import benchmark_results, speed_report


@pytest.fixture
def bench(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(str(root / "studies" / "benchmarks"))
    sys.modules.pop("speed", None)
    import speed as own

    monkeypatch.setattr(own, "PATH", tmp_path / speed_report.TABLE)
    yield own
    sys.modules.pop("speed", None)


@pytest.mark.parametrize("planted", [0.0, 1.0, 1.5, 2.0])
def test_the_exponent_of_a_power_is_found(planted: float) -> None:
    sizes = pd.Series([100, 200, 400, 800])
    assert speed_report.exponent(sizes, 0.01 * sizes**planted) == pytest.approx(planted)


def test_two_sizes_have_no_exponent() -> None:
    assert pd.isna(speed_report.exponent(pd.Series([1, 2, 2]), pd.Series([1.0, 2.0, 2.0])))


def test_a_script_replaces_its_own_rows_and_no_others(bench) -> None:  # type: ignore[no-untyped-def]
    bench.keep([bench.row("a", "old", 1, 2.0)], command="python studies/benchmarks/a.py")
    bench.keep([bench.row("b", "kept", 1, 2.0)], command="python studies/benchmarks/b.py")
    bench.keep(
        [bench.row("a", "new", 1, 2.0)], command="python studies/benchmarks/a.py --repeats 3"
    )
    table, command, _ = benchmark_results.read(bench.PATH)
    assert table["what"].tolist() == ["kept", "new"]
    assert command == "make bench"


def test_the_page_tells_ratio_growth_and_runs(bench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rows = [bench.row("sweep", "one tree", n, 1e-6 * n**2, memory=300.0) for n in (10, 20, 40)]
    rows.append(bench.row("sweep", "a cut", 40, 0.5, reference="a refit", beside=10.0))
    for knees in (5000, 10000, 20000):
        some = {"memory": knees / 10}
        rows.append(bench.row("scale", "05_phenotype_grade_2", knees, knees / 100, **some))
    rows.append(bench.row("pipeline", "04_fusion", 1200, 25.2, memory=900.0))
    bench.keep(rows, command="python studies/benchmarks/a.py")
    page = speed_report.markdown(tmp_path)
    assert "| sweep | a cut | a refit | 40 | 0.5 | 20 |" in page
    assert (
        "| sweep | one tree | 10 / 20 / 40 | 0.0001 / 0.0004 / 0.0016 | 2.00 | 300 / 300 / 300 |"
        in page
    )
    assert "| fusion | 1,200 | 25 | 900 |" in page
    many = page.split("## Many people")[1].split("##")[0]
    grown = "| phenotype, KL2 | 5,000 / 10,000 / 20,000 | 50 / 100 / 200 | 1.00 |"
    assert f"{grown} 500 / 1,000 / 2,000 |" in many
    assert "`python studies/benchmarks/a.py` at commit" in page


def test_without_a_table_the_page_says_how_to_make_it(tmp_path: Path) -> None:
    assert "make bench" in speed_report.markdown(tmp_path)
