"""The statement as a waterfall: of one customer or group, or of the whole firm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import plain_ids
from crmvalue._stats import TOLERANCE, check_conserved, safe_sum
from crmvalue._table import Column, table
from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing._activity_tables import CUSTOMER_LEVEL, LEVELS
from crmvalue.costing._cells import locate
from crmvalue.costing.statement import CHARGE, SALES_LINES, SUBTOTALS
from crmvalue.errors import InputError

OPERATING_PROFIT = "operating_profit"


def waterfall(statement: IntoFrame, of: Any) -> Any:
    """Step from list revenue to economic profit for one row of a statement.

    Parameters
    ----------
    statement : frame
        What `customer_statement` gave.
    of
        The customer or group: a value of the first column; None for the row of what belongs to
        none.

    Returns
    -------
    table
        ``line, amount, running, subtotal``: the lines in their order, signed; the sum of the lines
        so far; whether the line is such a sum itself.

    Raises
    ------
    InputError
        If it isn't a statement, or has no such row.
    ConservationError
        If the subtotals aren't those of the lines: a column was added or changed.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import customer_statement
    >>> sales = pd.DataFrame({"customer_id": ["a", "b"], "list_revenue": [1000.0, 400.0],
    ...                       "rebate": [50.0, 0.0], "cost_of_goods": [600.0, 240.0]})
    >>> print(waterfall(customer_statement(sales), "a").to_string(index=False))
               line  amount  running  subtotal
       list_revenue  1000.0   1000.0     False
             rebate   -50.0    950.0     False
     pocket_revenue   950.0    950.0      True
      cost_of_goods  -600.0    350.0     False
       gross_margin   350.0    350.0      True
       contribution   350.0    350.0      True
     capital_charge     0.0    350.0     False
    economic_profit   350.0    350.0      True
    """
    given = _read(statement)
    groups = given.frame[given.frame.columns[0]]
    missing = np.asarray(groups.is_null().to_numpy(), dtype=bool)
    known = np.flatnonzero(~missing)
    if of is None and missing.any():
        row = int(np.flatnonzero(missing)[0])
    else:
        index: pd.Index[Any] = pd.Index(plain_ids(groups.filter((~missing).tolist())))
        row = int(known[locate(index, of, f"{groups.name}", "statement")])
    return _steps(
        {line: float(given.numbers(line)[row]) for line in _lines(given)}, SUBTOTALS, given
    )


def statement_totals(statement: IntoFrame, costs: ActivityCosts) -> Any:
    """Step from the revenue of all customers to the profit of the firm.

    What the ledger holds above the customers is subtracted from what they contribute, so that the
    operating profit is that of the ledger.

    Parameters
    ----------
    statement : frame
        What `customer_statement` gave for `costs`, of customers or of groups.
    costs : ActivityCosts
        Where the activities of the statement come from.

    Returns
    -------
    table
        ``line, amount, running, subtotal`` as in `waterfall`: the statement's lines summed over
        its rows and, before the capital charge, ``channel``, ``facility``, ``idle`` (with what no
        driver carries) and ``unassigned``, and the subtotal ``operating_profit``. A line of the
        statement called like one of these has " (activity)" after its name.

    Raises
    ------
    InputError
        If it isn't a statement, or one of other costs.
    ConservationError
        If the subtotals aren't those of the lines.

    Notes
    -----
    operating_profit = the lines of the sales (revenue - deductions - goods - customer-sustaining
    cost - credit losses) - the ledger. A charge on capital is no cost of the ledger, so it follows.

    References
    ----------
    R. Cooper and R. S. Kaplan (1991), "Profit priorities from activity-based costing", Harvard
    Business Review 69(3): expenses of a level are subtracted there, and not spread below it.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import activity_costs, customer_statement
    >>> costs = activity_costs(
    ...     pd.DataFrame({"resource": ["desk", "plant"], "cost": [300.0, 500.0]}),
    ...     pd.DataFrame({"resource": ["desk", "plant"], "activity": ["orders", "plant"],
    ...                   "share": [0.9, 1]}),
    ...     pd.DataFrame({"customer_id": [1, 2], "activity": ["orders"] * 2, "quantity": [40, 20]}),
    ...     pd.DataFrame({"activity": ["plant"], "level": ["facility"]}),
    ... )
    >>> sales = pd.DataFrame({"customer_id": [1, 2], "list_revenue": [700.0, 400.0]})
    >>> totals = statement_totals(customer_statement(sales, costs=costs), costs)
    >>> print(totals[["line", "amount"]].tail(8).to_string(index=False))
                line  amount
        contribution   830.0
             channel     0.0
            facility  -500.0
                idle     0.0
          unassigned   -30.0
    operating_profit   300.0
      capital_charge     0.0
     economic_profit   300.0
    """
    given = _read(statement)
    lines = {line: safe_sum(given.numbers(line)) for line in _lines(given)}
    activities = [line for line in lines if line not in (*SALES_LINES, *SUBTOTALS, CHARGE)]
    borne, charged = 0.0 - safe_sum([lines[line] for line in activities]), safe_sum(costs.charged)
    ledger = safe_sum(costs.ledger)
    if abs(borne - charged) > max(TOLERANCE, 1e-13 * ledger):
        raise InputError(
            f"the activities of the statement cost {borne:,.2f} and these costs charge "
            f"{charged:,.2f}; pass the costs that the statement was made with, and all its rows"
        )
    above = {
        name: costs.at_level[costs.level == place]
        for place, name in enumerate(LEVELS)
        if place > CUSTOMER_LEVEL
    } | {"idle": costs.idle, "unassigned": costs.unassigned}
    extra = {name: 0.0 - safe_sum(parts) for name, parts in above.items()}
    sales = [lines[line] for line in SALES_LINES if line in lines]
    steps: dict[str, float] = {}
    for line, amount in lines.items():
        if line == CHARGE:
            steps |= extra
            steps[OPERATING_PROFIT] = safe_sum([*sales, -borne, *extra.values()])
            check_conserved(
                "the ledger to operating profit", steps[OPERATING_PROFIT], [*sales, -ledger]
            )
        steps[f"{line} (activity)" if line in (*extra, OPERATING_PROFIT) else line] = amount
    steps["economic_profit"] = steps[OPERATING_PROFIT] + steps[CHARGE]
    return _steps(steps, (*SUBTOTALS, OPERATING_PROFIT), given)


def _read(statement: IntoFrame) -> Table:
    given = Table(statement, "statement", ["list_revenue", CHARGE, *SUBTOTALS])
    columns = given.frame.columns
    after = columns[columns.index(SUBTOTALS[-1]) + 1 :]
    if after:
        raise InputError(
            f"a statement ends with {SUBTOTALS[-1]}; this one goes on with "
            f"{', '.join(map(repr, after))}: drop what isn't a line of it"
        )
    return given


def _lines(given: Table) -> list[str]:
    return given.frame.columns[1:]


def _steps(lines: dict[str, float], subtotals: tuple[str, ...], given: Table) -> Any:
    """The table of a waterfall, once its subtotals are seen to be those of its lines."""
    given.finish("the statement")
    subtotal = [line in subtotals for line in lines]
    amounts = np.array(list(lines.values()))
    parts = np.where(subtotal, 0.0, amounts)
    running = np.array([safe_sum(parts[: place + 1]) for place in range(len(parts))])
    for place, line in enumerate(lines):
        if subtotal[place]:
            check_conserved(f"subtotal {line!r}", amounts[place], parts[: place + 1])
    columns: dict[str, Column] = {
        "line": list(lines),
        "amount": amounts,
        "running": running,
        "subtotal": np.array(subtotal),
    }
    return table(columns, like=given.frame)
