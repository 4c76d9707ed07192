"""The picture of cohorts: a triangle of cells, by cohort and age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, need
from crmvalue._print import percent
from crmvalue._stats import FloatArray, IntArray
from crmvalue.plot._style import (
    INK,
    MUTED,
    RULE,
    SMALL,
    WIDTH,
    canvas,
    count,
    figure_of,
    frame_of,
    heat,
    key,
    numbers,
    printable,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BoolArray: TypeAlias = npt.NDArray[np.bool_]

NAMED = 25
"""Cohorts up to which each one is named, and each cell has its figure if that fits."""

LETTER = 0.6  # width of a figure, of the height of its letters


def cohort_triangle(table: IntoFrame, *, by: str = "share_kept", ax: Axes | None = None) -> Figure:
    """Draw a figure of every cohort at every age, as a heat map.

    Parameters
    ----------
    table : frame
        The ``cohorts`` of a `crmvalue.cohort_table`, one row per cohort and age: ``cohort`` (first
        day or name), ``age`` (periods, from 0), the column `by` and perhaps ``complete``.
    by : str, default "share_kept"
        What the colour shows, from light (least) to dark (most) of the complete periods. A null
        has no cell. Of what was kept, age 0 stands in grey outside the scale: it is everybody.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The oldest cohort on top, ages to the right; cells whose period is not complete are paler
        and hatched. Cells have their figure (shares in per cent) where there are at most 25
        cohorts and it fits; of more cohorts and ages not all are named.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> cohorts = pd.DataFrame({"cohort": ["2023", "2023", "2024"], "age": [0, 1, 0],
    ...                         "share_kept": [1.0, 0.4, 1.0]})
    >>> [text.get_text() for text in cohort_triangle(cohorts).axes[0].texts]
    ['100', '40', '100']
    """
    frame = frame_of(table, "cohorts", ("cohort", "age", by))
    names, cells = _read(frame, by)
    rows, ages = len(names), int(cells.age.max()) + 1
    share = by.startswith("share")
    with canvas(ax, 1.35 + min(0.26 * max(rows, 3), 6.5)) as ax:
        low, high = cells.scale
        depth = (cells.figure - low) / (high - low) if high > low else np.full(len(frame), 0.5)
        colours = heat()
        _draw(ax, cells, colours(np.nan_to_num(depth)))
        texts = [f"{100 * v:.0f}" if share else count(v) for v in cells.figure]
        size = _text_size(max(map(len, texts)), rows, ages)
        if size is not None:
            _write(ax, cells, texts, depth > 0.55, size)
        ax.set_xlim(-0.5, ages - 0.5)
        ax.set_ylim(rows - 0.5, -0.5)
        ax.set_xticks(np.arange(0, ages, -(-ages // 18)))
        every = -(-rows // NAMED)
        ax.set_yticks(np.arange(0, rows, every), names[::every])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlabel("Age (periods since the first purchase)")
        ax.set_ylabel("Cohort, by first purchase")
        unit = " (%)" if share else ""
        ax.set_title(f"{words(by).capitalize()}{unit} by cohort and age")
        form = percent if share else count
        ends = {form(low): colours(0.0), form(high): colours(1.0)} if high > low else {}
        _name(ax, ends, incomplete=not cells.complete.all())
        return figure_of(ax)


class _Cells(NamedTuple):
    """The rows of the table, each a cell of the triangle."""

    row: IntArray
    age: FloatArray
    figure: FloatArray
    complete: BoolArray
    everybody: BoolArray
    """Of what was kept, age 0: no part of the scale."""

    @property
    def scale(self) -> tuple[float, float]:
        """The least and the most of the complete periods; of all where none is."""
        full = self.complete | ~self.complete.any()
        scaled = self.figure[np.isfinite(self.figure) & ~self.everybody & full]
        return (float(scaled.min()), float(scaled.max())) if scaled.size else (0.0, 0.0)


def _read(frame: pd.DataFrame, by: str) -> tuple[list[str], _Cells]:
    """Names of the cohorts, the oldest first, and the cells."""
    names, row = _cohorts(frame["cohort"])
    age = numbers(frame, "age")
    complete = np.ones(len(frame), dtype=bool)
    if "complete" in frame:
        complete = frame["complete"].fillna(True).to_numpy(dtype=bool)
    everybody = (age == 0) & (by in ("kept", "share_kept"))
    return names, _Cells(row, age, numbers(frame, by), complete, everybody)


def _draw(ax: Axes, cells: _Cells, faces: Any) -> None:
    """Draw the cells in these colours: paler and hatched where a period is not complete."""
    faces[~cells.complete, :3] += 0.55 * (1 - faces[~cells.complete, :3])
    faces[cells.everybody] = need("matplotlib.colors", "plot", "drawing").to_rgba(RULE)
    patches: Any = need("matplotlib.patches", "plot", "drawing")
    for i in np.flatnonzero(np.isfinite(cells.figure)):
        ax.add_patch(
            patches.Rectangle(
                (cells.age[i] - 0.48, cells.row[i] - 0.46),
                0.96,
                0.92,
                facecolor=faces[i],
                edgecolor="#8fa0ae",
                linewidth=0,
                hatch=None if cells.complete[i] else "////",
            )
        )


def _write(ax: Axes, cells: _Cells, texts: list[str], dark: BoolArray, size: float) -> None:
    """Write the figures into the cells, in white where they are dark."""
    white = dark & cells.complete & ~cells.everybody
    for i in np.flatnonzero(np.isfinite(cells.figure)):
        ax.text(
            cells.age[i],
            cells.row[i],
            texts[i].replace("-", "\N{MINUS SIGN}"),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if white[i] else INK,
        )


def _name(ax: Axes, ends: dict[str, Any], *, incomplete: bool) -> None:
    """The key: the ends of the scale, and what the hatching says."""
    patches: Any = need("matplotlib.patches", "plot", "drawing")
    handles = [patches.Patch(facecolor=face, label=label) for label, face in ends.items()]
    if incomplete:
        look = {"facecolor": "white", "edgecolor": MUTED, "hatch": "////", "linewidth": 0.5}
        handles.append(patches.Patch(label="period not complete", **look))
    if handles:
        key(ax, len(handles), handles)


def _cohorts(column: pd.Series[Any]) -> tuple[list[str], IntArray]:
    """Names of the cohorts, the oldest first, and the place of each row among them."""
    dates = column if pd.api.types.is_numeric_dtype(column) else _dates(column)
    codes, found = pd.factorize(dates, sort=True)
    if not isinstance(found, pd.DatetimeIndex):
        return [printable(name) for name in found], codes
    form = "%Y-%m-%d"
    if (found.day == 1).all():
        form = "%Y-%m" if (found.month != 1).any() or len(found) == 1 else "%Y"
    return list(found.strftime(form)), codes


def _dates(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column as dates where it holds any, else as text."""
    if isinstance(column.iloc[0], str):
        return column.astype(str)
    return pd.to_datetime(column)


def _text_size(letters: int, rows: int, ages: int) -> float | None:
    """The size in which the figures fit into their cells, None where it is too small to read."""
    width = 72 * (WIDTH - 1.2) / ages
    size = min(SMALL, 0.92 * width / (LETTER * letters))
    return size if size >= 7 and rows <= NAMED else None
