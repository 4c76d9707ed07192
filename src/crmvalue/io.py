"""A result as a folder of files, written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from crmvalue._frame import need
from crmvalue._table import to_pandas
from crmvalue.customers import CustomerValue
from crmvalue.errors import InputError
from crmvalue.report import to_html

MARKS = ("customers.csv", "model.json", "report.html")
"""Files by which an earlier result is known: only such a folder is replaced."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_result(result: CustomerValue, folder: str | PathLike[str]) -> Path:
    """Write a result: every table as CSV, the customers as Parquet too, the model and the report.

    Parameters
    ----------
    result : CustomerValue
        From `value_customers`.
    folder : path
        The folder to make. An earlier result there is replaced; any other folder that holds
        something is left alone, with an error.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something that is not an earlier result.
    """
    target = Path(folder)
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _write_files(result, made)
        made.chmod(0o755)
        _put_in_place(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def check_target(target: Path) -> None:
    """Refuse a place that can't be written, before any work is done for it."""
    need("pyarrow", "arrow", "writing Parquet")
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


def _write_files(result: CustomerValue, folder: Path) -> None:
    for name, table in result.tables.items():
        frame = to_pandas(table, name)
        guard_formulas(frame).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        if name == "customers":
            frame.to_parquet(folder / "customers.parquet", index=False)
    (folder / "model.json").write_text(result.model.to_json(), encoding="utf-8")
    to_html(result.tables, folder / "report.html")


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
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
