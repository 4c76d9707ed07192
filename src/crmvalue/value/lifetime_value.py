"""Customer lifetime value: expected purchases x spend, less a line for each kind of cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray
from crmvalue._table import Column, table
from crmvalue.summary.units import check_unit
from crmvalue.value._figures import (
    PurchaseModel,
    Rates,
    SpendModel,
    check_terms,
    look_ahead,
    model_of,
    number_of,
    unrecovered,
    value_figures,
    years,
)
from crmvalue.value.cost_lines import Columns, check_rates, read_cost_lines


def customer_lifetime_value(
    summary: IntoFrame,
    *,
    purchases: Any,
    spend: Any,
    horizon: float,
    annual_discount_rate: float,
    cost_lines: IntoFrame | None = None,
    acquisition_cost: float | str = 0,
) -> Any:
    """Value what each customer will bring, line by line, from revenue at list to lifetime value.

    Parameters
    ----------
    summary : frame
        As of `customer_summary`, with ages in the unit of `purchases`.
    purchases : Fit or model
        Of purchases, such as `MBGNBD`.
    spend : Fit, model, float or str
        Of spend per purchase, such as `GammaGamma`; or one number for all; or a column of
        `summary`. Net of discount, as the log is.
    horizon : float
        How far to look, in the unit of `purchases`; `math.inf` where the rate is positive.
    annual_discount_rate : float
        A year's cost of capital: money in t days counts (1 + rate)^-(t/365.25).
    cost_lines : frame, optional
        With the columns line, basis and rate. Lines: discount, cost_of_goods, selling_cost,
        service_cost, maintenance_cost, capital_cost. Bases:

        - revenue: rate x discounted net revenue; for `discount` the share of the list price that
          is given away, so that revenue_list = net / (1 - rate)
        - order: rate x discounted purchases
        - active_year: rate x discounted years alive: it ends when the customer leaves
        - receivable_days: days outstanding; costs discounted net revenue x days / 365.25 x
          `annual_discount_rate` (of capital_cost alone)

        A rate is a number, or the name of a column of `summary` as text. Several rows of one line
        add up. Lines without a row are 0.
    acquisition_cost : float or str
        What it cost to win a customer, or a column with it. It is sunk: shown, not subtracted.

    Returns
    -------
    frame
        In the library of `summary`, a row per customer by rising id: customer_id;
        expected_purchases, discounted_purchases, expected_spend, expected_active_years,
        discounted_active_years; the signed lines revenue_list, discount, cost_of_goods,
        selling_cost, service_cost, maintenance_cost, capital_cost; `lifetime_value`, their sum; and
        acquisition_unrecovered, the part of `acquisition_cost` that the margin so far has not paid
        back (the lines applied to what was bought; null where that is not known). Undiscounted
        purchases and years are null for an infinite horizon: on real data they have no finite
        value.

    Raises
    ------
    InputError
        For an unknown line or basis, a rate that is not a number or a column, a discount outside
        [0, 1), an infinite horizon at no discount, or a summary without the columns needed.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> summary = pd.DataFrame(
    ...     {"customer_id": [1, 2], "frequency": [0, 5], "recency": [0.0, 38.0], "T": [40.0, 40.0]}
    ... )
    >>> model = cv.MBGNBD(r=0.5248, alpha=6.183, a=0.8914, b=1.614)
    >>> lines = pd.DataFrame(
    ...     {"line": ["cost_of_goods"], "basis": ["revenue"], "rate": [0.6]}
    ... )
    >>> value = cv.customer_lifetime_value(
    ...     summary, purchases=model, spend=35.0, horizon=52, annual_discount_rate=0.1,
    ...     cost_lines=lines,
    ... )
    >>> print(value[["revenue_list", "cost_of_goods", "lifetime_value"]].round(2).to_string())
       revenue_list  cost_of_goods  lifetime_value
    0          6.42          -3.85            2.57
    1        133.04         -79.82           53.21
    """
    given_model = getattr(purchases, "model", purchases)
    if hasattr(given_model, "for_rows"):  # covariates may make a model of each customer's own
        purchases = given_model.for_rows(summary)
    model = model_of(purchases, PurchaseModel, "purchases")
    check_terms(horizon, annual_discount_rate)
    given = Table(summary, "summary", ("customer_id", "frequency", "recency", "T"))
    columns = Columns(given)
    history = (given.numbers("frequency"), given.numbers("recency"), given.numbers("T"))
    customers = given.unique_keys("customer_id", "expected one row per customer")
    check_unit(given, history[1], model.unit)
    lines = read_cost_lines(cost_lines, given.faults)
    rates = [(line, basis, columns.rate(rate, f"cost_lines.{line}")) for line, basis, rate in lines]
    per_purchase = _spend(spend, columns, history[0])
    acquisition = columns.rate(acquisition_cost, "acquisition_cost")
    if (acquisition < 0).any():
        given.faults.add(
            "negative_cost", column="acquisition_cost", expected="expected a cost of 0 or more"
        )
    check_rates(rates, given.faults)
    given.finish("the summary and the cost lines")

    ahead = look_ahead(model, history, horizon, annual_discount_rate)
    figures = value_figures(ahead, per_purchase, rates, annual_discount_rate)
    figures["acquisition_unrecovered"] = _unrecovered(
        acquisition, columns, rates, model, annual_discount_rate
    )
    order = np.argsort(customers.codes)
    columns_out: dict[str, Column] = {"customer_id": customers.values}
    columns_out |= {name: values[order] for name, values in figures.items()}
    return table(columns_out, given.frame)


def _unrecovered(
    acquisition: FloatArray,
    columns: Columns,
    rates: Rates,
    model: PurchaseModel,
    annual_rate: float,
) -> FloatArray:
    """Acquisition cost less the margin so far; years alive are those up to t_x."""
    if not acquisition.any():
        return np.zeros(len(acquisition))
    spend, orders = columns.optional("total_spend"), columns.optional("n_purchases")
    recency = columns.optional("recency")
    if spend is None or orders is None or recency is None:
        return np.full(len(acquisition), np.nan)
    return unrecovered(acquisition, rates, spend, orders, years(model, recency), annual_rate)


def _spend(spend: Any, columns: Columns, frequency: FloatArray) -> FloatArray:
    if isinstance(spend, str):
        return columns.rate(spend, "spend")
    number = number_of(spend)
    if number is not None:
        return columns.rate(number, "spend")
    model = model_of(spend, SpendModel, "spend")
    if "monetary_value" not in columns.summary:
        columns.summary.faults.add(
            "missing_column",
            column="summary.monetary_value",
            expected="a spend model needs it; name the amount when summarising, or give a number",
        )
        return np.zeros(len(frequency))
    money = columns.summary.numbers("monetary_value", null=True)
    return np.asarray(model.expected_spend(frequency, money), dtype=np.float64)
