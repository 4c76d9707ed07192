"""The result of activity-based costing: every figure with the way it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._frame import Eager
from crmvalue._keys import plain_ids
from crmvalue._stats import FloatArray, IntArray, group_sum, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue.costing._activity_tables import DRIVERS, INTENSITY, LEVELS
from crmvalue.costing._cells import Cells, locate, texts
from crmvalue.costing._rates import rate_columns
from crmvalue.costing._trace import columns_of, trace_rows


@dataclass(frozen=True, eq=False, repr=False)
class ActivityCosts:
    """Cost by resource, activity and customer, as `activity_costs` found it.

    Attributes
    ----------
    customers : table
        ``customer_id, activity, quantity, rate, cost``: one row per customer and activity that
        has a driver, by customer and then by activity.
    totals : table
        ``customer_id, cost``.
    activities : table
        ``activity, cost, driver_volume, practical_volume, rate, assigned, idle``, and ``at_level``
        (what stays above the customers), ``level`` and ``overused`` (more was used than is
        practical), and ``driver`` (null where its kind wasn't stated). In each row assigned + idle
        + at_level = cost. ``rate`` is null where there is no volume to divide by.
    levels : table
        ``level, cost, charged, idle, at_level``: the activities by level of the cost hierarchy,
        from below; in each row charged + idle + at_level = cost.
    assignments : table
        ``resource, activity, share, cost``: the first stage.
    reconciliation : table
        ``stage, line, item, amount``: the amounts of each stage add up to the ledger.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import activity_costs
    >>> costs = activity_costs(
    ...     pd.DataFrame({"resource": ["desk"], "cost": [300.0]}),
    ...     pd.DataFrame({"resource": ["desk"], "activity": ["orders"], "share": [1]}),
    ...     pd.DataFrame({"customer_id": [1, 2], "activity": "orders", "quantity": [30, 15]}),
    ...     pd.DataFrame({"activity": ["orders"], "practical_volume": [60]}),
    ... )
    >>> print(costs.activities[["activity", "rate", "assigned", "idle"]].to_string(index=False))
    activity  rate  assigned  idle
      orders   5.0     225.0  75.0
    >>> costs.totals["cost"].tolist()
    [150.0, 75.0]
    """

    resource_ids: nw.Series[Any]
    ledger: FloatArray
    unassigned: FloatArray
    activity_ids: nw.Series[Any]
    pools: Cells
    pool_cost: FloatArray
    practical_volume: FloatArray
    driver_volume: FloatArray
    level: IntArray
    driver: IntArray
    rate: FloatArray
    idle: FloatArray
    at_level: FloatArray
    customer_ids: nw.Series[Any]
    quantities: Cells
    charges: FloatArray
    charged: FloatArray
    customer_cost: FloatArray
    like: Eager

    @property
    def customers(self) -> Any:
        """What each customer used of each activity, and what it cost."""
        rows, pool = self.quantities.rows, self.quantities.columns
        columns: dict[str, Column] = {
            "customer_id": self.customer_ids[rows],
            "activity": self.activity_ids[pool],
            "quantity": self.quantities.values,
            "rate": self.rate[pool],
            "cost": self.charges,
        }
        return table(columns, like=self.like)

    @property
    def totals(self) -> Any:
        """What each customer cost."""
        return table({"customer_id": self.customer_ids, "cost": self.customer_cost}, like=self.like)

    @property
    def activities(self) -> Any:
        """What each activity cost, its rate, and what of it was charged."""
        columns: dict[str, Column] = {
            "activity": self.activity_ids,
            "cost": self.pool_cost,
            "driver_volume": self.driver_volume,
            "practical_volume": self.practical_volume,
            "rate": self.rate,
            "assigned": self.charged,
            "idle": self.idle,
            "at_level": self.at_level,
            "level": Labels(self.level, LEVELS),
            "overused": self.driver_volume > self.practical_volume * (1 + 1e-12),
            "driver": Labels(self.driver, DRIVERS),
        }
        return table(columns, like=self.like)

    @property
    def levels(self) -> Any:
        """The cost of each level of the hierarchy."""
        columns: dict[str, Column] = {"level": Labels(np.arange(len(LEVELS)), LEVELS)}
        parts = {
            "cost": self.pool_cost,
            "charged": self.charged,
            "idle": self.idle,
            "at_level": self.at_level,
        }
        for name, amounts in parts.items():
            columns[name] = group_sum(self.level, amounts, len(LEVELS))
        return table(columns, like=self.like)

    @property
    def assignments(self) -> Any:
        """Where the cost of each resource went."""
        owner = self.pools.rows
        spent = self.ledger[owner]
        share = np.divide(self.pools.values, spent, out=np.zeros(len(owner)), where=spent > 0)
        columns: dict[str, Column] = {
            "resource": self.resource_ids[owner],
            "activity": self.activity_ids[self.pools.columns],
            "share": share,
            "cost": self.pools.values,
        }
        return table(columns, like=self.like)

    @property
    def reconciliation(self) -> Any:
        """The ledger's cost at each stage, without a gap."""
        resources, pools = self.names
        undriven = np.isnan(self.rate) | (self.driver == INTENSITY)
        blocks = [
            ("ledger", "ledger", resources, self.ledger),
            ("activities", "activity", pools, self.pool_cost),
            ("activities", "unassigned", resources, self.unassigned),
            ("customers", "customers", pools, self.charged),
            ("customers", "idle", pools, np.where(undriven, 0.0, self.idle)),
            ("customers", "undriven", pools, np.where(undriven, self.idle, 0.0)),
            *(
                ("customers", name, pools, np.where(self.level == place, self.at_level, 0.0))
                for place, name in enumerate(LEVELS)
            ),
            ("customers", "unassigned", resources, self.unassigned),
        ]
        rows = [
            (stage, line, item, amount)
            for stage, line, items, amounts in blocks
            for item, amount in zip(items, amounts, strict=True)
            if amount or line in ("ledger", "activity")
        ]
        return table(columns_of(rows, ("stage", "line", "item", "amount")), like=self.like)

    def rates(
        self,
        activities: Mapping[Any, str | tuple[str, str]],
        totals: Mapping[str, float] | None = None,
    ) -> Any:
        """Turn the cost of activities into rates for `customer_lifetime_value`.

        Parameters
        ----------
        activities : mapping
            Activity to (line, basis), or to a basis or a line alone. Bases: ``order``,
            ``active_year``, ``revenue``. Lines: ``cost_of_goods, selling_cost, service_cost,
            maintenance_cost``. By default what accrues per order is service, per active year
            maintenance, per unit of revenue selling cost, and the other way round.
        totals : mapping, optional
            How many orders, active years and how much revenue stand behind the costs. For a basis
            that isn't there the driver of the activity must itself count that basis, and its own
            rate is taken.

        Returns
        -------
        table
            ``line, basis, rate``: what was charged to customers, per unit of the basis; activities
            of one line and basis add up.

        Raises
        ------
        InputError
            Listing every activity that isn't known, stays above the customers, or has a driver of
            time or money where a count is needed; every line, basis and total that means nothing.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.costing import activity_costs
        >>> costs = activity_costs(
        ...     pd.DataFrame({"resource": ["desk", "reps"], "cost": [300.0, 500.0]}),
        ...     pd.DataFrame({"resource": ["desk", "reps"], "activity": ["orders", "visits"],
        ...                   "share": [1, 1]}),
        ...     pd.DataFrame({"customer_id": [1, 1], "activity": ["orders", "visits"],
        ...                   "quantity": [60, 5]}),
        ... )
        >>> rates = costs.rates({"orders": "order", "visits": ("selling_cost", "active_year")},
        ...                     totals={"active_year": 2.5})
        >>> print(rates.to_string(index=False))
                line       basis  rate
        selling_cost active_year 200.0
        service_cost       order   5.0
        """
        return table(rate_columns(self, activities, dict(totals or {})), like=self.like)

    def explain(self, customer_id: Any) -> Any:
        """Trace a customer's cost from the ledger through the activities.

        Parameters
        ----------
        customer_id
            One of the customers of the activity drivers.

        Returns
        -------
        table
            ``step, item, quantity, rate, amount, source``. Step ``ledger``: the lines of the
            ledger that reach this customer, whole (source ``resources``). Step ``resource``: the
            customer's quantity in an activity (the source) times the part of its rate that this
            resource makes. Step ``activity``: quantity times the whole rate (source
            ``activity_drivers``). The amounts of step ``resource`` and those of step ``activity``
            each add up to the customer's cost.

        Raises
        ------
        InputError
            If there is no such customer.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.costing import activity_costs
        >>> costs = activity_costs(
        ...     pd.DataFrame({"resource": ["desk"], "cost": [300.0]}),
        ...     pd.DataFrame({"resource": ["desk"], "activity": ["orders"], "share": [1]}),
        ...     pd.DataFrame({"customer_id": [1, 2], "activity": "orders", "quantity": [40, 20]}),
        ... )
        >>> costs.explain(1)[["step", "item", "amount", "source"]].values.tolist()[1:]
        [['resource', 'desk', 200.0, 'orders'], ['activity', 'orders', 200.0, 'activity_drivers']]
        """
        row = locate(self._customer_index, customer_id, "customer")
        names = ("step", "item", "quantity", "rate", "amount", "source")
        return table(columns_of(trace_rows(self, row), names), like=self.like)

    def __repr__(self) -> str:
        def count(values: nw.Series[Any], one: str, many: str) -> str:
            return f"{len(values):,} {one if len(values) == 1 else many}"

        resources = count(self.resource_ids, "resource", "resources")
        activities = count(self.activity_ids, "activity", "activities")
        customers = count(self.customer_ids, "customer", "customers")
        return (
            f"ActivityCosts({resources}, {activities}, {customers}: "
            f"{safe_sum(self.ledger):,.2f} = "
            f"{safe_sum(self.charged):,.2f} charged + {safe_sum(self.idle):,.2f} idle + "
            f"{safe_sum(self.at_level):,.2f} above customers + "
            f"{safe_sum(self.unassigned):,.2f} unassigned)"
        )

    @cached_property
    def _customer_index(self) -> pd.Index[Any]:
        index: pd.Index[Any] = pd.Index(plain_ids(self.customer_ids))
        return index

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """Resources and activities as text."""
        return texts(self.resource_ids), texts(self.activity_ids)

    @cached_property
    def cells_of_activity(self) -> list[IntArray]:
        """For each activity the positions of its cells in `pools`."""
        order = np.argsort(self.pools.columns, kind="stable")
        ends = np.cumsum(np.bincount(self.pools.columns, minlength=len(self.pool_cost)))
        return np.split(order, ends[:-1])
