"""What customers owe: the average receivable, and what is expected to be lost of it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from crmvalue._frame import EACH_ONCE, Table
from crmvalue._keys import keys, take
from crmvalue._stats import UNITS, FloatArray, group_sum
from crmvalue.costing._cells import money
from crmvalue.errors import FaultList, InputError

AVERAGE, DAYS, BALANCE, PAST_DUE = (
    "average_receivable",
    "days_outstanding",
    "balance",
    "days_past_due",
)
FORMS = (AVERAGE, DAYS, BALANCE)


def read_receivables(
    owed: Table,
    sold: Table,
    billed: FloatArray,
    by: str,
    loss_rates: Mapping[float, float] | None,
) -> tuple[FloatArray, FloatArray | None]:
    """Average receivable of each row of `owed`, and with `loss_rates` its expected loss.

    Who pays a bill B after d days owes B for d days of the year, on average B d / 365.25. What is
    open on one day, old or new, is the receivable of that day whatever its age.
    """
    given = [column for column in FORMS if column in owed]
    if len(given) != 1:
        raise InputError(
            f"receivables needs one of the columns {', '.join(map(repr, FORMS))}; it has "
            f"{' and '.join(given) or 'none'}"
        )
    form = given[0]
    values = money(owed, form)
    loss = None if loss_rates is None else _expected_loss(owed, values, loss_rates)
    if form == BALANCE:
        return values, loss
    if form == DAYS and "amount" in owed:
        return money(owed, "amount") * values / UNITS["Y"], loss
    key = by if by in owed else "customer_id"
    noted = FaultList() if key == "customer_id" else owed.faults  # the join notes customers' own
    customers = keys(owed.frame[key], noted, column=f"receivables.{key}")
    owed.note(key, customers.repeated, "repeated_id", EACH_ONCE)
    if form == AVERAGE:
        return values, loss
    buyers = keys(sold.frame[key], FaultList(), column=key)  # its faults are noted by the join
    known = buyers.codes >= 0
    revenue = group_sum(buyers.codes[known], billed[known], len(buyers))
    places = take(buyers.find(customers.values), customers.codes)
    return take(revenue, places, 0.0) * values / UNITS["Y"], loss


def _expected_loss(
    owed: Table, balances: FloatArray, loss_rates: Mapping[float, float]
) -> FloatArray:
    """Balances times the rates of a provision matrix."""
    odd = [f"{days!r}: {rate!r}" for days, rate in loss_rates.items() if not _is_rate(days, rate)]
    if odd or not loss_rates:
        owed.faults.add(
            "no_loss_rate",
            column="loss_rates",
            examples=", ".join(odd[:3]),
            expected="expected days past due, each with the share that is lost from there on, "
            "such as {0: 0.005, 31: 0.05, 91: 0.5}",
        )
    missing = [column for column in (BALANCE, PAST_DUE) if column not in owed]
    if missing:
        owed.faults.add(
            "no_ageing",
            column="receivables",
            examples=f"there is no {' and no '.join(missing)}",
            expected="loss_rates need an ageing table: a balance for each age",
        )
    if odd or missing or not loss_rates:
        return np.zeros(len(owed))
    starts = sorted(loss_rates)
    rates = np.array([0.0, *(loss_rates[days] for days in starts)])
    age = owed.numbers(PAST_DUE)
    share: FloatArray = rates[np.searchsorted(np.array(starts, dtype=np.float64), age, "right")]
    return balances * share


def _is_rate(days: Any, rate: Any) -> bool:
    numbers = isinstance(days, Real) and isinstance(rate, Real)
    return numbers and not np.isnan(days) and 0 <= float(rate) <= 1
