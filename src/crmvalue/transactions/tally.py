"""What was found wrong in a log and what was left out of it: counts and money, no rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from crmvalue.errors import Fault, InputError
from crmvalue.transactions import dates

MISSING_CUSTOMER = "missing_customer"
MISSING_AMOUNT = "missing_amount"
INFINITE = "infinite_amount"
REFUND_REFUSED = "refund"
LARGEST = 1e15
"""An amount from here on is infinite for this purpose: cents no longer count, and sums overflow."""

AFTER_AS_OF = "after as_of"
REFUND = "refund dropped"
REFUNDS_ONLY = "customer with refunds only"


class FaultRule(NamedTuple):
    """Which option names the column that a fault stands in, and what was expected there."""

    option: str
    expected: str


FAULTS = {
    MISSING_CUSTOMER: FaultRule(
        "customer", "expected a customer id in every row; fill or drop those rows"
    ),
    MISSING_AMOUNT: FaultRule("amount", "expected an amount in every row; fill or drop those rows"),
    INFINITE: FaultRule("amount", "expected finite amounts below 1e15; mend those rows"),
    REFUND_REFUSED: FaultRule(
        "amount", "expected no negative amount under refunds='refuse'; use 'net' or 'drop'"
    ),
    **{name: FaultRule("date", expected) for name, expected in dates.EXPECTED.items()},
}
"""Every fault that single rows can have; `faults="leave_out"` leaves out those rows."""


class LeftOut(NamedTuple):
    """Rows that were left out for one reason; each row has one reason, the first that applies."""

    reason: str
    rows: int
    customers: int
    money: float | None


@dataclass(frozen=True)
class Tally:
    """The count of a whole log: what came in, what is valued, what was left out and why."""

    rows: int
    as_of: int
    faults: tuple[Fault, ...]
    left_out: tuple[LeftOut, ...]
    money_in: float | None
    money_valued: float | None


def in_order(parts: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Sort by the order in which reasons are given: the caller's own, then ours."""
    ours = [*FAULTS, AFTER_AS_OF, REFUND, REFUNDS_ONLY]
    place = {reason: i for i, reason in enumerate(ours)}
    return tuple(sorted(parts, key=lambda part: (place.get(part.reason, -1), part.reason)))


def refuse_empty(rows: int, what: str) -> None:
    """Raise where no row is left: an empty result would hide that nothing was read."""
    if rows == 0:
        raise InputError(
            f"the transactions can't be used: {what}. Cure: pass at least one purchase"
        )
