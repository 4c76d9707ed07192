"""Why a customer's value fell: the change split into orders, order value, cost and the rest."""

from __future__ import annotations

import warnings
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._keys import take
from crmvalue._stats import FloatArray, IntArray, snap_zero
from crmvalue.errors import DataWarning
from crmvalue.tiers._snapshot import Snapshot
from crmvalue.tiers._values import amounts

MANY = 20
"""So many customers don't all order more than before, and nobody less, but by counting on."""


class Cause(IntEnum):
    """Why a value fell; the words of the table are those of the names."""

    FEWER_ORDERS = 0
    SMALLER_ORDERS = 1
    LOST_PRODUCTS = 2
    MORE_COST = 3
    OTHER = 4
    VALUE_HELD = 5
    UNKNOWN = 6


CAUSES = tuple(cause.name.lower().replace("_", " ") for cause in Cause)


class History(NamedTuple):
    """What customers did in a period, an array each; None where no column tells."""

    value: FloatArray
    orders: FloatArray | None
    revenue: FloatArray | None
    cost: FloatArray | None
    products: FloatArray | None

    def at(self, rows: IntArray) -> History:
        """The history of these rows; 0 throughout for row -1, who is not there."""

        def taken(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else take(values, rows, 0.0)

        return History(take(self.value, rows, 0.0), *(taken(values) for values in self[1:]))


class HistoryColumns(NamedTuple):
    """The names of the columns that histories are read from."""

    value: str
    orders: str
    revenue: str
    costs: tuple[str, ...]
    products: str

    def read(self, before: Snapshot, after: Snapshot) -> tuple[History, History]:
        """Read both frames, by rising id; what one of them does not tell is used in neither."""
        names = dict.fromkeys([self.orders, self.revenue, *self.costs, self.products])
        columns = [
            {
                name: side.by_id(side.table.numbers(name, null=True, minimum=self._minimum(name)))
                for name in names
                if name in side.table
            }
            for side in (before, after)
        ]
        told = [{name for name, v in c.items() if not np.isnan(v).all()} for c in columns]
        known = told[0] & told[1]
        return (
            self._history(before, {name: columns[0][name] for name in known}),
            self._history(after, {name: columns[1][name] for name in known}),
        )

    def _minimum(self, name: str) -> float | None:
        return 0.0 if name in (self.orders, self.products) else None

    def _history(self, side: Snapshot, known: dict[str, FloatArray]) -> History:
        costs = [known[name] for name in dict.fromkeys(self.costs) if name in known]
        return History(
            value=side.by_id(amounts(side.table, self.value)),
            orders=known.get(self.orders),
            revenue=known.get(self.revenue),
            cost=np.sum(costs, axis=0) if costs else None,
            products=known.get(self.products),
        )


def warn_of_sums_from_the_start(
    then: FloatArray | None, now: FloatArray | None, stayed: npt.NDArray[np.bool_], column: str
) -> None:
    """Warn of orders that only ever grow, so that no cause can be read from them."""
    if then is None or now is None:
        return
    more = int((stayed & (now > then)).sum())
    if more < MANY or (stayed & (now < then)).any():
        return
    warnings.warn(
        f"of the customers in both frames {more:,} have a higher {column} in after and nobody a "
        "lower one, as where both count from the start of the log: then no cause can be read. Cut "
        "both to periods of equal length first, as docs/migration.md does with "
        'log[log["date"] >= first] and as_of=last, or let value_customers(log, previous=...) do it',
        DataWarning,
        stacklevel=3,
    )


class Effects(NamedTuple):
    """Parts of the change of value: those that are known add up to it. NaN: not known."""

    change: FloatArray
    orders: FloatArray
    order_value: FloatArray
    cost: FloatArray
    other: FloatArray


def effects(before: History, after: History) -> Effects:
    """Split value = orders x average order value - cost + rest exactly, by Shapley's rule.

    Each factor's effect is its own change times the mean of the other factor, so that neither
    comes first. Without orders in a period their average is taken to be that of the other one.
    """
    unknown = np.full(len(before.value), np.nan)
    raw = after.value - before.value
    size = np.abs(before.value) + np.abs(after.value)
    change = snap_zero(raw, size)
    orders = order_value = cost = unknown
    n0, n1, r0, r1 = before.orders, after.orders, before.revenue, after.revenue
    if n0 is not None and n1 is not None and r0 is not None and r1 is not None:
        a0, a1 = _average(r0, n0), _average(r1, n1)
        a0, a1 = np.where(n0 == 0, a1, a0), np.where(n1 == 0, a0, a1)
        a0, a1 = np.where((n0 == 0) & (n1 == 0), 0.0, (a0, a1))
        orders = (n1 - n0) * (a0 + a1) / 2
        order_value = snap_zero(r1 - r0 - orders, np.abs(r0) + np.abs(r1) + np.abs(orders))
        size = size + np.nan_to_num(np.abs(r0) + np.abs(r1))
    if before.cost is not None and after.cost is not None:
        cost = before.cost - after.cost
        size = size + np.nan_to_num(np.abs(before.cost) + np.abs(after.cost))
    known = np.nan_to_num(orders) + np.nan_to_num(order_value) + np.nan_to_num(cost)
    return Effects(change, orders, order_value, cost, snap_zero(change - known, size))


def _average(revenue: FloatArray, orders: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(orders > 0, revenue / orders, 0.0 * orders)


def likely_causes(
    parts: Effects, before: History, after: History, held: npt.NDArray[np.bool_]
) -> IntArray:
    """The part that takes most away, as a place in `CAUSES`; `held` says whose value did not fall.

    Smaller orders of a customer who also buys fewer different products are lost products.
    """
    known = np.array([parts.orders, parts.order_value, parts.cost])
    every = np.nan_to_num(np.vstack([known, parts.other]))
    of_part = np.array([Cause.FEWER_ORDERS, Cause.SMALLER_ORDERS, Cause.MORE_COST, Cause.OTHER])
    cause = np.where(every.min(axis=0) < 0, of_part[np.argmin(every, axis=0)], Cause.OTHER)
    if before.products is not None and after.products is not None:
        fewer = after.products < before.products  # False where not known
        cause = np.where((cause == Cause.SMALLER_ORDERS) & fewer, Cause.LOST_PRODUCTS, cause)
    cause = np.where(np.isnan(known).all(axis=0), Cause.UNKNOWN, cause)
    return np.where(held, Cause.VALUE_HELD, cause).astype(np.int64)
