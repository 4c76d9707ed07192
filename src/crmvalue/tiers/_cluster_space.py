"""The space that customers are clustered in: columns in logs and in units of their spread."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Frame
from crmvalue._numbers import number_expr
from crmvalue._stats import FloatArray, IntArray
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._values import with_labels

DIGITS = 6
"""Decimals of a scaled value by which customers are told apart when clusters are fitted."""


@dataclass(frozen=True, slots=False, eq=False)
class ClusterAxis(Value):
    """One column of the space: (x - middle) / spread, with the signed log of x for x if logged.

    Parameters
    ----------
    column : str
        The column.
    logged : bool
        Whether x stands for sign(x) log(1 + |x|).
    middle, spread : float
        Of the column's values, after the log.
    """

    column: str
    logged: bool
    middle: float
    spread: float

    @classmethod
    def fit(cls, column: str, values: FloatArray, *, logged: bool, robust: bool) -> Self:
        """Find the middle and the spread: mean and standard deviation, or median and quartiles.

        A constant column has the spread 1, so that it is 0 everywhere and moves nobody. Where more
        than half of the values are equal the quartiles may be one value; the standard deviation
        then takes the place of their distance.
        """
        rising = np.sort(_signed_log(values) if logged else values)  # the same in any order
        low, high = float(rising[0]), float(rising[-1])
        if low == high:
            return cls(column, logged, low, 1.0)
        mean = float(rising.sum()) / len(rising)
        widest = max(high - mean, mean - low)  # squares of large numbers could overflow
        spread = widest * float(np.sqrt((((rising - mean) / widest) ** 2).mean()))
        if not robust:
            return cls(column, logged, mean, spread)
        lower, median, upper = np.quantile(rising, (0.25, 0.5, 0.75)).tolist()
        return cls(column, logged, median, upper - lower if upper > lower else spread)

    def scaled(self, values: FloatArray) -> FloatArray:
        """Values in the space, rounded so that equals stay equals."""
        values = _signed_log(values) if self.logged else values
        rounded: FloatArray = np.round((values - self.middle) / self.spread, DIGITS) + 0.0
        return rounded

    def expression(self, value: nw.Expr) -> nw.Expr:
        """The same for a query, not rounded; null where the value is missing."""
        if self.logged:
            log = (1.0 + value.abs()).log()
            value = nw.when(value < 0).then(0.0 - log).otherwise(log)
        return (value - self.middle) / self.spread


def logged_columns(names: Sequence[str], log: bool | Sequence[str]) -> set[str]:
    """The columns that are put on the log scale, after a check of both arguments."""
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise InputError(f"columns must name one or more different columns; got {names!r}")
    if isinstance(log, bool):
        return set(names) if log else set()
    logged = {log} if isinstance(log, str) else set(log)
    if not logged <= set(names):
        raise InputError(
            f"log must be True, False, or some of the columns {list(names)!r}; got {log!r}"
        )
    return logged


def _signed_log(values: FloatArray) -> FloatArray:
    logs: FloatArray = np.copysign(np.log(1.0 + np.abs(values)), values)
    return logs


def nearest(points: FloatArray, centres: Sequence[Sequence[float]] | FloatArray) -> IntArray:
    """The centre that each point is nearest to, the first of equals."""
    distances = [((points - np.array(centre)) ** 2).sum(axis=1) for centre in centres]
    found: IntArray = np.argmin(np.array(distances), axis=0).astype(np.int64)
    return found


def with_nearest(
    frame: Frame,
    axes: Sequence[ClusterAxis],
    centres: Sequence[Sequence[float]],
    labels: Sequence[nw.Expr],
    names: Sequence[str] = (),
) -> Frame:
    """The frame with a column ``cluster``: the label of the centre that each row is nearest to.

    `names` are the categories, needed where there may be no rows; none for a column of numbers.

    Scaled values and distances are columns for a while, since an expression that names one of them
    twice would compute it twice.
    """
    columns, faults = frame.collect_schema().names(), FaultList()
    mark = "_"
    while any(column.startswith(mark) for column in columns):
        mark += "_"
    scaled = {
        f"{mark}x{i}": axis.expression(number_expr(frame, "values", axis.column, faults))
        for i, axis in enumerate(axes)
    }
    faults.raise_if_any("values")
    apart = {}
    for j, centre in enumerate(centres):
        steps = [nw.col(name) - place for name, place in zip(scaled, centre, strict=True)]
        apart[f"{mark}d{j}"] = functools.reduce(operator.add, [step * step for step in steps])
    found = _first_nearest([nw.col(name) for name in apart], labels)
    placed = frame.with_columns(**scaled).with_columns(**apart)
    return with_labels(placed, "cluster", found, names).drop(*scaled, *apart)


def _first_nearest(distances: Sequence[nw.Expr], labels: Sequence[nw.Expr]) -> nw.Expr:
    """The label of the smallest distance, the first of equals; null where they are null."""
    found: nw.Expr = nw.when(~distances[-1].is_null()).then(labels[-1])
    for place in range(len(labels) - 2, -1, -1):
        others = nw.min_horizontal(*distances[place + 1 :])
        found = nw.when(distances[place] <= others).then(labels[place]).otherwise(found)
    return found
