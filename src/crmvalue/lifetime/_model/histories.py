"""Purchase histories: what the models see of a summary, checked, and counted once each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import PERIODS, UNITS, FloatArray, IntArray, group_sum
from crmvalue.errors import FaultList, InputError
from crmvalue.summary.units import check_unit

COLUMNS = ("frequency", "recency", "T")


@dataclass(frozen=True)
class Histories:
    """Distinct histories (x, t_x, T) in rising order, and how many customers share each.

    Attributes
    ----------
    x, recency, T, weights : ndarray of float, shape (n,)
    step : float
        What recency and T are multiples of, a day for a log of dates; 0 where there is none.
    """

    x: FloatArray
    recency: FloatArray
    T: FloatArray
    weights: FloatArray
    step: float = 0.0

    def scaled(self, unit: float) -> Self:
        """The same histories with times in multiples of `unit`."""
        return replace(self, recency=self.recency / unit, T=self.T / unit, step=self.step / unit)

    def thinned(self, customers: int) -> Self:
        """About `customers` of them, evenly spaced over the ordered customers."""
        if len(self.weights) <= customers:
            return self
        rows, counts = thinning(self.weights, customers)
        return replace(
            self,
            x=self.x[rows],
            recency=self.recency[rows],
            T=self.T[rows],
            weights=counts,
        )


def thinning(weights: FloatArray, customers: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Rows in which evenly spaced customers stand, and how many of them stand in each."""
    reached = np.cumsum(weights)
    marks = (np.arange(customers) + 0.5) * (reached[-1] / customers)
    rows, counts = np.unique(np.searchsorted(reached, marks), return_counts=True)
    return rows, counts.astype(np.float64)


