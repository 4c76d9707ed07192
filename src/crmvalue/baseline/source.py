"""A result's tables by name, from memory or from a folder: one way to read them for both."""

from __future__ import annotations

import datetime as dt
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._files import read_table, unguard
from crmvalue._numbers import LARGEST
from crmvalue._stats import UNITS, FloatArray
from crmvalue._table import to_pandas
from crmvalue.customers import CustomerValue, ValueModel
from crmvalue.errors import FaultList, InputError

Result: TypeAlias = "CustomerValue | str | PathLike[str]"
"""A result in memory, or the folder that it was written to."""

NEEDED = (
    "customers",
    "tiers",
    "segments",
    "concentration",
    "statement",
    "statement_by_tier",
    "left_out",
    "quality",
    "headline",
)
"""Tables that every result has and that the gate reads."""

EARLIER, MIGRATION = "earlier_tiers", "migration"

MOVED = (EARLIER, MIGRATION, "movements", "migration_shares", "watch_list")
"""Tables of a result that was made with `previous`."""

OPTIONAL = (
    *("parameters", "reconciliation", "whale_curve", "whale_peak", "cohorts", "facts"),
    *("rfm_grid", "frequency", "gold_gap", "gold_at_risk", "tier_policy", "data_gates"),
    *MOVED,
)
"""Tables of a result that was fitted, of one with a cost ledger, and those that go with it."""

CUSTOMERS_CSV = "customers.csv"
"""In a folder the customers are there twice; this is the copy that people open and edit."""

EPOCH = dt.date(1970, 1, 1).toordinal()

KINDS = {
    "string": "text",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "boolean": "truth",
    "datetime64": "date",
    "datetime": "date",
    "date": "date",
}
"""Kinds of columns that outlast a change of library and a file."""


class Source(NamedTuple):
    """The tables of a result, and the model behind them."""

    tables: dict[str, pd.DataFrame]
    model: ValueModel

    def number(self, table: str, column: str) -> FloatArray:
        """A column as float64, NaN where it isn't there, isn't of numbers, or is no finite one.

        One beyond `LARGEST` is taken for infinite, as a sum with it would be.
        A table that was tampered with is judged line by line, so nothing is refused here.
        """
        frame = self.tables[table]
        if column not in frame or kind(frame[column]) != "number":
            return np.full(len(frame), np.nan)
        values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.abs(values) < LARGEST, values, np.nan)

    def text(self, table: str, column: str) -> npt.NDArray[np.object_]:
        """A column of labels as text, "" where there is none."""
        frame = self.tables[table]
        if column not in frame:
            return np.full(len(frame), "", dtype=object)
        codes, labels = pd.factorize(frame[column])
        names = np.array([*(unguard(str(label)) for label in labels), ""], dtype=object)
        return names[codes]

    def ids(self, table: str) -> npt.NDArray[Any]:
        """Ids that can be compared: numbers where those of the customers are, else text.

        A CSV keeps all ids as text, and one library has as 1.0 what another has as 1.
        """
        text, customers = self.text(table, "customer_id"), self.tables["customers"]
        if "customer_id" not in customers or kind(customers["customer_id"]) != "number":
            return text
        return np.asarray(pd.to_numeric(pd.Series(text, dtype="object"), errors="coerce"))

    @property
    def unit(self) -> float:
        """The unit of ages, in days."""
        return UNITS.get(str(self.model.purchases.unit), np.nan)

    def days(self, table: str, column: str) -> FloatArray:
        """Dates, or text that is one, as days since 1970; NaN where there is none."""
        frame = self.tables[table]
        if column not in frame or kind(frame[column]) not in ("date", "text"):
            return np.full(len(frame), np.nan)
        dates = pd.to_datetime(frame[column], errors="coerce", format="ISO8601", utc=True)
        days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return np.asarray(days, dtype=np.float64)

    @property
    def as_of(self) -> int | None:
        """The day at which it was made: for most customers, the last purchase and the silence."""
        days = self.days("customers", "last_purchase")
        days = days + self.number("customers", "inactive") * self.unit
        known = days[~np.isnan(days)]
        if not len(known):
            return None
        first, last = (day.toordinal() - EPOCH for day in (dt.date.min, dt.date.max))
        return round(min(max(float(np.median(known)), first), last))

    def __contains__(self, table: object) -> bool:
        return table in self.tables


def kind(values: pd.Series[Any]) -> str:
    """The kind of a column by the values that it has, "empty" where it has none."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.categories[np.unique(values.cat.codes[values.notna()])])
    if values.dtype.kind in "iuf":  # told without a look at every value
        return "number" if values.notna().any() else "empty"
    known = values.dropna()
    if known.empty:
        return "empty"
    return KINDS.get(pd.api.types.infer_dtype(known, skipna=True), "other")


def read_source(result: Result, name: str = "result") -> Source:
    """The tables of a result, wherever it is."""
    if isinstance(result, CustomerValue):
        found = [n for n in (*NEEDED, *OPTIONAL) if n in result.tables]
        tables = {n: to_pandas(result.tables[n], n) for n in found}
        return Source({n: _plain_columns(t) for n, t in tables.items()}, result.model)
    if not isinstance(result, str | PathLike):
        raise InputError(
            f"{name} must be a CustomerValue or the folder of one; got {type(result).__name__}"
        )
    return _read_folder(Path(result))


def _read_folder(folder: Path) -> Source:
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {str(folder)!r}; expected one that `crmvalue value` wrote"
        )
    files = {n: f"{n}.csv" for n in (*NEEDED, *OPTIONAL)} | {"customers": "customers.parquet"}
    files[CUSTOMERS_CSV] = CUSTOMERS_CSV
    faults = FaultList()
    for file in ("model.json", *files.values()):
        if not (folder / file).is_file() and Path(file).stem not in OPTIONAL:
            faults.add("missing_file", examples=file, expected="write the result anew")
    faults.raise_if_any(f"the result in {str(folder)!r}")
    tables = {
        n: _plain_columns(_read_file(folder / file))
        for n, file in files.items()
        if (folder / file).is_file()
    }
    text = (folder / "model.json").read_bytes()
    return Source(tables, ValueModel.from_json(text))


def _read_file(path: Path) -> pd.DataFrame:
    """A table; ids stay text, and so does every cell of the customers, which are held cell by cell.

    "00123" is another customer than "123".
    """
    if path.name != CUSTOMERS_CSV:
        return read_table(path, ids=("customer_id",), text_ids=True)
    header = read_table(path, ids=()).columns
    return read_table(path, ids=tuple(map(str, header)), text_ids=True).fillna("")


def _plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=unguard)
