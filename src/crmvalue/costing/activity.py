"""Activity-based costing: what the ledger spent, by the customers who caused it.

Two stages (Cooper and Kaplan 1988): resources go to activities by resource drivers, activities go
to customers by activity drivers. With ``w`` the drivers, ``C`` the ledger and ``V`` the volumes::

    C_a    = sum over r of C_r w_ra / sum over a of w_ra        cost of an activity
    rate_a = C_a / max(practical volume_a, V_a)                 so that idle cost is never charged
    C_ia   = q_ia rate_a                                        cost of a customer

What isn't charged is never spread: it is shown as unassigned, as idle, or at its own level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import take
from crmvalue._stats import FloatArray, check_conserved, group_sum, safe_sum
from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing._activity_tables import (
    CUSTOMER_LEVEL,
    INTENSITY,
    read_activities,
    read_resource_drivers,
)
from crmvalue.costing._cells import Cells, cells, texts, union
from crmvalue.errors import FaultList


def activity_costs(
    resources: IntoFrame,
    resource_drivers: IntoFrame,
    activity_drivers: IntoFrame,
    activities: IntoFrame | None = None,
) -> ActivityCosts:
    """Trace the cost of resources through activities to the customers who cause it.

    Parameters
    ----------
    resources : frame
        The ledger: ``resource`` (each once) and ``cost`` (money, not negative).
    resource_drivers : frame
        ``resource``, ``activity`` and either ``quantity`` (any unit; scaled to shares of the
        resource, so that all of it is assigned) or ``share`` (fractions of 1; what is missing to
        1 stays unassigned).
    activity_drivers : frame
        ``customer_id``, ``activity``, ``quantity``. Several rows of a customer in one activity
        add up.
    activities : frame, optional
        ``activity`` (each once) and, where known, ``practical_volume`` (the volume that the
        activity could serve; null: what was used), ``level``: ``unit``, ``order``, ``customer``
        (also where null), ``channel`` or ``facility``, and ``driver``: ``transaction`` (the
        quantity counts), ``duration`` (it is time) or ``intensity`` (it is money). The cost of a
        channel or of the facility stays there and has no customer drivers.

    Returns
    -------
    ActivityCosts
        Its tables come in the library of `resources`.

    Raises
    ------
    InputError
        Listing every fault of all tables: missing, unknown or repeated names, negative or
        missing numbers, shares above 1, a practical volume of 0 or of money, drivers above
        customer level.
    ConservationError
        If a stage doesn't add up to the one before it within half a cent.

    Notes
    -----
    A resource without drivers is unassigned. An activity with cost and neither drivers nor a
    practical volume is undriven: its cost is idle, with a line of its own in the reconciliation.
    An activity with drivers and no cost has rate 0.

    Counts and hours are costed alike, by a rate per unit. An intensity driver charges the resources
    that a job used directly: its quantity is the money traced to the customer, and what it can
    serve is the cost of the activity. So the rate is 1 and what is traced to nobody is undriven;
    where more is traced than was spent, the rate falls below 1 and the activity is overused. An
    index of difficulty that weights a count is a transaction driver with weighted quantities.

    References
    ----------
    R. Cooper and R. S. Kaplan (1988), "Measure costs right: make the right decisions", Harvard
    Business Review 66(5). The hierarchy: R. Cooper and R. S. Kaplan (1991), "Profit priorities from
    activity-based costing", Harvard Business Review 69(3). Kinds of driver: R. S. Kaplan and
    R. Cooper (1998), Cost & Effect, Harvard Business School Press. Practical capacity: R. S. Kaplan
    and S. R. Anderson (2004), "Time-driven activity-based costing", Harvard Business Review 82(11).

    Examples
    --------
    >>> import pandas as pd
    >>> costs = activity_costs(
    ...     pd.DataFrame({"resource": ["staff"], "cost": [1000.0]}),
    ...     pd.DataFrame({"resource": ["staff"] * 2, "activity": ["orders", "visits"],
    ...                   "share": [0.6, 0.3]}),
    ...     pd.DataFrame({"customer_id": [7, 7, 8], "activity": ["orders", "visits", "orders"],
    ...                   "quantity": [40, 2, 10]}),
    ...     pd.DataFrame({"activity": ["orders"], "practical_volume": [60]}),
    ... )
    >>> costs
    ActivityCosts(1 resource, 2 activities, 2 customers: 1,000.00 = 800.00 charged \
+ 100.00 idle + 0.00 above customers + 100.00 unassigned)
    >>> print(costs.totals.to_string(index=False))
     customer_id  cost
               7 700.0
               8 100.0
    >>> print(costs.explain(7)[["step", "item", "quantity", "rate", "amount"]].to_string())
           step    item  quantity   rate  amount
    0    ledger   staff       NaN    NaN  1000.0
    1  resource   staff      40.0   10.0   400.0
    2  resource   staff       2.0  150.0   300.0
    3  activity  orders      40.0   10.0   400.0
    4  activity  visits       2.0  150.0   300.0
    """
    faults = FaultList()
    ledger = Table(resources, "resources", ["resource", "cost"], faults)
    to_pools = Table(resource_drivers, "resource_drivers", ["resource", "activity"], faults)
    to_customers = Table(
        activity_drivers, "activity_drivers", ["customer_id", "activity", "quantity"], faults
    )
    stated = Table(
        _no_activities(ledger) if activities is None else activities,
        "activities",
        ["activity"],
        faults,
    )

    names = ledger.unique_keys("resource")
    cost = ledger.numbers("cost", minimum=0.0)
    if not len(ledger):
        faults.add("empty", column="resources", expected="expected at least one resource")
    pool_names, (pool_of_driver, pool_of_row, pool_of_stated) = union(
        to_pools.keys("activity"), to_customers.keys("activity"), stated.unique_keys("activity")
    )
    practical, level, driver = read_activities(stated, pool_of_stated, len(pool_names))
    shape = (len(names), len(pool_names))
    drivers, fixed = read_resource_drivers(to_pools, names, pool_of_driver, shape)
    customers = to_customers.keys("customer_id")
    quantity = to_customers.numbers("quantity", minimum=0.0)
    above = level > CUSTOMER_LEVEL
    to_customers.note(
        "activity",
        take(above, pool_of_row, False),
        "driver_above_customer",
        "what is caused above the customer stays at its level; drop these rows, or state a level "
        "up to customer",
    )
    faults.raise_if_any("the cost tables")

    spent = np.empty(len(names))
    spent[names.codes] = cost
    pools, unassigned = assign_resources(spent, drivers, fixed=fixed)
    pool_cost = group_sum(pools.columns, pools.values, len(pool_names))
    check_conserved("resources to activities", safe_sum(cost), [*pool_cost, *unassigned])

    quantities = cells(customers.codes, pool_of_row, quantity, (len(customers), len(pool_names)))
    volume = group_sum(quantities.columns, quantities.values, len(pool_names))
    practical = np.where(driver == INTENSITY, pool_cost, practical)
    capacity = np.fmax(practical, volume)
    charges = charge_customers(pool_cost, quantities, capacity)
    driven = (capacity > 0) & ~above
    with np.errstate(over="ignore"):
        rate = np.divide(pool_cost, capacity, out=np.full(len(capacity), np.nan), where=driven)
    rate[np.isinf(rate)] = np.nan  # of a volume near the smallest number there is
    idle = np.where(above, 0.0, pool_cost * (1.0 - _ratio(volume, capacity)))
    at_level = np.where(above, pool_cost, 0.0)
    charged = group_sum(quantities.columns, charges, len(pool_names))
    for pool, name in enumerate(texts(pool_names)):
        parts = [charged[pool], idle[pool], at_level[pool]]
        check_conserved(f"activity {name!r} to customers", pool_cost[pool], parts)
    totals = group_sum(quantities.rows, charges, len(customers))
    parts = [totals, idle, at_level, unassigned]
    check_conserved("ledger to customers", safe_sum(cost), np.concatenate(parts))

    return ActivityCosts(
        resource_ids=names.values,
        ledger=spent,
        unassigned=unassigned,
        activity_ids=pool_names,
        pools=pools,
        pool_cost=pool_cost,
        practical_volume=practical,
        driver_volume=volume,
        level=level,
        driver=driver,
        rate=rate,
        idle=idle,
        at_level=at_level,
        customer_ids=customers.values,
        quantities=quantities,
        charges=charges,
        charged=charged,
        customer_cost=totals,
        like=ledger.frame,
    )


def assign_resources(cost: FloatArray, drivers: Cells, *, fixed: bool) -> tuple[Cells, FloatArray]:
    """Stage 1: money in each cell (resource, activity), and what is left of each resource.

    `fixed` drivers are shares of 1; others are scaled by their sum, and a sum of 0 assigns nothing.
    """
    given = group_sum(drivers.rows, drivers.values, len(cost))
    whole = np.where(np.abs(given - 1.0) <= 1e-9, given, 1.0) if fixed else given
    amounts = cost[drivers.rows] * _ratio(drivers.values, whole[drivers.rows])
    return drivers._replace(values=amounts), cost * (1.0 - _ratio(given, whole))


def charge_customers(cost: FloatArray, quantities: Cells, capacity: FloatArray) -> FloatArray:
    """Stage 2: money in each cell (customer, activity)."""
    pool = quantities.columns
    return cost[pool] * _ratio(quantities.values, capacity[pool])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Share of the whole, 0 where the whole is 0; never overflows where part <= whole."""
    share: FloatArray = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return share


def _no_activities(ledger: Table) -> Any:
    return ledger.frame.select(activity="resource").head(0).to_native()
