"""Parallel: the same numbers from one process, several, or a cluster."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import islands
import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster
from pandas.testing import assert_frame_equal

from kneephen_report import benchmark_results, false_claims_report
from kneephen_utils import parallel
from kneephen_utils.phenotype import null_models, sweep
from workflow import dependencies

SETTINGS = replace(islands.SETTINGS, draws=4, null_draws=2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as started:
        yield started.scheduler_address


def found(**where: object) -> pd.DataFrame:
    settings = replace(SETTINGS, **where)  # type: ignore[arg-type]
    cells = islands.cells(islands.world(60), "image")
    swept, chosen = sweep.run(cells, settings=settings)
    null = null_models.draw(cells, chosen, settings=settings)
    return pd.concat([swept, null], ignore_index=True)


def test_results_come_in_the_order_of_the_jobs(cluster: str) -> None:
    jobs = [(2, n) for n in range(20)]
    here = list(parallel.each(pow, jobs, workers=1))
    assert (
        here == list(parallel.each(pow, jobs, workers=1, dask=cluster)) == [2**n for n in range(20)]
    )


def test_a_cluster_gives_what_one_process_gives(cluster: str) -> None:
    assert_frame_equal(found(), found(dask=cluster))


def test_a_rerun_gives_the_same() -> None:
    assert_frame_equal(found(), found())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_processes_gives_the_same(workers: int) -> None:
    assert_frame_equal(found(), found(workers=workers))


def test_an_address_where_nobody_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PATIENCE", 0.2)
    with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
        parallel.each(pow, [(2, 2)], workers=1, dask="tcp://127.0.0.1:9")


def test_where_work_is_done_leaves_no_stamp() -> None:
    import workflow

    run = workflow.Run("phenotype", 2)
    one, two, other = (
        dependencies.stamp(run, settings)
        for settings in (
            {"seed": 1, "workers": 1, "dask": ""},
            {"seed": 1, "workers": 8, "dask": "tcp://10.0.0.1:8786"},
            {"seed": 2, "workers": 1, "dask": ""},
        )
    )
    assert one == two != other


def test_what_was_measured_is_kept_with_its_command(tmp_path: Path) -> None:
    table = pd.DataFrame({"arm": ["image"], "share": [np.float64(0.25)]})
    path = tmp_path / "deep" / "claims.csv"
    benchmark_results.write(
        table, path, command="python studies/benchmarks/x.py", code="commit abc"
    )
    kept, command, code = benchmark_results.read(path)
    assert_frame_equal(kept, table)
    assert (command, code) == ("python studies/benchmarks/x.py", "commit abc")
    path.write_text("arm,share\nimage,0.25\n")
    with pytest.raises(ValueError, match="the first two lines hold no command"):
        benchmark_results.read(path)


def test_a_kept_table_keeps_the_rows_of_what_was_not_measured_anew(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    first = pd.DataFrame({"people": [100, 100, 200], "estimate": [0.1, 0.2, 0.3]})
    assert_frame_equal(
        benchmark_results.renewed(first, path, by=lambda rows: rows["people"]), first
    )
    benchmark_results.write(first, path, command="python x.py", code="commit abc")
    again = pd.DataFrame({"people": [100, 400], "estimate": [0.9, 0.4]})
    whole = benchmark_results.renewed(again, path, by=lambda rows: rows["people"])
    assert whole["people"].tolist() == [200, 100, 400]
    assert whole["estimate"].tolist() == [0.3, 0.9, 0.4]


def test_the_book_shows_what_was_counted_with_the_command(tmp_path: Path) -> None:
    assert "has not been run" in false_claims_report.markdown(tmp_path)
    table = pd.DataFrame(
        {
            "arm": ["both", "image"],
            "kl_grade": ["all", "0"],
            "cells": [40, 20],
            "claimed": [1, 0],
            "share": [0.025, 0.0],
            "low": [0.004, 0.0],
            "high": [0.129, 0.161],
            "ari": [0.5, 0.5],
            "ari_low": [0.2, 0.2],
            "ari_high": [0.9, 0.9],
        }
    )
    for name in (false_claims_report.NULL, false_claims_report.PLANTED):
        benchmark_results.write(table, tmp_path / name, command="python x.py", code="commit abc")
    text = false_claims_report.markdown(tmp_path).replace("\N{NO-BREAK SPACE}", " ")
    assert "Of 40 grades and arms with enough knees, 1 passed every gate: 2.5 %" in text
    assert "| image | KL0 | 20 | 0: 0.0 % (95 % interval 0.0 to 16.1) |" in text
    assert "0.50 (0.20\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.90)" in false_claims_report.markdown(
        tmp_path
    )
    assert "phenotype there in 0 of 20 cohorts" in text
    assert text.count("Made by `python x.py` at commit abc.") == 2
    agreed = pd.DataFrame(
        {
            "kl_grade": [2, 2],
            "arm": ["image", "k-means"],
            "planted": [4, 4],
            "smallest": [80, 80],
            "knees": [246, 246],
            "estimate": [0.736, 0.883],
            "low": [0.65, 0.81],
            "high": [0.82, 0.94],
            "claimed": [True, False],
            "people": [2000, 2000],
            "code": ["commit abc", "commit abc"],
        }
    )
    larger = agreed.assign(people=4000, smallest=157, code="commit def")
    agreed = pd.concat([agreed, larger])
    benchmark_results.write(
        agreed, tmp_path / false_claims_report.TRUTH, command="make it", code="commit abc"
    )
    text = false_claims_report.markdown(tmp_path).replace("\N{NO-BREAK SPACE}", " ")
    assert "beside the knees of the smallest group: KL2 0.74 (80 knees).\n" in text
    assert "KL2 0.74 (157 knees). Of the grades with 100 knees in it, the aim of 0.8 was " in text
    assert "was missed in KL2." in text
    assert '`make it SET="twin.participants=4000"` at commit def' in text
    assert "| KL2 | 4 | 80 | **0.74 (0.65 to 0.82)** | 0.88 (0.81 to 0.94) |" in text


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_takes_its_process_away_is_the_only_one_lost(workers: int) -> None:
    """Exit is how a crash of a library looks from outside; it is the third of six jobs."""
    jobs = [(abs, -1), (abs, -2), (os._exit, 1), (abs, -4), (abs, -5), (abs, -6)]
    found = parallel.surviving(
        operator.call,
        jobs,
        workers=workers,
        deadly=lambda work, _: work is os._exit,
        lost=lambda _, number: f"lost {number}",
    )
    assert list(found) == [1, 2, "lost 1", 4, 5, 6]
