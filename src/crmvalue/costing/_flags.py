"""Columns of numbers in which flags may stand for 1 and 0."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Table
from crmvalue._keys import is_null
from crmvalue._numbers import numbers
from crmvalue._stats import FloatArray


def numbers_or_flags(source: Table, column: str, *, null: bool = False) -> FloatArray:
    """Read a column of numbers of at least 0, or of booleans as 1 and 0.

    Nulls become NaN where `null` allows them; otherwise they are a fault, as negative numbers are.
    """
    series = source.frame[column]
    if series.dtype == nw.Object:  # pandas' booleans with a gap among them
        values = [None if is_null(value) else value for value in series.to_list()]
        if all(value is None or isinstance(value, bool | np.bool_) for value in values):
            flags = np.array([np.nan if value is None else float(value) for value in values])
            series = nw.new_series(column, flags, nw.Float64, backend=series.implementation)
    elif series.dtype == nw.Boolean:
        series = series.cast(nw.Float64)
    name = f"{source.name}.{column}"
    return numbers(series, source.faults, column=name, null=null, minimum=0.0)
