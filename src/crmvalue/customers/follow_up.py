"""What follows from the tiers: cohorts, the gap to gold, gold at risk, policy, and data gates."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import Table
from crmvalue._table import Column, table, to_pandas
from crmvalue.customers.model import ValueModel
from crmvalue.rfm import rfm_gates
from crmvalue.tiers import gold_at_risk, gold_gap, tier_policy
from crmvalue.tiers.cohorts import Period, cohorts_of_log
from crmvalue.transactions import Log
from crmvalue.transactions.periods import period_numbers

MOST = 24
"""Cohorts by months, and by quarters, before the next longer period is taken."""


def cohorts_of(log: Log) -> Any:
    """The table of cohorts of a log, by periods that the page has room for."""
    days = np.array([int(log.days.min()), log.as_of])
    period: Period = "Y"
    for shorter in ("Q", "M"):
        first, last = period_numbers(days, shorter)
        if last - first < MOST:
            period = shorter
    return cohorts_of_log(log, period).cohorts


def follow_up_tables(customers: Table, model: ValueModel) -> dict[str, Any]:
    """The tables on what may become of customers, and on what the scores stand.

    With a band, who is steel today will be gold only from beyond it.
    """
    native, by, gold = customers.frame.to_native(), model.tiers.by, model.tiers.gold
    policy = to_pandas(tier_policy())
    levels: dict[str, Column] = {
        str(name): policy[name].tolist()
        if policy[name].dtype.kind == "O"
        else policy[name].to_numpy()
        for name in policy
    }
    return {
        "gold_gap": gold_gap(
            native,
            value=by,
            # Of the figures that decide tiers only spend grows with an order by what is known.
            per_order="expected_spend" if by == "total_spend" else None,
            threshold=None if gold is None else gold + model.band * abs(gold),
        ),
        "gold_at_risk": gold_at_risk(_year_if_active(customers), value="revenue_year").tiers,
        "tier_policy": table(levels, customers.frame),
        "data_gates": rfm_gates(native, unit=model.purchases.unit),
    }


def _year_if_active(customers: Table) -> Any:
    """The revenue that the next year would bring if the customer were still active for certain.

    What the model expects is weighted with the probability of that already, and lifetime value
    too: times the probability of leaving, the risk would count twice.
    """
    alive, orders, spend = (
        customers.numbers(name)
        for name in ("probability_alive", "expected_purchases_year", "expected_spend")
    )
    active = np.divide(orders, alive, out=np.zeros(len(alive)), where=alive > 0)
    return table(
        {
            "customer_id": customers.frame["customer_id"],
            "tier": customers.frame["tier"],
            "probability_alive": alive,
            "revenue_year": active * spend,
        },
        customers.frame,
    )
