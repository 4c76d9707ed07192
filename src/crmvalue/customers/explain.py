"""The trace of a customer's figures, from ledger lines to the threshold of the tier.

All customers are traced at once as columns, and one customer is a selection of them: the trace that
is tested to add up for everybody is the one that is shown for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._keys import places
from crmvalue._stats import FloatArray, IntArray
from crmvalue._table import Column, table
from crmvalue.costing import ActivityCosts
from crmvalue.transactions import Log
from crmvalue.value import VALUE_LINES


class Rows(NamedTuple):
    """Rows of the trace: which customer, and the columns of `explain`."""

    step: str
    customer: IntArray
    item: npt.NDArray[np.object_]
    quantity: FloatArray
    rate: FloatArray
    amount: FloatArray
    source: npt.NDArray[np.object_]


class Trace(NamedTuple):
    """What the trace is read from."""

    ids: nw.Series[Any]
    log: Log
    costs: ActivityCosts | None
    column: Callable[[str], FloatArray]
    tier: npt.NDArray[np.object_]
    thresholds: dict[str, float | None]
    """From the highest to the lowest."""
    band: float
    earlier: IntArray | None
    """Place of each customer's earlier tier, 0 for gold, -1 for none; None without `previous`."""
    tier_by: str
    purchase_model: str
    spend_model: str
    has_goods: bool


