"""Progress: time left is told from the last run, in whole lines, and only to who watches."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workflow import eta


@pytest.mark.parametrize(
    ("elapsed", "whole", "said"),
    [
        (2.0, 42.0, "about 40 s left"),
        (10.0, 310.0, "about 5 min left"),
        (50.0, 42.0, "50 s so far, longer than the 42 s of last time"),
        (30.0, None, "30 s so far"),
    ],
)
def test_time_left_is_said_as_one_would_say_it(
    elapsed: float, whole: float | None, said: str
) -> None:
    assert eta.left(elapsed, whole) == said


def test_a_run_without_a_record_has_no_expectation(tmp_path: Path) -> None:
    record = tmp_path / "run.json"
    assert eta.expected(record) is None
    record.write_text('{"seconds": ')
    assert eta.expected(record) is None
    record.write_text('{"seconds": 12.5}')
    assert eta.expected(record) == 12.5


@pytest.mark.parametrize("watched", [True, False])
def test_only_a_watched_run_reports_and_it_stops_with_the_run(*, watched: bool) -> None:
    lines: list[str] = []
    with eta.Countdown("03_grading", 60.0, lines.append, every=0.01, watched=watched):
        until = time.monotonic() + 5
        while watched and not lines and time.monotonic() < until:
            time.sleep(0.01)
    ended = len(lines)
    time.sleep(0.05)
    assert len(lines) == ended
    assert lines[:1] == (["03_grading: about 60 s left"] if watched else [])
