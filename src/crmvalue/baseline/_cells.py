"""A table of a result against the one that is made again, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._stats import FloatArray
from crmvalue.baseline._lines import ROUNDING, Line, unknown_line
from crmvalue.baseline.source import Source, kind
from crmvalue.errors import CrmvalueError, InputError

Made = TypeVar("Made")


def made_again(line: str, make: Callable[[], Made]) -> Made | Line:
    """What a room makes, or the line that fails because what it is made of has other faults.

    The rooms count on what their callers have checked; of tables that were tampered with nothing
    is known, so that whatever a room can't do with them is a line that fails.
    """
    try:
        with np.errstate(all="ignore"):
            return make()
    except (CrmvalueError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Faults without their examples: those are rows of somebody, and a CI log shows this.
        faults = error.faults if isinstance(error, InputError) else ()
        why = [f"{fault.column}: {fault.fault}".removeprefix(": ") for fault in faults]
        return unknown_line(line, "; ".join(["can't be made again", *why]))


def same_cells(
    source: Source,
    name: str,
    again: pd.DataFrame,
    line: str = "",
    *,
    only: Sequence[str] = (),
    slack: Mapping[str, FloatArray | float] | None = None,
) -> Line:
    """A table against the one that is made again; drift = cells that differ, named by column.

    `slack` is what figures may differ by besides their own rounding, where they are differences.
    """
    line, stored = f"reconciliation.{line or name}", source.tables[name]
    columns = [str(c) for c in again if not only or c in only]
    cells = f"{len(again) * len(columns)} cells"
    if len(stored) != len(again):
        missed = abs(len(stored) - len(again)) * len(columns)
        return Line(line, cells, f"{len(stored)} rows, not {len(again)}", float(missed))
    other = source._replace(tables={**source.tables, name: again})
    apart, told = 0, []
    for column in columns:
        if column not in stored:
            apart += max(len(again), 1)
            told.append(f"no {column}")
            continue
        wrong = int(_differ(source, other, name, column, (slack or {}).get(column, 0.0)).sum())
        if wrong:
            apart += wrong
            told.append(f"{column} in {wrong:,} row{'s' if wrong > 1 else ''}")
    return Line(line, cells, "; ".join(told) or cells, float(apart))


def _differ(
    source: Source, other: Source, name: str, column: str, slack: FloatArray | float
) -> npt.NDArray[np.bool_]:
    """Rows in which a column is not the same on both sides."""
    if column == "customer_id":
        return np.asarray(source.ids(name) != other.ids(name), dtype=bool)
    if kind(other.tables[name][column]) != "number":
        return np.asarray(source.text(name, column) != other.text(name, column), dtype=bool)
    stored, found = source.number(name, column), other.number(name, column)
    close = np.abs(stored - found) <= slack + ROUNDING * np.abs(found)
    return np.asarray(~(close | (np.isnan(stored) & np.isnan(found))))
