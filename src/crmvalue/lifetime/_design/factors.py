"""Columns of names: their levels, and which of them each row has."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

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
    """A column of text, booleans, categories or numbers as codes into its distinct values."""
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
    return Factor(found.codes, tuple(map(str, found.values.to_list())))
