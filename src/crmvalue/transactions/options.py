"""The keywords by which every entry point is told how to read a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from crmvalue.errors import FaultList
from crmvalue.transactions.dates import check_zone, to_day

Refunds = Literal["net", "drop", "refuse"]
Faults = Literal["raise", "leave_out"]


class LogKeywords(TypedDict, total=False):
    """The keywords of `check_transactions`, for functions that pass them on."""

    customer: str
    date: str
    amount: str | None
    as_of: object
    refunds: Refunds
    faults: Faults
    left_out: str | None
    time_zone: str | None


@dataclass(frozen=True)
class LogOptions:
    """Those keywords, checked."""

    customer: str = "customer_id"
    date: str = "date"
    amount: str | None = None
    as_of: Any = None
    refunds: Refunds = "net"
    faults: Faults = "raise"
    left_out: str | None = None
    time_zone: str | None = None

    def __post_init__(self) -> None:
        found = FaultList()
        for name, allowed in (
            ("refunds", ("net", "drop", "refuse")),
            ("faults", ("raise", "leave_out")),
        ):
            if getattr(self, name) not in allowed:
                found.add(
                    f"{name}={getattr(self, name)!r}",
                    expected=f"expected one of {', '.join(map(repr, allowed))}",
                )
        found.raise_if_any("the options")
        check_zone(self.time_zone)

    @property
    def columns(self) -> list[str]:
        """The columns that the log must have."""
        named = [self.customer, self.date, self.amount, self.left_out]
        return [column for column in named if column is not None]

    @property
    def as_of_day(self) -> int | None:
        """Day number of `as_of`; None for the last day of the log."""
        return None if self.as_of is None else to_day(self.as_of, "as_of")
