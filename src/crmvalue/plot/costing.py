"""Pictures of what customers cost: the steps of a statement, and the cost-to-serve map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._print import LINES, money_digits, percent, plain
from crmvalue.plot._style import (
    ACCENT,
    EXPECTED,
    HEAT,
    INK,
    MUTED,
    beside,
    canvas,
    count,
    figure_of,
    format_axis,
    frame_of,
    numbers,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def waterfall(
    table: IntoFrame, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None
) -> Figure:
    """Draw the steps from revenue to what is left in the last line.

    Parameters
    ----------
    table : frame
        What `crmvalue.waterfall` or `crmvalue.statement_totals` gives: ``line, amount, running,
        subtotal``. Lines of 0 are left out, and
        subtotals that repeat the line above them.
    labels : mapping of str to str, optional
        What lines are called; by default those of a statement are written as words and the
        activities stand by their own names.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A bar for each line, floating from where the one before it ended; subtotals stand on 0.
        Amounts have two decimals where the largest is below 10,000.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> steps = pd.DataFrame({"line": ["list_revenue", "cost_of_goods", "gross_margin"],
    ...                       "amount": [9.0, -5.0, 4.0], "running": [9.0, 4.0, 4.0],
    ...                       "subtotal": [False, False, True]})
    >>> [label.get_text() for label in waterfall(steps).axes[0].get_yticklabels()]
    ['Revenue at list price', 'Cost of goods', 'Gross margin']
    """
    frame = frame_of(table, "waterfall", ("line", "amount", "running", "subtotal"))
    amount, running = numbers(frame, "amount"), numbers(frame, "running")
    total = frame["subtotal"].astype(bool).to_numpy()
    kept: list[int] = []
    for row in np.flatnonzero((amount != 0) | total).tolist():
        # A subtotal right after another, or after the first line, says nothing new.
        if not (total[row] and kept and (len(kept) == 1 or total[kept[-1]])):
            kept.append(row)
    names = [str(frame["line"].iloc[i]) for i in kept]
    amount, running, total = amount[kept], running[kept], total[kept]
    left = np.where(total, 0.0, running - amount)
    colours = np.where(total, EXPECTED, np.where(amount < 0, ACCENT, MUTED))
    called = {**LINES, **(labels or {})}
    digits = money_digits(amount)
    with canvas(ax, 0.6 + 0.3 * len(kept)) as ax:
        rows = np.arange(len(kept))
        ax.barh(rows, amount, left=left, height=0.64, color=colours.tolist())
        ends = np.maximum(left, left + amount)
        for row, (end, value) in enumerate(zip(ends, amount, strict=True)):
            beside(ax, plain(value, digits), end, row)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set_yticks(rows, [printable(called.get(name, name)) for name in names])
        ax.invert_yaxis()
        lowest, highest = min(0.0, float(left.min()), float((left + amount).min())), ends.max()
        widest = (float(highest) or 1.0) - lowest
        ax.set_xlim(lowest * 1.05, (float(highest) or 1.0) * 1.16)
        ax.grid(axis="x")
        ax.locator_params(axis="x", nbins=5)
        format_axis(ax.xaxis, shares=False, digits=0 if widest >= 5 else 2)
        ax.set_xlabel("Money")
        last = ax.get_yticklabels()[-1].get_text()
        ax.set_title(f"From revenue to {last[:1].lower()}{last[1:]}", loc="left")
    return figure_of(ax)


def cost_to_serve(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    """Draw the cost-to-serve map: customers by net margin and by cost to serve.

    Parameters
    ----------
    table : frame
        What ``cost_to_serve_map(values).table(values)`` gives: ``quadrant, x_band, y_band,
        customers, share_of_customers, x_sum, y_sum``, one row per cell.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A tile for each cell, the darker the more customers, with what its customers bring net of
        their cost to serve.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd, crmvalue as cv
    >>> customers = pd.DataFrame({"net_margin": [10.0, 90, 20, 70],
    ...                           "cost_to_serve": [5.0, 9, 40, 60]})
    >>> cells = cv.cost_to_serve_map(customers).table(customers)
    >>> cost_to_serve(cells).axes[0].get_xlabel()
    'Cost to serve'
    """
    columns = ("quadrant", "x_band", "y_band", "customers", "share_of_customers", "x_sum", "y_sum")
    frame = frame_of(table, "cost-to-serve map", columns)
    x_bands, y_bands = (list(dict.fromkeys(frame[c].astype(str))) for c in ("x_band", "y_band"))
    share = numbers(frame, "share_of_customers")
    left = numbers(frame, "y_sum") - numbers(frame, "x_sum")
    customers = numbers(frame, "customers")
    steps = np.linspace(0, max(float(share.max()), 1e-9), len(HEAT))
    with canvas(ax, 3.6) as ax:
        for row in range(len(frame)):
            column = x_bands.index(str(frame["x_band"].iloc[row]))
            line = y_bands.index(str(frame["y_band"].iloc[row]))
            dark = int(np.searchsorted(steps, share[row]))
            ax.bar(column, 0.96, bottom=line - 0.48, width=0.97, color=HEAT[dark])
            text = (
                f"{printable(frame['quadrant'].iloc[row])}\n{count(customers[row])} customers, "
                f"{percent(share[row])}\n{count(left[row])} left"
            )
            ink = "white" if dark >= len(HEAT) - 2 else INK
            ax.text(column, line, text, ha="center", va="center", color=ink)
        ax.set_xticks(range(len(x_bands)), x_bands)
        ax.set_yticks(range(len(y_bands)), y_bands)
        ax.set_xlim(-0.5, len(x_bands) - 0.5)
        ax.set_ylim(-0.5, len(y_bands) - 0.5)
        for side in ax.spines.values():
            side.set_visible(False)
        ax.set_xlabel("Cost to serve")
        ax.set_ylabel("Net margin")
        ax.set_title("Cost-to-serve map: what is left of the margin", loc="left")
    return figure_of(ax)
