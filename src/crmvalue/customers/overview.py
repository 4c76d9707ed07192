"""The tables around the customers: tiers, segments, concentration, statement, headline.

Each joins figures that a room has already made; nothing is estimated here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue import tiers as tiering
from crmvalue._frame import Eager, Table
from crmvalue._keys import places, take
from crmvalue._stats import FloatArray, check_conserved, group_sum, positive_total, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue.costing import ActivityCosts, customer_statement
from crmvalue.customers.model import ValueModel
from crmvalue.tiers.pareto import TIERS
from crmvalue.transactions import Log
from crmvalue.value import MarginRates

NOT_IN_LOG = "not in the log"
"""The group of customers who cost something but have no purchase."""

Number = Callable[[str], FloatArray]
FIGURES = {"revenue": "total_spend", "profit": "profit", "lifetime_value": "lifetime_value"}
"""Figures of the overview, and the customers' column of each."""


def tier_table(
    number: Number,
    tier: npt.NDArray[np.object_],
    model: ValueModel,
    like: Eager,
    *,
    profit: bool,
) -> Any:
    """What each tier holds of customers, revenue, profit and lifetime value.

    The tiers are those that customers have, which a band may have kept from the thresholds' own.
    """
    groups = [tier == name for name in TIERS]
    customers = np.array([int(group.sum()) for group in groups])
    gold = np.nan if model.tiers.gold is None else model.tiers.gold
    columns: dict[str, Column] = {
        "tier": Labels(np.arange(len(TIERS)), TIERS),
        "threshold": np.array([gold, model.tiers.lead, np.nan]),
        "customers": customers,
        "share_of_customers": customers / len(tier),
    }
    for figure, column in FIGURES.items():
        held = share = np.full(len(TIERS), np.nan)
        if profit or figure != "profit":
            values = number(column)
            held = np.array([safe_sum(values[group]) for group in groups])
            check_conserved(f"tiers, {figure}", safe_sum(values), held)
            share = held / positive_total(values)
        columns[figure], columns[f"share_of_{figure}"] = held, share
    return table(columns, like)


def concentration_table(number: Number, like: Eager, *, profit: bool) -> Any:
    """Gini, Herfindahl, effective number and top shares of revenue, profit and lifetime value."""
    rows: list[dict[str, Any]] = []
    for figure, column in FIGURES.items():
        if figure == "profit" and not profit:
            continue
        values = number(column)
        row: dict[str, Any] = {
            "figure": figure,
            "total": safe_sum(values),
            "customers": len(values),
        }
        row["gini"] = tiering.gini(values, negative="allow")
        row["herfindahl"] = tiering.herfindahl(values, negative="allow")
        row["effective_number"] = tiering.effective_number(values, negative="allow")
        for percent in (1, 10, 20):
            row[f"top_{percent}_share"] = tiering.top_share(values, percent / 100, negative="allow")
        row["pareto_point"] = tiering.pareto_point(values, negative="allow")
        rows.append(row)
    return table({name: _column([row[name] for row in rows]) for name in rows[0]}, like)


def rfm_grid(number: Number, segments: Sequence[str | None], bins: int, like: Eager) -> Any:
    """Customers, revenue and value of each cell of recency and frequency scores."""
    r, f = number("r_score").astype(int), number("f_score").astype(int)
    scored = (r > 0) & (f > 0)
    cell = (r - 1) * bins + f - 1
    size = bins * bins
    name = np.full(size, None, dtype=object)
    name[cell[scored]] = np.asarray(segments, dtype=object)[scored]

    def total(column: str) -> FloatArray:
        return group_sum(cell[scored], number(column)[scored], size)

    return table(
        {
            "r_score": np.repeat(np.arange(1, bins + 1), bins),
            "f_score": np.tile(np.arange(1, bins + 1), bins),
            "customers": np.bincount(cell[scored], minlength=size),
            "revenue": total("total_spend"),
            "lifetime_value": total("lifetime_value"),
            "segment": name.tolist(),
        },
        like,
    )


def tier_statement(statement: Any, ids: nw.Series[Any], tier: npt.NDArray[np.object_]) -> Any:
    """The customer statement added up by tier and in all, one row per line."""
    given = Table(statement, "statement")
    lines = [column for column in given.frame.columns if column != "customer_id"]
    place = places(given.frame["customer_id"], ids)
    tiers = take(tier, place, NOT_IN_LOG)
    groups = [(name, tiers == name) for name in (*TIERS, NOT_IN_LOG)]
    groups = [(name, mask) for name, mask in groups if mask.any()]
    rows: list[tuple[str, str, float, float]] = []
    for name, mask in [*groups, ("all", np.ones(len(given), dtype=bool))]:
        amounts = {line: safe_sum(given.numbers(line)[mask]) for line in lines}
        revenue = amounts["list_revenue"]
        rows += [
            (name, line, amount, amount / revenue if revenue else math.nan)
            for line, amount in amounts.items()
        ]
    names = ("tier", "line", "amount", "share_of_revenue")
    columns = zip(*rows, strict=True)
    return table({n: _column(list(c)) for n, c in zip(names, columns, strict=True)}, given.frame)


def log_statement(log: Log, rates: MarginRates, costs: ActivityCosts | None) -> Any:
    """The customer statement over a log: from revenue at list to contribution.

    Cost of goods is taken from what was not sent back.
    """
    size, codes = len(log.customers), log.customers.codes
    amounts = np.zeros(len(codes)) if log.amounts is None else log.amounts
    sold = group_sum(codes, np.maximum(amounts, 0.0), size)
    returned = group_sum(codes, np.maximum(-amounts, 0.0), size)
    list_revenue = sold / (1 - rates.discount)
    columns: dict[str, Column] = {
        "customer_id": log.customers.values,
        "list_revenue": list_revenue,
    }
    if rates.discount.any():
        columns["on_invoice_discount"] = list_revenue - sold
    if returned.any():
        columns["returns"] = returned
    if rates.cost_of_goods is not None:
        columns["cost_of_goods"] = rates.cost_of_goods * np.maximum(sold - returned, 0.0)
    return customer_statement(table(columns, log.frame), costs=costs)


def _column(values: list[Any]) -> Column:
    return np.array(values) if isinstance(values[0], float | int) else values
