"""An earlier result that customers are compared with: its tiers, and who has moved since."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._distinct import distinct_rows
from crmvalue._files import read_table
from crmvalue._frame import Eager, Table, collect, enter
from crmvalue._keys import Keys, places, plain, plain_ids
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue._table import Column, Labels, table
from crmvalue._value import Value
from crmvalue.customers.model import ValueModel, read_model
from crmvalue.customers.result import CustomerValue
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers import migration, watch_list
from crmvalue.tiers._hysteresis import check_band
from crmvalue.tiers._snapshot import Scale, Snapshot
from crmvalue.tiers._tiered import known_tiers
from crmvalue.tiers._values import amounts
from crmvalue.tiers.pareto import TIERS
from crmvalue.transactions import Log
from crmvalue.transactions.dates import EXPECTED, read_days, to_date

TOTALS = ("profit", "total_spend")
"""Figures that add up over a log, so that a longer log has more of them."""

HISTORY = ("first_purchase", "last_purchase", "recency", "inactive")
"""Columns that tell at which day the earlier result was made."""


@dataclass(frozen=True, eq=False)
class Previous:
    """An earlier table of customers, read and checked.

    Attributes
    ----------
    customers : frame
        With customer_id and tier, one row per customer.
    ids : Keys
        Of its customers.
    tier : ndarray of int, shape (rows,)
        0 for gold, 1 for steel, 2 for lead.
    by : str
        The column that decided the tiers.
    value : ndarray, shape (rows,)
        That column (money).
    as_of : int or None
        The day number at which it was made; None where its columns don't tell.
    model : ValueModel or None
        What it was valued with; None where that is not known.
    """

    customers: Eager
    ids: Keys
    tier: IntArray
    by: str
    value: FloatArray
    as_of: int | None
    model: ValueModel | None

    def notes(self, model: ValueModel, log: Log) -> list[str]:
        """Say what else than the customers moves them between the tiers, or keeps them there."""
        return [*self._running_total(log), *self._other_terms(model)]

    def _running_total(self, log: Log) -> list[str]:
        """Say so where the figure of the tiers holds what the earlier result held already."""
        if self.by not in TOTALS or (self.as_of is not None and log.days.min() > self.as_of):
            return []
        return [
            f"Tiers are by {self.by}, which adds up over the log, and this log holds the time of "
            "the earlier result, too: hardly anybody leaves gold, even who has stopped buying. "
            "Take tiers by lifetime_value, or compare two periods as the guide on migration does."
        ]

    def _other_terms(self, model: ValueModel) -> list[str]:
        """Say which terms of the valuation have changed since, so that no customer is blamed."""
        if self.model is None:
            return []
        then, now = self.model, model
        differ = {
            "another horizon": then.horizon != now.horizon,
            "another discount rate": then.annual_discount_rate != now.annual_discount_rate,
            "other cost lines": then.cost_lines != now.cost_lines,
        }
        changed = [words for words, is_so in differ.items() if is_so]
        note = (
            f"The earlier result was valued with {' and '.join(changed)}: lifetime values have "
            "changed with that too, not with the customers alone."
        )
        return [note] if changed else []

    def ranks(self, ids: nw.Series[Any]) -> IntArray:
        """The earlier tier of each of these customers, 0 for gold, -1 for who had none."""
        by_id = np.full(len(self.ids) + 1, -1)  # its last place is for ids that are not found
        by_id[self.ids.codes] = self.tier
        return by_id[self.ids.find(ids)]

    def tables(self, customers: Table, log: Log) -> dict[str, Any]:
        """Who moved between the tiers since, and who has stepped down."""
        before: dict[str, Column] = {
            "customer_id": self.customers["customer_id"],
            "tier": Labels(self.tier, TIERS),
            self.by: self.value,
        }
        after: dict[str, Column] = {name: customers.frame[name] for name in before}
        earlier = table(before, like=log.frame)
        moved = migration(earlier, table(after, like=log.frame), by=self.by, order=TIERS)
        windows = None if self.as_of is None else _windows(log, self.as_of)
        if windows is not None:
            both = (self.customers["customer_id"], customers.frame["customer_id"])
            for side, days, ids in zip((before, after), windows, both, strict=True):
                side |= _bought(log, days, ids)
        watched = watch_gold(
            *(table(side, like=log.frame) for side in (before, after)),
            by=self.by,
            explain=None if windows is None else "revenue",
            orders="orders",
            revenue="revenue",
        )
        return {
            "earlier_tiers": earlier,
            "migration": moved.value_flow,
            "movements": moved.movements,
            "migration_shares": moved.shares,
            "watch_list": watched,
        }


def watch_gold(before: Any, after: Any, *, by: str, **options: Any) -> Any:
    """The watch list of those who were gold: of all customers it is too long to call anybody.

    Most buy once, and each month without an order takes a share of their lifetime value.
    """
    listed = enter(watch_list(before, after, by=by, order=TIERS, **options), "watch_list")
    kept = collect(listed.filter(nw.col("from_tier").cast(nw.String) == TIERS[0]))
    return nw.maybe_reset_index(kept).to_native()


def read_previous(previous: Any, band: float, tier_by: str, log: Log) -> Previous | None:
    """Read an earlier result: in memory, its table of customers, or the folder it was written to.

    Only a frame can't say what its tiers were made by. `log` is the one to be valued.
    """
    check_band(band)
    if previous is None:
        if band:
            raise InputError(
                f"band={band!r} is how far a customer must pass a threshold to leave the tier of "
                "an earlier result; name that result with previous="
            )
        return None
    frame, model = previous, None
    if isinstance(previous, CustomerValue):
        frame, model = previous.customers, previous.model
    elif isinstance(previous, str | PathLike):
        frame, model = _read_folder(Path(previous))
    elif isinstance(previous, Value):
        raise InputError(
            "previous must be an earlier CustomerValue, its table of customers or the folder it "
            f"was written to; got {type(previous).__name__}, which has no customers"
        )
    faults = FaultList()
    given = Table(frame, "previous", faults=faults)
    if model is not None:
        check_same_figure(model, tier_by, faults)
    needed = ("customer_id", "tier", tier_by)
    missing = [name for name in needed if name not in given]
    if missing:
        faults.add(
            "no_column",
            column=", ".join(f"previous.{name}" for name in missing),
            expected="expected the table of customers of an earlier result, with all its columns",
        )
        faults.raise_if_any("previous")
    customers = Snapshot(
        given.frame.to_native(), "previous", "tier", faults, columns=needed, optional=HISTORY
    )
    scale = Scale(TIERS, True)
    known_tiers(customers.labels, scale, faults, "previous.tier")
    value = amounts(customers.table, tier_by)
    made = _as_of(customers.table)
    check_same_ids(customers.ids.values, log.customers.values, faults)
    faults.raise_if_any("previous")
    check_earlier(made, log.as_of)
    ids, rows = customers.ids, customers.table.frame
    return Previous(rows, ids, customers.tiers(scale)[ids.codes], tier_by, value, made, model)


def check_same_figure(model: ValueModel, tier_by: str, faults: FaultList) -> None:
    """Note tiers that were made by another figure than those they are compared with."""
    if model.tiers.by != tier_by:
        faults.add(
            "tier_by",
            examples=f"its tiers are by {model.tiers.by}, those asked for by {tier_by}",
            expected="value both logs with the same tier_by, for who moved would mean nothing",
        )


def check_same_ids(ids: nw.Series[Any], current: nw.Series[Any], faults: FaultList) -> None:
    """Note ids that are text on one side and numbers on the other: nobody would be found."""
    sides = (ids, current)
    if not (len(ids) and len(current)) or ids.dtype.is_numeric() == current.dtype.is_numeric():
        return
    shown = [f"{side.dtype}, such as {plain(plain_ids(side.head(1))[0])!r}" for side in sides]
    faults.add(
        "other_ids",
        column="previous.customer_id",
        examples=f"{shown[0]}; those it is compared with are {shown[1]}",
        expected="ids of different types never match; convert one of the columns",
    )


def check_earlier(made: int | None, as_of: int | None, what: str = "this log") -> None:
    """Refuse what was made after the day it is to come before; None where one is not known."""
    if made is not None and as_of is not None and made > as_of:
        raise InputError(
            f"previous was made as of {to_date(made)}, after {what}, which ends at "
            f"{to_date(as_of)}; an earlier result comes first"
        )


def _read_folder(folder: Path) -> tuple[Any, ValueModel]:
    customers, model = folder / "customers.parquet", folder / "model.json"
    if not (customers.is_file() and model.is_file()):
        raise InputError(
            f"{str(folder)!r} holds no {customers.name} and {model.name}; expected a folder that "
            "`crmvalue value` wrote"
        )
    return read_table(customers, ids=()), read_model(model)


def _as_of(customers: Table) -> int | None:
    """The day at which a table of customers was made; None where its columns don't tell.

    It is the last purchase of a customer and the silence since, whatever the unit of ages.
    """
    if not len(customers) or not all(name in customers for name in HISTORY):
        return None
    first, last = (_days(customers, name) for name in HISTORY[:2])
    recency, inactive = (customers.numbers(name, null=True, minimum=0.0) for name in HISTORY[2:])
    longest = int(np.argmax(np.nan_to_num(last - first, nan=-np.inf)))
    if not recency[longest] > 0:
        return None  # nobody bought twice, so that nothing tells the unit
    unit = (last[longest] - first[longest]) / recency[longest]
    made = last[longest] + inactive[longest] * unit
    return round(float(made)) if np.isfinite(made) else None


def _days(customers: Table, column: str) -> FloatArray:
    """Day numbers of a column of dates, NaN where one is missing or wrong, which is a fault."""
    name = f"{customers.name}.{column}"
    read = read_days(customers.frame[column], name, None)
    days = read.days.astype(np.float64)
    for fault, mask in read.faults.items():
        if mask.any():
            customers.faults.add(
                fault,
                column=name,
                rows=int(mask.sum()),
                examples=row_examples(mask, customers.frame[column]),
                expected=EXPECTED[fault],
            )
            days[mask] = np.nan
    return days


def _windows(log: Log, made: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The days since the earlier result, and as many before it; None where the log lacks some."""
    length = log.as_of - made
    if length <= 0 or int(log.days.min()) > made - length + 1:
        return None
    return (made - length + 1, made), (made + 1, log.as_of)


def _bought(log: Log, days: tuple[int, int], ids: nw.Series[Any]) -> dict[str, FloatArray]:
    """Orders (days with a purchase) and revenue of these customers in a window of days."""
    size = len(log.customers)
    within = (log.days >= days[0]) & (log.days <= days[1])
    orders = within if log.purchases is None else within & log.purchases
    customer, _ = distinct_rows(
        log.customers.codes[orders].astype(np.int64), log.days[orders].astype(np.int64)
    ).columns
    money = np.zeros(len(within)) if log.amounts is None else log.amounts
    figures = {
        "orders": np.bincount(customer, minlength=size).astype(np.float64),
        "revenue": group_sum(log.customers.codes[within], money[within], size),
    }
    place = places(ids, log.customers.values)
    return {name: np.append(values, 0.0)[place] for name, values in figures.items()}
