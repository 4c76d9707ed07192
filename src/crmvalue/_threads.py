"""Independent pieces of work on long arrays, done side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LONG = 1 << 18
"""Rows from which another thread pays: NumPy lets others run while it works on an array."""


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], *, rows: int
) -> list[Result]:
    """The results of `work` on each item in their order, whichever is done first."""
    pieces = list(items)
    threads = min(len(pieces), os.cpu_count() or 1)
    if rows < LONG or threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, pieces))
