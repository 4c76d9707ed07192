"""The door by which a caller's DataFrames come in.

`_frame`, `_keys` (ids) and `_table` (the way out) are the only files that know pandas, polars,
pyarrow or DuckDB by name; rooms see narwhals frames and NumPy arrays.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from narwhals.exceptions import DuplicateError

from crmvalue._keys import Keys, is_null, keys, plain
from crmvalue._stats import FloatArray, NumberArray, floats
from crmvalue.errors import FaultList, InputError, MissingExtraError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Eager: TypeAlias = "nw.DataFrame[Any]"
Lazy: TypeAlias = "nw.LazyFrame[Any]"
Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"
IntoFrame: TypeAlias = Any
"""What callers pass: a pandas, polars (eager or lazy), pyarrow, DuckDB or Spark frame."""

WHOLE = (nw.Int64, nw.Int32, nw.Int16, nw.Int8, nw.UInt64, nw.UInt32, nw.UInt16, nw.UInt8)
"""Types of whole numbers that NumPy has too."""

SUPPORTED = "a pandas, polars, pyarrow, DuckDB or Spark frame"


def enter(frame: IntoFrame, name: str, columns: Sequence[str] = ()) -> Frame:
    """Let a frame in: it is one, its column names differ, and `columns` are among them.

    `name` is what the caller calls it ("transactions"); it begins every message.
    """
    try:
        wrapped: Any = nw.from_native(frame)
        if _is_lazy(wrapped) and not wrapped.implementation.is_polars():
            names = list(wrapped.to_native().columns)  # SQL keeps duplicates
        else:
            names = wrapped.collect_schema().names()
    except DuplicateError:
        native: Any = frame
        names = list(getattr(native, "column_names", None) or native.columns)
    except TypeError:
        raise InputError(
            f"{name} must be {SUPPORTED}; got {type(frame).__name__}. Cure: " + _cure(frame)
        ) from None
    twice = sorted({str(c) for c in names if list(names).count(c) > 1})
    if twice:
        raise InputError(
            f"{name} has more than one column called {', '.join(map(repr, twice))}; "
            "rename them so that each name stands once"
        )
    if not all(isinstance(c, str) for c in names):
        odd = [c for c in names if not isinstance(c, str)][:5]
        raise InputError(f"{name} has column names that are not text ({odd}); rename them")
    missing = [c for c in dict.fromkeys(columns) if c not in names]
    if missing:
        raise InputError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}; it has {', '.join(map(repr, names)) or 'none'}. "
            "Cure: rename your columns, or name them in the call"
        )
    entered: Frame = wrapped
    return entered


def _cure(given: object) -> str:
    """What to pass instead of this: the tables that a result of the library holds, if it is one."""
    tables = []
    frames = (nw.DataFrame, nw.LazyFrame)
    if type(given).__module__.partition(".")[0] == __name__.partition(".")[0]:
        for name in dir(given):
            if name.startswith("_"):
                continue
            try:
                part = getattr(given, name)
                held = nw.from_native(part, pass_through=True)
            except Exception:  # whatever one of its properties has to say, this is not the place
                continue
            if isinstance(held, frames) and not isinstance(part, frames):
                tables.append(f".{name}")
    if tables:
        return f"pass one of its tables: {', '.join(tables)}"
    return "build one, for example with pandas.DataFrame(...)"


def collect(frame: Frame) -> Eager:
    """Return the frame in memory: polars stays polars, SQL engines give pyarrow."""
    if not is_lazy(frame):
        return frame
    if frame.implementation.is_polars():
        return frame.collect()
    need("pyarrow", "arrow", "reading a DuckDB or Spark frame")
    return frame.collect("pyarrow")


def read(frame: IntoFrame, name: str, columns: Sequence[str] = ()) -> Eager:
    """`enter` and `collect` in one step, for rooms that compute on arrays."""
    return collect(enter(frame, name, columns))


def _is_lazy(frame: Any) -> bool:
    return isinstance(frame, nw.LazyFrame)


def is_lazy(frame: Frame) -> TypeIs[Lazy]:
    """Whether the frame is a query that has not been run."""
    return _is_lazy(frame)


def need(module: str, extra: str, purpose: str) -> Any:
    """Import an optional dependency where it is used, or say which extra brings it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs {module}: python -m pip install 'crmvalue[{extra}]'"
        ) from error


class Table:
    """One of the caller's tables in memory, read column by column.

    Faults are gathered in `faults`, which several tables can share, so that a call can report
    everything that is wrong with all of them at once.

    Parameters
    ----------
    frame : frame
        What the caller passed.
    name : str
        What the caller calls it.
    columns : sequence of str
        Columns that it must have.
    faults : FaultList, optional
        Where to note what is wrong; a new list by default.
    """

    def __init__(
        self,
        frame: IntoFrame,
        name: str,
        columns: Sequence[str] = (),
        faults: FaultList | None = None,
    ) -> None:
        self.frame = read(frame, name, columns)
        self.name = name
        self.faults = FaultList() if faults is None else faults

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, column: str) -> bool:
        return column in self.frame.columns

    def numbers(
        self, column: str, *, null: bool = False, minimum: float | None = None
    ) -> FloatArray:
        """Read a column as float64; nulls become NaN where `null` allows them, else a fault."""
        return numbers(
            self.frame[column], self.faults, column=self._column(column), null=null, minimum=minimum
        )

    def raw_numbers(self, column: str) -> NumberArray:
        """Read a column of numbers without a pass over it, where that can be.

        Whole numbers without nulls keep their type; others come as float64, nulls as NaN. Infinite
        ones are no fault.
        """
        return raw_numbers(self.frame[column], self.faults, column=self._column(column), null=True)

    def keys(self, column: str) -> Keys:
        """Read a column of ids or names: codes, and the distinct values in rising order."""
        return keys(self.frame[column], self.faults, column=self._column(column))

    def finish(self, what: str | None = None) -> None:
        """Raise one error with everything that was found wrong."""
        self.faults.raise_if_any(what or self.name)

    def _column(self, column: str) -> str:
        return f"{self.name}.{column}"


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

    All others are float64, and what is missing is NaN.
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


def number_expr(frame: Frame, name: str, column: str, faults: FaultList) -> nw.Expr:
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
