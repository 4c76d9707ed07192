"""Where contribution is zero, and what would bring it there: the result of `break_even`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager
from crmvalue._stats import FloatArray, IntArray, safe_sum, snap_zero
from crmvalue._table import Column, Labels, table

LEVERS = ("price", "order size", "returns", "service level")

ROUNDING = 1e-12
"""Relative size of what is rounding only."""


@dataclass(frozen=True, eq=False, repr=False)
class BreakEven:
    """Break-even points and levers of customers or classes of customers, as `break_even` found.

    With R revenue, G cost of goods, O cost of orders, B cost of returns, S cost of service, F cost
    of the customer (money of the period), u units and n orders, contribution is
    C = R - G - O - B - S - F. Each point moves one thing and leaves the others.

    Attributes
    ----------
    customers : table
        The ids, ``revenue, contribution``, and

        - ``break_even_revenue`` and ``break_even_volume`` (units): R k and u k, where volume is
          scaled by k = (S + F) / (R - G - O - B) at the same price, order size and rate of returns.
          Null where a unit brings nothing, so that no volume is enough.
        - ``margin_of_safety``: 1 - k, by which share volume may fall; negative: must rise.
        - ``price_change`` and ``break_even_price`` (per unit): -C / R and (R - C) / u at the same
          volume. A change below 0 is the discount that is left to give. Null without revenue.
        - ``break_even_orders`` and ``break_even_order_size`` (units): n (1 + C / O) and u over it,
          the same volume in other orders. Null where no number of orders is enough, where orders
          cost nothing, and where orders aren't known.

        What needs units or orders is null without them.
    levers : table
        Four rows for each customer at a loss: the ids, ``loss`` (money above 0), ``lever``,
        ``before, after``, ``change`` (fraction of what was before), ``money`` (what the lever
        brings of the loss, at most the whole of it) and ``enough`` (it alone reaches break-even).
        Before and after are a price per unit (null without units), orders (null without them),
        cost of returns and cost of service. A lever that brings too little is shown in full: one
        order of each customer, no returns, no service.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import break_even
    >>> points = break_even(pd.DataFrame({"customer_id": ["a", "b"], "revenue": [1000.0, 2000.0],
    ...                                   "cost_of_goods": [600.0, 1200.0],
    ...                                   "service_cost": [450.0, 200.0]}))
    >>> points.contribution.tolist()
    [-50.0, 600.0]
    >>> points.customers[["break_even_revenue", "price_change"]].values.tolist()
    [[1125.0, 0.05], [500.0, -0.3]]
    """

    by: str
    ids: nw.Series[Any]
    revenue: FloatArray
    cost_of_goods: FloatArray
    order_cost: FloatArray
    returns_cost: FloatArray
    service_cost: FloatArray
    customer_cost: FloatArray
    units: FloatArray
    orders: FloatArray
    fewest_orders: FloatArray
    like: Eager

    @property
    def customers(self) -> Any:
        """Each customer's or class's break-even points."""
        margin = self.revenue - self.cost_of_goods - self.order_cost - self.returns_cost
        scale = _over(self.service_cost + self.customer_cost, snap_zero(margin, self._gross))
        # What a profit could pay for in more orders, or a loss has to save by fewer.
        orders = self.orders * (1.0 + _over(self.contribution, self.order_cost))
        orders = np.where(self._loss - self._in_orders <= ROUNDING * self._gross, orders, np.nan)
        columns: dict[str, Column] = {
            self.by: self.ids,
            "revenue": self.revenue,
            "contribution": self.contribution,
            "break_even_revenue": self.revenue * scale,
            "break_even_volume": self.units * scale,
            "margin_of_safety": 1.0 - scale,
            "price_change": 0.0 - _over(self.contribution, self.revenue),
            "break_even_price": _over(self.revenue - self.contribution, self.units),
            "break_even_orders": orders,
            "break_even_order_size": _over(self.units, orders),
        }
        return table(columns, like=self.like)

    @property
    def levers(self) -> Any:
        """What would bring each customer at a loss to break-even."""
        rows = self._losing
        loss = self._loss[rows]
        price = _over(self.revenue, self.units)
        # For each lever: where it stands, the money that it works on, and the most that it brings.
        levers = [
            (price, self.revenue, np.where(self.revenue > 0, np.inf, 0.0), 1.0),
            (self.orders, self.order_cost, self._in_orders, -1.0),
            (self.returns_cost, self.returns_cost, self.returns_cost, -1.0),
            (self.service_cost, self.service_cost, self.service_cost, -1.0),
        ]
        before = np.stack([now[rows] for now, _, _, _ in levers], axis=1)
        most = np.stack([most[rows] for _, _, most, _ in levers], axis=1)
        money = np.minimum(loss[:, None], most)
        change = np.stack(
            [sign * _over(money[:, i], base[rows]) for i, (_, base, _, sign) in enumerate(levers)],
            axis=1,
        )
        after = before * (1.0 + np.where(np.isnan(change), 0.0, change))
        enough = loss[:, None] - most <= ROUNDING * self._gross[rows, None]
        columns: dict[str, Column] = {
            self.by: self.ids[np.repeat(rows, len(LEVERS))],
            "loss": np.repeat(loss, len(LEVERS)),
            "lever": Labels(np.tile(np.arange(len(LEVERS)), len(rows)), LEVERS),
            "before": before.ravel(),
            "after": after.ravel(),
            "change": change.ravel(),
            "money": money.ravel(),
            "enough": enough.ravel(),
        }
        return table(columns, like=self.like)

    @cached_property
    def contribution(self) -> FloatArray:
        """Revenue less all costs of each row of `customers` (money)."""
        costs = np.stack(self._costs)
        return snap_zero(self.revenue - costs.sum(axis=0), self._gross)

    def __repr__(self) -> str:
        size = len(self.ids)
        return (
            f"BreakEven({size:,} {'row' if size == 1 else 'rows'} by {self.by}, "
            f"{len(self._losing):,} at a loss of {safe_sum(self._loss):,.2f} together)"
        )

    @property
    def _costs(self) -> list[FloatArray]:
        return [
            *(self.cost_of_goods, self.order_cost, self.returns_cost),
            *(self.service_cost, self.customer_cost),
        ]

    @cached_property
    def _gross(self) -> FloatArray:
        """Money that moved, against which a sum that is rounding counts as 0."""
        gross: FloatArray = np.abs(self.revenue) + np.stack(self._costs).sum(axis=0)
        return gross

    @property
    def _loss(self) -> FloatArray:
        return np.maximum(0.0 - self.contribution, 0.0)

    @property
    def _losing(self) -> IntArray:
        return np.flatnonzero(self.contribution < 0)

    @property
    def _in_orders(self) -> FloatArray:
        """The most that fewer orders can save: all of them but one of each customer."""
        # Where orders aren't known, all of what they cost; where there are none, nothing.
        kept = np.where(np.isnan(self.orders), 0.0, 1.0)
        some = self.orders > self.fewest_orders
        kept = np.divide(self.fewest_orders, self.orders, out=kept, where=some)
        return self.order_cost * (1.0 - kept)


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """The ratio where the whole is above 0 and the ratio a number, otherwise NaN."""
    with np.errstate(over="ignore"):
        ratio = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return np.where(np.isinf(ratio), np.nan, ratio)
