"""`demo_costs`: a made-up cost ledger for a real log."""

from __future__ import annotations

import math
from typing import Any, Unpack

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Frame, IntoFrame, Table
from crmvalue._stats import UNITS, safe_sum
from crmvalue._table import table
from crmvalue.costing import activity_costs, transaction_drivers
from crmvalue.summary import histories
from crmvalue.transactions import LogKeywords, read_log

DEMO_POOLS: dict[str, tuple[float, dict[str, float]]] = {
    "Advertising": (120_000.0, {"Winning customers": 1.0}),
    "Warehouse": (150_000.0, {"Packing": 0.75, "Order handling": 0.25}),
    "Customer service": (90_000.0, {"Order handling": 0.6, "Account care": 0.4}),
    "Newsletter and IT": (60_000.0, {"Account care": 0.5, "Running the shop": 0.5}),
}
"""Pools of the demo: a year's cost in dollars, and the share of it that each activity takes."""

DEMO_DRIVERS = {
    "Winning customers": "new_customers",
    "Order handling": "orders",
    "Account care": "active_months",
}
DEMO_LEVELS = {
    "Winning customers": "customer",
    "Order handling": "order",
    "Packing": "unit",
    "Account care": "customer",
    "Running the shop": "facility",
}
DEMO_USE = 0.8
"""Share of the packing capacity that is used."""

DEMO_COST_OF_GOODS = 0.6


def demo_costs(transactions: IntoFrame, **log: Unpack[LogKeywords]) -> dict[str, Any]:
    """Make up a cost ledger for the demo: what a mail-order shop of this size might spend.

    The yearly sums are invented, stated in `DEMO_POOLS` and sized for the whole CDNOW log; only the
    drivers are real, since they are counted in the log. Packing works at 80 % of its capacity, so
    that a fifth of its cost is idle.

    Parameters
    ----------
    transactions : frame
        The log. A column ``discs`` counts units; without it, lines are counted.
    **log
        The keywords of `check_transactions`; `amount` is "amount" by default.

    Returns
    -------
    dict of str to table, and a note
        The tables resources, resource_drivers, activities, activity_drivers and cost_lines, and
        the text ``"note"``: what `value_customers` takes as ``costs``. Cost of goods is 60 % of
        revenue; the other cost lines are the ledger's own rates per order, active year and unit of
        revenue.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow()
    >>> ledger = cv.datasets.demo_costs(log)
    >>> print(ledger["resources"].round(0).to_string(index=False))
             resource     cost
          Advertising 179384.0
            Warehouse 224230.0
     Customer service 134538.0
    Newsletter and IT  89692.0
    """
    log.setdefault("amount", "amount")
    read = read_log(transactions, **log)
    found = histories(read)
    ages = (read.as_of - found.first) / UNITS["Y"]
    length = (read.as_of - int(found.first.min()) + 1) / UNITS["Y"]
    units = "discs" if "discs" in read.frame.columns else None
    drivers = transaction_drivers(
        transactions,
        quantity=units,
        drivers={**DEMO_DRIVERS, "Packing": "lines" if units is None else "units"},
        **log,
    )
    counted = Table(drivers, "drivers")
    packing = counted.frame["activity"].cast(nw.String) == "Packing"
    packed = safe_sum(counted.numbers("quantity")[packing.to_numpy()])
    pools = [(pool, cost * length) for pool, (cost, _) in DEMO_POOLS.items()]
    shares = [(p, a, share) for p, (_, parts) in DEMO_POOLS.items() for a, share in parts.items()]
    levels = [
        (a, packed / DEMO_USE if a == "Packing" else math.nan, level)
        for a, level in DEMO_LEVELS.items()
    ]
    ledger: dict[str, Any] = {
        "resources": _rows(("resource", "cost"), pools, read.frame),
        "resource_drivers": _rows(("resource", "activity", "share"), shares, read.frame),
        "activities": _rows(("activity", "practical_volume", "level"), levels, read.frame),
        "activity_drivers": drivers,
    }
    rates = activity_costs(**ledger).rates(
        {"Order handling": "order", "Packing": "order", "Account care": "active_year"},
        totals={"order": float(found.purchases.sum()), "active_year": float(ages.sum())},
    )
    given = Table(rates, "rates")
    lines = zip(
        *(given.frame[c].to_list() for c in ("line", "basis")), given.numbers("rate"), strict=True
    )
    goods = [("cost_of_goods", "revenue", DEMO_COST_OF_GOODS), *lines]
    ledger["cost_lines"] = _rows(("line", "basis", "rate"), goods, read.frame)
    ledger["note"] = (
        "The cost ledger is illustrative: its pools are made up for this demonstration, and only "
        "their drivers are counted in the log."
    )
    return ledger


def _rows(names: tuple[str, ...], rows: list[tuple[Any, ...]], like: Frame) -> Any:
    columns = {
        name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return table(
        {n: np.array(v) if isinstance(v[0], float) else v for n, v in columns.items()}, like
    )
