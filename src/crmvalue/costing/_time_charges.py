"""The arithmetic of time-driven costing: events to customers and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crmvalue._frame import Eager
from crmvalue._keys import Keys
from crmvalue._stats import FloatArray, IntArray, check_conserved, group_sum, safe_sum
from crmvalue.costing._cells import Cells, cells
from crmvalue.costing._time_equations import Equation, group_terms, unit_times
from crmvalue.errors import FaultList

if TYPE_CHECKING:
    from crmvalue.costing.time_driven import TimeDrivenCosts


class Events(NamedTuple):
    """Events as arrays; `rows` are those of each activity of the equations."""

    frame: Eager
    customers: Keys
    activities: list[Any]
    rows: list[IntArray]
    quantity: FloatArray
    drivers: dict[str, FloatArray]


class Charges(NamedTuple):
    """Time and cost by event, by customer and equation, and by group."""

    equations: list[Equation]
    event_time: FloatArray
    event_cost: FloatArray
    times: Cells
    quantities: FloatArray
    amounts: FloatArray
    customer_cost: FloatArray
    rate: FloatArray
    used: FloatArray
    used_cost: FloatArray
    unused_cost: FloatArray


def charge(model: TimeDrivenCosts, source: Events) -> Charges:
    """Time and cost of every event, and their sums by customer and by group."""
    cost, practical = capacity(model)
    names = [group.group for group in model.groups]
    equations = group_terms(model.equations, names, source.activities)
    size = len(source.frame)
    event_time, event_cost = np.zeros(size), np.zeros(size)
    faults = FaultList()
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    for place, equation in enumerate(equations):
        rows = source.rows[equation.activity]
        unit = unit_times(equation, source.drivers, rows)
        if (low := unit < 0).any():
            faults.add(
                "negative_time",
                column="events",
                rows=int(low.sum()),
                examples=", ".join(f"row {i}" for i in np.sort(rows[low])[:3]),
                expected=f"the equation of {names[equation.group]!r} for "
                f"{source.activities[equation.activity]!r} gives these events less than no time; "
                "mend its negative terms",
            )
        time = unit * source.quantity[rows]
        event_time[rows] += time
        event_cost[rows] += cost[equation.group] * (time / practical[equation.group])
        parts.append((source.customers.codes[rows], np.full(len(rows), place), time))
    faults.raise_if_any("the time equations")

    none = np.empty(0, dtype=np.int64)
    customer, column, time = (
        np.concatenate([part[i] for part in parts] or [none]) for i in range(3)
    )
    shape = (len(source.customers), len(equations))
    times = cells(customer, column, time, shape)
    counts = [source.quantity[source.rows[equation.activity]] for equation in equations]
    quantities = cells(customer, column, np.concatenate(counts or [np.empty(0)]), shape)

    owner = np.array([equation.group for equation in equations], dtype=np.int64)[times.columns]
    amounts = cost[owner] * (times.values / practical[owner])
    used = group_sum(owner, times.values, len(names))
    used_cost = group_sum(owner, amounts, len(names))
    unused_cost = cost * (1.0 - used / practical)
    for name, whole, *split in zip(names, cost, used_cost, unused_cost, strict=True):
        check_conserved(f"group {name!r} to customers", float(whole), split)
    customer_cost = group_sum(times.rows, amounts, len(source.customers))
    for stage, charged in (("events", event_cost), ("customers", customer_cost)):
        check_conserved(f"groups to {stage}", safe_sum(cost), np.append(charged, unused_cost))
    return Charges(
        equations=equations,
        event_time=event_time,
        event_cost=event_cost,
        times=times,
        quantities=quantities.values,
        amounts=amounts,
        customer_cost=customer_cost,
        rate=cost / practical,
        used=used,
        used_cost=used_cost,
        unused_cost=unused_cost,
    )


def capacity(model: TimeDrivenCosts) -> tuple[FloatArray, FloatArray]:
    """Cost and practical time of each group."""
    cost = np.array([group.cost for group in model.groups])
    return cost, np.array([group.practical_time for group in model.groups])
