"""Pictures of how well a model of purchases follows what customers did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue.plot._style import (
    ACTUAL,
    EXPECTED,
    MUTED,
    SHADE,
    SMALL,
    beside,
    canvas,
    count,
    date_axis,
    days,
    figure_of,
    format_axis,
    frame_of,
    key,
    numbers,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def tracking(
    table: IntoFrame, *, cumulative: bool = True, period: str = "period", ax: Axes | None = None
) -> Figure:
    """Draw actual and expected repeat purchases over time, the holdout shaded.

    Parameters
    ----------
    table : frame
        One row per period: ``end_date``, ``actual`` and ``expected`` (or ``cumulative_actual`` and
        ``cumulative_expected``; purchases) and ``holdout`` (whether the model had not seen it;
        null where that is not known).
    cumulative : bool, default True
        Draw the sums since the start, or each period by itself.
    period : str
        What a period is, in words: "week".
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Purchases against the date on which the period ends.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> periods = pd.DataFrame({"end_date": pd.to_datetime(["2024-01-07", "2024-01-14"]),
    ...                         "actual": [5, 4], "expected": [4.5, 4.2], "holdout": [False, True]})
    >>> figure = tracking(periods, cumulative=False, period="week")
    >>> figure.axes[0].get_ylabel()
    'Repeat purchases per week'
    """
    prefix = "cumulative_" if cumulative else ""
    names = (f"{prefix}actual", f"{prefix}expected")
    frame = frame_of(table, "tracking", ("end_date", "holdout", *names))
    actual, expected = (numbers(frame, name) for name in names)
    held_out = frame["holdout"].eq(True).fillna(False).to_numpy(dtype=bool)
    with canvas(ax, 3.5) as ax:
        when = days(frame["end_date"])
        ax.plot(when, actual, color=ACTUAL, linewidth=1.6, label="actual")
        ax.plot(
            when, expected, color=EXPECTED, linewidth=2, linestyle=(0, (4, 1.5)), label="expected"
        )
        top = float(np.nanmax(np.append(actual, expected))) * 1.15 or 1.0
        if held_out.any():
            first = int(np.argmax(held_out))
            start = when[max(first - 1, 0)]
            ax.axvspan(start, when[-1], color=SHADE, zorder=0, linewidth=0)
            ax.annotate(
                "holdout: not seen by the model",
                (float(start), top),
                xytext=(5, -5),
                textcoords="offset points",
                va="top",
                color=MUTED,
                fontsize=SMALL,
            )
        ax.set_ylim(0, top)
        ax.margins(x=0.01)
        ax.grid(axis="y")
        date_axis(ax, when)
        format_axis(ax.yaxis, shares=False)
        ax.set_xlabel(f"End of the {period}")
        ax.set_ylabel("Repeat purchases so far" if cumulative else f"Repeat purchases per {period}")
        ax.set_title(
            "Repeat purchases so far, actual and expected"
            if cumulative
            else f"Repeat purchases {period} by {period}"
        )
        key(ax, 2)
        return figure_of(ax)


def frequency(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    """Draw how many customers made 0, 1, 2... repeat purchases, actual and expected.

    Parameters
    ----------
    table : frame
        ``purchases`` (text or whole numbers, in order), ``actual`` and ``expected`` (customers).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A pair of bars for each number of purchases.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"purchases": ["0", "1+"], "actual": [6, 3], "expected": [5.8, 3.2]})
    >>> [text.get_text() for text in frequency(table).axes[0].texts]
    ['6', '3', '6', '3']
    """
    frame = frame_of(table, "frequency", ("purchases", "actual", "expected"))
    places = np.arange(len(frame))
    with canvas(ax, 0.9 + 0.42 * len(frame)) as ax:
        for shift, series, colour in ((-0.2, "actual", ACTUAL), (0.2, "expected", EXPECTED)):
            customers = numbers(frame, series)
            ax.barh(places + shift, customers, 0.37, color=colour, label=series)
            for place, number in zip(places, customers, strict=True):
                beside(ax, count(number), np.nan_to_num(number), place + shift)
        ax.set_yticks(places, [printable(n) for n in frame["purchases"]])
        ax.invert_yaxis()
        ax.margins(x=0.14, y=0.02)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.set_xlabel("Customers")
        ax.set_ylabel("Repeat purchases of a customer")
        ax.set_title("Customers by number of repeat purchases")
        key(ax, 2)
        return figure_of(ax)
