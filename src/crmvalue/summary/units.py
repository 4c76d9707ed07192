"""Units of time: whether the ages of a summary are in the unit that the caller says."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._frame import Table
from crmvalue._numbers import row_examples
from crmvalue._stats import UNITS, FloatArray


def check_unit(table: Table, recency: FloatArray, unit: str) -> None:
    """Where first and last purchase are known, recency in days is their distance."""
    dates = [_days(table, column) for column in ("first_purchase", "last_purchase")]
    if dates[0] is None or dates[1] is None:
        return
    distance = dates[1] - dates[0]

    def wrong(days: float) -> npt.NDArray[np.bool_]:
        return np.abs(recency * days - distance) > 0.01  # False where a date is missing

    bad = wrong(UNITS[unit])
    if bad.any():
        fits = [other for other, days in UNITS.items() if not wrong(days).any()]
        table.faults.add(
            "wrong_unit",
            column=f"{table.name}.recency",
            rows=int(bad.sum()),
            examples=row_examples(bad, recency)
            + f" where first to last purchase is {distance[np.flatnonzero(bad)[0]]:g} days",
            expected=f"expected ages in unit={unit!r}; "
            + (f"pass unit={fits[0]!r}" if fits else "make the summary again in one unit"),
        )


def _days(table: Table, column: str) -> FloatArray | None:
    """Day numbers of a column of dates, NaN where missing; None where there is no such column."""
    if column not in table or table.frame[column].dtype not in (nw.Date, nw.Datetime):
        return None
    dates: npt.NDArray[Any] = np.asarray(table.frame[column].to_numpy()).astype("datetime64[D]")
    return np.where(np.isnat(dates), np.nan, dates.astype(np.int64).astype(np.float64))
