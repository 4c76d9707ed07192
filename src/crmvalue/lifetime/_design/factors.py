"""Columns of names: their levels, and which of them each row has."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Table
from crmvalue._keys import factorize
from crmvalue._stats import IntArray

Level: TypeAlias = "str | int | float"


class Factor(NamedTuple):
    """A column of names: codes into its levels."""

    codes: IntArray
    levels: tuple[Level, ...]


def read_factor(table: Table, column: str) -> Factor:
    """A column of text, booleans, categories or numbers as codes into its distinct values.

    They come in the order that the column declares, or in a rising one.
    """
    series = table.frame[column]
    dtype = series.dtype
    none = Factor(np.zeros(len(series), dtype=np.int64), ())
    if not len(series):  # whose type may be lost on the way
        return none
    if dtype.is_numeric():
        values, codes = np.unique(table.numbers(column), return_inverse=True)
        return Factor(codes, tuple(int(v) if v == np.rint(v) else v for v in values.tolist()))
    if dtype not in (nw.String, nw.Categorical, nw.Enum, nw.Boolean):
        table.faults.add(
            "not_a_covariate",
            column=f"{table.name}.{column}",
            examples=f"dtype {dtype}",
            expected="expected numbers, text, booleans or categories of text; convert the column",
        )
        return none
    missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    if missing.any():
        table.faults.add(
            "missing",
            column=f"{table.name}.{column}",
            rows=int(missing.sum()),
            examples="rows " + ", ".join(map(str, np.flatnonzero(missing)[:3])),
            expected="expected a value in every row; fill or drop those rows, or give what is "
            "missing a name of its own",
        )
        return none
    if dtype == nw.Boolean:
        flags = np.asarray(series.to_numpy(), dtype=bool)
        levels = tuple(str(flag) for flag in (False, True) if (flags == flag).any())
        return Factor(flags.astype(np.int64) if len(levels) == 2 else none.codes, levels)
    found = factorize(series)
    names = [str(name) for name in found.values.to_list()]
    declared = _declared(series)
    order = sorted(range(len(names)), key=lambda code: declared.get(names[code], code))
    return Factor(np.argsort(order)[found.codes], tuple(names[code] for code in order))


def _declared(series: nw.Series[Any]) -> dict[str, int]:
    """Places of the levels in the order that a column declares; none where it doesn't.

    Unordered categoricals have an order, too: alphabetic or of appearance, as their library likes.
    """
    native: Any = series.to_native()
    levels: Any = ()
    if series.dtype == nw.Enum:
        levels = getattr(series.dtype, "categories", ())
    elif series.implementation.is_pyarrow() and getattr(native.type, "ordered", False):
        levels = native.unify_dictionaries().chunk(0).dictionary.to_pylist()
    return {str(level): place for place, level in enumerate(levels)}
