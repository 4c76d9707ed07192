"""Sums of money that are the same at every run, in any order of rows and on every engine.

An engine adds up in an order that hangs on its threads, with other last digits each time: enough
for a customer whose value is a threshold to change tiers between two runs of one query, or between
a fit in memory and a query. So numbers are added up in two parts, each of so few digits that its
sum is exact: millionths up to billions (2**-20 to 2**33), and what is below.
"""

from __future__ import annotations

from collections.abc import Iterable

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._stats import FloatArray

PARTS = "coarse", "fine"
"""A column `x` is split in `x_coarse` and `x_fine`."""

_GRID = 2.0**20


def coarse_and_fine(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both parts of an array."""
    coarse = values * _GRID
    np.rint(coarse, out=coarse)
    coarse /= _GRID
    return coarse, values - coarse


def split_parts(columns: Iterable[str]) -> list[nw.Expr]:
    """Both parts of each of the columns, for `with_columns`."""
    found = []
    for column in columns:
        coarse = (nw.col(column) * _GRID).round() / _GRID
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
