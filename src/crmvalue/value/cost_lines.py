"""Cost lines: what a customer's revenue, orders and years cost, as a table of rates.

The same lines value the future (`customer_lifetime_value`) and the past (statements).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import UNITS, FloatArray
from crmvalue.errors import FaultList

YEAR = UNITS["Y"]

BASES = ("revenue", "order", "active_year", "receivable_days")
COST_LINES = (
    "discount",
    "cost_of_goods",
    "selling_cost",
    "service_cost",
    "maintenance_cost",
    "capital_cost",
)
VALUE_LINES = ("revenue_list", *COST_LINES)
"""The signed lines that add up to `lifetime_value`."""

CostLine = tuple[str, str, float | str]


def read_cost_lines(cost_lines: IntoFrame | None, faults: FaultList) -> list[CostLine]:
    """Rows (line, basis, rate) of a table of cost lines, with its faults noted."""
    if cost_lines is None:
        return []
    given = Table(cost_lines, "cost_lines", ("line", "basis", "rate"), faults)
    rows = zip(*(given.frame[c].to_list() for c in ("line", "basis", "rate")), strict=True)
    found: list[CostLine] = []
    for number, (line, basis, rate) in enumerate(rows):
        allowed = _allowed(str(line))
        if line not in COST_LINES:
            faults.add(
                "unknown_line",
                column="cost_lines.line",
                examples=f"row {number}: {line!r}",
                expected=f"expected one of {', '.join(COST_LINES)}",
            )
        elif basis not in allowed:
            faults.add(
                "unknown_basis",
                column="cost_lines.basis",
                examples=f"row {number}: {basis!r} for {line}",
                expected=f"expected one of {', '.join(allowed)}",
            )
        else:
            found.append((line, basis, _number_or_name(rate)))
    return found


def _allowed(line: str) -> tuple[str, ...]:
    if line == "discount":
        return ("revenue",)
    return BASES if line == "capital_cost" else BASES[:-1]


def _number_or_name(rate: Any) -> float | str:
    try:
        return float(rate)
    except (TypeError, ValueError):
        return str(rate)


class Columns:
    """Numbers that a caller gives as one figure, or as the name of a column of the summary."""

    def __init__(self, summary: Table) -> None:
        self.summary = summary

    def rate(self, rate: float | str, what: str) -> FloatArray:
        """One number per customer; what is neither a number nor a column is a fault."""
        if isinstance(rate, str):
            if rate in self.summary:
                return self.summary.numbers(rate)
            expected = "expected a number or the name of a column of the summary"
            self.summary.faults.add(
                "not_a_rate", column=what, examples=repr(rate), expected=expected
            )
            return np.zeros(len(self.summary))
        if not math.isfinite(rate):
            self.summary.faults.add(
                "not_finite", column=what, examples=repr(rate), expected="expected a finite number"
            )
            return np.zeros(len(self.summary))
        return np.full(len(self.summary), float(rate))

    def optional(self, column: str) -> FloatArray | None:
        """A column of the summary with its nulls, or None where it has no such column."""
        if column not in self.summary:
            return None
        return self.summary.numbers(column, null=True)


def signed_lines(
    rates: list[tuple[str, str, FloatArray]],
    revenue: FloatArray,
    orders: FloatArray,
    years: FloatArray,
    annual_rate: float,
) -> dict[str, FloatArray]:
    """The lines of `VALUE_LINES`, signed, from net revenue, orders and years alive."""
    basis_amount = {
        "revenue": revenue,
        "order": orders,
        "active_year": years,
        "receivable_days": revenue * annual_rate / YEAR,
    }
    given_away = np.zeros(len(revenue))
    lines = {name: np.zeros(len(revenue)) for name in VALUE_LINES}
    for line, basis, rate in rates:
        if line == "discount":
            given_away = given_away + rate
        else:
            lines[line] = lines[line] - rate * basis_amount[basis]
    lines["revenue_list"] = revenue / (1 - given_away)
    lines["discount"] = revenue - lines["revenue_list"]
    return {name: values + 0.0 for name, values in lines.items()}  # no negative zeros


def check_rates(rates: list[tuple[str, str, FloatArray]], faults: FaultList) -> None:
    """Note negative rates, and discounts that leave nothing of the list price."""
    given_away: FloatArray = np.zeros(1)
    for line, _, rate in rates:
        if line == "discount":
            given_away = given_away + rate
        if (rate < 0).any():
            faults.add(
                "negative_rate",
                column=f"cost_lines.{line}",
                rows=int((rate < 0).sum()),
                expected="expected rates of 0 or more: costs are given as positive numbers",
            )
    if (given_away >= 1).any():
        faults.add(
            "discount_of_the_whole_price",
            column="cost_lines.discount",
            expected="expected a share of the list price below 1",
        )


@dataclass(frozen=True)
class MarginRates:
    """Shares of net revenue that the cost lines take, for figures of the past.

    Attributes
    ----------
    discount : ndarray, shape (customers,)
        Discount of each customer as a share of the list price; 0 where no line gives one.
    cost_of_goods : ndarray, shape (customers,), or None
        Cost of goods of each customer per net revenue; None where no line gives it.

    Examples
    --------
    >>> import numpy as np
    >>> rates = MarginRates(discount=np.array([0.0, 0.1]), cost_of_goods=None)
    >>> rates.discount.tolist()
    [0.0, 0.1]
    """

    discount: FloatArray
    cost_of_goods: FloatArray | None


def margin_rates(summary: IntoFrame, cost_lines: IntoFrame | None) -> MarginRates:
    """Discount and cost of goods of each customer as rates, where the cost lines give them.

    Parameters
    ----------
    summary : frame
        One row per customer, with the columns that `cost_lines` names as rates.
    cost_lines : frame or None
        Columns line, basis and rate, as of `customer_lifetime_value`; only lines of discount and
        cost of goods by revenue count here, and those of one name add up.

    Returns
    -------
    MarginRates
        In the row order of `summary`.

    Raises
    ------
    InputError
        Where a line, its basis or its rate is not known, or a column is missing or not numeric: all
        faults are listed.

    Examples
    --------
    >>> import pandas as pd
    >>> summary = pd.DataFrame({"customer_id": ["a", "b"], "rebate": [0.0, 0.1]})
    >>> lines = pd.DataFrame(
    ...     {"line": ["discount", "cost_of_goods"], "basis": "revenue", "rate": ["rebate", 0.6]}
    ... )
    >>> rates = margin_rates(summary, lines)
    >>> rates.discount.tolist(), rates.cost_of_goods.tolist()
    ([0.0, 0.1], [0.6, 0.6])
    """
    given = Table(summary, "summary")
    columns = Columns(given)
    found: dict[str, list[FloatArray]] = {"discount": [], "cost_of_goods": []}
    for line, basis, rate in read_cost_lines(cost_lines, given.faults):
        if line in found and basis == "revenue":
            found[line].append(columns.rate(rate, f"cost_lines.{line}"))
    given.finish("the cost lines")
    discount = np.sum([np.zeros(len(given)), *found["discount"]], axis=0)
    goods = np.sum(found["cost_of_goods"], axis=0) if found["cost_of_goods"] else None
    return MarginRates(discount, goods)
