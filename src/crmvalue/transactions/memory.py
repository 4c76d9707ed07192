"""A log in memory: checked, cut at `as_of`, and ready as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, Unpack

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._frame import Eager, IntoFrame, read
from crmvalue._keys import Keys, factorize, keys, plain
from crmvalue._numbers import numbers, row_examples
from crmvalue._stats import FloatArray, IntArray
from crmvalue.errors import FaultList
from crmvalue.transactions import dates
from crmvalue.transactions.options import LogKeywords, LogOptions
from crmvalue.transactions.sums import exact_sum
from crmvalue.transactions.tally import (
    AFTER_AS_OF,
    FAULTS,
    INFINITE,
    LARGEST,
    MISSING_AMOUNT,
    MISSING_CUSTOMER,
    REFUND,
    REFUND_REFUSED,
    REFUNDS_ONLY,
    LeftOut,
    Tally,
    in_order,
    refuse_empty,
)

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Log:
    """The lines of a log that count, as arrays of one length.

    Attributes
    ----------
    customers : Keys
        Customer of each line; `customers.values` are the distinct ids, rising.
    days : ndarray of int32 or int64
        Days since 1970-01-01.
    amounts : ndarray of float64 or None
        None where the log was read without amounts.
    rows : ndarray of int64 or None
        Positions of these lines in `frame`, to take other columns by; None where all lines count.
    frame : narwhals DataFrame
        The caller's log, whole.
    as_of : int
        Day number up to which the log was read.
    tally : Tally
        What was left out, and why.
    """

    customers: Keys
    days: npt.NDArray[Any]
    amounts: FloatArray | None
    rows: IntArray | None
    frame: Eager
    as_of: int
    tally: Tally

    @property
    def purchases(self) -> Mask | None:
        """Which lines are purchases and not refunds; None where all are."""
        if self.amounts is None:
            return None
        mask = self.amounts >= 0
        return None if mask.all() else mask

    def column(self, name: str) -> nw.Series[Any]:
        """Another column of the log, for these lines."""
        series = self.frame[name]
        return series if self.rows is None else series[self.rows.tolist()]


def read_log(transactions: IntoFrame, **keywords: Unpack[LogKeywords]) -> Log:
    """Read a log into memory: the rows that count as arrays, all others counted by reason.

    Parameters
    ----------
    transactions : frame
        The log, a row per line.
    **keywords
        Those of `check_transactions`.

    Returns
    -------
    Log

    Raises
    ------
    InputError
        With every fault of the log at once (``faults="raise"``), or where nothing is left.
    """
    options = LogOptions(**keywords)
    frame = read(transactions, "transactions", options.columns)
    refuse_empty(len(frame), "the log has no rows")
    return _Reader(frame, options).log()


class _Reader:
    """One pass over a log in memory. Rows are given a reason once, the first that applies."""

    def __init__(self, frame: Eager, options: LogOptions) -> None:
        self.frame = frame
        self.options = options
        self.excluded: Mask | None = None  # by the caller
        self.row_faults: dict[str, Mask] = {}
        self._read_columns()

    def _read_columns(self) -> None:
        options, frame = self.options, self.frame
        if options.left_out is not None:
            self.excluded = ~np.asarray(frame[options.left_out].is_null().to_numpy(), dtype=bool)
        columns = FaultList()
        found = FaultList()
        self.customers = keys(frame[options.customer], found, column=options.customer)
        for fault in found:
            if fault.fault == "missing_id":
                self.row_faults[MISSING_CUSTOMER] = self.customers.codes < 0
            else:
                columns.append(fault)
        self.amounts: FloatArray | None = None
        if options.amount is not None:
            found = FaultList()
            self.amounts = numbers(frame[options.amount], found, column=options.amount)
            for fault in found:
                if fault.fault != "missing_or_not_finite":
                    columns.append(fault)
            self.row_faults[MISSING_AMOUNT] = np.isnan(self.amounts)
            self.row_faults[INFINITE] = np.abs(self.amounts) >= LARGEST
        columns.raise_if_any("the transactions")
        read = dates.read_days(frame[options.date], options.date, options.time_zone)
        self.days = read.days
        self.row_faults.update(read.faults)
        if options.refunds == "refuse" and self.amounts is not None:
            self.row_faults[REFUND_REFUSED] = self.amounts < 0
        self.row_faults = {
            name: mask if self.excluded is None else mask & ~self.excluded
            for name, mask in self.row_faults.items()
            if mask.any()
        }
        # In one order on every engine, as a row is left out for its first fault.
        self.row_faults = {
            name: self.row_faults[name]
            for name in FAULTS
            if name in self.row_faults and self.row_faults[name].any()
        }

    def log(self) -> Log:
        faults = self._faults()
        if self.options.faults == "raise":
            faults.raise_if_any("the transactions")
        keep: Mask | None = None
        parts: list[LeftOut] = []

        def leave_out(reason: str, mask: Mask) -> None:
            nonlocal keep
            mask = mask if keep is None else mask & keep
            if mask.any():
                parts.append(self._part(reason, mask))
                keep = ~mask if keep is None else keep & ~mask

        for reason, mask in self._given_reasons():
            leave_out(reason, mask)
        for name, mask in self.row_faults.items():
            leave_out(name, mask)
        as_of = self._as_of(keep)
        leave_out(AFTER_AS_OF, self.days > as_of)
        if self.options.refunds == "drop" and self.amounts is not None:
            leave_out(REFUND, self.amounts < 0)
        if self.amounts is not None and (refund := self.amounts < 0).any():
            buys = ~refund if keep is None else ~refund & keep
            buyer = np.zeros(len(self.customers), dtype=bool)
            buyer[self.customers.codes[buys]] = True
            # Code -1 (no id) reads the last flag; those rows are left out already.
            leave_out(REFUNDS_ONLY, ~buyer[self.customers.codes] if len(buyer) else refund)
        refuse_empty(
            len(self.days) if keep is None else int(keep.sum()),
            f"no purchase is left at as_of {dates.to_date(as_of)}"
            + "".join(f"; {part.rows:,} rows left out: {part.reason}" for part in parts),
        )
        whole = self._money(None)
        tally = Tally(
            rows=len(self.days),
            as_of=as_of,
            faults=tuple(faults),
            left_out=in_order(parts),
            money_in=whole,
            money_valued=whole if keep is None else self._money(keep),
        )
        return self._cut(keep, as_of, tally)

    def _shown(self, series: nw.Series[Any], row: int) -> Any:
        """A value for a message; dates as text, since Python's own end with the year 9999."""
        if not series.dtype.is_temporal():
            return plain(series[row])
        missing = self.row_faults.get(dates.MISSING)
        if missing is not None and missing[row]:
            return None
        return str(np.datetime64(int(self.days[row]), "D"))

    def _given_reasons(self) -> list[tuple[str, Mask]]:
        """The caller's reasons, each with its rows."""
        if self.excluded is None or not self.excluded.any():
            return []
        given = self.frame[str(self.options.left_out)].filter(self.excluded.tolist())
        found = factorize(given.cast(nw.String))
        rows = np.flatnonzero(self.excluded)
        masks = []
        for code, reason in enumerate(found.values.to_list()):
            mask = np.zeros(len(self.excluded), dtype=bool)
            mask[rows[found.codes == code]] = True
            masks.append((reason, mask))
        return masks

    def _cut(self, keep: Mask | None, as_of: int, tally: Tally) -> Log:
        if keep is None:
            return Log(self.customers, self.days, self.amounts, None, self.frame, as_of, tally)
        rows = np.flatnonzero(keep)
        present = np.zeros(len(self.customers), dtype=bool)
        present[self.customers.codes[rows]] = True
        if present.all():
            customers = Keys(self.customers.codes[rows], self.customers.values)
        else:
            codes = (np.cumsum(present) - 1)[self.customers.codes[rows]]
            customers = Keys(codes, self.customers.values.filter(present.tolist()))
        amounts = None if self.amounts is None else self.amounts[rows]
        return Log(customers, self.days[rows], amounts, rows, self.frame, as_of, tally)

    def _as_of(self, keep: Mask | None) -> int:
        given = self.options.as_of_day
        if given is not None:
            return given
        days = self.days if keep is None else self.days[keep]
        counts = ", ".join(f"{name} {int(mask.sum()):,}" for name, mask in self.row_faults.items())
        refuse_empty(len(days), f"every row has a fault ({counts}) or was left out")
        return int(days.max())

    def _money(self, mask: Mask | None) -> float | None:
        if self.amounts is None:
            return None
        amounts = self.amounts if mask is None else self.amounts[mask]
        finite = np.abs(amounts) < LARGEST
        return exact_sum(amounts if finite.all() else amounts[finite])

    def _part(self, reason: str, mask: Mask) -> LeftOut:
        codes = self.customers.codes[mask]
        customers = len(np.unique(codes[codes >= 0]))
        return LeftOut(reason, int(mask.sum()), customers, self._money(mask))

    def _faults(self) -> FaultList:
        found = FaultList()
        for name, mask in self.row_faults.items():
            column = getattr(self.options, FAULTS[name].option)
            series = self.frame[column]
            shown = {int(i): self._shown(series, int(i)) for i in np.flatnonzero(mask)[:3]}
            found.add(
                name,
                column=column,
                rows=int(mask.sum()),
                examples=row_examples(mask, shown),
                expected=FAULTS[name].expected,
            )
        return found
