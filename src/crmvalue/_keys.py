"""Columns of ids: codes 0, 1, 2... in rising order of the distinct values."""

from __future__ import annotations

import importlib
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._stats import IntArray
from crmvalue.errors import FaultList, InputError

ID = "customer_id"


def is_null(value: object) -> bool:
    """Whether a single value stands for nothing: None, NaN, NaT or NA."""
    return value is None or value is pd.NaT or value is pd.NA or value != value


def plain(value: Any) -> Any:
    """A NumPy scalar as Python's own, for messages and traces."""
    return value.item() if isinstance(value, np.generic) else value


class Keys:
    """A column of ids as codes 0..size-1 in rising order of the distinct `values`.

    Attributes
    ----------
    codes : ndarray of int64, shape (rows,)
        Position of each row's id in `values`; -1 where the id is missing.
    values : narwhals Series, shape (size,)
        The distinct ids, rising, in the caller's own type.
    """

    __slots__ = ("codes", "values")

    def __init__(self, codes: IntArray, values: nw.Series[Any]) -> None:
        self.codes = codes
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def index(self) -> pd.Index[Any]:
        """The distinct ids as a pandas index, to look up ids of another table in."""
        found: pd.Index[Any] = pd.Index(plain_ids(self.values))
        return found

    def find(self, values: nw.Series[Any]) -> IntArray:
        """Position of each of `values` in this column's distinct ids, -1 where it is not there."""
        return places(values, self.values)

    @property
    def repeated(self) -> npt.NDArray[np.bool_]:
        """Which rows have an id that another row has too."""
        if len(self.codes) == len(self.values):
            return np.zeros(len(self.codes), dtype=bool)
        known = self.codes >= 0
        rows = np.bincount(self.codes[known], minlength=len(self))
        return known & (take(rows, self.codes, 0) > 1)


def places(ids: nw.Series[Any], among: nw.Series[Any]) -> IntArray:
    """Position of each of `ids` among distinct ids, -1 where it is not there."""
    there, wanted = pd.Index(plain_ids(among)), pd.Index(plain_ids(ids))
    if len(there) and len(wanted) and _is_text(among) != _is_text(ids):
        raise InputError(
            f"ids of different types: {among.dtype} ({plain(there[0])!r}) against "
            f"{ids.dtype} ({plain(wanted[0])!r}); convert one of the columns"
        )
    positions: IntArray = there.get_indexer(wanted).astype(np.int64)
    return positions


def take(values: npt.NDArray[Any], at: IntArray, missing: Any = -1) -> npt.NDArray[Any]:
    """The values at these places; `missing` at -1, where an id was not found."""
    return np.append(values, missing)[at]


def _is_text(series: nw.Series[Any]) -> bool:
    return series.dtype in (nw.String, nw.Categorical, nw.Enum)


def plain_ids(series: nw.Series[Any]) -> npt.NDArray[Any]:
    """Ids as a NumPy array: integers and floats as they are, anything else as Python text."""
    if series.dtype.is_numeric():
        return np.asarray(series.to_numpy())
    return np.array(series.cast(nw.String).to_list(), dtype=object)


def keys(series: nw.Series[Any], faults: FaultList, *, column: str) -> Keys:
    """Factorize a column of ids. Missing ids and types that can't be ids are faults."""
    if not len(series):
        return Keys(np.empty(0, dtype=np.int64), series)  # no rows, no type to be wrong
    dtype = series.dtype
    if dtype == nw.Object and series.null_count() == len(series):
        series = series.cast(nw.String)  # all missing: the count below says so
        dtype = series.dtype
    if not (dtype.is_integer() or dtype.is_float() or _is_text(series)):
        faults.add(
            "not_an_id",
            column=column,
            rows=len(series),
            examples=f"dtype {dtype}",
            expected="expected whole numbers or text of one kind; convert the column",
        )
        return Keys(np.full(len(series), -1, dtype=np.int64), series.head(0))
    if not series.null_count() and not series.dtype.is_float():
        return factorize(series)
    nulls = _null_mask(series)
    if not nulls.any():
        return factorize(series)
    faults.add(
        "missing_id",
        column=column,
        rows=int(nulls.sum()),
        examples="rows " + ", ".join(map(str, np.flatnonzero(nulls)[:3])),
        expected="expected an id in every row; fill or drop those rows",
    )
    known = factorize(series.filter((~nulls).tolist()))
    codes = np.full(len(series), -1, dtype=np.int64)
    codes[~nulls] = known.codes
    return Keys(codes, known.values)


def _null_mask(series: nw.Series[Any]) -> npt.NDArray[np.bool_]:
    mask = series.is_null()
    if series.dtype.is_float():
        mask = mask | series.is_nan().fill_null(False)
    return np.asarray(mask.to_numpy(), dtype=bool)


