"""What activities cost, as the lines and bases of the lifetime value."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmvalue._keys import plain_ids
from crmvalue._table import Column
from crmvalue.costing._activity_tables import CUSTOMER_LEVEL, DRIVERS, LEVELS
from crmvalue.costing._cells import locate
from crmvalue.errors import FaultList, InputError

if TYPE_CHECKING:
    from crmvalue.costing._activity_costs import ActivityCosts

RATE_LINES = {"order": "service_cost", "active_year": "maintenance_cost", "revenue": "selling_cost"}
"""What a cost that accrues with each basis is, unless the caller says otherwise."""

BASES = {line: basis for basis, line in RATE_LINES.items()} | {"cost_of_goods": "revenue"}
"""What each line accrues with, unless the caller says otherwise."""


def rate_columns(
    costs: ActivityCosts, activities: Mapping[Any, Any], totals: Mapping[str, float]
) -> dict[str, Column]:
    """Columns of a table of cost lines: what was charged, per unit of each basis."""
    faults = FaultList()
    _check_totals(totals, faults)
    known = pd.Index(plain_ids(costs.activity_ids))
    found: dict[tuple[str, str], float] = {}
    for activity, target in activities.items():
        pair = _line_and_basis(activity, target, faults)
        pool = _pool(costs, known, activity, pair[1] in totals, faults)
        if len(faults):
            continue
        volume = totals.get(pair[1], costs.driver_volume[pool])
        rate = costs.charged[pool] / volume if volume else 0.0
        found[pair] = found.get(pair, 0.0) + float(rate)
    faults.raise_if_any("these rates")
    pairs = sorted(found)
    return {
        "line": [line for line, _ in pairs],
        "basis": [basis for _, basis in pairs],
        "rate": np.array([found[pair] for pair in pairs]),
    }


def _pool(
    costs: ActivityCosts, known: pd.Index[Any], activity: Any, counted: bool, faults: FaultList
) -> int:
    """Position of an activity that customers pay for; what speaks against it is a fault."""
    try:
        pool = locate(known, activity, "activity")
    except InputError as error:
        faults.add("unknown_activity", column="activities", expected=str(error))
        return -1
    if costs.level[pool] > CUSTOMER_LEVEL:
        faults.add(
            "above_customers",
            column="activities",
            examples=f"{activity!r} at level {LEVELS[costs.level[pool]]}",
            expected="nothing of it is charged to customers; leave it out",
        )
    kind = DRIVERS[costs.driver[pool]] if costs.driver[pool] >= 0 else "transaction"
    if not counted and kind != "transaction":
        faults.add(
            "driver_counts_no_basis",
            column="activities",
            examples=f"{activity!r} has a driver of kind {kind}",
            expected="it doesn't count the basis; give the number in totals",
        )
    return pool


def _line_and_basis(activity: Any, target: Any, faults: FaultList) -> tuple[str, str]:
    """What a basis, a line or a pair of both stands for; anything else is a fault."""
    line, basis = "", ""
    if isinstance(target, str):
        line = target if target in BASES else RATE_LINES.get(target, "")
        basis = BASES.get(target, target)
    elif isinstance(target, tuple | list) and len(target) == 2:
        line, basis = map(str, target)
    if line not in BASES or basis not in RATE_LINES:
        faults.add(
            "unknown_target",
            column="activities",
            examples=f"activity {activity!r} is mapped to {target!r}",
            expected=f"expected a basis of {', '.join(RATE_LINES)}, a line of {', '.join(BASES)}, "
            "or (line, basis)",
        )
    return line, basis


def _check_totals(totals: Mapping[str, float], faults: FaultList) -> None:
    """Note totals that are of no basis, or can't be divided by."""
    for basis, total in totals.items():
        sound = isinstance(total, Real) and np.isfinite(total) and total > 0
        if basis not in RATE_LINES or not sound:
            faults.add(
                "no_total",
                column="totals",
                examples=f"{basis!r}: {total!r}",
                expected=f"expected finite numbers above 0 for some of {', '.join(RATE_LINES)}",
            )
