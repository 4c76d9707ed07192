"""The customer statement: from revenue at list to economic profit, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import Keys, keys, take
from crmvalue._stats import FloatArray, IntArray, check_conserved, group_sum, safe_sum
from crmvalue._table import Column, table
from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing._cells import money, texts, union
from crmvalue.costing._receivables import read_receivables
from crmvalue.errors import FaultList, InputError

REVENUE = "list_revenue"
INVOICE_DISCOUNT = "on_invoice_discount"
OFF_INVOICE = ("rebate", "payment_terms", "freight", "promotion", "returns")
LOSS = "credit_loss"
CUSTOMER_LINES = ("customer_sustaining", LOSS)
SALES_LINES = (REVENUE, INVOICE_DISCOUNT, *OFF_INVOICE, "cost_of_goods", *CUSTOMER_LINES)
CHARGE = "capital_charge"
SUBTOTALS = ("pocket_revenue", "gross_margin", "contribution", "economic_profit")


def customer_statement(
    sales: IntoFrame,
    *,
    costs: ActivityCosts | IntoFrame | None = None,
    receivables: IntoFrame | None = None,
    annual_capital_rate: float | None = None,
    loss_rates: Mapping[float, float] | None = None,
    by: str = "customer_id",
) -> Any:
    """Profit and loss of each customer, or of each group of customers.

    Parameters
    ----------
    sales : frame
        The column `by` and any of ``list_revenue, on_invoice_discount, rebate, payment_terms,
        freight, promotion, returns, cost_of_goods, customer_sustaining, credit_loss`` (money of
        the period, deductions and costs as positive numbers; absent: 0). Rows of one customer add
        up.
    costs : ActivityCosts or frame, optional
        What the customers cost: ``customer_id, activity, cost``.
    receivables : frame, optional
        ``customer_id`` and one of ``average_receivable`` (money, over the year; each customer
        once), ``days_outstanding`` (days from invoice to payment; each customer once, or with
        ``amount`` a row for each invoice of the year) and ``balance`` (an ageing table: money open
        on one day, a row for each age, which may stand beside it as ``days_past_due``).
    annual_capital_rate : float, optional
        Yearly cost of capital as a fraction of 1; needed with `receivables`.
    loss_rates : mapping of float to float, optional
        Provision matrix for an ageing table: from so many days past due on, this share of the
        balance is lost (0 before the first). It gives the line ``credit_loss``, which `sales`
        then can't have.
    by : str, default "customer_id"
        Column of `sales` to sum by (tier, country, period). Tables without that column are joined
        by ``customer_id``, of which each must then have one value of `by`.

    Returns
    -------
    table
        One row per value of `by`, rising, and a last one without a value for money that belongs to
        none. Lines carry their sign, so that they add up: ``list_revenue``, deductions given,
        **pocket_revenue**, cost of goods, **gross_margin**, one column per activity,
        **contribution**, the other lines of the customer, **capital_charge**, and their sum,
        **economic_profit**. Lines that
        `sales` doesn't have are left out, but for ``list_revenue`` and the subtotals. An activity
        called like another column has " (activity)" after its name.

    Raises
    ------
    InputError
        Listing every fault of all tables: missing or infinite amounts, negative deductions or
        costs, repeated customers in `receivables`, customers in more than one group, rates that
        are none.

    Notes
    -----
    Customers who stand in one table only have 0 in the lines of the others. The charge on
    receivables is average receivable * rate (Stewart 1991, the capital charge of economic value
    added). A customer who pays after d days owes on average (list_revenue - on_invoice_discount) *
    d / 365.25; by invoices it is sum(amount * days) / 365.25. The balances of an ageing table add
    up to the receivable of its day, and stand for the year; their age matters to the expected loss
    alone: sum(balance * rate), the provision matrix of IFRS 9 (paragraph B5.5.35).

    References
    ----------
    M. V. Marn and R. L. Rosiello (1992), "Managing price, gaining profit", Harvard Business Review
    70(5), for the pocket price. G. B. Stewart (1991), The Quest for Value. IFRS 9 (2014),
    Financial Instruments, for expected credit losses.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"customer_id": ["a", "b"], "list_revenue": [1000.0, 400.0],
    ...                       "rebate": [50.0, 0.0], "cost_of_goods": [600.0, 240.0]})
    >>> costs = pd.DataFrame({"customer_id": ["a", "b"], "activity": ["orders", "orders"],
    ...                       "cost": [80.0, 200.0]})
    >>> print(customer_statement(sales, costs=costs).set_index("customer_id").T.to_string())
    customer_id           a      b
    list_revenue     1000.0  400.0
    rebate            -50.0    0.0
    pocket_revenue    950.0  400.0
    cost_of_goods    -600.0 -240.0
    gross_margin      350.0  160.0
    orders            -80.0 -200.0
    contribution      270.0  -40.0
    capital_charge      0.0    0.0
    economic_profit   270.0  -40.0
    """
    if by in (*SALES_LINES, *SUBTOTALS, CHARGE):
        raise InputError(f"by={by!r} is a line of the statement; name a column of groups")
    faults = FaultList()
    sold = Table(sales, "sales", [by], faults)
    given = [line for line in SALES_LINES if line in sold]
    if not given:
        raise InputError(
            f"sales has none of the lines {', '.join(SALES_LINES)}; rename its columns"
        )
    amounts = {line: money(sold, line, signed=line == REVENUE) for line in given}
    paid = costs.customers if isinstance(costs, ActivityCosts) else costs
    spent = None if paid is None else Table(paid, "costs", ["activity", "cost"], faults)
    owed = None if receivables is None else Table(receivables, "receivables", (), faults)
    ids, places = _join([t for t in (sold, spent, owed) if t is not None], by)

    lines: dict[str, FloatArray] = {REVENUE: np.zeros(len(ids))}
    for line, values in amounts.items():
        lines[line] = _line(line, values if line == REVENUE else -values, places[0], len(ids))
    activities: dict[str, FloatArray] = {}
    if spent is not None:
        activities = _activity_lines(spent, places[1], len(ids), by)
    charge = np.zeros(len(ids))
    if owed is not None:
        billed = amounts.get(REVENUE, np.zeros(len(sold))) - amounts.get(INVOICE_DISCOUNT, 0.0)
        debts, losses = read_receivables(owed, sold, billed, by, loss_rates)
        charge = _line(CHARGE, -_rate(annual_capital_rate, faults) * debts, places[-1], len(ids))
        if losses is not None:
            if LOSS in given:
                cure = "expected one credit loss; drop the column of sales, or loss_rates"
                faults.add("two_credit_losses", column=f"sales.{LOSS}", expected=cure)
            lines[LOSS] = _line(LOSS, -losses, places[-1], len(ids))
    for name, value in (("annual_capital_rate", annual_capital_rate), ("loss_rates", loss_rates)):
        if owed is None and value is not None:
            cure = f"{name} has nothing to work on; pass receivables or leave it out"
            faults.add("no_receivables", column=name, expected=cure)
    faults.raise_if_any("the tables of the statement")

    columns: dict[str, Column] = {by: ids, **_add_up(lines, activities, charge)}
    return table(columns, like=sold.frame)


def _add_up(
    lines: dict[str, FloatArray], activities: dict[str, FloatArray], charge: FloatArray
) -> dict[str, FloatArray]:
    """Put the signed lines in order, each subtotal after the lines that it sums."""
    blocks = {
        "pocket_revenue": [REVENUE, INVOICE_DISCOUNT, *OFF_INVOICE],
        "gross_margin": ["cost_of_goods"],
        "contribution": list(activities),
        "economic_profit": [*CUSTOMER_LINES, CHARGE],
    }
    known = {**lines, **activities, CHARGE: charge}
    statement: dict[str, FloatArray] = {}
    running = np.zeros(len(charge))
    for subtotal, names in blocks.items():
        for name in names:
            if name in known:
                statement[name] = known[name]
                running = running + known[name]
        statement[subtotal] = running
    whole = safe_sum(np.concatenate(list(known.values())))
    check_conserved("lines of the statement", whole, running)
    return statement


def _line(name: str, values: FloatArray, places: IntArray, size: int) -> FloatArray:
    """Sum one line of each row, and see that nothing of it is lost."""
    line = group_sum(places, values, size)
    check_conserved(f"statement line {name!r}", safe_sum(values), line)
    return line + 0.0  # no negative zeros


def _activity_lines(spent: Table, places: IntArray, size: int, by: str) -> dict[str, FloatArray]:
    """One line per activity."""
    cost = money(spent, "cost")
    activity = spent.keys("activity")
    taken = {*SALES_LINES, *SUBTOTALS, CHARGE, by}
    lines = {}
    for code, text in enumerate(texts(activity.values)):
        mine = activity.codes == code
        name = text
        while name in taken:
            name += " (activity)"
        taken.add(name)
        lines[name] = _line(name, -cost[mine], places[mine], size)
    return lines


def _rate(annual_capital_rate: float | None, faults: FaultList) -> float:
    if annual_capital_rate is not None and 0.0 <= annual_capital_rate < np.inf:
        return float(annual_capital_rate)
    faults.add(
        "no_capital_rate",
        column="annual_capital_rate",
        examples=repr(annual_capital_rate),
        expected="receivables need the yearly cost of capital, a number of at least 0 such as .1",
    )
    return 0.0


def _groups(source: Table, by: str) -> Keys:
    """The values to sum by; only customers must all be named, other groups may be null."""
    if by == "customer_id":
        return source.keys(by)
    found = FaultList()
    groups = keys(source.frame[by], found, column=f"{source.name}.{by}")
    for fault in found:
        if fault.fault != "missing_id":
            source.faults.append(fault)
    return groups


def _join(tables: list[Table], by: str) -> tuple[nw.Series[Any] | list[Any], list[IntArray]]:
    """The rows of the statement, and for each table the row in which each of its rows counts.

    The last row takes what belongs to no group, where there is any such thing.
    """
    sold = tables[0]
    direct = [source for source in tables if by in source]
    groups, found = union(*(_groups(source, by) for source in direct))
    others = [source for source in tables if by not in source]
    if others:
        found += _through_customers(others, sold, found[0], by)
    order = [*direct, *others]
    places = [found[order.index(source)] for source in tables]
    if all((place >= 0).all() for place in places):
        return groups, places
    size = len(groups)
    return [*groups.to_list(), None], [np.where(place < 0, size, place) for place in places]


def _through_customers(
    others: list[Table], sold: Table, places: IntArray, by: str
) -> list[IntArray]:
    """For each row of the other tables the group of its customer, -1 if they bought nothing."""
    names = " and ".join(source.name for source in others)
    if any("customer_id" not in source for source in (sold, *others)):
        raise InputError(
            f"sales and {names} need a column 'customer_id' to be joined by, as {names} "
            f"without {by!r} can't be summed by it"
        )
    buyers = sold.keys("customer_id")
    group = np.full(len(buyers), -1)
    known = buyers.codes >= 0
    group[buyers.codes[known]] = places[known]
    sold.note(
        "customer_id",
        known & (take(group, buyers.codes) != places),
        "several_groups",
        f"to join {names}, expected one {by} per customer; give {names} a column {by!r}, or sum "
        "by customer_id",
    )
    joined = []
    for source in others:
        customers = source.keys("customer_id")
        joined.append(take(group, take(buyers.find(customers.values), customers.codes)))
    return joined