def factorize(series: nw.Series[Any]) -> Keys:
    """Codes of a column of ids without nulls, in rising order of the distinct values."""
    if series.dtype.is_integer() and len(series):
        array = np.asarray(series.to_numpy())
        low, high = int(array.min()), int(array.max())
        span = high - low + 1
        # A small range needs no hash table.
        if span <= max(4 * len(array), 1 << 20) and high < 2**63:
            wide = array.astype(np.int64, copy=False)  # before the difference, which may not fit
            offsets = wide - low if low else wide
            present = np.zeros(span, dtype=bool)
            present[offsets] = True
            codes = offsets if present.all() else (np.cumsum(present) - 1)[offsets]
            return Keys(codes, _like(series, np.flatnonzero(present) + low))
    if series.implementation.is_polars() and series.dtype == nw.String:
        found = _polars_text(series)
        if found is not None:
            return found
    codes = _hash_codes(series)
    values = series[_first_rows(codes).tolist()] if len(codes) else series
    order = _order(values)
    return Keys(_ranks(order)[codes], values[order.tolist()] if len(codes) else values)


def _order(values: nw.Series[Any]) -> IntArray:
    """Positions that put distinct ids in rising order; text by code points in every library."""
    native: Any = values.to_native()
    held = getattr(native, "array", native)  # pandas keeps text in Arrow where that is installed
    if getattr(getattr(held, "dtype", None), "storage", "") == "pyarrow":
        native = held.__arrow_array__()
    if values.dtype == nw.String and type(native).__module__.startswith("pyarrow"):
        compute = importlib.import_module("pyarrow.compute")
        order: IntArray = compute.sort_indices(native).to_numpy().astype(np.int64)
        return order
    return np.argsort(plain_ids(values), kind="stable").astype(np.int64)


def _hash_codes(series: nw.Series[Any]) -> IntArray:
    """Codes in order of first appearance."""
    if series.implementation.is_pyarrow():
        # As text, since the dictionary of a categorical has an order of its own.
        plain_series = series if series.dtype.is_numeric() else series.cast(nw.String)
        encoded: Any = plain_series.to_native().combine_chunks().dictionary_encode()
        if hasattr(encoded, "combine_chunks"):
            encoded = encoded.combine_chunks()
        codes: IntArray = encoded.indices.to_numpy().astype(np.int64)
        return codes
    polars = series.implementation.is_polars()
    codes, _ = pd.factorize(plain_ids(series) if polars else series.to_native())
    return codes.astype(np.int64, copy=False)


def _polars_text(series: nw.Series[Any]) -> Keys | None:
    """Factorize text by its 64-bit hashes, at a fraction of the cost of comparing it.

    Texts that share a slot are told apart by the whole hash, and each row is compared with the text
    that its code stands for: None, after a true collision, sends the column the slow way.
    """
    native: Any = series.to_native()
    hashes = native.hash().to_numpy()
    codes, rows = _slot_codes(hashes)
    rest = np.flatnonzero(~(native.gather(rows).gather(codes) == native).to_numpy())
    if len(rest):
        more, _ = pd.factorize(hashes[rest])
        first = rest[_first_rows(more)]
        if not (native.gather(first).gather(more) == native.gather(rest)).all():
            return None
        codes[rest] = len(rows) + more
        rows = np.append(rows, first)
    distinct = hashes[rows]
    by_hash = np.argsort(distinct)
    if not (np.diff(distinct[by_hash]) > 0).all():
        return None
    ordered = native.gather(rows).sort()  # faster than asking for the order, which the hashes tell
    rank = np.empty(len(rows), dtype=np.int64)
    rank[by_hash] = np.argsort(ordered.hash().to_numpy())
    values: nw.Series[Any] = nw.from_native(ordered, series_only=True)
    return Keys(rank[codes], values)


def _slot_codes(hashes: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """A code for each slot of a table that the top bits of a hash fall in, and a row that is there.

    The table has at least two slots a row, so that few distinct hashes share one.
    """
    bits = max(len(hashes), 8).bit_length() + 1
    slot = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    kind: Any = np.int64 if bits > 30 else np.int32
    held: npt.NDArray[Any] = np.full(1 << bits, -1, dtype=kind)
    held[slot] = np.arange(len(hashes), dtype=kind)
    taken = np.flatnonzero(held >= 0)
    rows = held[taken]
    held[taken] = np.arange(len(taken), dtype=kind)
    return held[slot], rows


def _first_rows(codes: IntArray) -> IntArray:
    """The first row of each code; codes come in order of first appearance, so each is a record."""
    if not len(codes):
        return codes
    highest = np.maximum.accumulate(codes)
    return np.append(0, np.flatnonzero(highest[1:] != highest[:-1]) + 1)


def _ranks(order: IntArray) -> IntArray:
    """The place of each item in an order."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _like(series: nw.Series[Any], values: npt.NDArray[Any]) -> nw.Series[Any]:
    """Values in the type and library of `series`."""
    return nw.new_series(
        series.name, values.astype(np.int64), series.dtype, backend=series.implementation
    )
