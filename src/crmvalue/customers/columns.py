"""The columns of the customers: what each room says of a customer, joined by id."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Table
from crmvalue._keys import plain_ids
from crmvalue._stats import UNITS, FloatArray, safe_sum
from crmvalue._table import Column
from crmvalue.costing import ActivityCosts
from crmvalue.rfm import RFMScorer
from crmvalue.transactions import Log
from crmvalue.transactions.dates import to_date
from crmvalue.transactions.tally import AFTER_AS_OF

SUMMARY = (
    "customer_id",
    "frequency",
    "recency",
    "T",
    "inactive",
    "n_purchases",
    "total_spend",
    "monetary_value",
    "first_purchase",
    "last_purchase",
)
RESULT = (
    "r_score",
    "f_score",
    "m_score",
    "rfm_score",
    "segment",
    "probability_alive",
    "expected_purchases_year",
    "expected_purchases",
    "discounted_purchases",
    "expected_spend",
    "expected_active_years",
    "discounted_active_years",
    "revenue_list",
    "discount",
    "cost_of_goods",
    "selling_cost",
    "service_cost",
    "maintenance_cost",
    "capital_cost",
    "lifetime_value",
    "acquisition_unrecovered",
    "cost_of_goods_sold",
    "activity_cost",
    "profit",
    "tier",
)
"""Columns that every result has, in this order after those of the summary."""


def join_columns(
    summary: Any,
    scorer: RFMScorer,
    purchases: Any,
    values: Any,
    statement: Any,
    activity: ActivityCosts | None,
    unit: str,
) -> dict[str, Column]:
    """Every column of the customers but the tier. All tables have the customers in one order."""
    base, scored = Table(summary, "summary"), Table(scorer.score(summary), "scores")
    valued, given = Table(values, "values"), Table(statement, "statement")
    history = tuple(base.numbers(name) for name in ("frequency", "recency", "T"))
    size = len(base)
    missing = np.full(size, np.nan)
    ids = base.frame["customer_id"]
    order = given.keys("customer_id").find(ids)  # the statement may hold further customers
    spend = base.numbers("total_spend")
    goods = cost = profit = missing
    if "cost_of_goods" in given:
        goods = -given.numbers("cost_of_goods")[order] + 0.0
    if activity is not None:
        cost = _activity_cost(activity, given, order)
        profit = spend - np.nan_to_num(goods) - cost
    year = UNITS["Y"] / UNITS[unit]
    columns: dict[str, Column] = {name: base.frame[name] for name in SUMMARY}
    attributes = {name: base.frame[name] for name in base.frame.columns if name not in SUMMARY}
    columns |= {name: scored.frame[name] for name in scored.frame.columns if name != "customer_id"}
    columns["probability_alive"] = purchases.probability_alive(*history)
    columns["expected_purchases_year"] = purchases.expected_purchases(*history, horizon=year)
    columns |= {name: valued.frame[name] for name in valued.frame.columns if name != "customer_id"}
    columns["cost_of_goods_sold"] = goods
    columns["activity_cost"] = cost
    columns["profit"] = profit
    return columns | attributes


def _activity_cost(activity: ActivityCosts, statement: Table, order: Any) -> FloatArray:
    """Each customer's activity cost, read from the lines of the statement."""
    known = Table(activity.totals, "totals")
    found = known.keys("customer_id").find(statement.frame["customer_id"])
    cost = np.append(known.numbers("cost"), 0.0)[found]
    return np.asarray(cost[order], dtype=np.float64)


def foreign_cost(activity: ActivityCosts, ids: nw.Series[Any]) -> list[str]:
    """Say what was charged to customers that the log doesn't have."""
    totals = Table(activity.totals, "totals")
    strange = ~np.isin(plain_ids(totals.frame["customer_id"]), plain_ids(ids))
    if not strange.any():
        return []
    money = safe_sum(totals.numbers("cost")[strange])
    return [
        f"{int(strange.sum()):,} customers of the ledger have no purchase in the log; their cost, "
        f"{money:,.2f}, is in the statement and in no tier."
    ]


def longer_ledger(log: Log) -> list[str]:
    """Say that `as_of` has cut the log and not the ledger, which tells no dates."""
    return [
        f"{part.rows:,} rows of the log lie after as_of={to_date(log.as_of)} and were left out, "
        "but the cost ledger was taken whole: if it holds the cost of that time, too, give the "
        "ledger of the same period as the log."
        for part in log.tally.left_out
        if part.reason == AFTER_AS_OF
    ]
