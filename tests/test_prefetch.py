"""Ahead: the order is kept, the next is made meanwhile, and an error is not lost."""

from __future__ import annotations

import threading

import pytest

from kneephen_utils.encoder.prefetch import ahead


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_everything_is_made_once_and_in_order(count: int) -> None:
    assert list(ahead(lambda n: n * n, range(count))) == [n * n for n in range(count)]


def test_the_next_one_is_made_before_it_is_asked_for() -> None:
    made = [threading.Event() for _ in range(3)]

    def make(number: int) -> int:
        made[number].set()
        return number

    coming = ahead(make, range(3))
    assert next(coming) == 0
    assert made[1].wait(timeout=60)
    assert not made[2].is_set()


def test_what_goes_wrong_is_raised_in_its_turn() -> None:
    coming = ahead(lambda n: 1 // (1 - n), range(3))
    assert next(coming) == 1
    with pytest.raises(ZeroDivisionError):
        next(coming)
