"""The picture of the recency-frequency grid."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame, need
from crmvalue.plot._style import (
    HEAT,
    INK,
    SMALL,
    canvas,
    count,
    figure_of,
    frame_of,
    numbers,
    printable,
)

if TYPE_CHECKING:
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
        Where a column is missing or there are no rows.
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
    recency, frequency, customers, shown = (
        numbers(frame, column) for column in ("r_score", "f_score", "customers", by)
    )
    known = shown[np.isfinite(shown)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    with canvas(ax, 4.3) as ax:
        colours = need("matplotlib.colors", "plot", "drawing").LinearSegmentedColormap.from_list(
            "heat", HEAT
        )
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
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.set_xlabel("Frequency score (highest = buys most often)")
        ax.set_ylabel("Recency score (highest = bought last)")
        ax.set_title(f"Customers per cell; darker is more {by.replace('_', ' ')}")
        return figure_of(ax)
