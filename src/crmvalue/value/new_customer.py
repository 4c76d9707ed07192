"""What a new customer will bring, on the same lines as the lifetime value of a known one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, enter
from crmvalue._stats import FloatArray
from crmvalue._table import table
from crmvalue.errors import FaultList
from crmvalue.value._figures import (
    PurchaseModel,
    SpendModel,
    check_terms,
    look_ahead,
    model_of,
    number_of,
    unrecovered,
    value_figures,
)
from crmvalue.value.cost_lines import check_rates, read_cost_lines


def new_customer_value(
    *,
    purchases: Any,
    spend: Any,
    horizon: float,
    annual_discount_rate: float,
    cost_lines: IntoFrame | None = None,
    acquisition_cost: float = 0,
    first_purchase: bool = False,
) -> Any:
    """Value what a new customer, of whom nothing is known yet, will bring.

    A customer's age begins with the first purchase. Valued right after it (the default), it is
    past: what counts is the repeat purchases to come, as in `customer_lifetime_value` for a
    customer of frequency 0 and age 0. Valued right before it (`first_purchase=True`), as one does
    to see what may be spent on winning customers, it counts as one more purchase of the expected
    spend, without discount, in the same columns and lines. The difference of the two tables is the
    first purchase, line by line.

    Under a model such as MBG/NBD, where customers may leave right after the first purchase, some
    new ones already have: that is in the expectations.

    Parameters
    ----------
    purchases : Fit or model
        Of purchases, such as `MBGNBD`.
    spend : Fit, model or float
        Of spend per purchase, such as `GammaGamma`, or one number. Net of discount.
    horizon : float
        How far to look, in the unit of `purchases`; `math.inf` where the rate is positive.
    annual_discount_rate : float
        A year's cost of capital: money in t days counts (1 + rate)^-(t/365.25).
    cost_lines : frame, optional
        As in `customer_lifetime_value`; its rates are numbers.
    acquisition_cost : float
        What it costs to win a customer: shown, not subtracted.
    first_purchase : bool
        Whether the first purchase is still to come.

    Returns
    -------
    frame
        One row, in the library of `cost_lines` (pandas without them), with the columns of
        `customer_lifetime_value` but for customer_id. acquisition_unrecovered is `acquisition_cost`
        less the margin of the first purchase where that is past, and all of it where it is to come:
        a customer is worth winning if `lifetime_value` is then above it.

    Raises
    ------
    InputError
        For an unknown line or basis, a rate that is not a number, a discount outside [0, 1), or an
        infinite horizon at no discount.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> model = cv.MBGNBD(r=0.5248, alpha=6.183, a=0.8914, b=1.614)
    >>> lines = pd.DataFrame(
    ...     {"line": ["cost_of_goods"], "basis": ["revenue"], "rate": [0.6]}
    ... )
    >>> terms = {"spend": 35.0, "horizon": 52, "annual_discount_rate": 0.1, "cost_lines": lines}
    >>> shown = ["discounted_purchases", "revenue_list", "cost_of_goods", "lifetime_value"]
    >>> print(new_customer_value(purchases=model, **terms)[shown].round(2).to_string(index=False))
     discounted_purchases  revenue_list  cost_of_goods  lifetime_value
                     1.37         47.79         -28.67           19.12
    >>> before = new_customer_value(purchases=model, first_purchase=True, **terms)
    >>> print(before[shown].round(2).to_string(index=False))
     discounted_purchases  revenue_list  cost_of_goods  lifetime_value
                     2.37         82.79         -49.67           33.12
    """
    model = model_of(purchases, PurchaseModel, "purchases")
    check_terms(horizon, annual_discount_rate)
    faults = FaultList()
    lines = read_cost_lines(cost_lines, faults)
    rates = [
        (line, basis, _number(rate, f"cost_lines.{line}", faults)) for line, basis, rate in lines
    ]
    per_purchase = _spend(spend, faults)
    acquisition = _number(acquisition_cost, "acquisition_cost", faults)
    if acquisition < 0:
        faults.add("negative_cost", column="acquisition_cost", expected="expected 0 or more")
    check_rates(rates, faults)
    faults.raise_if_any("the terms of a new customer")

    none = np.zeros(1)
    ahead = look_ahead(model, (none, none, none), horizon, annual_discount_rate)
    if first_purchase:
        ahead = ahead._replace(
            purchases=ahead.purchases + 1, discounted_purchases=ahead.discounted_purchases + 1
        )
    bought = none if first_purchase else none + 1
    figures = value_figures(ahead, per_purchase, rates, annual_discount_rate)
    figures["acquisition_unrecovered"] = unrecovered(
        acquisition, rates, bought * per_purchase, bought, none, annual_discount_rate
    )
    return table(figures, None if cost_lines is None else enter(cost_lines, "cost_lines"))


def _number(given: Any, what: str, faults: FaultList) -> FloatArray:
    number = number_of(given)
    if number is None or not math.isfinite(number):
        faults.add(
            "not_a_number",
            column=what,
            examples=repr(given)[:60],
            expected="expected a finite number: a new customer has no summary to look it up in",
        )
        number = 0.0
    return np.array([number])


def _spend(spend: Any, faults: FaultList) -> FloatArray:
    if isinstance(spend, str) or number_of(spend) is not None:
        return _number(spend, "spend", faults)
    model = model_of(spend, SpendModel, "spend")
    return np.asarray(model.expected_spend(np.zeros(1), np.full(1, np.nan)), dtype=np.float64)
