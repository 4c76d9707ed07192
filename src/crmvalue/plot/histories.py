"""Pictures of what a model says of histories: over a grid of them, and along a customer's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame, need
from crmvalue._print import percent
from crmvalue._stats import FloatArray
from crmvalue.errors import InputError
from crmvalue.plot._style import (
    ACTUAL,
    EXPECTED,
    MUTED,
    SMALL,
    canvas,
    date_axis,
    days,
    figure_of,
    format_axis,
    frame_of,
    heat,
    key,
    numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = ("expected_purchases", "probability_alive")
STEPS = 20  # of colour; a reader can't tell more apart, and a scale of more would be no vectors
UNIT_WORDS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


def history_grid(
    table: IntoFrame, *, by: str = "expected_purchases", unit: str = "W", ax: Axes | None = None
) -> Figure:
    """Draw what a model says of customers over the grid of their histories.

    Parameters
    ----------
    table : frame
        As `history_grid` of the models gives it: ``frequency``, ``recency``, ``T``, ``horizon`` and
        the column `by`.
    by : {"expected_purchases", "probability_alive"}
        What the colour shows, from light (least) to dark (most). Histories that are not in the
        table stay white.
    unit : {"W", "D", "M", "Y"}
        The unit of the times in the table.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Frequency to the right, age at the last purchase upwards.

    Raises
    ------
    InputError
        Where a column is missing, there are no rows, or `by` or `unit` is none of these.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> grid = pd.DataFrame({"frequency": [0, 1, 1], "recency": [0.0, 19.5, 39.0], "T": 39.0,
    ...                      "horizon": 39.0, "probability_alive": [0.9, 0.6, 0.8]})
    >>> figure = history_grid(grid, by="probability_alive")
    >>> figure.axes[0].get_ylabel()
    'Age at the last purchase (weeks)'
    """
    if unit not in UNIT_WORDS or by not in SHOWN:
        raise InputError(
            f"by must be one of {', '.join(map(repr, SHOWN))} and unit one of "
            f"{', '.join(map(repr, UNIT_WORDS))}; got by={by!r}, unit={unit!r}"
        )
    frame = frame_of(table, "history grid", ("frequency", "recency", "T", "horizon", by))
    across, column = np.unique(numbers(frame, "frequency"), return_inverse=True)
    upwards, row = np.unique(numbers(frame, "recency"), return_inverse=True)
    shown = np.full((len(upwards), len(across)), np.nan)
    shown[row, column] = numbers(frame, by)
    shares, words = by == "probability_alive", UNIT_WORDS[unit]
    age, horizon = (f"{numbers(frame, name)[0]:.4g} {words}" for name in ("T", "horizon"))
    with canvas(ax, 4.0) as ax:
        cells = ax.pcolormesh(
            _edges(across),
            _edges(upwards),
            shown,
            cmap=heat(STEPS),
            vmin=0,
            vmax=1 if shares else None,
            edgecolors="face",  # else browsers leave hairlines between cells
            linewidth=0.4,
        )
        scale = figure_of(ax).colorbar(cells, cax=ax.inset_axes((1.03, 0.0, 0.035, 1.0)))
        scale.outline.set_visible(False)
        scale.ax.tick_params(colors=MUTED, labelsize=SMALL, length=0)
        if shares:
            format_axis(scale.ax.yaxis, shares=True)
        ticker = need("matplotlib.ticker", "plot", "drawing")
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlabel("Repeat purchases of a customer")
        ax.set_ylabel(f"Age at the last purchase ({words})")
        ax.set_title(
            f"Probability of being alive at an age of {age}"
            if shares
            else f"Purchases expected in {horizon} from an age of {age}"
        )
        return figure_of(ax)


def alive_path(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    r"""Draw the probability that a customer is alive, day by day, with the days of purchase.

    Parameters
    ----------
    table : frame
        As `alive_path` of the models gives it: ``date``, ``purchase`` and ``probability_alive``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The probability against the date; a tick below for each purchase.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> path = pd.DataFrame({"date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
    ...                      "purchase": [True, False, True], "probability_alive": [1, 0.9, 0.8]})
    >>> figure = alive_path(path)
    >>> figure.axes[0].get_title(loc="left")
    'Probability that the customer is alive: 80\xa0% at the end'
    """
    frame = frame_of(table, "alive path", ("date", "purchase", "probability_alive"))
    alive, bought = numbers(frame, "probability_alive"), frame["purchase"].to_numpy(dtype=bool)
    with canvas(ax, 3.2) as ax:
        when = days(frame["date"])
        ax.plot(when, alive, color=EXPECTED, linewidth=2, label="probability alive")
        ax.plot(
            when[bought],
            np.full(int(bought.sum()), -0.06),
            linestyle="none",
            marker="|",
            markersize=9,
            markeredgewidth=1.6,
            color=ACTUAL,
            label="purchase",
            clip_on=False,
        )
        ax.set_ylim(-0.12, 1.04)
        ax.set_yticks(np.linspace(0, 1, 5))
        ax.margins(x=0.01)
        ax.grid(axis="y")
        format_axis(ax.yaxis, shares=True)
        date_axis(ax, when)
        ax.set_xlabel("Date")
        ax.set_ylabel("Probability of being alive (%)")
        ax.set_title(f"Probability that the customer is alive: {percent(alive[-1])} at the end")
        key(ax, 2)
        return figure_of(ax)


def _edges(centres: FloatArray) -> FloatArray:
    """Edges of cells around rising centres, half-way between them."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    between = (centres[1:] + centres[:-1]) / 2
    edges: FloatArray = np.concatenate(
        [[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]]
    )
    return edges
