"""What the costs of a result say: distortion, the cost-to-serve map, levers, and the totals."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Table
from crmvalue._keys import places, take
from crmvalue._stats import FloatArray, group_sum, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue.costing import (
    ActivityCosts,
    break_even,
    compare_costing,
    statement_totals,
    volume_costs,
)
from crmvalue.tiers import ParetoTiers, cost_to_serve_map, whale_peak
from crmvalue.tiers.pareto import TIERS

BY_ORDER = ("unit", "order")
"""Levels of the cost hierarchy whose cost goes with the number of orders."""


def profitability_tables(customers: Table, statement: Any, costs: ActivityCosts) -> dict[str, Any]:
    """The tables that only a result with a cost ledger has."""
    frame, net = customers.frame, customers.numbers("total_spend")
    goods = np.nan_to_num(customers.numbers("cost_of_goods_sold", null=True))
    cost = customers.numbers("activity_cost")
    money = table(
        {
            "customer_id": frame["customer_id"],
            "volume": np.maximum(net, 0.0),
            "margin": net - goods,
            "net_margin": net - goods,
            "cost_to_serve": cost,
        },
        like=frame,
    )
    tables = {
        "statement_totals": statement_totals(statement, costs),
        "whale_peak": whale_peak(customers.numbers("profit")).table(),
        "cost_to_serve": cost_to_serve_map(money).table(money),
        "levers": _levers(frame, statement, costs),
    }
    if np.any(net > 0):
        spread = volume_costs(safe_sum(costs.charged), money, by="volume")
        compared = compare_costing(spread, costs, money)
        tables |= {
            "cost_comparison": compared.customers,
            "distortion": compared.summary,
            "tier_changes": _tier_changes(compared.customers),
        }
    return tables


def _tier_changes(compared: Any) -> Any:
    """How many customers stand in which tier by profit, as each way of costing has it."""
    given = Table(compared, "cost_comparison")
    codes = []
    for profit in ("volume_profit", "activity_profit"):
        found = Table(ParetoTiers.fit(compared, by=profit).assign(compared), "tiers")
        names = found.frame["tier"].cast(nw.String).to_list()
        codes.append(np.array([TIERS.index(name) for name in names]))
    cell, size = codes[0] * len(TIERS) + codes[1], len(TIERS) ** 2
    rows = np.arange(size)
    return table(
        {
            "tier_by_volume": Labels(rows // len(TIERS), TIERS),
            "tier_by_activity": Labels(rows % len(TIERS), TIERS),
            "customers": np.bincount(cell, minlength=size),
            "profit": group_sum(cell, given.numbers("activity_profit"), size),
        },
        like=given.frame,
    )


def _levers(customers: Any, statement: Any, costs: ActivityCosts) -> Any:
    """What would bring each losing customer to break-even.

    Activities of units and orders cost what the number of orders makes them cost, those of the
    customer what the service level does.
    """
    given = Table(statement, "statement")
    columns, size = given.frame.columns, len(given)
    kept: dict[str, FloatArray] = {name: np.zeros(size) for name in ("order_cost", "service_cost")}
    activities = Table(costs.activities, "activities").frame
    for name, level in zip(
        activities["activity"].to_list(), activities["level"].to_list(), strict=True
    ):
        # An activity called like another column of the statement has this after its name.
        line = next((c for c in (f"{name} (activity)", str(name)) if c in columns), None)
        if line is not None:
            kept["order_cost" if level in BY_ORDER else "service_cost"] -= given.numbers(line)
    returns = -given.numbers("returns") if "returns" in columns else np.zeros(size)
    goods = -given.numbers("cost_of_goods") if "cost_of_goods" in columns else np.zeros(size)
    ids = given.frame["customer_id"]
    whole: dict[str, Column] = {
        "customer_id": ids,
        "revenue": given.numbers("pocket_revenue") + returns,
        "cost_of_goods": goods,
        "returns_cost": returns,
        "orders": _aligned(customers, ids, "n_purchases"),
        **kept,
    }
    return break_even(table(whole, like=given.frame)).levers


def _aligned(customers: Any, ids: nw.Series[Any], column: str) -> FloatArray:
    """A column of the customers for other ids, 0 for those who are not among them."""
    place = places(ids, customers["customer_id"])
    values = Table(customers, "customers").numbers(column)
    return take(values, place, 0.0)
