"""Parallel: the same numbers from one process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import islands
import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster
from pandas.testing import assert_frame_equal

from kneephen_utils import measured, parallel
from kneephen_utils.phenotype import reference, sweep
from kneephen_utils.pipeline import ingredient

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
    null = reference.draw(cells, chosen, settings=settings)
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
    from kneephen_utils import pipeline

    run = pipeline.Run("phenotype", 2)
    one, two, other = (
        ingredient.stamp(run, settings, release=None)
        for settings in (
            {"seed": 1, "workers": 1, "dask": ""},
            {"seed": 1, "workers": 8, "dask": "tcp://10.0.0.1:8786"},
            {"seed": 2, "workers": 1, "dask": ""},
        )
    )
    assert one == two != other


def test_what_was_measured_is_kept_with_its_command(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = pd.DataFrame({"arm": ["image"], "share": [np.float64(0.25)]})
    path = tmp_path / "deep" / "claims.csv"
    measured.write(table, path, command="python benchmarks/x.py", code="commit abc")
    kept, command, code = measured.read(path)
    assert_frame_equal(kept, table)
    assert (command, code) == ("python benchmarks/x.py", "commit abc")
    path.write_text("arm,share\nimage,0.25\n")
    with pytest.raises(ValueError, match="the first two lines hold no command"):
        measured.read(path)
