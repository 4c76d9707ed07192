"""The page: sections written into one template, with its style and its script inside."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from crmvalue._frame import IntoFrame
from crmvalue.errors import InputError
from crmvalue.report._blocks import Tables, Text, facts_of
from crmvalue.report._sections import BLOCKS
from crmvalue.report.contents import SECTIONS, TITLE


def render(tables: Mapping[str, IntoFrame]) -> str:
    """Write the report as HTML: one page that needs nothing else and asks for nothing else.

    Parameters
    ----------
    tables : mapping of str to frame
        The tables of a result, as in ``CustomerValue.tables``, of any library. A section whose
        table is absent says so in a sentence.

    Returns
    -------
    str
        The page, at most 8 MB. There is no clock in it: the same tables give the same text.

    Raises
    ------
    InputError
        Where `tables` is not a mapping of names to frames, or a table lacks a column.
    MissingExtraError
        Where matplotlib, which draws the pictures, is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> page = render({"limits": pd.DataFrame({"text": ["No weather & no prices."]})})
    >>> "<li>No weather &amp; no prices.</li>" in page
    True
    >>> "There are no activities, because no cost ledger was given." in page
    True
    """
    if not isinstance(tables, Mapping):
        raise InputError(
            "the report is made of a mapping of table names to frames, such as result.tables; "
            f"got {type(tables).__name__}"
        )
    given = Tables(tables)
    sections = [
        (section, BLOCKS[section.name](given) or [Text(section.absent)]) for section in SECTIONS
    ]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read("page.html")).render(
        title=TITLE,
        facts=facts_of(given),
        sections=sections,
        style=Markup(_read("style.css")),
        script=Markup(_read("table.js")),
    )


def to_html(tables: Mapping[str, IntoFrame], path: str | os.PathLike[str]) -> None:
    """Write the report to a file, whole or not at all.

    Parameters
    ----------
    tables : mapping of str to frame
        As in `render`.
    path : path
        The file; one that is there is replaced once the new one is complete.

    Raises
    ------
    InputError
        As `render`, and where the folder of `path` is not there.
    MissingExtraError
        As `render`.

    Examples
    --------
    >>> import pandas as pd, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "report.html")
    ...     to_html({"limits": pd.DataFrame({"text": ["No prices."]})}, path)
    ...     path.read_text("utf-8")[:15]
    '<!doctype html>'
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {str(target.parent)!r}; make it first")
    # Broken text (lone surrogates of a badly read file) is written out, not refused.
    page = render(tables).encode("utf-8", "backslashreplace")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(page)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _read(name: str) -> str:
    return resources.files("crmvalue.report").joinpath(name).read_text("utf-8")