def trace_table(trace: Trace, chosen: IntArray, *, with_id: bool) -> Any:
    """The trace of the chosen customers (positions in `ids`), by customer and then step."""
    place = np.full(len(trace.ids), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    blocks = [_only(rows, place) for rows in _blocks(trace, chosen)]
    blocks = [rows for rows in blocks if len(rows.customer)]
    customer = np.concatenate([rows.customer for rows in blocks])
    order = np.argsort(customer, kind="stable")
    steps = np.repeat([rows.step for rows in blocks], [len(rows.customer) for rows in blocks])
    columns: dict[str, Column] = {}
    if with_id:
        columns["customer_id"] = trace.ids[chosen[customer[order]].tolist()]
    columns["step"] = steps[order].tolist()
    for name in ("item", "quantity", "rate", "amount", "source"):
        values = np.concatenate([getattr(rows, name) for rows in blocks])[order]
        columns[name] = values if values.dtype.kind == "f" else values.tolist()
    return table(columns, trace.log.frame)


def _only(rows: Rows, place: IntArray) -> Rows:
    """The rows of the chosen customers, numbered by their place among these."""
    found = place[rows.customer]
    kept = found >= 0
    return Rows(
        rows.step,
        found[kept],
        rows.item[kept],
        rows.quantity[kept],
        rows.rate[kept],
        rows.amount[kept],
        rows.source[kept],
    )


def _blocks(trace: Trace, chosen: IntArray) -> list[Rows]:
    blocks = [] if trace.costs is None else _cost_rows(trace, trace.costs)
    return [
        *blocks,
        _log_rows(trace.log),
        _column_rows(trace, chosen, "profit", _profit_items(trace)),
        _column_rows(trace, chosen, "expectation", _expectation_items(trace)),
        _column_rows(trace, chosen, "lifetime_value", _value_items(trace)),
        _column_rows(trace, chosen, "tier", _tier_items(trace)),
    ]


def _cost_rows(trace: Trace, costs: ActivityCosts) -> list[Rows]:
    """Ledger lines that reach a customer, and their way through each activity to that customer."""
    cells, pools = costs.quantities, costs.pools
    # Each (customer, activity) meets every resource of that activity.
    order = np.argsort(pools.columns, kind="stable")
    count = np.bincount(pools.columns, minlength=len(costs.pool_cost))
    start = np.cumsum(count) - count
    repeats = count[cells.columns]
    cell = np.repeat(np.arange(len(cells.rows)), repeats)
    within = np.arange(len(cell)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    pool = order[start[cells.columns[cell]] + within]
    activity, resource = cells.columns[cell], pools.rows[pool]
    whole = costs.pool_cost[activity]
    share = np.divide(pools.values[pool], whole, out=np.zeros(len(pool)), where=whole > 0)
    customer = costs_to_ids(trace, costs)[cells.rows[cell]]
    known = customer >= 0
    names = np.array(costs.resource_ids.cast(nw.String).to_list(), dtype=object)
    activities = np.array(costs.activity_ids.cast(nw.String).to_list(), dtype=object)
    traced = Rows(
        "activity_cost",
        customer[known],
        names[resource[known]],
        cells.values[cell[known]],
        (costs.rate[activity] * share)[known],
        (costs.charges[cell] * share)[known],
        activities[activity[known]],
    )
    pairs = np.unique(customer[known] * len(names) + resource[known])
    owner, line = pairs // len(names), pairs % len(names)
    missing = np.full(len(pairs), np.nan)
    ledger = Rows(
        "ledger",
        owner,
        names[line],
        missing,
        missing,
        costs.ledger[line],
        _text("resources", len(pairs)),
    )
    return [ledger, traced]


def costs_to_ids(trace: Trace, costs: ActivityCosts) -> IntArray:
    """Position among the log's customers of each customer of the ledger, -1 where there is none."""
    return places(costs.customer_ids, trace.ids)


def _log_rows(log: Log) -> Rows:
    """The lines of the log: they add up to total_spend."""
    size = len(log.days)
    rows = np.arange(size) if log.rows is None else log.rows
    amounts = np.full(size, np.nan) if log.amounts is None else log.amounts
    order = np.lexsort((rows, log.days, log.customers.codes))
    return Rows(
        "total_spend",
        log.customers.codes[order].astype(np.int64),
        log.days[order].astype("datetime64[D]").astype(str).astype(object),
        np.ones(size),
        amounts[order],
        amounts[order],
        np.char.add("transactions row ", rows[order].astype(str)).astype(object),
    )


Item = tuple[str, FloatArray | None, FloatArray | None, FloatArray | None, Any]
"""An item of every customer: its name, quantity, rate, amount and source."""


def _column_rows(trace: Trace, chosen: IntArray, step: str, items: list[Item]) -> Rows:
    """The same items for every chosen customer."""
    size, missing = len(chosen), np.full(len(trace.ids), np.nan)

    def stacked(place: int) -> FloatArray:
        columns = [missing if item[place] is None else item[place] for item in items]
        return np.concatenate([np.asarray(column)[chosen] for column in columns])

    if not items:
        empty = np.zeros(0)
        return Rows(step, np.zeros(0, np.int64), _text("", 0), empty, empty, empty, _text("", 0))
    sources = [_text(i[4], size) if isinstance(i[4], str) else i[4][chosen] for i in items]
    return Rows(
        step,
        np.tile(chosen, len(items)),
        np.concatenate([_text(item[0], size) for item in items]),
        stacked(1),
        stacked(2),
        stacked(3),
        np.concatenate(sources),
    )


def _profit_items(trace: Trace) -> list[Item]:
    if trace.costs is None:
        return []
    items: list[Item] = [("total_spend", None, None, trace.column("total_spend"), "log")]
    if trace.has_goods:
        goods = -trace.column("cost_of_goods_sold")
        items.append(("cost_of_goods_sold", None, None, goods, "cost_lines"))
    cost = -trace.column("activity_cost")
    return [*items, ("activity_cost", None, None, cost, "ledger")]


def _expectation_items(trace: Trace) -> list[Item]:
    sources = {
        "probability_alive": trace.purchase_model,
        "expected_purchases_year": trace.purchase_model,
        "discounted_purchases": trace.purchase_model,
        "discounted_active_years": trace.purchase_model,
        "expected_spend": trace.spend_model,
    }
    return [(name, trace.column(name), None, None, source) for name, source in sources.items()]


def _value_items(trace: Trace) -> list[Item]:
    """Each line of the lifetime value, per discounted purchase."""
    purchases = trace.column("discounted_purchases")
    items: list[Item] = []
    for line in VALUE_LINES:
        amount = trace.column(line)
        if line != "revenue_list" and not amount.any():
            continue
        rate = np.divide(amount, purchases, out=np.full(len(amount), np.nan), where=purchases > 0)
        source = trace.spend_model if line == "revenue_list" else "cost_lines"
        items.append((line, purchases, rate, amount, source))
    return items


def _tier_items(trace: Trace) -> list[Item]:
    """The figure that decides the tier, and the thresholds as they held for each customer."""
    size = len(trace.ids)
    items: list[Item] = [(trace.tier_by, None, None, trace.column(trace.tier_by), trace.tier)]
    for place, (name, threshold) in enumerate(trace.thresholds.items()):
        if threshold is None:
            continue
        rate, source = np.full(size, threshold), _text("ParetoTiers", size)
        margin = trace.band * abs(threshold)
        if trace.earlier is not None and margin:
            above = (trace.earlier >= 0) & (trace.earlier <= place)
            below = trace.earlier > place
            rate[above], rate[below] = threshold - margin, threshold + margin
            source[above] = f"ParetoTiers, less the band of {trace.band:.4g}: was above"
            source[below] = f"ParetoTiers, plus the band of {trace.band:.4g}: was below"
        items.append((name, None, rate, None, source))
    return items


def _text(value: str, size: int) -> npt.NDArray[np.object_]:
    return np.full(size, value, dtype=object)
