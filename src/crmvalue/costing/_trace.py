"""The way of one customer's cost from the ledger, and tables given row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crmvalue._table import Column

if TYPE_CHECKING:
    from crmvalue.costing._activity_costs import ActivityCosts

Row = tuple[object, ...]


def trace_rows(costs: ActivityCosts, customer: int) -> list[Row]:
    """Rows of step, item, quantity, rate, amount and source of the customer at that position."""
    mine = slice(*costs.quantities.starts[customer : customer + 2])
    pools = costs.quantities.columns[mine]
    quantities, charges = costs.quantities.values[mine], costs.charges[mine]
    resources, activities = costs.names
    traced: list[Row] = []
    whole: list[Row] = []
    reached: set[int] = set()
    for pool, quantity, charge in zip(pools, quantities, charges, strict=True):
        name, rate, cost = activities[pool], costs.rate[pool], costs.pool_cost[pool]
        whole.append(("activity", name, quantity, rate, charge, "activity_drivers"))
        for cell in costs.cells_of_activity[pool]:
            owner = int(costs.pools.rows[cell])
            part = costs.pools.values[cell] / cost if cost else 0.0
            traced.append(
                ("resource", resources[owner], quantity, rate * part, charge * part, name)
            )
            reached.add(owner)
    ledger: list[Row] = [
        ("ledger", resources[owner], np.nan, np.nan, costs.ledger[owner], "resources")
        for owner in sorted(reached)
    ]
    return [*ledger, *traced, *whole]


def columns_of(rows: Sequence[Row], names: tuple[str, ...]) -> dict[str, Column]:
    """Columns of rows, of which there is at least one; those of floats become arrays."""
    return {
        name: np.array(values) if isinstance(values[0], float) else values
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
