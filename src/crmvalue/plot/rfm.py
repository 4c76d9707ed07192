"""Pictures of scores and segments: the grid of recency and frequency, and who is where."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame, need
from crmvalue._print import DASH, percent
from crmvalue.errors import InputError
from crmvalue.plot._style import (
    ACCENT,
    ACTUAL,
    EXPECTED,
    INK,
    MUTED,
    RULE,
    SMALL,
    beside,
    canvas,
    count,
    figure_of,
    frame_of,
    heat,
    key,
    numbers,
    printable,
    shares,
    words,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def rfm_grid(table: IntoFrame, *, by: str = "customers", ax: Axes | None = None) -> Figure:
    """Draw the cells of recency and frequency: their segment, their customers, and one quantity.

    Parameters
    ----------
    table : frame
        One row per cell: ``r_score`` and ``f_score`` (whole numbers from 1), ``customers``,
        ``segment`` and the column `by`.
    by : str, default "customers"
        The column that the colour shows, from light (least) to dark (most): "customers",
        "revenue", "lifetime_value". Cells without customers or with a null stay white.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Frequency to the right, recency upwards; each cell names its segment and its customers.

    Raises
    ------
    InputError
        Where a column is missing, there are no rows, or a cell has more than one.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> grid = pd.DataFrame({"r_score": [1, 2], "f_score": [1, 1], "customers": [7, 5],
    ...                      "segment": ["Hibernating", "New"]})
    >>> [text.get_text().split() for text in rfm_grid(grid).axes[0].texts]
    [['Hibernating', '7'], ['New', '5']]
    """
    frame = frame_of(table, "RFM grid", ("r_score", "f_score", "customers", "segment", by))
    _check_cells(frame, ["r_score", "f_score"])
    recency, frequency, customers, shown = (
        numbers(frame, column) for column in ("r_score", "f_score", "customers", by)
    )
    known = shown[np.isfinite(shown)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    with canvas(ax, 4.3) as ax:
        colours = heat()
        rectangle = need("matplotlib.patches", "plot", "drawing").Rectangle
        for r, f, n, segment, value in zip(
            recency, frequency, customers, frame["segment"], shown, strict=True
        ):
            value = value if n else np.nan  # nobody there: no colour
            depth = (value - low) / (high - low) if high > low else 0.5
            face = colours(depth) if np.isfinite(value) else "white"
            ax.add_patch(rectangle((f - 0.48, r - 0.47), 0.96, 0.94, facecolor=face))
            name = "" if segment is None or segment != segment else printable(segment)
            ax.text(
                f,
                r,
                f"{textwrap.fill(name, 13)}\n{count(n)}".strip(),
                ha="center",
                va="center",
                fontsize=SMALL,
                linespacing=1.25,
                color="white" if np.isfinite(value) and depth > 0.55 else INK,
            )
        ax.set_xlim(float(frequency.min()) - 0.5, float(frequency.max()) + 0.5)
        ax.set_ylim(float(recency.min()) - 0.5, float(recency.max()) + 0.5)
        ax.set_xticks(np.unique(frequency), [f"{f:.0f}" for f in np.unique(frequency)])
        ax.set_yticks(np.unique(recency), [f"{r:.0f}" for r in np.unique(recency)])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlabel("Frequency score (highest = buys most often)")
        ax.set_ylabel("Recency score (highest = bought last)")
        ax.set_title(f"Customers per cell; darker is more {by.replace('_', ' ')}")
        return figure_of(ax)


def segment_bars(table: IntoFrame, *, by: str = "customers", ax: Axes | None = None) -> Figure:
    r"""Draw each segment's share of the customers beside its share of another quantity.

    Parameters
    ----------
    table : frame
        What `crmvalue.segment_summary` gives, one row per segment: ``segment``, ``customers`` and
        the column `by`. Shares are those of the table (``share_of_customers``,
        ``share_of_revenue``) or, where it has none, of the column's total.
    by : str, default "customers"
        The quantity beside the customers: "revenue", "lifetime_value", "profit", "orders"; by
        default the customers alone. It may be negative; where its total is not positive or a
        value is null, a dash stands for the share.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Segments downwards in the order of the table, one bar for each quantity, in per cent and in
        brackets the quantity itself.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> told = pd.DataFrame({"segment": ["Champions", "New"], "customers": [20, 80],
    ...                      "revenue": [600.0, 400.0]})
    >>> print(segment_bars(told, by="revenue").axes[0].get_title(loc="left").replace("\xa0", " "))
    Champions: 20 % of customers, 60 % of
    revenue
    """
    frame = frame_of(table, "segments", ("segment", "customers", by))
    names = [DASH if name is None or name != name else printable(name) for name in frame["segment"]]
    columns = list(dict.fromkeys(("customers", by)))
    colours = (ACTUAL, EXPECTED)
    pitch = len(columns) + 0.7  # rows of one segment: its bars and a gap
    tops = pitch * np.arange(len(names))
    with canvas(ax, 1.2 + 0.2 * pitch * len(names)) as ax:
        drawn = []
        for row, (column, colour) in enumerate(zip(columns, colours, strict=False)):
            share, amount = shares(frame, column), numbers(frame, column)
            drawn.append(share)
            ax.barh(tops + row, np.nan_to_num(share), 0.9, color=colour, label=words(column))
            for place, part, size in zip(tops + row, share, amount, strict=True):
                text = f"{percent(part)} ({count(size)})"
                beside(ax, text, np.nan_to_num(part), place, left=part < 0)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set_yticks(tops + (len(columns) - 1) / 2, names)
        ax.set_ylim(tops[-1] + len(columns) - 0.3, -0.7)
        ax.margins(x=0.2)
        ax.set_xticks([])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_ylabel("Segment")
        ax.set_xlabel("Share of the total (%)")
        title = f"The total of {words(by)} is not positive: it has no shares"
        if not np.isfinite(numbers(frame, by)).any():
            title = f"{words(by).capitalize()} is not known"
        if np.isfinite(drawn[-1]).any():
            most = int(np.nanargmax(drawn[-1]))
            parts = (
                f"{percent(s[most])} of {words(c)}" for s, c in zip(drawn, columns, strict=True)
            )
            title = f"{names[most]}: {', '.join(parts)}"
        ax.set_title(textwrap.fill(title, 40))
        if len(columns) > 1:
            key(ax, len(columns))
        return figure_of(ax)


def score_bars(table: IntoFrame, *, by: str = "customers", ax: Axes | None = None) -> Figure:
    """Draw one bar for every cell of recency and frequency, all to one scale.

    Where `rfm_grid` shows a quantity by its colour, this shows it by its size.

    Parameters
    ----------
    table : frame
        One row per cell: ``r_score`` and ``f_score`` (whole numbers from 1) and the column `by`.
        Where there is a column ``m_score`` too, each cell has one bar per monetary score.
    by : str, default "customers"
        The column that the bars show: "customers", "revenue", "lifetime_value". Negative values go
        down from the line, and a null stands as a dash.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Frequency to the right, recency upwards; each bar has its figure above it, unless cells are
        parted by monetary scores.

    Raises
    ------
    InputError
        Where a column is missing, there are no rows, or a cell has more than one.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> grid = pd.DataFrame({"r_score": [1, 2], "f_score": [1, 1], "customers": [7, 5]})
    >>> [text.get_text() for text in score_bars(grid).axes[0].texts]
    ['7', '5']
    """
    frame = frame_of(table, "RFM grid", ("r_score", "f_score", by))
    recency, frequency, shown = (numbers(frame, column) for column in ("r_score", "f_score", by))
    cell = [column for column in ("r_score", "f_score", "m_score") if column in frame]
    _check_cells(frame, cell)
    monetary = numbers(frame, "m_score") if "m_score" in frame else np.ones(len(frame))
    money = np.unique(monetary)
    sizes = np.nan_to_num(shown)
    low, high = min(float(sizes.min()), 0.0), max(float(sizes.max()), 0.0)
    scale = 0.68 / ((high - low) or 1.0)  # the highest bar leaves room for its figure
    lines = recency - 0.46 - low * scale
    width = 0.78 / len(money)
    places = frequency + width * (np.searchsorted(money, monetary) - (len(money) - 1) / 2)
    with canvas(ax, 4.3) as ax:
        for line in np.unique(lines):
            ax.axhline(line, color=RULE, linewidth=0.8)
        rows = np.unique(recency)
        faces = [EXPECTED if size >= 0 else ACCENT for size in sizes]
        ax.bar(places, sizes * scale, 0.9 * width, bottom=lines, color=faces)
        for place, line, value, size in zip(places, lines, shown, sizes, strict=True):
            if len(money) > 1:
                break
            ax.annotate(
                count(value),
                (place, line + max(size, 0.0) * scale),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=SMALL,
                color=INK if size else MUTED,
            )
        ax.set_xlim(float(frequency.min()) - 0.5, float(frequency.max()) + 0.5)
        ax.set_ylim(float(recency.min()) - 0.5, float(recency.max()) + 0.5)
        ax.set_xticks(np.unique(frequency), [f"{f:.0f}" for f in np.unique(frequency)])
        ax.set_yticks(rows, [f"{r:.0f}" for r in rows])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlabel("Frequency score (highest = buys most often)")
        ax.set_ylabel("Recency score (highest = bought last)")
        parted = ", by monetary score" if len(money) > 1 else ""
        ax.set_title(f"{words(by).capitalize()} per cell{parted}")
        return figure_of(ax)


def _check_cells(frame: pd.DataFrame, cell: list[str]) -> None:
    """Refuse a table with two rows for a cell: they would be drawn over each other."""
    rows = frame.groupby(cell).size().reset_index(name="rows")
    twice = rows[rows["rows"] > 1]
    if not len(twice):
        return
    named = [
        f"{', '.join(f'{score} {found[score]}' for score in cell)} ({found['rows']} rows)"
        for found in twice.head(3).to_dict("records")
    ]
    more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
    raise InputError(
        f"RFM grid has more than one row in a cell: {'; '.join(named)}{more}. Cure: sum the rows "
        f"of each cell by groupby({cell}), without 'segment', or take segments that do not use M, "
        "such as those of RECENCY_FREQUENCY_GRID, so that every cell has one"
    )
