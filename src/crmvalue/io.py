"""A result as a folder of files, written whole or not at all."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from crmvalue._files import guard
from crmvalue._frame import need
from crmvalue._table import to_pandas
from crmvalue.customers import CustomerValue
from crmvalue.errors import InputError
from crmvalue.report import to_html

MARKS = ("customers.csv", "model.json", "report.html")
"""Files by which an earlier result is known: only such a folder is replaced."""

SHEET_ROWS, SHEET_NAME = 1_048_576, 31
"""What a sheet of Excel holds, and how long its name may be."""

_CLOCK = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:)")


def write_result(
    result: CustomerValue, folder: str | PathLike[str], *, excel: bool = False
) -> Path:
    """Write a result: every table as CSV, the customers as Parquet too, model, baseline and report.

    Parameters
    ----------
    result : CustomerValue
        From `value_customers`.
    folder : path
        The folder to make. An earlier result there is replaced; any other folder that holds
        something is left alone, with an error.
    excel : bool
        Also write ``result.xlsx``, a workbook with a sheet for each table (extra `excel`).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something that is not an earlier result, or a table has more rows than
        a sheet can hold.
    """
    target = Path(folder)
    check_target(target, excel=excel)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _write_files(result, made, excel=excel)
        made.chmod(0o755)
        _put_in_place(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def check_target(target: Path, *, excel: bool = False) -> None:
    """Refuse a place that can't be written, before any work is done for it."""
    need("pyarrow", "arrow", "writing Parquet")
    if excel:
        need("openpyxl", "excel", "writing an Excel workbook")
    need("matplotlib", "plot", "drawing the report")
    if target.exists() and not target.is_dir():
        raise InputError(f"{str(target)!r} is a file; name a folder to write the result to")
    if (
        target.is_dir()
        and any(target.iterdir())
        and not all((target / mark).is_file() for mark in MARKS)
    ):
        raise InputError(
            f"{str(target)!r} holds files that are not an earlier result ({', '.join(MARKS)}); "
            "name a new folder, so that nothing of yours is replaced"
        )


def _put_in_place(made: Path, target: Path) -> None:
    """Swap the finished folder in; the earlier one goes only once the new one stands."""
    if not target.exists():
        made.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(old / "was")
    try:
        made.rename(target)
    except OSError:
        (old / "was").rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _write_files(result: CustomerValue, folder: Path, *, excel: bool) -> None:
    frames = {name: to_pandas(table, name) for name, table in result.tables.items()}
    guarded = {name: guard_formulas(frame) for name, frame in frames.items()}
    for name, frame in guarded.items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    frames["customers"].to_parquet(folder / "customers.parquet", index=False)
    if excel:
        write_workbook(guarded, folder / "result.xlsx")
    (folder / "model.json").write_text(result.model.to_json(), encoding="utf-8")
    (folder / "baseline.json").write_text(result.baseline().to_json(), encoding="utf-8")
    to_html(result.tables, folder / "report.html")


def write_workbook(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write a sheet for each table; the same tables give the same bytes."""
    need("openpyxl", "excel", "writing an Excel workbook")
    long = [name for name, frame in tables.items() if len(frame) >= SHEET_ROWS]
    if long:
        raise InputError(
            f"a sheet holds {SHEET_ROWS:,} rows and {', '.join(long)} has more; leave the workbook "
            "out and use the CSV and Parquet files"
        )
    held = io.BytesIO()
    with pd.ExcelWriter(held, engine="openpyxl") as writer:
        for name, frame in tables.items():
            frame.to_excel(writer, sheet_name=name[:SHEET_NAME], index=False, freeze_panes=(1, 0))
    # The clock stands in the workbook's properties and in the entries of the archive.
    with zipfile.ZipFile(held) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as kept:
        for entry in made.namelist():
            content = made.read(entry)
            if entry == "docProps/core.xml":
                content = _CLOCK.sub(rb"\g<1>2000-01-01T00:00:00Z\g<2>", content)
            kept.writestr(zipfile.ZipInfo(entry), content, zipfile.ZIP_DEFLATED)


def guard_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    Numbers keep their sign: only text columns and the names of columns are touched. The Parquet
    file holds the ids as they are.
    """
    guarded = frame.rename(columns=_guard)
    for column in guarded.columns:
        values = guarded[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            guarded[column] = values.cat.rename_categories(_guard)
        elif not (pd.api.types.is_numeric_dtype(values) or values.dtype.kind in "Mmb"):
            guarded[column] = values.map(_guard, na_action="ignore")
    return guarded


def _guard(value: Any) -> Any:
    return guard(value) if isinstance(value, str) else value
