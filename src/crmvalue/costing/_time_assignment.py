"""The result of time-driven costing: events, customers and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._stats import IntArray, group_sum, safe_sum
from crmvalue._table import Column, table
from crmvalue.costing._time_charges import Charges, Events, capacity, charge
from crmvalue.costing._what_if import WhatIf, changed_case

if TYPE_CHECKING:
    from crmvalue.costing.time_driven import TimeDrivenCosts


@dataclass(frozen=True, eq=False, repr=False)
class TimeDrivenAssignment:
    """Cost by event, customer and group, as `TimeDrivenCosts.assign` found it.

    Attributes
    ----------
    events : table
        One row per event, in the order given: ``customer_id, activity, quantity``, the driver
        columns of the equations, ``time`` and ``cost`` (over all groups).
    customers : table
        ``customer_id, activity, group, quantity, time, rate, cost``: one row per customer,
        activity and group that serves it. As `costs` of `customer_statement` it gives a line per
        activity.
    totals : table
        ``customer_id, cost``: every customer of the events.
    activities : table
        ``activity, group, quantity, time, unit_time, unit_cost, cost``: what one unit takes and
        costs on average; null where there was none.
    groups : table
        ``group, cost, practical_time, rate, used, used_cost, unused_time, unused_cost, overrun``.
        ``used`` is time. In each row used_cost + unused_cost = cost. More time used than is
        practical is an overrun: what is unused is negative then, the customers are charged more
        than the group costs, and either its practical time or an equation is wrong, or people
        worked longer than was paid for.
    reconciliation : table
        ``stage, line, item, amount``: the amounts of each stage add up to the cost of the groups.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import TimeDrivenCosts
    >>> desk = TimeDrivenCosts(
    ...     pd.DataFrame({"group": ["desk"], "cost": [900.0], "practical_time": [600.0]}),
    ...     pd.DataFrame({"group": ["desk"], "activity": ["order"], "term": [""], "time": [5.0]}),
    ... )
    >>> found = desk.assign(pd.DataFrame({"customer_id": [1, 2], "activity": "order",
    ...                                   "quantity": [60, 40]}))
    >>> found.totals["cost"].tolist()
    [450.0, 300.0]
    >>> found.groups[["used", "unused_time"]].values.tolist()
    [[500.0, 100.0]]
    """

    model: TimeDrivenCosts
    source: Events
    charges: Charges

    @property
    def events(self) -> Any:
        """What each event took and cost."""
        frame = self.source.frame
        columns: dict[str, Column] = {
            "customer_id": frame["customer_id"],
            "activity": frame["activity"],
            "quantity": self.source.quantity,
            **{driver: frame[driver] for driver in self.source.drivers},
            "time": self.charges.event_time,
            "cost": self.charges.event_cost,
        }
        return table(columns, like=frame)

    @property
    def customers(self) -> Any:
        """What each customer took of each activity and group."""
        equation = self.charges.times.columns
        group = self._group[equation]
        columns: dict[str, Column] = {
            "customer_id": self.source.customers.values[self.charges.times.rows],
            "activity": self._names(self.source.activities)[self._activity[equation]],
            "group": self._names(self._group_names)[group],
            "quantity": self.charges.quantities,
            "time": self.charges.times.values,
            "rate": self.charges.rate[group],
            "cost": self.charges.amounts,
        }
        return table(columns, like=self.source.frame)

    @property
    def totals(self) -> Any:
        """What each customer cost."""
        columns: dict[str, Column] = {
            "customer_id": self.source.customers.values,
            "cost": self.charges.customer_cost,
        }
        return table(columns, like=self.source.frame)

    @property
    def activities(self) -> Any:
        """What one unit of each activity takes and costs on average."""
        quantity, time, cost = (
            group_sum(self.charges.times.columns, values, len(self.charges.equations))
            for values in (self.charges.quantities, self.charges.times.values, self.charges.amounts)
        )
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            unit_time, unit_cost = time / quantity, cost / quantity
        columns: dict[str, Column] = {
            "activity": [self.source.activities[i] for i in self._activity],
            "group": [self._group_names[i] for i in self._group],
            "quantity": quantity,
            "time": time,
            "unit_time": unit_time,
            "unit_cost": unit_cost,
            "cost": cost,
        }
        return table(columns, like=self.source.frame)

    @property
    def groups(self) -> Any:
        """What each group cost, and what of its time was used."""
        cost, practical = capacity(self.model)
        columns: dict[str, Column] = {
            "group": self._group_names,
            "cost": cost,
            "practical_time": practical,
            "rate": self.charges.rate,
            "used": self.charges.used,
            "used_cost": self.charges.used_cost,
            "unused_time": practical - self.charges.used,
            "unused_cost": self.charges.unused_cost,
            "overrun": self._overrun,
        }
        return table(columns, like=self.source.frame)

    @property
    def reconciliation(self) -> Any:
        """The cost of the groups at each stage, without a gap."""
        activities = self.source.activities
        by_activity = group_sum(
            self._activity[self.charges.times.columns], self.charges.amounts, len(activities)
        )
        unused = self.charges.unused_cost
        left = [
            ("unused", self._group_names, np.where(self._overrun, 0.0, unused)),
            ("overrun", self._group_names, np.where(self._overrun, unused, 0.0)),
        ]
        stages = {
            "ledger": [("ledger", self._group_names, capacity(self.model)[0])],
            "activities": [("activity", activities, by_activity), *left],
            "customers": [("customers", self._group_names, self.charges.used_cost), *left],
        }
        rows = [
            (stage, line, str(item), amount)
            for stage, blocks in stages.items()
            for line, items, amounts in blocks
            for item, amount in zip(items, amounts, strict=True)
            if amount or line not in ("unused", "overrun")
        ]
        stage, line, item, amount = zip(*rows, strict=True)
        columns: dict[str, Column] = {
            "stage": stage,
            "line": line,
            "item": item,
            "amount": np.array(amount),
        }
        return table(columns, like=self.source.frame)

    def what_if(
        self,
        *,
        volumes: Mapping[Any, float] | None = None,
        times: Mapping[tuple[Any, Any, str], float] | None = None,
        costs: Mapping[Any, float] | None = None,
        practical_times: Mapping[Any, float] | None = None,
    ) -> WhatIf:
        """Cost the same events again with other volumes, times, costs or capacities.

        Parameters
        ----------
        volumes : mapping, optional
            Activity to the factor by which the quantity of all its events changes: 1.2 is a fifth
            more.
        times : mapping, optional
            (group, activity, term) of an equation to its new time.
        costs : mapping, optional
            Group to its new cost.
        practical_times : mapping, optional
            Group to its new practical time.

        Returns
        -------
        WhatIf
            Old and new figures beside each other. What isn't named stays as it is; the cost of a
            group in particular, so that time saved is unused until `costs` says otherwise.

        Raises
        ------
        InputError
            Listing every name that isn't known and every number that can't be.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.costing import TimeDrivenCosts
        >>> desk = TimeDrivenCosts(
        ...     pd.DataFrame({"group": ["desk"], "cost": [900.0], "practical_time": [600.0]}),
        ...     pd.DataFrame({"group": ["desk"], "activity": ["order"], "term": [""],
        ...                   "time": [5.0]}),
        ... )
        >>> found = desk.assign(pd.DataFrame({"customer_id": [1, 2], "activity": "order",
        ...                                   "quantity": [60, 40]}))
        >>> later = found.what_if(volumes={"order": 1.5}, times={("desk", "order", ""): 3.0},
        ...                       costs={"desk": 750.0}, practical_times={"desk": 500.0})
        >>> print(later.groups[["used", "new_used", "unused_cost", "new_unused_cost"]].to_string())
            used  new_used  unused_cost  new_unused_cost
        0  500.0     450.0        150.0             75.0
        >>> print(later.totals.to_string(index=False))
         customer_id  cost  new_cost  difference
                   1 450.0     405.0       -45.0
                   2 300.0     270.0       -30.0
        """
        model, source = changed_case(
            self.model, self.source, volumes, times, costs, practical_times
        )
        return WhatIf(self, TimeDrivenAssignment(model, source, charge(model, source)))

    def __repr__(self) -> str:
        cost, _ = capacity(self.model)
        used, unused = self.charges.used_cost, self.charges.unused_cost
        return (
            f"TimeDrivenAssignment({len(self.source.frame):,} events of "
            f"{len(self.source.customers):,} customers: {safe_sum(cost):,.2f} = "
            f"{safe_sum(used):,.2f} charged + {safe_sum(unused):,.2f} unused)"
        )

    @property
    def _overrun(self) -> npt.NDArray[np.bool_]:
        return self.charges.used > capacity(self.model)[1] * (1 + 1e-12)

    @property
    def _group_names(self) -> list[Any]:
        return [group.group for group in self.model.groups]

    @property
    def _group(self) -> IntArray:
        return np.array([equation.group for equation in self.charges.equations], dtype=np.int64)

    @property
    def _activity(self) -> IntArray:
        return np.array([equation.activity for equation in self.charges.equations], dtype=np.int64)

    def _names(self, values: Sequence[Any]) -> nw.Series[Any]:
        """Names as a column of the library of the events, to be indexed by codes."""
        native = table({"name": values}, like=self.source.frame)
        names: nw.Series[Any] = nw.from_native(native, eager_only=True)["name"]
        return names
