"""`CohortTable`: what became of each cohort, as a long table and as a triangle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import Eager
from crmvalue._table import Column, table
from crmvalue.errors import InputError

PERIODS = {"W": "weeks", "M": "months", "Q": "quarters", "Y": "years"}
FIGURES = (
    "kept",
    "share_kept",
    "revenue",
    "profit",
    "cumulative_revenue",
    "cumulative_profit",
    "cumulative_revenue_per_customer",
    "cumulative_profit_per_customer",
)


@dataclass(frozen=True, eq=False, repr=False)
class CohortTable:
    """The cohorts of a log, as `cohort_table` found them.

    Attributes
    ----------
    period : {"W", "M", "Q", "Y"}
        The calendar period of cohorts and ages.
    left_out : frame
        Rows that are in no cohort, by reason: ``reason, rows, customers, money``; refunds of
        customers without a purchase are among them.
    money : mapping
        ``in``, ``valued`` (the revenue of all cohorts) and ``left_out`` (money); the first is the
        sum of the other two. None where the log was read without amounts.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.tiers import cohort_table
    >>> log = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [10.0, 20.0, 15.0],
    ...                     "date": ["2024-01-05", "2024-01-20", "2024-02-02"]})
    >>> table = cohort_table(log, amount="amount", as_of="2024-02-29")
    >>> table.cohorts[["age", "kept", "share_kept", "revenue"]].values.tolist()
    [[0.0, 2.0, 1.0, 30.0], [1.0, 1.0, 0.5, 15.0]]
    >>> table.money["valued"]
    45.0
    """

    period: str
    left_out: Any
    money: Mapping[str, float | None]
    _columns: Mapping[str, npt.NDArray[Any]]
    _like: Eager

    @property
    def cohorts(self) -> Any:
        """One row per cohort and age, from 0 to the last period of the log.

        - cohort: first day of the period in which its customers bought first
        - age: periods since then; 0 is the period of acquisition
        - period: first day of the period that is looked at
        - customers: how many the cohort has
        - kept: how many of them bought in this period (one purchase at least, free or paid)
        - share_kept: kept / customers; 1 at age 0
        - revenue, profit: of this period (money)
        - cumulative_revenue, cumulative_profit: from age 0 on
        - cumulative_revenue_per_customer, cumulative_profit_per_customer: over all customers of the
          cohort, those that were not kept too
        - complete: false where the log ends within this period, so that its figures will rise

        Periods in which nobody was acquired have no cohort.
        """
        return table(dict(self._columns), like=self._like)

    def matrix(self, what: str = "share_kept", *, incomplete: bool = True) -> Any:
        """Return one figure as the triangle: a row per cohort, a column per age ("0", "1", ...).

        Parameters
        ----------
        what : str, default "share_kept"
            A figure of `cohorts`: kept, share_kept, revenue, profit, cumulative_revenue,
            cumulative_profit, or one of the last two per customer.
        incomplete : bool, default True
            Whether figures of a period that the log cuts short are shown; otherwise they are null.

        Returns
        -------
        frame
            ``cohort, customers``, and the figure by age; null where that age is still to come.

        Raises
        ------
        InputError
            Where `what` is no figure of `cohorts`.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.tiers import cohort_table
        >>> log = pd.DataFrame({"customer_id": ["a", "b", "a"],
        ...                     "date": ["2024-01-05", "2024-02-20", "2024-03-02"]})
        >>> table = cohort_table(log, as_of="2024-03-31")
        >>> print(table.matrix("kept").to_string(index=False))
            cohort  customers   0   1   2
        2024-01-01          1 1.0 0.0 1.0
        2024-02-01          1 1.0 0.0 NaN
        """
        if what not in FIGURES:
            raise InputError(f"matrix gives {', '.join(map(repr, FIGURES))}; got {what!r}")
        age, values = self._columns["age"], self._columns[what].astype(np.float64)
        starts = np.flatnonzero(age == 0)
        row = np.cumsum(age == 0) - 1
        cells = np.full((len(starts), int(age.max()) + 1), np.nan)
        cells[row, age] = (
            values if incomplete else np.where(self._columns["complete"], values, np.nan)
        )
        columns: dict[str, Column] = {
            name: self._columns[name][starts] for name in ("cohort", "customers")
        }
        columns |= {str(i): cells[:, i] for i in range(cells.shape[1])}
        return table(columns, like=self._like)

    def __repr__(self) -> str:
        starts = self._columns["age"] == 0
        count = int(starts.sum())
        return (
            f"CohortTable({count:,} cohort{'' if count == 1 else 's'} by {PERIODS[self.period]}, "
            f"{int(self._columns['customers'][starts].sum()):,} customers, "
            f"ages to {int(self._columns['age'].max()):,})"
        )
