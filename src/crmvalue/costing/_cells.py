"""Sparse tables of (row, column, value), and names that several of the caller's tables share."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import scipy.sparse as sp

from crmvalue._frame import Table
from crmvalue._keys import Keys, factorize, places, plain, take
from crmvalue._stats import FloatArray, IntArray
from crmvalue.errors import InputError


class Cells(NamedTuple):
    """The filled cells of a sparse table, each once, by row and then by column.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (cells,)
    values : ndarray of float64, shape (cells,)
    starts : ndarray of int64, shape (rows + 1,)
        The cells of row i stand at starts[i]:starts[i + 1].
    """

    rows: IntArray
    columns: IntArray
    values: FloatArray
    starts: IntArray


def cells(rows: IntArray, columns: IntArray, values: FloatArray, shape: tuple[int, int]) -> Cells:
    """Sort the cells and add up those given more than once: linear in the cells, never dense."""
    # SciPy's counting sort; 32-bit coordinates halve the memory that it has to move.
    small = max(*shape, len(values)) < 2**31
    at = (rows.astype(np.int32), columns.astype(np.int32)) if small else (rows, columns)
    matrix = sp.coo_array((values, at), shape=shape).tocsr()
    starts = matrix.indptr.astype(np.int64)
    return Cells(
        np.repeat(np.arange(shape[0]), np.diff(starts)),
        matrix.indices.astype(np.int64),
        matrix.data,
        starts,
    )


def union(*tables: Keys) -> tuple[nw.Series[Any], list[IntArray]]:
    """Distinct ids of several columns, rising, in the type of the first column that has any.

    Returns
    -------
    values : narwhals Series
        The distinct ids.
    codes : list of ndarray
        For each of `tables` the position of each of its rows' ids in `values`, -1 where missing.
    """
    filled = [table for table in tables if len(table)]
    values = filled[0].values if filled else tables[0].values
    # Another table may hold ids outside its categories, or beyond its width.
    if values.dtype.is_integer():
        values = values.cast(nw.Int64)
    elif not values.dtype.is_numeric():
        values = values.cast(nw.String)
    for table in filled[1:]:
        known = places(table.values, values) >= 0
        new = table.values.filter((~known).tolist())
        if len(new):
            own = nw.new_series(
                values.name, new.to_list(), values.dtype, backend=values.implementation
            )
            values = nw.concat([values.to_frame(), own.to_frame()])[values.name]
    if len(values):
        values = factorize(values).values
    return values, [take(places(table.values, values), table.codes) for table in tables]


def money(table: Table, column: str, *, signed: bool = False) -> FloatArray:
    """Read a column; what is missing or infinite is a fault by then, and 0 until it is raised."""
    values = table.numbers(column, minimum=None if signed else 0.0)
    return np.where(np.isfinite(values), values, 0.0)


def texts(values: nw.Series[Any]) -> list[str]:
    """Names as text, for tables in which names of several kinds share a column."""
    return [str(value) for value in values.cast(nw.String).to_list()]


def locate(index: pd.Index[Any], wanted: Any, what: str, where: str = "costs") -> int:
    """Position of one id, or the error that says what there is."""
    try:
        place = index.get_loc(wanted)
    except (KeyError, TypeError, pd.errors.InvalidIndexError):
        few = ", ".join(repr(plain(value)) for value in index[:3])
        raise InputError(
            f"no {what} {wanted!r} in the {where}; there are {len(index):,}, of type "
            f"{type(plain(index[0])).__name__ if len(index) else 'unknown'} ({few}...)"
        ) from None
    return cast(int, place)  # the ids are distinct
