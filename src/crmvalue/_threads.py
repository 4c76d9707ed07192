"""Independent pieces of work on long arrays, done side by side."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK = 1 << 18
"""Rows that are looked at together where there are many: they fit into the processor's cache, and
are enough that another thread, which NumPy lets run meanwhile, pays."""


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], *, rows: int
) -> list[Result]:
    """The results of `work` on each item in their order, whichever is done first.

    Each piece sees the settings of the caller, such as those of `numpy.errstate`.
    """
    pieces = list(items)
    threads = min(len(pieces), _processors())
    if rows < BLOCK or threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(contextvars.copy_context().run, work, piece) for piece in pieces]
        return [future.result() for future in futures]


def by_blocks(work: Callable[[slice], Result], rows: int) -> list[Result]:
    """The results of `work` on each of the `blocks`, side by side."""
    return side_by_side(work, blocks(rows), rows=rows)


def blocks(rows: int) -> list[slice]:
    """So many rows in parts that stay in the cache through all that is done with them."""
    return [slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
