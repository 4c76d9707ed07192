"""Columns of numbers: how they are read, and what is said of those that can't be."""

from __future__ import annotations

import decimal
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._keys import is_null, plain
from crmvalue._stats import FloatArray, NumberArray, floats
from crmvalue.errors import FaultList

LARGEST = 1e300
"""Beyond this neither the distance of two values nor the sum of a hundred million is sure to be a
finite number."""

WHOLE = (nw.Int64, nw.Int32, nw.Int16, nw.Int8, nw.UInt64, nw.UInt32, nw.UInt16, nw.UInt8)
"""Types of whole numbers that NumPy has too."""


def numbers(
    series: nw.Series[Any],
    faults: FaultList,
    *,
    column: str,
    null: bool = False,
    minimum: float | None = None,
) -> FloatArray:
    """Read a series as float64. Decimals are converted; text and booleans are a fault."""
    raw = raw_numbers(series, faults, column=column, null=null)
    array = np.asarray(raw, dtype=np.float64)
    whole = raw.dtype.kind != "f"  # such can't be missing or infinite
    if not whole and (bad := np.isinf(array) if null else ~np.isfinite(array)).any():
        faults.add(
            "not_finite" if null else "missing_or_not_finite",
            column=column,
            rows=int(bad.sum()),
            examples=row_examples(bad, array),
            expected="expected finite numbers; fill or drop those rows",
        )
    if minimum is not None and (low := array < minimum).any():
        faults.add(
            "too_small",
            column=column,
            rows=int(low.sum()),
            examples=row_examples(low, array),
            expected=f"expected numbers of at least {minimum:g}",
        )
    return array


def raw_numbers(
    series: nw.Series[Any], faults: FaultList, *, column: str, null: bool = False
) -> NumberArray:
    """Read a series of numbers; whole ones keep their type where none is missing.

    All others are float64, and what is missing is NaN. With `null`, a column of nothing but nulls
    needs no type.
    """
    if not len(series):
        return np.empty(0)  # an empty table has no types to be wrong
    dtype = series.dtype
    if dtype == nw.Object:
        series = _from_objects(series, (decimal.Decimal, int, float))
        dtype = series.dtype
    if dtype.is_decimal():
        series = series.cast(nw.Float64)
    elif not dtype.is_numeric():
        if not (null and series.null_count() == len(series)):
            faults.add(
                "not_a_number",
                column=column,
                rows=len(series),
                examples=f"dtype {dtype}",
                expected="expected numbers; convert the column",
            )
            return np.full(len(series), 0.0)  # so that nothing else is said of it
        return np.full(len(series), np.nan)
    if dtype not in (nw.Float64, *WHOLE):
        series = _as_float(series, dtype, series.implementation)
    array: NumberArray = np.asarray(series.to_numpy())
    return array if array.dtype.kind in "iu" else floats(array)


def number_expr(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], name: str, column: str, faults: FaultList
) -> nw.Expr:
    """A column of numbers as a Float64 expression; what is missing or not finite is null.

    The type alone can be judged before a query runs: a column that is not of numbers is a fault.
    """
    dtype = frame.collect_schema()[column]
    if not (dtype.is_numeric() or dtype in (nw.Object, nw.Unknown)):  # all nulls have no type
        faults.add(
            "not_a_number",
            column=f"{name}.{column}",
            examples=f"dtype {dtype}",
            expected="expected numbers; convert the column",
        )
    number = _as_float(nw.col(column), dtype, frame.implementation)
    return nw.when(number.is_finite()).then(number)


def _as_float(numbers: Any, dtype: Any, implementation: Any) -> Any:
    """Numbers, a series or an expression, as floats: the nearest where one has too many digits."""
    if dtype.is_integer() and (implementation.is_pyarrow() or implementation.is_pandas()):
        return numbers / 1  # Arrow, which pandas may hold, refuses to cast such a number
    return numbers.cast(nw.Float64)


def _from_objects(series: nw.Series[Any], types: tuple[type, ...]) -> nw.Series[Any]:
    """Turn a pandas object column of `types` and nulls into floats; leave any other as it is."""
    values = series.to_list()
    plain = [None if is_null(v) else v for v in values]
    if any(v is not None and (isinstance(v, bool) or not isinstance(v, types)) for v in plain):
        return series
    floats = np.array([np.nan if v is None else float(v) for v in plain], dtype=np.float64)
    return nw.new_series(series.name, floats, nw.Float64, backend=series.implementation)


def row_examples(mask: npt.NDArray[np.bool_], values: Any, most: int = 3) -> str:
    """Name the first rows of a mask with their values, for a message."""
    if isinstance(values, np.ndarray):
        values = np.ravel(np.broadcast_to(values, np.shape(mask)))
    rows = np.flatnonzero(mask)[:most]
    shown = ", ".join(f"row {i}: {plain(values[int(i)])!r}" for i in rows)
    return shown + (", ..." if int(mask.sum()) > most else "")


def refuse_large(array: NumberArray, faults: FaultList, column: str, purpose: str) -> None:
    """Values beyond `LARGEST` are a fault, as what they are read for could not be done."""
    if not len(array) or -LARGEST <= array.min() <= array.max() <= LARGEST:
        return
    large = np.isfinite(array) & (np.abs(array) > LARGEST)
    if large.any():
        faults.add(
            "too_large",
            column=column,
            rows=int(large.sum()),
            examples=row_examples(large, array),
            expected=f"expected values of at most {LARGEST:g}, so that {purpose}",
        )
