"""Support departments: what they cost, passed on to the departments that serve customers.

With ``b`` the own costs of the support departments and ``P`` their shares of each other's service,
the gross costs ``x = b + P'x`` (own and received) are passed on: to operating departments for good,
to support departments for them to pass on in turn. The three methods differ in the services that
they count: `direct` only those to operating departments, `step_down` also those to support
departments that close later, `reciprocal` all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, IntoFrame, Table
from crmvalue._stats import FloatArray, check_conserved, group_sum, safe_sum
from crmvalue._table import Column, table
from crmvalue.costing._cells import Cells
from crmvalue.costing._circulation import gross_cost, shares, stuck_departments
from crmvalue.costing._departments import BoolArray, read_departments, read_order, read_services
from crmvalue.errors import FaultList, InputError

METHODS = ("direct", "step_down", "reciprocal")


def allocate_support(
    costs: IntoFrame,
    services: IntoFrame,
    method: str = "reciprocal",
    order: Sequence[Any] | None = None,
) -> Any:
    """Pass the cost of support departments on to the operating ones.

    Parameters
    ----------
    costs : frame
        ``department`` (each once), ``cost`` (money, not negative), ``support`` (bool: its cost is
        passed on; otherwise it is an operating department, which keeps its cost).
    services : frame
        ``provider`` (a support department), ``receiver``, ``quantity`` (any unit of the provider:
        hours, square metres, heads; scaled to shares of each provider). Rows of one provider and
        receiver add up. What a department does for itself is ignored.
    method : {"reciprocal", "step_down", "direct"}
        ``direct`` leaves out services among support departments. ``step_down`` closes one support
        department after the other; a closed one never receives cost again. ``reciprocal`` counts
        all services, solved exactly as a system of linear equations.
    order : sequence, optional
        All support departments, in the order in which `step_down` closes them; the other methods
        have no use for it.

    Returns
    -------
    table
        In the library of `costs`, one row per department, rising: ``department, support, own_cost,
        received, passed_on, final_cost``. In each row own_cost + received = passed_on +
        final_cost; ``final_cost`` is 0 for support departments, ``passed_on`` 0 for operating
        ones. With `reciprocal` the flows are gross: cost that comes back to a department counts
        each time it comes, so that the textbook's "total cost" of a support department is own_cost
        + received. `support_flows` has the amounts between departments.

    Raises
    ------
    InputError
        Listing every fault of the tables: missing, unknown or repeated departments, negative or
        missing numbers, an order that isn't one of all support departments; and then every
        department whose cost could go nowhere: a closed set of departments that serve only one
        another, or a department without services that the method counts.
    ConservationError
        If the final costs don't add up to the costs within half a cent.

    References
    ----------
    C. T. Horngren, S. M. Datar and M. V. Rajan, Cost Accounting: A Managerial Emphasis, chapter
    "Allocation of support-department costs".

    Examples
    --------
    >>> import pandas as pd
    >>> costs = pd.DataFrame({
    ...     "department": ["Administration", "Maintenance", "Sales", "Workshop"],
    ...     "cost": [1200.0, 2400.0, 5000.0, 8000.0],
    ...     "support": [True, True, False, False],
    ... })
    >>> services = pd.DataFrame({
    ...     "provider": ["Administration"] * 3 + ["Maintenance"] * 3,
    ...     "receiver": ["Maintenance", "Sales", "Workshop", "Administration", "Sales", "Workshop"],
    ...     "quantity": [10, 20, 30, 40, 60, 100],
    ... })
    >>> found = allocate_support(costs, services)
    >>> print(found.drop(columns="support").round(2).to_string(index=False))
        department  own_cost  received  passed_on  final_cost
    Administration    1200.0    537.93    1737.93        0.00
       Maintenance    2400.0    289.66    2689.66        0.00
             Sales    5000.0   1386.21       0.00     6386.21
          Workshop    8000.0   2213.79       0.00    10213.79

    The operating departments, with what they received, are the resources of `activity_costs`:

    >>> operating = found[~found["support"]]
    >>> resources = operating[["department", "final_cost"]].set_axis(["resource", "cost"], axis=1)
    >>> print(resources.round(2).to_string(index=False))
    resource     cost
       Sales  6386.21
    Workshop 10213.79
    """
    plan = _allocate(costs, services, method, order)
    received = group_sum(plan.flows.columns, plan.amount, len(plan.own))
    gross = plan.own + received
    final = np.where(plan.support, 0.0, gross)
    check_conserved("support to operating departments", safe_sum(plan.own), final)
    columns: dict[str, Column] = {
        "department": plan.names,
        "support": plan.support,
        "own_cost": plan.own,
        "received": received,
        "passed_on": np.where(plan.support, gross, 0.0),
        "final_cost": final,
    }
    return table(columns, like=plan.like)


def support_flows(
    costs: IntoFrame,
    services: IntoFrame,
    method: str = "reciprocal",
    order: Sequence[Any] | None = None,
) -> Any:
    """Who passes how much cost on to whom: the amounts behind `allocate_support`.

    Parameters
    ----------
    costs, services, method, order
        As for `allocate_support`.

    Returns
    -------
    table
        In the library of `costs`, by provider and then by receiver: ``provider, receiver, share``
        (of what the provider passes on, by the services that the method counts), ``amount``. The
        amounts of a provider add up to its ``passed_on``, those of a receiver to its ``received``.

    Raises
    ------
    InputError
        As `allocate_support`.

    Examples
    --------
    >>> import pandas as pd
    >>> costs = pd.DataFrame({"department": ["IT", "Sales", "Store"], "cost": [100.0, 50.0, 70.0],
    ...                       "support": [True, False, False]})
    >>> services = pd.DataFrame({"provider": ["IT", "IT"], "receiver": ["Sales", "Store"],
    ...                          "quantity": [3, 1]})
    >>> print(support_flows(costs, services).to_string(index=False))
    provider receiver  share  amount
          IT    Sales   0.75    75.0
          IT    Store   0.25    25.0
    """
    plan = _allocate(costs, services, method, order)
    columns: dict[str, Column] = {
        "provider": plan.names[plan.flows.rows],
        "receiver": plan.names[plan.flows.columns],
        "share": plan.flows.values,
        "amount": plan.amount,
    }
    return table(columns, like=plan.like)


class _Plan(NamedTuple):
    """Departments, and the cells (provider, receiver) of shares that the method counts."""

    names: nw.Series[Any]
    support: BoolArray
    own: FloatArray
    flows: Cells
    amount: FloatArray
    like: Eager


def _allocate(
    costs: IntoFrame, services: IntoFrame, method: str, order: Sequence[Any] | None
) -> _Plan:
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    faults = FaultList()
    ledger = Table(costs, "costs", ["department", "cost", "support"], faults)
    given = Table(services, "services", ["provider", "receiver", "quantity"], faults)
    names, own, support = read_departments(ledger)
    served = read_services(given, names, support)
    if method == "step_down":
        closed = read_order(order, names, support, faults)
    else:
        closed = np.where(support, 0, 1)
    faults.raise_if_any("the tables of support departments")

    counted = closed[served.columns] > closed[served.rows]
    if method == "reciprocal":
        counted[:] = True
    flows = shares(served, counted, len(own))
    stuck = stuck_departments(names, own, support, served, flows)
    gross = gross_cost(own, support & ~stuck, flows, names)
    return _Plan(names.values, support, own, flows, gross[flows.rows] * flows.values, ledger.frame)
