"""The door by which a caller's DataFrames come in.

Rooms see narwhals frames and NumPy arrays. What libraries of DataFrames do differently is dealt
with here, in `_numbers` and `_keys` (how columns are read) and in `_table` (the way out), but for
dates and joins, which `transactions/dates.py` and `tiers/_hysteresis.py` know best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from narwhals.exceptions import DuplicateError

from crmvalue._keys import Keys, keys
from crmvalue._numbers import numbers, raw_numbers, row_examples
from crmvalue._stats import FloatArray, NumberArray
from crmvalue.errors import FaultList, InputError, MissingExtraError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Eager: TypeAlias = "nw.DataFrame[Any]"
Lazy: TypeAlias = "nw.LazyFrame[Any]"
Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"
IntoFrame: TypeAlias = Any
"""What callers pass: a pandas, polars (eager or lazy), pyarrow, DuckDB or Spark frame."""

EACH_ONCE = "expected each once; add the rows up or drop the repeated ones"

SUPPORTED = "a pandas, polars, pyarrow, DuckDB or Spark frame"


def enter(frame: IntoFrame, name: str, columns: Sequence[str] = ()) -> Frame:
    """Let a frame in: it is one, its column names differ, and `columns` are among them.

    `name` is what the caller calls it ("transactions"); it begins every message.
    """
    if odd := [column for column in columns if not isinstance(column, str)]:
        raise InputError(f"a column of {name} is named by a text; got {odd[0]!r}")
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

    def unique_keys(self, column: str, cure: str = EACH_ONCE) -> Keys:
        """Read a column of ids or names of which none may stand in two rows."""
        found = self.keys(column)
        self.note(column, found.repeated, "repeated_id", cure)
        return found

    def note(self, column: str, bad: npt.NDArray[np.bool_], fault: str, cure: str) -> None:
        """Note the rows with a fault, where there are any."""
        if bad.any():
            self.faults.add(
                fault,
                column=self._column(column),
                rows=int(bad.sum()),
                examples=row_examples(bad, self.frame[column]) if column in self else "",
                expected=cure,
            )

    def finish(self, what: str | None = None) -> None:
        """Raise one error with everything that was found wrong."""
        self.faults.raise_if_any(what or self.name)

    def _column(self, column: str) -> str:
        return f"{self.name}.{column}"
