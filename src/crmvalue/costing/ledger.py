"""`read_ledger`: the tables of a cost ledger from a mapping, a folder or a workbook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from crmvalue._files import ENDINGS, WORKBOOK, find_table, read_table, read_workbook
from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing.activity import activity_costs
from crmvalue.errors import InputError

REQUIRED = ("resources", "resource_drivers", "activity_drivers")
OPTIONAL = ("activities", "cost_lines")
NOTE = "note"


class Ledger(NamedTuple):
    """A costed ledger, with the cost lines and the note that came with it."""

    costs: ActivityCosts
    cost_lines: Any
    note: str


def read_ledger(costs: Mapping[str, Any] | str | Path, *, text_ids: bool = False) -> Ledger:
    """Cost a ledger: a mapping of tables, a folder of CSV or Parquet files, or an Excel workbook.

    Parameters
    ----------
    costs : mapping or path
        resources, resource_drivers, activity_drivers, and optionally activities (the tables of
        `activity_costs`) and cost_lines (of `customer_lifetime_value`); a mapping may also have a
        note, a sentence on the ledger for the report. A workbook has a sheet for each table;
        sheets of other names are not looked at.
    text_ids : bool
        Read the ids of files as text, because those of the log are.

    Returns
    -------
    Ledger
        ``costs``, the ActivityCosts; ``cost_lines``, the table or None; ``note``.

    Raises
    ------
    InputError
        If a table is missing or not known, or as `activity_costs`.
    """
    tables = dict(costs) if isinstance(costs, Mapping) else _from_files(costs, text_ids)
    note = tables.pop(NOTE, "")
    known = (*REQUIRED, *OPTIONAL)
    missing = [name for name in REQUIRED if tables.get(name) is None]
    odd = sorted(str(name) for name in tables if name not in known)
    if missing or odd:
        raise InputError(
            f"costs needs the tables {', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}; "
            f"missing: {', '.join(missing) or 'none'}; not known: {', '.join(odd) or 'none'}"
        )
    return Ledger(
        activity_costs(
            tables["resources"],
            tables["resource_drivers"],
            tables["activity_drivers"],
            tables.get("activities"),
        ),
        tables.get("cost_lines"),
        str(note),
    )


def _from_files(costs: object, text_ids: bool) -> dict[str, Any]:
    if not isinstance(costs, str | Path):
        raise InputError(
            "costs must be a mapping of tables, or the path of a folder or of an Excel workbook; "
            f"got {type(costs).__name__}"
        )
    path, names = Path(costs), (*REQUIRED, *OPTIONAL)
    if path.suffix.lower() == WORKBOOK:
        sheets = read_workbook(path, text_ids=text_ids)
        return {name: sheets[name] for name in names if name in sheets}
    if not path.is_dir():
        raise InputError(
            f"there is no folder {str(path)!r}; expected one with {', '.join(REQUIRED)} as "
            f"{' or '.join(ENDINGS)}, or an Excel workbook ({WORKBOOK}) with a sheet for each"
        )
    found = {name: find_table(path, name) for name in names}
    return {
        name: read_table(path, text_ids=text_ids)
        for name, path in found.items()
        if path is not None
    }
