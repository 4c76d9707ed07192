"""Pictures of who makes the value: the shares of the tiers, as bars and as a pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._print import percent
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.plot._style import (
    MUTED,
    TEXT,
    beside,
    canvas,
    figure_of,
    frame_of,
    key,
    numbers,
    printable,
    shares,
    tier_colours,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = {
    "share_of_customers": "customers",
    "share_of_revenue": "revenue",
    "share_of_profit": "profit",
    "share_of_contribution": "contribution",
    "share_of_lifetime_value": "lifetime value",
}
VALUES = ("lifetime_value", "profit", "revenue")


def tier_bars(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    """Draw each tier's share of the customers and of what they bring.

    Parameters
    ----------
    table : frame
        One row per tier, best first: ``tier``, ``share_of_customers`` and any of
        ``share_of_revenue, share_of_profit, share_of_contribution, share_of_lifetime_value``
        (fractions of 1, perhaps negative; a column of nulls is not drawn).
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
    drawn = {
        title: numbers(frame, column)
        for column, title in SHARES.items()
        if column in frame and frame[column].notna().any()
    }
    pitch = len(tiers) + 1.7  # rows of one group: its name, its bars, a gap
    tops = pitch * np.arange(len(drawn))
    with canvas(ax, 0.9 + 0.21 * pitch * len(drawn)) as ax:
        for row, (tier, colour) in enumerate(zip(tiers, tier_colours(tiers), strict=True)):
            lengths = np.array([values[row] for values in drawn.values()])
            ax.barh(tops + row, np.nan_to_num(lengths), 0.9, color=colour, label=tier)
            for place, length in zip(tops + row, lengths, strict=True):
                beside(ax, percent(length), np.nan_to_num(length), place, left=length < 0)
        for top, title in zip(tops, drawn, strict=True):
            ax.text(0, top - 1, title.capitalize(), transform=ax.get_yaxis_transform(), va="center")
        ax.vlines(np.zeros(len(tops)), tops - 0.55, tops + len(tiers) - 0.45, MUTED, linewidth=0.8)
        ax.set_yticks([])
        ax.set_ylim(-1.7, tops[-1] + len(tiers) - 0.4)
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.set_xticks([])
        ax.set_xlabel("Share of the total (%)")
        ax.spines[["left", "bottom"]].set_visible(False)
        last, values = list(drawn.items())[-1]
        headline = "" if last == "customers" else f", {percent(values[0])} of {last}"
        ax.set_title(f"{_upper(tiers[0])}: {percent(drawn['customers'][0])} of customers{headline}")
        key(ax, len(tiers))
        return figure_of(ax)


def pyramid(table: IntoFrame, ax: Axes | None = None) -> Figure:
    r"""Draw the value pyramid: the customers of each tier on one side, their value on the other.

    Parameters
    ----------
    table : frame
        One row per tier, best first, such as the ``summary`` of fitted tiers: ``tier``, either of
        ``share_of_customers`` and ``customers``, and the first of ``share_of_value``,
        ``share_of_lifetime_value``, ``share_of_profit`` and ``share_of_revenue`` that is known
        (fractions of 1, perhaps negative; a dash stands for a null).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The best tier on top; customers to the left and value to the right, in per cent and to one
        scale.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame({"tier": ["VIP", "main", "small"], "customers": [1, 4, 95],
    ...                       "share_of_value": [0.4, 0.3, 0.3]})
    >>> pyramid(tiers).axes[0].get_title(loc="left").replace("\xa0", " ")
    'VIP: 1.0 % of customers make 40 % of value'
    """
    if isinstance(table, Value):  # the tiers themselves, which hold no customers
        raise InputError(
            f"pyramid must be a table with a row per tier; got {type(table).__name__}. "
            "Cure: pass the summary of the tiers: tiers.summary(values)"
        )
    frame = frame_of(table, "pyramid", ("tier",))
    if "share_of_customers" not in frame:
        frame = frame_of(table, "pyramid", ("tier", "customers"))
    there = [column for column in ("value", *VALUES) if f"share_of_{column}" in frame]
    known = [column for column in there if frame[f"share_of_{column}"].notna().any()]
    what = (known or there or ["value"])[0]
    if not there:
        frame_of(table, "pyramid", ("tier", "share_of_value"))
    customers, value = shares(frame, "customers"), shares(frame, what)
    tiers = [printable(tier) for tier in frame["tier"]]
    lengths = np.nan_to_num(customers), np.nan_to_num(value)
    widest = max(float(np.abs(side).max()) for side in lengths) or 1.0
    half = widest * min(0.07 + 0.016 * max(map(len, tiers)), 0.5)  # of the gap with the names
    right = half - min(float(lengths[1].min()), 0.0)
    rows = list(range(len(tiers)))
    with canvas(ax, 1.3 + 0.42 * len(tiers)) as ax:
        colours = tier_colours(tiers)
        ax.barh(rows, -lengths[0], 0.86, left=-half, color=colours, alpha=0.55)
        ax.barh(rows, lengths[1], 0.86, left=right, color=colours)
        if right > half:
            ax.axvline(right, color=MUTED, linewidth=0.8)
        ends = (-half - lengths[0], np.maximum(right + lengths[1], right))
        for end, figures, left in zip(ends, (customers, value), (True, False), strict=True):
            for row in rows:
                beside(ax, percent(figures[row]), end[row], row, left=left, size=TEXT)
        for row, tier in enumerate(tiers):
            ax.text(0, row, tier, ha="center", va="center", fontweight="bold")
        for place, side, text in ((-half, "right", "Customers"), (right, "left", words(what))):
            ax.text(place, -0.62, text.capitalize(), ha=side, va="bottom", color=MUTED)
        ax.set_xlim(ends[0].min() - 0.17 * widest, ends[1].max() + 0.17 * widest)
        ax.set_ylim(len(tiers) - 0.5, -1.1)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlabel("Share of the total (%)")
        ax.set_title(
            f"{_upper(tiers[0])}: {percent(customers[0])} of customers make "
            f"{percent(value[0])} of {words(what)}"
        )
        return figure_of(ax)


def _upper(name: str) -> str:
    """A name as a title begins with it; VIP stays VIP."""
    return name[:1].upper() + name[1:]
