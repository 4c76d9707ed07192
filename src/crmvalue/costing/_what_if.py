"""What if volumes, times, costs or capacities were others: two assignments beside each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager
from crmvalue._table import Column, table
from crmvalue.costing._time_charges import Events
from crmvalue.costing._time_equations import CapacityGroup, TimeTerm, read_term
from crmvalue.errors import FaultList

if TYPE_CHECKING:
    from crmvalue.costing._time_assignment import TimeDrivenAssignment
    from crmvalue.costing.time_driven import TimeDrivenCosts


@dataclass(frozen=True, eq=False)
class WhatIf:
    """Two assignments of the same events, beside each other.

    Attributes
    ----------
    before, after : TimeDrivenAssignment
    groups : table
        ``group``, then ``cost, practical_time, rate, used, unused_time, unused_cost`` of before,
        each followed by that of after with ``new_`` before its name.
    totals : table
        ``customer_id, cost, new_cost, difference``.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import TimeDrivenCosts
    >>> desk = TimeDrivenCosts(
    ...     pd.DataFrame({"group": ["desk"], "cost": [900.0], "practical_time": [600.0]}),
    ...     pd.DataFrame({"group": ["desk"], "activity": ["order"], "term": [""], "time": [5.0]}),
    ... )
    >>> found = desk.assign(pd.DataFrame({"customer_id": [1], "activity": ["order"],
    ...                                   "quantity": [60]}))
    >>> found.what_if(volumes={"order": 0.5}).groups[["used", "new_used"]].values.tolist()
    [[300.0, 150.0]]
    """

    before: TimeDrivenAssignment
    after: TimeDrivenAssignment

    @property
    def groups(self) -> Any:
        """What each group cost and used, before and after."""
        old, new = _entered(self.before.groups), _entered(self.after.groups)
        columns: dict[str, Column] = {"group": old["group"]}
        for name in ("cost", "practical_time", "rate", "used", "unused_time", "unused_cost"):
            columns |= {name: old[name], f"new_{name}": new[name]}
        return table(columns, like=old)

    @property
    def totals(self) -> Any:
        """What each customer cost, before and after."""
        old, new = self.before.charges.customer_cost, self.after.charges.customer_cost
        columns: dict[str, Column] = {
            "customer_id": self.before.source.customers.values,
            "cost": old,
            "new_cost": new,
            "difference": new - old,
        }
        return table(columns, like=self.before.source.frame)


def changed_case(
    model: TimeDrivenCosts,
    source: Events,
    volumes: Mapping[Any, float] | None,
    times: Mapping[tuple[Any, Any, str], float] | None,
    costs: Mapping[Any, float] | None,
    practical_times: Mapping[Any, float] | None,
) -> tuple[TimeDrivenCosts, Events]:
    """The model and the events with what `TimeDrivenAssignment.what_if` changes."""
    faults = FaultList()
    factor = _changed(dict.fromkeys(source.activities, 1.0), volumes, "volumes", faults)
    time = {term[:3]: term.time for term in model.equations}
    wanted = {_place(name): value for name, value in (times or {}).items()}
    time = _changed(time, wanted, "times", faults, least=-np.inf)
    cost = {group.group: group.cost for group in model.groups}
    cost = _changed(cost, costs, "costs", faults)
    practical = {group.group: group.practical_time for group in model.groups}
    practical = _changed(
        practical, practical_times, "practical_times", faults, least=float(np.nextafter(0, 1))
    )
    faults.raise_if_any("the changes")
    quantity = source.quantity.copy()
    for activity, rows in zip(source.activities, source.rows, strict=True):
        quantity[rows] *= factor[activity]
    changed = dataclasses.replace(
        model,
        groups=tuple(CapacityGroup(name, cost[name], practical[name]) for name in cost),
        equations=tuple(TimeTerm(*term, value) for term, value in time.items()),
    )
    return changed, source._replace(quantity=quantity)


def _place(name: Any) -> Any:
    """(group, activity, term) with the drivers of the term in rising order."""
    if isinstance(name, tuple) and len(name) == 3:
        term = read_term(name[2])
        return name if term is None else (*name[:2], term)
    return name


def _changed(
    old: dict[Any, float],
    new: Mapping[Any, float] | None,
    what: str,
    faults: FaultList,
    *,
    least: float = 0.0,
) -> dict[Any, float]:
    """The old numbers with the new ones in their places."""
    changed = dict(old)
    for name, value in (new or {}).items():
        if name not in old:
            few = ", ".join(repr(known) for known in list(old)[:5])
            cure = f"expected some of {few}{', ...' if len(old) > 5 else ''}"
            faults.add("unknown_name", column=what, examples=repr(name), expected=cure)
        elif not (np.isfinite(value) and value >= least):
            bound = "" if least < 0 else " above 0" if least > 0 else " of at least 0"
            cure = f"expected finite numbers{bound}"
            faults.add("bad_number", column=what, examples=f"{name!r}: {value!r}", expected=cure)
        else:
            changed[name] = float(value)
    return changed


def _entered(native: Any) -> Eager:
    frame: Eager = nw.from_native(native, eager_only=True)
    return frame
