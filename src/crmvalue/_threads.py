"""Independent pieces of work on long arrays, done side by side."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from crmvalue._stats import BLOCK

Item = TypeVar("Item")
Result = TypeVar("Result")

LONG = BLOCK
"""Rows from which another thread pays: NumPy lets others run while it works on an array."""


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], *, rows: int
) -> list[Result]:
    """The results of `work` on each item in their order, whichever is done first.

    Each piece sees the settings of the caller, such as those of `numpy.errstate`.
    """
    pieces = list(items)
    threads = min(len(pieces), _processors())
    if rows < LONG or threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(contextvars.copy_context().run, work, piece) for piece in pieces]
        return [future.result() for future in futures]


def by_blocks(work: Callable[[slice], Result], rows: int) -> list[Result]:
    """The results of `work` on the blocks of so many rows, in their order.

    A block is read once from memory and then stays in the cache, however many steps `work` has.
    """
    blocks = [slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]
    return side_by_side(work, blocks, rows=rows)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
