"""Pictures of who makes the value: the whale curve and the shares of the tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
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
    key,
    numbers,
    percent,
    printable,
    tier_colours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN = 400
"""Points of a curve that are drawn: more can't be seen."""

SHARES = {
    "share_of_customers": "customers",
    "share_of_revenue": "revenue",
    "share_of_profit": "profit",
    "share_of_lifetime_value": "lifetime value",
}


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
    customers, money, share = (
        numbers(frame_of(table, "whale curve", columns), column) for column in columns
    )
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
            _mark(ax, (customers[peak], height[peak]), f"peak: {form(height[peak])}", above=True)
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


def _thin(rows: int, peak: int) -> IntArray:
    """Rows to draw: evenly spread, with the first, the last and the peak."""
    spread = np.rint(np.linspace(0, rows - 1, min(rows, DRAWN - 1))).astype(np.int64)
    return np.union1d(spread, peak)


def _mark(ax: Axes, point: tuple[float, float], text: str, *, above: bool = False) -> None:
    """A dot on the curve and its figure, beside it or above."""
    ax.plot(*point, "o", color=ACCENT, markersize=6, zorder=3, clip_on=False)
    ax.annotate(
        text,
        point,
        xytext=(0, 8) if above else (9, -5),
        textcoords="offset points",
        ha="center" if above else "left",
        va="bottom" if above else "top",
        fontweight="bold",
    )


def tier_bars(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    """Draw each tier's share of the customers and of what they bring.

    Parameters
    ----------
    table : frame
        One row per tier, best first: ``tier``, ``share_of_customers`` and any of
        ``share_of_revenue, share_of_profit, share_of_lifetime_value`` (fractions of 1, perhaps
        negative; a column of nulls is not drawn).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        One group of bars per quantity and one bar per tier, in per cent.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame({"tier": ["gold", "lead"], "share_of_customers": [0.3, 0.7],
    ...                       "share_of_revenue": [0.9, 0.1]})
    >>> [text.get_text() for text in tier_bars(tiers).axes[0].texts[-2:]]
    ['Customers', 'Revenue']
    """
    frame = frame_of(table, "tiers", ("tier", "share_of_customers"))
    tiers = [printable(tier) for tier in frame["tier"]]
    shares = {
        words: numbers(frame, column)
        for column, words in SHARES.items()
        if column in frame and frame[column].notna().any()
    }
    pitch = len(tiers) + 1.7  # rows of one group: its name, its bars, a gap
    tops = pitch * np.arange(len(shares))
    with canvas(ax, 0.9 + 0.21 * pitch * len(shares)) as ax:
        for row, (tier, colour) in enumerate(zip(tiers, tier_colours(tiers), strict=True)):
            lengths = np.array([values[row] for values in shares.values()])
            ax.barh(tops + row, np.nan_to_num(lengths), 0.9, color=colour, label=tier)
            for place, length in zip(tops + row, lengths, strict=True):
                below = length < 0
                ax.annotate(
                    percent(length),
                    (np.nan_to_num(length), place),
                    xytext=(-4 if below else 4, 0),
                    textcoords="offset points",
                    ha="right" if below else "left",
                    va="center",
                    fontsize=SMALL,
                )
        for top, words in zip(tops, shares, strict=True):
            ax.text(0, top - 1, words.capitalize(), transform=ax.get_yaxis_transform(), va="center")
        ax.vlines(np.zeros(len(tops)), tops - 0.55, tops + len(tiers) - 0.45, MUTED, linewidth=0.8)
        ax.set_yticks([])
        ax.set_ylim(-1.7, tops[-1] + len(tiers) - 0.4)
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.set_xticks([])
        ax.set_xlabel("Share of the total (%)")
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        last, values = list(shares.items())[-1]
        headline = "" if last == "customers" else f", {percent(values[0])} of {last}"
        ax.set_title(
            f"{tiers[0].capitalize()}: {percent(shares['customers'][0])} of customers{headline}"
        )
        key(ax, len(tiers))
        return figure_of(ax)
