"""The way out: tables in the library that the caller came with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import Frame, IntoFrame, need, read
from crmvalue._keys import is_null
from crmvalue._numbers import numbers
from crmvalue._stats import FloatArray
from crmvalue._threads import BLOCK, side_by_side
from crmvalue.errors import FaultList

COPIES_ON_WRITE = int(pd.__version__.partition(".")[0]) >= 3
"""Whether tables of pandas may share a column, as whichever is written to gets its own first."""


class Labels:
    """A column of labels for `table`: codes into `categories`, -1 for null.

    With `via`, codes into that short array, which holds the codes into `categories`.
    """

    __slots__ = ("categories", "codes", "via")

    def __init__(
        self,
        codes: npt.NDArray[Any],
        categories: Sequence[str],
        via: npt.NDArray[Any] | None = None,
    ) -> None:
        array = np.asarray(codes)
        # Small codes stay small: ten million of them as int64 would be 80 MB.
        self.codes = array if array.dtype.kind in "iu" else array.astype(np.int64)
        self.categories = tuple(categories)
        self.via = via

    @property
    def category_codes(self) -> npt.NDArray[Any]:
        """The codes into `categories`, an array of their own."""
        if self.via is None:
            return self.codes.copy()
        picked: npt.NDArray[Any] = np.append(self.via, self.via.dtype.type(-1))[self.codes]
        return picked

    @property
    def picks(self) -> list[str | None]:
        """What the codes point to, in their order; the last is for -1."""
        if self.via is None:
            return [*self.categories, None]
        return [None if code < 0 else self.categories[code] for code in (*self.via.tolist(), -1)]


class Texts(Labels):
    """A column of plain text for `table`: codes into a few texts; -1 and None are null."""

    __slots__ = ("texts",)

    def __init__(self, codes: npt.NDArray[Any], texts: Sequence[str | None]) -> None:
        super().__init__(codes, [])
        self.texts = (*texts, None)


Column: TypeAlias = "npt.NDArray[Any] | nw.Series[Any] | Labels | Sequence[Any]"


def table(columns: Mapping[str, Column], like: Frame | None = None, *, fresh: bool = False) -> Any:
    """Build an eager native table in the library of `like` (pandas where there is none).

    NaN leaves as null, ``datetime64[D]`` as dates, `Labels` as a categorical. A masked array of
    whole numbers leaves as such, its masked ones as null (pandas then has floats).

    A library may hold an array as it is, so nobody may write to one afterwards. On pandas, whose
    tables can be written to, arrays are copied unless they are `fresh`: held by nobody else.
    """
    implementation: Any = nw.Implementation.PANDAS if like is None else backend(like)
    rows = max((len(v) for v in columns.values() if isinstance(v, np.ndarray)), default=0)
    series = side_by_side(
        lambda column: _column(*column, implementation, fresh=fresh), columns.items(), rows=rows
    )
    if implementation.is_pandas():
        # What is shared with the caller's own table here, pandas copies when one of them changes.
        natives = (s.to_native() for s in series)
        held = {s.name: s if COPIES_ON_WRITE else s.array for s in natives}
        return pd.DataFrame(held, copy=False)
    if implementation.is_polars():
        return need("polars", "polars", "a polars table").DataFrame([s.to_native() for s in series])
    pa = need("pyarrow", "arrow", "an Arrow table")
    return pa.table({s.name: s.to_native() for s in series})


def backend(frame: Frame) -> Any:
    """The library in which eager results about this frame leave."""
    found = frame.implementation
    if found.is_pandas() or found.is_polars() or found.is_pyarrow():
        return found
    return nw.Implementation.PYARROW


def _column(
    name: str, values: Column, implementation: Any, *, fresh: bool = False
) -> nw.Series[Any]:
    if isinstance(values, Texts):
        return _pick(_texts(name, list(values.texts), implementation), values.codes)
    if isinstance(values, Labels):
        return _labels(name, values, implementation)
    if isinstance(values, np.ma.MaskedArray):
        filled = np.ma.filled(values.astype(np.float64), np.nan)
        floats = _floats(name, filled, implementation, fresh=True)
        whole = not np.ma.is_masked(values) or not implementation.is_pandas()
        return floats.cast(nw.Int64) if whole else floats
    if isinstance(values, nw.Series):
        if values.implementation == implementation:
            native = values.to_native()
            if implementation.is_pandas():
                shared = COPIES_ON_WRITE
                native = native.reset_index(drop=True) if shared else pd.Series(native.array.copy())
            return _wrap(name, native)
        if not len(values) and values.dtype not in (nw.Object, nw.Unknown):
            return nw.new_series(name, [], values.dtype, backend=implementation)
        values = _date_array(values) if values.dtype in (nw.Date, nw.Datetime) else values.to_list()
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return _dates(name, values.astype("datetime64[D]"), implementation)
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return _floats(name, values, implementation, fresh=fresh)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
        return _whole(name, values, implementation, fresh=fresh)
    return _texts(name, list(values), implementation)


def _wrap(name: str, native: Any) -> nw.Series[Any]:
    series: nw.Series[Any] = nw.from_native(native, series_only=True)
    return series.alias(name)


def _flat(name: str, array: npt.NDArray[Any], implementation: Any, own: bool) -> nw.Series[Any]:
    """A series of an array; on pandas, which would let it be written to, of its own."""
    if implementation.is_pandas():
        return _wrap(name, pd.Series(array if own else array.copy(), copy=False))
    dtype = {"b": nw.Boolean(), "i": nw.Int64(), "f": nw.Float64()}[array.dtype.kind]
    series: nw.Series[Any] = nw.new_series(name, array, dtype, backend=implementation)
    return series


def _whole(
    name: str, values: npt.NDArray[Any], implementation: Any, *, fresh: bool
) -> nw.Series[Any]:
    """Whole numbers as int64, and booleans as they are."""
    flat = values if values.dtype.kind == "b" else values.astype(np.int64, copy=False)
    return _flat(name, flat, implementation, fresh or not np.may_share_memory(flat, values))


def _floats(name: str, values: FloatArray, implementation: Any, *, fresh: bool) -> nw.Series[Any]:
    array = np.asarray(values, dtype=np.float64)
    if implementation.is_pyarrow():
        pa = need("pyarrow", "arrow", "an Arrow table")
        native = pa.chunked_array([pa.array(array, from_pandas=True)])
        return _wrap(name, native)
    own = fresh or not np.may_share_memory(array, values)
    series = _flat(name, array, implementation, own)
    return series.fill_nan(None) if implementation.is_polars() else series


def _texts(name: str, values: list[Any], implementation: Any) -> nw.Series[Any]:
    if implementation.is_pandas():
        # The text type of this pandas, whichever it is: object before 3.0, str from there on.
        native = pd.Series(values, dtype="object").infer_objects() if values else None
        if native is None or not any(v is not None for v in values):
            native = pd.Series(values, dtype=pd.Series(["a"]).dtype)
        return _wrap(name, native)
    known = [v for v in values if v is not None]
    dtype = None if known and not isinstance(known[0], str) else nw.String()
    series: nw.Series[Any] = nw.new_series(name, values, dtype, backend=implementation)
    return series


def _dates(name: str, values: npt.NDArray[np.datetime64], implementation: Any) -> nw.Series[Any]:
    if implementation.is_pandas():
        native = pd.Series(values.astype("datetime64[us]"))
        return _wrap(name, native)
    if implementation.is_pyarrow():
        pa = need("pyarrow", "arrow", "an Arrow table")
        native = pa.chunked_array([pa.array(values, type=pa.date32())])
    else:
        pl = need("polars", "polars", "a polars table")
        native = pl.Series(values).cast(pl.Date)
    return _wrap(name, native)


def _labels(name: str, labels: Labels, implementation: Any) -> nw.Series[Any]:
    if implementation.is_pandas():
        kind = pd.CategoricalDtype(list(labels.categories), ordered=True)
        native: Any = pd.Series(pd.Categorical.from_codes(labels.category_codes, dtype=kind))
    elif implementation.is_pyarrow():
        pa = need("pyarrow", "arrow", "an Arrow table")
        codes = labels.category_codes
        indices = pa.array(codes.astype(np.int32), mask=codes < 0)
        native = pa.chunked_array(
            [pa.DictionaryArray.from_arrays(indices, pa.array(labels.categories, pa.string()))]
        )
    else:
        pl = need("polars", "polars", "a polars table")
        kind = pl.Enum(labels.categories)
        return _pick(_wrap(name, pl.Series(labels.picks, dtype=kind)), labels.codes)
    return _wrap(name, native)


def _pick(few: nw.Series[Any], codes: npt.NDArray[Any]) -> nw.Series[Any]:
    """Those values of a short series that codes point to; -1 is the last one, a null.

    Text takes so much memory that most of the time goes into asking for it, so long columns are
    put together of two halves.
    """
    if codes.dtype.kind == "i":  # polars and Arrow don't count from the end
        fits = np.promote_types(codes.dtype, np.min_scalar_type(-len(few)))
        codes = np.where(codes < 0, fits.type(len(few) - 1), codes.astype(fits, copy=False))
    halves = np.array_split(codes, 2 if len(codes) >= BLOCK else 1)
    if few.implementation.is_pandas():  # its array takes ten times faster than its rows
        array = few.to_native().array
        taken = side_by_side(lambda half: pd.Series(array.take(half)), halves, rows=len(codes))
        return _wrap(few.name, pd.concat(taken, ignore_index=True))
    picked = side_by_side(lambda half: few[half].to_frame(), halves, rows=len(codes))
    together: nw.Series[Any] = nw.concat(picked)[few.name]
    return together


def label_dtype(frame: Frame, categories: Sequence[str]) -> Any:
    """The categorical type of labels built by expressions in the library of `frame`."""
    if frame.implementation.is_pyarrow():
        return nw.Categorical()  # Arrow has dictionaries without an order of their own
    if frame.implementation.is_duckdb():
        return nw.Enum([_SqlText(c) for c in categories])
    return nw.Enum(list(categories))


class _SqlText(str):
    """Text that quotes itself the way SQL does: narwhals writes DuckDB's enums with `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'" + self.replace("'", "''") + "'"


