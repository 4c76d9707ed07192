"""Sums of money that are the same at every run, in any order of rows and on every engine.

An engine adds up in an order that hangs on its threads, with other last digits each time: enough
for a customer whose value is a threshold to change tiers between two runs of one query, or between
a fit in memory and a query. So numbers are added up in two parts. The coarse one has so few digits
that no sum of it is ever rounded; the fine one is below them, and with up to a hundred thousand
rows of a customer in cents its sum isn't rounded either. Beyond that its rounding is so far below
the last digit of the whole that it hardly ever shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._stats import FloatArray
from crmvalue._threads import blocks

PARTS = "coarse", "fine"
"""A column `x` is split in `x_coarse` and `x_fine`."""

NOISE = 4e-16
"""The binary noise of a sum of decimals that is not rounded itself, as a share of their sizes."""


def grid_of(gross: float) -> float:
    """The finest power of two of whose multiples all sums are exact that stay below `gross`."""
    return 2.0 ** max(math.frexp(gross)[1] - 52, -1000)


def coarse_and_fine(values: FloatArray, grid: float) -> tuple[FloatArray, FloatArray]:
    """Both parts of an array: the multiple of `grid` that is nearest, and the rest."""
    coarse = values / grid
    np.rint(coarse, out=coarse)
    coarse *= grid
    return coarse, values - coarse


def exact_sum(values: FloatArray) -> float:
    """The sum of an array, the same in any order."""
    grid = grid_of(float(np.abs(values).sum()))
    parts = (part for rows in blocks(len(values)) for part in coarse_and_fine(values[rows], grid))
    return math.fsum(float(part.sum()) for part in parts)


def split_parts(columns: Iterable[str], grid: float) -> list[nw.Expr]:
    """Both parts of each of the columns, for `with_columns`."""
    found = []
    for column in columns:
        coarse = (nw.col(column) / grid).round() * grid
        found += [
            coarse.alias(f"{column}_coarse"),
            (nw.col(column) - coarse).alias(f"{column}_fine"),
        ]
    return found


def sum_parts(columns: Iterable[str]) -> list[nw.Expr]:
    """Sums of the parts, under the same names, for `agg`."""
    return [nw.col(f"{column}_{part}").sum() for column in columns for part in PARTS]


def join_parts(columns: Iterable[str]) -> list[nw.Expr]:
    """The columns again, of their parts."""
    return [(nw.col(f"{c}_coarse") + nw.col(f"{c}_fine")).alias(c) for c in columns]
