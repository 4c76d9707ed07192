"""Break-even of customers, and the levers that would bring each losing one there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import Keys
from crmvalue._stats import FloatArray, check_conserved, group_sum, safe_sum, snap_zero
from crmvalue.costing._break_even_points import ROUNDING, BreakEven
from crmvalue.costing._cells import money
from crmvalue.costing.statement import (
    CHARGE,
    CUSTOMER_LINES,
    INVOICE_DISCOUNT,
    OFF_INVOICE,
    REVENUE,
    SUBTOTALS,
)
from crmvalue.errors import InputError

COSTS = ("cost_of_goods", "order_cost", "returns_cost", "service_cost", "customer_cost")
LEVER_COSTS = ("order_cost", "returns_cost", "service_cost")
COUNTS = ("units", "orders")


def break_even(
    customers: IntoFrame,
    *,
    by: str = "customer_id",
    lines: Mapping[str, str | Sequence[str]] | None = None,
    subtotal: Literal["contribution", "economic_profit"] = "contribution",
) -> BreakEven:
    """Find the volume, price and orders at which contribution is zero, and the ways to get there.

    Parameters
    ----------
    customers : frame
        The column `by` and, for one period, ``revenue`` (money after discounts) and any of the
        costs (money, not negative; absent: 0), by what each of them varies with:
        ``cost_of_goods`` with units, ``order_cost`` with the number of orders (handling, freight
        per drop), ``returns_cost`` with returns (money given back, handling), ``service_cost`` with
        the level of service (visits, calls), ``customer_cost`` with nothing but having the
        customer. Where known, ``units`` and ``orders`` (counts, not negative). Rows of one value
        of `by` add up.
    by : str, default "customer_id"
        What to sum by: customers, or classes of them.
    lines : mapping, optional
        `customers` is a table of `customer_statement`, whose lines carry their sign; `lines` says
        which of its columns are ``order_cost, returns_cost, service_cost`` (a name or several).
        Revenue and cost of goods are the statement's own; what else lies between gross margin and
        `subtotal` is cost of the customer. A line above pocket revenue (returns, say) that is named
        here counts as a cost and not as a deduction. Columns ``units`` and ``orders`` may be added
        to the statement.
    subtotal : {"contribution", "economic_profit"}
        With `lines`: what of the statement is zero at break-even and called contribution here.
        Economic profit has the cost of sustaining the customer, credit loss and capital too.

    Returns
    -------
    BreakEven
        Its tables come in the library of `customers`.

    Raises
    ------
    InputError
        Listing every fault: missing ids, missing or infinite amounts, negative costs or counts, a
        statement's cost above 0, lines that are unknown or named twice.
    ConservationError
        If a column doesn't add up to what came in within half a cent.

    Notes
    -----
    `BreakEven` gives the formulas. Customers are taken to buy the same at another price; fewer
    orders, returns or visits save their cost in proportion, which a firm does only where it puts
    the freed capacity to other use. Break-even orders and volumes aren't rounded: contribution is
    exactly zero there. In a class of customers the average counts, so that one lever can be enough
    for the class and not for each of its members.

    References
    ----------
    C. T. Horngren, S. M. Datar and M. V. Rajan (2015), Cost Accounting, 15th ed., chapter 3, for
    cost-volume-profit analysis. R. S. Kaplan and V. G. Narayanan (2001), "Measuring and managing
    customer profitability", Journal of Cost Management 15(5), for the levers.

    Examples
    --------
    >>> import pandas as pd
    >>> points = break_even(pd.DataFrame({
    ...     "customer_id": ["a", "b"], "revenue": [1000.0, 2000.0],
    ...     "cost_of_goods": [600.0, 1200.0], "order_cost": [480.0, 300.0],
    ...     "service_cost": [20.0, 250.0], "units": [100, 200], "orders": [48, 30],
    ... }))
    >>> points
    BreakEven(2 rows by customer_id, 1 at a loss of 100.00 together)
    >>> shown = ["customer_id", "contribution", "break_even_volume", "break_even_price"]
    >>> print(points.customers[shown].to_string(index=False))
    customer_id  contribution  break_even_volume  break_even_price
              a        -100.0                NaN             11.00
              b         250.0              100.0              8.75
    >>> shown = ["lever", "before", "after", "change", "money", "enough"]
    >>> print(points.levers[shown].round(3).to_string(index=False))
            lever  before  after  change  money  enough
            price    10.0   11.0   0.100  100.0    True
       order size    48.0   38.0  -0.208  100.0    True
          returns     0.0    0.0     NaN    0.0   False
    service level    20.0    0.0  -1.000   20.0   False
    """
    if by in ("revenue", *COSTS, *COUNTS):
        raise InputError(f"by={by!r} is an amount; name a column of customers or classes")
    source = Table(customers, "customers", [by] if lines is not None else [by, "revenue"])
    groups = source.keys(by)
    if lines is None:
        amounts = {name: source.numbers(name, minimum=0.0) for name in COSTS if name in source}
        amounts["revenue"] = source.numbers("revenue")
    else:
        amounts = _from_statement(source, lines, subtotal)
    counts = {name: source.numbers(name, minimum=0.0) for name in COUNTS if name in source}
    fewest = _fewest_orders(source, by, groups, counts.get("orders"))
    if not len(source):
        source.faults.add("empty", column="customers", expected="expected at least one row")
    source.finish()

    sums = {
        **dict.fromkeys(COSTS, np.zeros(len(groups))),
        **dict.fromkeys(COUNTS, np.full(len(groups), np.nan)),
    }
    for name, values in {**amounts, **counts}.items():
        sums[name] = group_sum(groups.codes, values, len(groups))
        check_conserved(f"{name} by {by}", safe_sum(values), sums[name])
    return BreakEven(by=by, ids=groups.values, fewest_orders=fewest, like=source.frame, **sums)


def _from_statement(
    source: Table, lines: Mapping[str, str | Sequence[str]], subtotal: str
) -> dict[str, FloatArray]:
    """Revenue and costs as positive numbers, from the signed lines of a statement."""
    named = {role: [c] if isinstance(c, str) else list(c) for role, c in lines.items()}
    columns = [column for some in named.values() for column in some]
    odd = sorted(str(role) for role in named if role not in LEVER_COSTS)
    twice = sorted({str(c) for c in columns if columns.count(c) > 1})
    needed = ["pocket_revenue", "gross_margin", subtotal]
    totals = [REVENUE, "cost_of_goods", *SUBTOTALS]
    if subtotal == "contribution":
        totals += [*CUSTOMER_LINES, CHARGE]  # which lie below it
    wrong = [str(c) for c in columns if c in totals]
    absent = [str(c) for c in [*needed, *columns] if c not in source]
    if odd or twice or wrong or absent or subtotal not in SUBTOTALS[2:]:
        raise InputError(
            f"lines maps {', '.join(LEVER_COSTS)} to cost lines of a statement above its "
            f"{subtotal!r} (contribution or economic_profit), each once; not known: {odd}; named "
            f"twice: {twice}; not such a line: {wrong}; not in customers: {absent}"
        )
    pocket, margin, profit = (money(source, name, signed=True) for name in needed)
    found = {role: np.zeros(len(source)) for role in LEVER_COSTS}
    deducted, served = np.zeros(len(source)), margin - profit
    for role, some in named.items():
        for column in some:
            values = money(source, column, signed=True)
            cure = "expected costs of a statement, which are negative there; without lines= costs "
            source.note(column, values > 0, "positive_cost", cure + "are positive")
            found[role] = found[role] - values
            if column in (INVOICE_DISCOUNT, *OFF_INVOICE):
                deducted = deducted - values
            else:
                served = served + values
    served = snap_zero(served, np.abs(margin) + np.abs(profit))
    cure = "expected lines that lie between gross margin and it; mend the statement"
    below = served < -ROUNDING * (np.abs(margin) + np.abs(profit))
    source.note(subtotal, below, "lines_exceed_cost", cure)
    return {
        **found,
        "revenue": pocket + deducted,
        "cost_of_goods": pocket - margin,
        "customer_cost": served,
    }


def _fewest_orders(source: Table, by: str, groups: Keys, orders: FloatArray | None) -> FloatArray:
    """One order for each customer who ordered; for a class without customer ids, one."""
    fewest = np.ones(len(groups))
    if orders is None or by == "customer_id" or "customer_id" not in source:
        return fewest
    customers = source.keys("customer_id")
    ordered = (orders > 0) & (groups.codes >= 0) & (customers.codes >= 0)
    pairs = np.unique(groups.codes[ordered] * len(customers) + customers.codes[ordered])
    counted = np.bincount(pairs // max(len(customers), 1), minlength=len(groups))
    return np.maximum(fewest, counted)
