"""Pictures of how value is concentrated: the whale curve and the Lorenz curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._print import percent
from crmvalue._stats import IntArray
from crmvalue.plot._style import (
    ACCENT,
    EXPECTED,
    MUTED,
    SMALL,
    canvas,
    count,
    figure_of,
    format_axis,
    frame_of,
    numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN = 400
"""Points of a curve that are drawn: more can't be seen."""


def whale_curve(table: IntoFrame, *, what: str = "value", ax: Axes | None = None) -> Figure:
    """Draw the cumulative value of customers, from the most to the least valuable.

    Parameters
    ----------
    table : frame
        What `crmvalue.whale_curve` gives: ``share_of_customers`` and ``cumulative_share``
        (fractions of 1, rising customers) and ``cumulative_value`` (money), one row per customer.
        At most 400 rows are drawn, among them the peak.
    what : str
        What the value is, in words: "profit", "lifetime value".
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Per cent of customers against per cent of the total, or against money where the total is
        not positive and shares of it say nothing.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> from crmvalue import tiers
    >>> curve = tiers.whale_curve([50.0, 90.0, 10.0, 5.0, -35.0])
    >>> whale_curve(curve, what="profit").axes[0].get_ylabel()
    'Cumulative profit (% of total)'
    """
    columns = ("share_of_customers", "cumulative_value", "cumulative_share")
    frame = frame_of(table, "whale curve", columns)
    customers, money, share = (numbers(frame, column) for column in columns)
    in_shares = bool(np.isfinite(share).all())
    height, form = (share, percent) if in_shares else (money, count)
    peak = int(np.argmax(height))
    kept = _thin(len(height), peak)
    with canvas(ax, 3.9) as ax:
        x, y = np.append(0.0, customers[kept]), np.append(0.0, height[kept])
        ax.fill_between(x, y, color=EXPECTED, alpha=0.10, linewidth=0)
        ax.plot([0, 1], [0, height[-1]], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        ax.plot(x, y, color=EXPECTED, linewidth=2.2)
        best = max(int(np.searchsorted(customers, 0.2, side="right")) - 1, 0)
        text = f"{percent(customers[best])} of customers: {form(height[best])}"
        _mark(ax, (customers[best], height[best]), text)
        if height[peak] > max(height[-1], 0) * 1.005 and peak != best:
            _mark(ax, (customers[peak], height[peak]), f"peak: {form(height[peak])}", side="above")
        flat = height[-1] < 0.3 * height[peak]
        ax.annotate(
            "if all were worth the same",
            (0.62, 0.62 * height[-1]),
            xytext=(6, 5 if flat else -5),
            textcoords="offset points",
            va="bottom" if flat else "top",
            color=MUTED,
            fontsize=SMALL,
        )
        ax.grid(axis="y")
        ax.set_xlim(0, 1)
        ax.set_ylim(min(0.0, float(height.min())) * 1.08, float(max(height.max(), 0)) * 1.14 or 1)
        format_axis(ax.xaxis, shares=True)
        format_axis(ax.yaxis, shares=in_shares)
        ax.set_xlabel("Customers, from the most to the least valuable (% of all)")
        if in_shares:
            ax.set_ylabel(f"Cumulative {what} (% of total)")
            ax.set_title(
                f"The best {percent(customers[best])} make {percent(share[best])} of {what}"
            )
        else:
            ax.set_ylabel(f"Cumulative {what} (money)")
            ax.set_title(f"All customers together make a {what} of {count(money[-1])}")
        return figure_of(ax)


def lorenz_curve(table: IntoFrame, *, what: str = "value", ax: Axes | None = None) -> Figure:
    r"""Draw the share of value that the least valuable customers hold, beside equality.

    Parameters
    ----------
    table : frame
        What `crmvalue.lorenz_curve` gives: ``share_of_customers`` (rising) and
        ``cumulative_share`` (fractions of 1; below 0 where values are negative), from the origin.
        At most 400 rows are drawn, among them the lowest.
    what : str
        What the value is, in words: "profit", "lifetime value".
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        Per cent of customers against per cent of the total. Where that is not positive, and
        the shares are null, only the line of equality and a title that says so.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> from crmvalue import tiers
    >>> curve = tiers.lorenz_curve([5.0, 5.0, 10.0, 20.0, 60.0])
    >>> lorenz_curve(curve, what="profit").axes[0].get_title(loc="left").replace("\xa0", " ")
    'The lower 80 % make 40 % of profit'
    """
    columns = ("share_of_customers", "cumulative_share")
    frame = frame_of(table, "Lorenz curve", columns)
    customers, share = (numbers(frame, column) for column in columns)
    known = bool(np.isfinite(share).all())
    with canvas(ax, 3.9) as ax:
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        ax.annotate(
            "if all were worth the same",
            (0.5, 0.5),
            xytext=(-7, 4),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=SMALL,
        )
        title = f"The total of {what} is not positive: it has no shares"
        if known:
            kept = _thin(len(share), int(np.argmin(share)))
            x, y = customers[kept], share[kept]
            ax.fill_between(x, y, x, color=EXPECTED, alpha=0.10, linewidth=0)
            ax.plot(x, y, color=EXPECTED, linewidth=2.2)
            ax.axhline(0, color=MUTED, linewidth=0.8)
            lower = max(int(np.searchsorted(customers, 0.8, side="right")) - 1, 0)
            title = f"The lower {percent(customers[lower])} make {percent(share[lower])} of {what}"
            point = (customers[lower], share[lower])
            text = f"{percent(customers[lower])} of customers: {percent(share[lower])}"
            _mark(ax, point, text, side="left")
        ax.grid(axis="y")
        ax.set_xlim(0, 1)
        ax.set_ylim(min(0.0, float(share.min())) * 1.08 if known else 0, 1)
        format_axis(ax.xaxis, shares=True)
        format_axis(ax.yaxis, shares=True)
        ax.set_xlabel("Customers, from the least to the most valuable (% of all)")
        ax.set_ylabel(f"Cumulative {what} (% of total)")
        ax.set_title(title)
        return figure_of(ax)


def _thin(rows: int, peak: int) -> IntArray:
    """Rows to draw: evenly spread, with the first, the last and the peak."""
    spread = np.rint(np.linspace(0, rows - 1, min(rows, DRAWN - 1))).astype(np.int64)
    return np.union1d(spread, peak)


def _mark(ax: Axes, point: tuple[float, float], text: str, *, side: str = "right") -> None:
    """A dot on the curve and its figure: to the right and lower, to the left and higher, above."""
    shift, across, up = {
        "right": ((9, -5), "left", "top"),
        "left": ((-9, 5), "right", "bottom"),
        "above": ((0, 8), "center", "bottom"),
    }[side]
    ax.plot(*point, "o", color=ACCENT, markersize=6, zorder=3, clip_on=False)
    ax.annotate(
        text,
        point,
        xytext=shift,
        textcoords="offset points",
        ha=across,
        va=up,
        fontweight="bold",
    )
