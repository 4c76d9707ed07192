"""Volume-based costing: one total, spread over the customers by how much they buy."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import check_conserved, group_sum, safe_sum
from crmvalue._table import table
from crmvalue.errors import FaultList


def volume_costs(total: float, volumes: IntoFrame, *, by: str = "volume") -> Any:
    """Spread a total over customers in proportion to one volume.

    Parameters
    ----------
    total : float
        The cost to spread (money, not negative).
    volumes : frame
        ``customer_id`` and the column `by`. Several rows of a customer add up.
    by : str, default "volume"
        The column of volumes: units, revenue, hours of labour... (not negative).

    Returns
    -------
    table
        ``customer_id, volume, cost``, one row per customer, in the library of `volumes`. The costs
        add up to `total`; who has no volume bears no cost.

    Raises
    ------
    InputError
        Listing every fault: a total that is negative or not finite, no rows, missing, infinite or
        negative volumes, volumes that are all 0.
    ConservationError
        If the costs don't add up to `total` within half a cent.

    Notes
    -----
    cost_i = total v_i / sum of v: what firms do who don't trace cost to its cause (Cooper and
    Kaplan 1988, "Measure costs right: make the right decisions", Harvard Business Review 66(5)).
    `compare_costing` shows what that hides.

    Examples
    --------
    >>> import pandas as pd
    >>> units = pd.DataFrame({"customer_id": ["a", "b", "a"], "volume": [50, 25, 25]})
    >>> print(volume_costs(1000.0, units).to_string(index=False))
    customer_id  volume  cost
              a    75.0 750.0
              b    25.0 250.0
    """
    faults = FaultList()
    source = Table(volumes, "volumes", ["customer_id", by], faults)
    if not (np.isfinite(total) and total >= 0):
        faults.add(
            "not_a_total", column="total", examples=repr(total), expected="expected money, >= 0"
        )
    customers = source.keys("customer_id")
    volume = source.numbers(by, minimum=0.0)
    if not len(source):
        faults.add("empty", column="volumes", expected="expected at least one customer")
    elif not faults and not volume.any():
        faults.add(
            "no_volume",
            column=f"volumes.{by}",
            rows=len(source),
            expected="expected a volume above 0 somewhere; there is nothing to spread the total by",
        )
    faults.raise_if_any("the volume-based costing")

    largest = float(volume.max())  # over which no sum of volumes overflows
    scaled = group_sum(customers.codes, volume / largest, len(customers))
    cost = total * (scaled / safe_sum(scaled))
    check_conserved("volume-based costing", float(total), cost)
    summed = group_sum(customers.codes, volume, len(customers))
    return table(
        {"customer_id": customers.values, "volume": summed, "cost": cost}, like=source.frame
    )
