"""How this room reads the values of customers: from a frame's column or from an array."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Frame, IntoFrame, Table, enter, is_lazy, read
from crmvalue._keys import ID, Keys
from crmvalue._numbers import numbers, refuse_large, row_examples
from crmvalue._stats import FloatArray, safe_sum
from crmvalue._table import Labels, table
from crmvalue.errors import DataWarning, FaultList, InputError

Negative: TypeAlias = Literal["refuse", "clip", "allow"]


def read_columns(
    values: IntoFrame, by: str, *more: str, name: str = "values", faults: FaultList | None = None
) -> Table:
    """Read some of a frame's columns; one that is lazy is collected once, and only these."""
    if not isinstance(by, str):
        raise InputError(f"by must be the name of a column of {name}; got {by!r}")
    frame = enter(values, name, [by, *more])
    data = Table(frame.select(*dict.fromkeys([by, *more])), name, faults=faults)
    if not len(data):
        data.faults.add("empty", expected="expected at least one customer")
    return data


def with_labels(frame: Frame, column: str, labels: nw.Expr, names: Sequence[str]) -> Frame:
    """Add a categorical column of `names`, which `labels` gives.

    For a frame in memory without rows it doesn't ask `labels`: of older narwhals a literal has one
    row too many there.
    """
    if is_lazy(frame) or len(frame):
        return frame.with_columns(labels.alias(column))
    none = read(table({column: Labels(np.empty(0), names)}, like=frame), column)
    return frame.with_columns(none[column])


def amounts(
    data: Table, column: str, *, null: bool = False, minimum: float | None = None
) -> FloatArray:
    """Read a column of amounts; what is missing, not finite or too large to add up is a fault.

    Nulls become NaN where `null` allows them.
    """
    array = data.numbers(column, null=null, minimum=minimum)
    refuse_large(array, data.faults, f"{data.name}.{column}", "they can be added up")
    return array


def customer_keys(data: Table) -> Keys:
    """Read the ids of customers; one who has more than one row is a fault."""
    return data.unique_keys(ID, "expected one row per customer; add up their values first")


def read_amounts(
    values: Any, by: str | None, *, negative: Negative = "allow"
) -> tuple[FloatArray, Frame | None]:
    """Amounts from a frame's column or from a 1-d array, and the frame that they came from."""
    check_negative(negative)
    if by is not None:
        data = read_columns(values, by)
        array, faults, name = amounts(data, by), data.faults, f"values.{by}"
        frame: Frame | None = data.frame
    else:
        faults, name, frame = FaultList(), "values", None
        array = array_amounts(values, name, faults)
    refuse_negative(array, negative, faults, name)
    faults.raise_if_any("values")
    return clip_negative(array, negative, name, stacklevel=5), frame  # whoever called the figure


def check_negative(negative: str) -> None:
    """Refuse a rule for negative values that is none."""
    if negative not in ("refuse", "clip", "allow"):
        raise InputError(f"negative must be 'refuse', 'clip' or 'allow'; got {negative!r}")


def refuse_negative(array: FloatArray, negative: Negative, faults: FaultList, name: str) -> None:
    """Negative values are a fault under "refuse"."""
    below = array < 0
    if negative == "refuse" and below.any():
        faults.add(
            "negative_value",
            column=name,
            rows=int(below.sum()),
            examples=row_examples(below, array),
            expected="expected values of at least 0; negative='clip' counts lower ones as 0, "
            "negative='allow' takes them as they are",
        )


def clip_negative(
    array: FloatArray, negative: Negative, name: str, *, stacklevel: int
) -> FloatArray:
    """Negative values count as 0 under "clip", with a warning that says how much that is."""
    below = array < 0
    if negative != "clip" or not below.any():
        return array
    lost = safe_sum(array[below])
    warnings.warn(
        f"{name}: {int(below.sum()):,} negative values, together {lost:,.2f}, count as 0",
        DataWarning,
        stacklevel=stacklevel,
    )
    return np.maximum(array, 0.0)


def array_amounts(values: Any, name: str, faults: FaultList) -> FloatArray:
    """Amounts from a 1-d array, with the faults of a column."""
    try:
        plain = np.asarray(values)
    except (TypeError, ValueError):  # a relation, or rows of different lengths
        plain = np.empty((0, 0))
    if plain.ndim != 1 or plain.dtype.names:
        raise InputError(
            f"{name} must be a 1-d array of numbers, or a frame with by= naming the column of "
            f"values; got {type(values).__name__}"
        )
    if not len(plain):
        faults.add("empty", expected="expected at least one customer")
    series = nw.new_series(name, plain, backend="pandas")
    array = numbers(series, faults, column=name)
    refuse_large(array, faults, name, "they can be added up")
    return array