def _date_array(series: nw.Series[Any]) -> npt.NDArray[np.datetime64]:
    values = [None if is_null(v) else v for v in series.to_list()]
    plain = [v.date() if isinstance(v, dt.datetime) else v for v in values]
    return np.array(plain, dtype="datetime64[D]")


def to_pandas(frame: IntoFrame, name: str = "table") -> pd.DataFrame:
    """One of the library's own tables as pandas, for writing and drawing."""
    eager = read(frame, name)
    if eager.implementation.is_pandas():
        native: pd.DataFrame = eager.to_native()
        return native
    columns: dict[str, Column] = {}
    for column in eager.columns:
        series = eager[column]
        if series.dtype in (nw.Categorical, nw.Enum):
            # An Arrow column without chunks has no dictionary to ask.
            known = list(series.cat.get_categories()) if len(series) else []
            place = {value: i for i, value in enumerate(known)}
            columns[column] = Labels(
                np.array([place.get(v, -1) for v in series.cast(nw.String).to_list()]), known
            )
        elif series.dtype.is_float():
            columns[column] = numbers(series, FaultList(), column=column, null=True)
        else:
            columns[column] = series if series.dtype.is_temporal() else _plain_column(series)
    built: pd.DataFrame = table(columns)
    return built


def _plain_column(series: nw.Series[Any]) -> Column:
    if (series.dtype.is_integer() or series.dtype == nw.Boolean) and not series.null_count():
        return np.asarray(series.to_numpy())
    return series.to_list()
