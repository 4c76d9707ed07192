"""What a section is made of; the template knows how each kind is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
from markupsafe import Markup

from crmvalue import plot
from crmvalue._frame import IntoFrame
from crmvalue._table import to_pandas
from crmvalue.report._format import column_texts
from crmvalue.report.labels import PRINTED_ROWS, kind_of, label_of


class Tables:
    """The tables of a result by name, as pandas; an empty one counts as absent."""

    def __init__(self, tables: Mapping[str, IntoFrame]) -> None:
        self._tables = tables
        self._read: dict[str, pd.DataFrame] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def get(self, name: str) -> pd.DataFrame | None:
        """The table of that name; None where it is absent or has no rows."""
        if name not in self._tables:
            return None
        if name not in self._read:
            self._read[name] = to_pandas(self._tables[name], name)
        frame = self._read[name]
        return frame if len(frame) else None


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    note: bool = False


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    kind: ClassVar[str] = "items"
    items: Sequence[str]


@dataclass(frozen=True)
class Cards:
    """Headline figures: label, figure, note."""

    kind: ClassVar[str] = "cards"
    cards: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Picture:
    """A figure and what it says."""

    kind: ClassVar[str] = "picture"
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Grid:
    """A table: headings with whether the column is of figures, and rows of texts."""

    kind: ClassVar[str] = "grid"
    caption: str
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    strong: frozenset[int] = field(default_factory=frozenset)
    folded: bool = False


@dataclass(frozen=True)
class Finder:
    """The customer table that the reader sorts and searches."""

    kind: ClassVar[str] = "finder"
    headings: Sequence[tuple[str, bool]]
    data: Markup
    customers: int


Block = Text | Items | Cards | Picture | Grid | Finder


def grid(
    frame: pd.DataFrame,
    caption: str,
    *,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    add_up: Sequence[str] = (),
    folded: bool = False,
) -> list[Block]:
    """A frame as a table: known columns in this order, those that are all null left out."""
    wanted = list(frame.columns) if columns is None else [c for c in columns if c in frame]
    shown = [c for c in wanted if frame[c].notna().any()]
    headings, texts = [], []
    for column in shown:
        numeric = is_numeric(frame[column])
        kind = (kinds or {}).get(column) or kind_of(column, numeric)
        headings.append(((labels or {}).get(column) or label_of(column), numeric))
        texts.append(column_texts(frame[column], kind, add_up=column in add_up)[:PRINTED_ROWS])
    blocks: list[Block] = [Grid(caption, headings, list(zip(*texts, strict=True)), folded=folded)]
    if len(frame) > PRINTED_ROWS:
        blocks.append(Text(f"The first {PRINTED_ROWS} of {len(frame):,} rows are shown."))
    return blocks


def facts_of(tables: Tables) -> dict[str, str]:
    """The facts by item; those without a value are left out."""
    frame = tables.get("facts")
    if frame is None:
        return {}
    known = frame[frame["value"].notna()]
    return {str(k): str(v) for k, v in zip(known["item"], known["value"], strict=True) if str(v)}


def picture(figure: Any, name: str, label: str, caption: str) -> Picture:
    """A figure of the page."""
    # The SVG comes out of an XML writer, which escapes every text in it.
    return Picture(Markup(plot.to_svg(figure, f"{name}-picture", label)), caption)


def is_numeric(values: pd.Series[Any]) -> bool:
    """Whether a column holds figures; one of objects does where all that is known are numbers."""
    if values.dtype == object:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values.dropna())
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
