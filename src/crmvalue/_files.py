"""Tables in files: CSV, Parquet and the sheets of an Excel workbook, read by their ending."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from crmvalue._frame import need
from crmvalue.errors import InputError

ENDINGS = (".csv", ".parquet")
WORKBOOK = ".xlsx"
NOTHING = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"]
"""What stands for a missing value in a CSV, but not for a missing id."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run as a formula."""


def read_table(
    path: Path, ids: Sequence[str] = ("customer_id",), *, text_ids: bool = False
) -> pd.DataFrame:
    """Read one file. Ids in a CSV stay text unless all are plain whole numbers.

    "00123" and "123" are two customers; only where no id would change are they numbers, so that
    they match those of a Parquet file. `text_ids` leaves them text in any case: for a table whose
    ids are those of another one, where they are text. A customer called "NA" is one.
    """
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; expected a CSV or Parquet file")
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"{str(path)!r} ends in {path.suffix!r}; expected {' or '.join(ENDINGS)}. "
            "Cure: convert or rename the file"
        )
    try:
        if path.suffix.lower() == ".parquet":
            need("pyarrow", "arrow", "reading Parquet")
            return pd.read_parquet(path)
        header = pd.read_csv(path, nrows=0)
        _check_separator(path, header)
        known = [column for column in ids if column in header]
        empty = {c: [""] if c in known else NOTHING for c in header.columns}
        kinds = dict.fromkeys(known, "object")
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=empty)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parser errors are ValueErrors
        raise InputError(f"{str(path)!r} can't be read: {error}") from error
    for column in known:
        table[column] = _narrowed(table[column], text=text_ids)
    return table


def read_workbook(
    path: Path, ids: Sequence[str] = ("customer_id",), *, text_ids: bool = False
) -> dict[str, pd.DataFrame]:
    """Read every sheet of an Excel workbook; ids as in `read_table`.

    A sheet without a header is left out: workbooks have empty ones, and pages of notes.
    """
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; expected an Excel workbook")
    need("openpyxl", "excel", "reading an Excel workbook")
    try:
        sheets = pd.read_excel(
            path, sheet_name=None, dtype="object", keep_default_na=False, na_values=NOTHING
        )
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{str(path)!r} can't be read as an Excel workbook: {error}") from error
    tables = {name: sheet for name, sheet in sheets.items() if len(sheet.columns)}
    for name, sheet in tables.items():
        known = [column for column in ids if column in sheet]
        # A cell holds numbers as 64-bit floats: 123 may come as 123.0.
        for column in known:
            sheet[column] = _narrowed(sheet[column].map(_cell_text), text=text_ids)
        rest = sheet.columns.difference(known)
        tables[name] = sheet.assign(**{c: sheet[c].infer_objects() for c in rest})
    return tables


def _cell_text(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if value is None or value != value else str(value)


def _check_separator(path: Path, header: pd.DataFrame) -> None:
    """A file in one piece is mostly one with another separator."""
    if len(header.columns) == 1 and any(sign in header.columns[0] for sign in ";\t|"):
        raise InputError(
            f"{str(path)!r} has one column, {header.columns[0]!r}: it is not separated by commas. "
            "Cure: write it anew with pandas.read_csv(..., sep=';', decimal=',').to_csv(...)"
        )


def _narrowed(ids: pd.Series[str], *, text: bool) -> pd.Series[int] | pd.Series[str]:
    known = ids.dropna()
    if not text and len(known) == len(ids) and known.str.fullmatch(r"0|-?[1-9][0-9]{0,17}").all():
        return ids.astype("int64")
    return ids.astype(pd.Series(["a"]).dtype)


def find_table(folder: Path, name: str) -> Path | None:
    """The file of a folder that holds the table of that name, or None."""
    found = [folder / f"{name}{ending}" for ending in ENDINGS]
    found = [path for path in found if path.is_file()]
    if len(found) > 1:
        raise InputError(f"{str(folder)!r} has {name} as CSV and as Parquet; keep one of them")
    return found[0] if found else None


def guard(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguard(text: str) -> str:
    """Take that apostrophe away again."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text