class Ages:
    """Ages of histories that share them, so that functions of age are evaluated once each.

    Ages that seldom repeat are left as they are: to tell them apart takes as long as ten logarithms
    of each.
    """

    def __init__(self, ages: FloatArray, step: float) -> None:
        self.values = ages
        self.at: slice | npt.NDArray[np.intp] = slice(None)
        probe = ages[:: max(1, len(ages) // 1000)]
        if step:
            codes = np.rint(ages / step).astype(np.int64)
            seen = np.bincount(codes) > 0
            self.at = (np.cumsum(seen) - 1)[codes]
            self.values = np.empty(np.count_nonzero(seen))
            self.values[self.at] = ages
        elif len(np.unique(probe)) <= 0.3 * len(probe):
            self.values, self.at = np.unique(ages, return_inverse=True)

    @property
    def shared(self) -> bool:
        return not isinstance(self.at, slice)

    def each(self, function: Callable[[FloatArray], FloatArray]) -> Callable[[slice], FloatArray]:
        """A function of age for a block of histories."""
        at = self.at
        if isinstance(at, slice):
            return lambda rows: function(self.values[rows])
        of_values = function(self.values)
        return lambda rows: of_values[at[rows]]

    def after(self, begin: int) -> Ages:
        """The ages of the histories from `begin`."""
        rest = copy(self)
        if isinstance(self.at, slice):
            rest.values = self.values[begin:]
        else:
            rest.at = self.at[begin:]
        return rest

    def total(self, of_histories: FloatArray) -> FloatArray:
        """The sum over the histories of each age."""
        if isinstance(self.at, slice):
            return of_histories
        return group_sum(self.at, of_histories, len(self.values))


def read_histories(
    summary: IntoFrame, *, unit: str, weights: str | npt.ArrayLike | None = None
) -> Histories:
    """Read the histories of a summary to fit a model to; every fault of it in one error."""
    days_per_unit(unit)
    table = Table(summary, "summary", COLUMNS)
    columns = read_columns(table, unit)
    given = read_weights(table, weights)
    table.finish()
    return count_histories(columns, given, unit)[0]


def count_histories(
    columns: tuple[FloatArray, FloatArray, FloatArray],
    given: FloatArray | None,
    unit: str,
    others: Sequence[npt.NDArray[Any]] = (),
) -> tuple[Histories, IntArray]:
    """Distinct histories, told apart by other columns, too; and a row that has each of these."""
    x, recency, T = columns
    if not len(x):
        raise InputError("summary is empty; a fit needs customers with their purchase histories")
    days = days_per_unit(unit)
    whole = x.astype(np.int64)
    inverse = given is not None or bool(others)
    rows = distinct_rows(whole, recency, T, *others, days_per_unit=days, inverse=inverse)
    counts = rows.counts.astype(np.float64)
    if given is not None:
        counts = group_sum(rows.inverse, given, len(counts))
    kept: Any = slice(None) if counts.all() else counts > 0
    frequency, last, age = (column[kept].astype(np.float64) for column in rows.columns[:3])
    if not np.any(frequency > 0):
        raise InputError(
            "summary has no repeat purchase (frequency is 0 in every row with a weight): nothing "
            "says how often customers buy. Cure: use a longer period, or more customers"
        )
    which = np.empty(len(counts) if inverse else 0, dtype=np.int64)
    which[rows.inverse] = np.arange(len(rows.inverse))
    histories = Histories(frequency, last, age, counts[kept], _step(last, age, days))
    return histories, which[kept] if inverse else which


def _step(recency: FloatArray, T: FloatArray, days_per_unit: float) -> float:
    """The step of ages that are whole days, few enough to be counted; else 0."""
    for ages in (T[:1000], T, recency):
        days = np.rint(ages * days_per_unit)
        if days.max() > 1 << 16 or not np.array_equal(days / days_per_unit, ages):
            return 0.0
    return 1 / days_per_unit


def read_columns(table: Table, unit: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequency, recency and T of a summary, with their faults noted in the table."""
    before = len(table.faults)
    x, recency, T = (table.numbers(column, minimum=0) for column in COLUMNS)
    if len(table.faults) == before:
        check_histories(x, recency, T, table.faults, prefix=f"{table.name}.")
    if len(table.faults) == before:
        check_unit(table, recency, unit)
    return x, recency, T


def check_histories(
    x: FloatArray, recency: FloatArray, T: FloatArray, faults: FaultList, *, prefix: str = ""
) -> None:
    """Note what can't be a purchase history: x whole, 0 <= t_x <= T, and t_x = 0 where x = 0."""

    def note(bad: npt.NDArray[np.bool_], fault: str, column: str, expected: str) -> None:
        if bad.any():
            values = {"frequency": x, "recency": recency, "T": T}[column]
            faults.add(
                fault,
                column=prefix + column,
                rows=int(bad.sum()),
                examples=row_examples(bad, values),
                expected=expected,
            )

    for column, values in zip(COLUMNS, (x, recency, T), strict=True):
        bad = ~((values >= 0) & np.isfinite(values))
        note(bad, "not_an_age", column, "expected finite numbers of at least 0")
    note(
        np.isfinite(x) & (x != np.rint(x)),
        "not_whole",
        "frequency",
        "expected whole numbers of repeat purchase days",
    )
    note(
        recency > T,
        "recency_above_T",
        "recency",
        "expected the age at the last purchase, at most the age T; "
        "time since the last purchase is T - recency",
    )
    note(
        (x == 0) & (recency > 0),
        "recency_without_repeat",
        "recency",
        "expected 0 where frequency is 0; frequency counts repeat purchase days only",
    )


def read_weights(table: Table, weights: str | npt.ArrayLike | None) -> FloatArray | None:
    """Case weights from a column or an array, finite and at least 0."""
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in table:
            raise InputError(
                f"weights={weights!r} is not a column of {table.name}; "
                f"it has {', '.join(map(repr, table.frame.columns))}"
            )
        return table.numbers(weights, minimum=0)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (len(table),):
        raise InputError(
            f"weights must have one number per row of {table.name} ({len(table)}); "
            f"got an array of shape {array.shape}"
        )
    bad = ~((array >= 0) & np.isfinite(array))
    if bad.any():
        table.faults.add(
            "not_a_weight",
            column="weights",
            rows=int(bad.sum()),
            examples=row_examples(bad, array),
            expected="expected finite numbers of at least 0",
        )
    return array


def read_customers(read: Table) -> tuple[Any, npt.NDArray[np.int64]]:
    """Customer ids in rising order, and the rows in which they stand; ends the reading."""
    ids = read.keys("customer_id")
    if len(ids) < len(read) and not (ids.codes < 0).any():
        read.faults.add(
            "duplicate_id",
            column="summary.customer_id",
            rows=len(read) - len(ids),
            expected="expected one row per customer; remove or sum up the duplicates",
        )
    read.finish()
    return ids.values, np.argsort(ids.codes, kind="stable")


def days_per_unit(unit: str) -> float:
    """Length of a unit in days, or one error that lists the units."""
    try:
        return UNITS[unit]
    except (KeyError, TypeError):
        raise InputError(
            f"unit must be one of {', '.join(map(repr, UNITS))} (days, weeks, months, years); "
            f"got {unit!r}"
        ) from None


def days_per_period(unit: str) -> float:
    """Mean length of a calendar period in days, or one error that lists the periods."""
    if not isinstance(unit, str) or unit not in PERIODS:
        raise InputError(
            f"unit must be one of {', '.join(map(repr, PERIODS))} (periods of days, weeks, months, "
            f"years, quarters); got {unit!r}"
        )
    return PERIODS[unit]
