"""A log split in two: what models may see of each customer, and what came after."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, IntArray
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.summary import unit_days
from crmvalue.summary.attributes import with_attributes
from crmvalue.summary.holdout import Split, split_log
from crmvalue.transactions import Log
from crmvalue.transactions.dates import to_date


@dataclass(frozen=True, eq=False)
class Holdout:
    """A log up to the day `end` to fit to, and from there to the day `until` to judge by.

    Attributes
    ----------
    log : Log
        The log, read at least up to `until`.
    end, until : int
        Day numbers: the last days of the calibration and of the holdout period.
    unit : str
        Of ages and of the horizon.
    split : Split
        A row per customer who had bought by `end`, by rising id.
    attributes : frame, optional
        What else is known of customers, by customer_id.
    """

    log: Log
    end: int
    until: int
    unit: str
    split: Split
    attributes: IntoFrame | None = None

    @classmethod
    def of(
        cls,
        log: Log,
        end: int,
        *,
        unit: str,
        until: int | None = None,
        attributes: IntoFrame | None = None,
    ) -> Holdout:
        """Split a log; by default what follows goes on to the end of the log."""
        until = log.as_of if until is None else until
        split = split_log(log, end, until, unit_days(unit), gaps=True)
        return cls(log, end, until, unit, split, attributes)

    def __len__(self) -> int:
        return len(self.split.purchases)

    def column(self, name: str) -> FloatArray:
        """A column of numbers of the split summary."""
        return np.asarray(self.split.columns[name], dtype=np.float64)

    @cached_property
    def summary(self) -> Any:
        """The split summary with the attributes, as a table in the library of the log."""
        joined, _ = with_attributes(table(self.split.columns, self.log.frame), self.attributes)
        return joined

    @property
    def history(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Frequency, recency and T at the end of calibration."""
        return self.column("frequency"), self.column("recency"), self.column("T")

    @property
    def first_day(self) -> IntArray:
        """Day number of each customer's first purchase."""
        return np.asarray(self.split.columns["first_purchase"]).astype(np.int64)

    @property
    def days(self) -> int:
        """Length of the holdout period in days."""
        return self.until - self.end

    @property
    def horizon(self) -> float:
        """Length of the holdout period in the unit."""
        return self.days / unit_days(self.unit)

    @property
    def purchases(self) -> FloatArray:
        """Purchase days of each customer in the holdout period."""
        return self.split.purchases.astype(np.float64)

    @property
    def spend(self) -> FloatArray | None:
        """What each customer spent in the holdout period, refunds subtracted."""
        return self.split.spend

    def expected(self, model: Any) -> FloatArray:
        """Expected purchases of each customer in the holdout period."""
        rows = model.for_rows(self.summary)
        found: FloatArray = rows.expected_purchases(*self.history, horizon=self.horizon)
        return found

    def log_likelihood(self, model: Any) -> float:
        """Log-likelihood of the calibration period under a model.

        The arguments of every model's own method are called as the columns of a summary.
        """
        rows = model.for_rows(self.summary)
        names = inspect.signature(rows.log_likelihood).parameters
        return float(np.sum(rows.log_likelihood(*(self.column(name) for name in names))))

    def training(self) -> Holdout:
        """The same one step earlier, inside the calibration period, to learn a baseline from.

        What follows there is as long as the holdout period, but at most half of the calibration
        period, and ends with it.
        """
        start = int(self.log.days.min())
        length = min(self.days, (self.end - start) // 2)
        if not length:
            raise InputError(
                f"calibration from {to_date(start)} to {to_date(self.end)} is too short to train "
                "a baseline inside it; choose a later calibration_end"
            )
        return Holdout.of(self.log, self.end - length, unit=self.unit, until=self.end)
