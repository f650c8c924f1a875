"""Prefetch: the next batch is read and prepared while this one is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Asked = TypeVar("Asked")
Made = TypeVar("Made")


def ahead(make: Callable[[Asked], Made], asked: Iterable[Asked]) -> Iterator[Made]:
    """Yield `make(each)` in order, the next one being made in a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for each in asked:
            following = pool.submit(make, each)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
