"""What volume-based costing hides: the cost of each customer by volume against that by activity."""

from __future__ import annotations

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import check_conserved, group_sum, safe_sum
from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing._cells import union
from crmvalue.costing._cost_comparison import CostComparison
from crmvalue.errors import FaultList


def compare_costing(
    volume: IntoFrame, activity: ActivityCosts | IntoFrame, margin: IntoFrame | None = None
) -> CostComparison:
    """Set the cost of each customer by volume against the cost that they cause.

    Parameters
    ----------
    volume : frame
        ``customer_id, cost``: what `volume_costs` gives.
    activity : ActivityCosts or frame
        What `activity_costs` gives, or ``customer_id, cost``.
    margin : frame, optional
        ``customer_id, margin``: gross margin before any of these costs (money, signed).

    Returns
    -------
    CostComparison
        Its tables come in the library of `volume`. Rows of one customer add up in each table; who
        stands in some tables only has 0 in the others and is counted in the summary.

    Raises
    ------
    InputError
        Listing every fault of all tables: missing customers, missing or infinite amounts, negative
        costs.
    ConservationError
        If a table doesn't add up to what came in within half a cent.

    Notes
    -----
    Where the totals differ, nothing is scaled: idle and unassigned cost, or cost above the
    customers, is usually part of what is spread by volume and never of what activities charge.
    ``summary`` says by how much they differ, and ``cross_subsidy`` shows each customer's part of
    it as ``unmatched``. For a comparison of the method alone, spread the sum of what the activities
    charged.

    References
    ----------
    R. Cooper and R. S. Kaplan (1988), "How cost accounting distorts product costs", Management
    Accounting 69(10), for over- and under-costing; the same of customers: R. S. Kaplan and
    V. G. Narayanan (2001), "Measuring and managing customer profitability", Journal of Cost
    Management 15(5).

    Examples
    --------
    >>> import pandas as pd
    >>> by_volume = pd.DataFrame({"customer_id": ["a", "b"], "cost": [750.0, 250.0]})
    >>> by_activity = pd.DataFrame({"customer_id": ["a", "b"], "cost": [600.0, 400.0]})
    >>> margin = pd.DataFrame({"customer_id": ["a", "b"], "margin": [900.0, 300.0]})
    >>> compared = compare_costing(by_volume, by_activity, margin)
    >>> compared
    CostComparison(2 customers: 1,000.00 by volume, 1,000.00 by activity, 15.0% misallocated)
    >>> shown = ["customer_id", "difference", "ratio", "activity_profit", "sign_flip"]
    >>> print(compared.customers[shown].to_string(index=False))
    customer_id  difference  ratio  activity_profit  sign_flip
              a       150.0  1.250            300.0      False
              b      -150.0  0.625           -100.0       True
    >>> print(compared.cross_subsidy.to_string(index=False))
    customer_id  pays  receives  unmatched
              a 150.0       0.0        0.0
              b   0.0     150.0        0.0
    """
    faults = FaultList()
    charged = activity.totals if isinstance(activity, ActivityCosts) else activity
    given = [(volume, "volume", "cost"), (charged, "activity", "cost")]
    if margin is not None:
        given.append((margin, "margin", "margin"))
    sources = [Table(frame, name, ["customer_id", column], faults) for frame, name, column in given]
    owners = [source.keys("customer_id") for source in sources]
    amounts = [
        source.numbers(column, minimum=0.0 if column == "cost" else None)
        for source, (_, _, column) in zip(sources, given, strict=True)
    ]
    if not len(sources[0]):
        faults.add("empty", column="volume", expected="expected at least one customer")
    faults.raise_if_any("the tables of the comparison")

    ids, places = union(*owners)
    size = len(ids)
    sums, present = [], []
    for source, place, values in zip(sources, places, amounts, strict=True):
        sums.append(group_sum(place, values, size))
        present.append(np.bincount(place, minlength=size) > 0)
        check_conserved(f"{source.name} by customer", safe_sum(values), sums[-1])
    return CostComparison(
        customer_ids=ids,
        volume_cost=sums[0],
        activity_cost=sums[1],
        margin=sums[2] if margin is not None else None,
        in_volume=present[0],
        in_activity=present[1],
        in_margin=present[2] if margin is not None else np.zeros(size, dtype=bool),
        like=sources[0].frame,
    )
