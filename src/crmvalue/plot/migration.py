"""The picture of migration: bands from the tiers before to the tiers after."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from crmvalue._frame import IntoFrame, need
from crmvalue._print import percent
from crmvalue._stats import FloatArray
from crmvalue.plot._style import (
    ACCENT,
    INK,
    MUTED,
    SMALL,
    canvas,
    count,
    figure_of,
    frame_of,
    numbers,
    printable,
    tier_colours,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTSIDE = {"new": "#b5446e", "returned": "#d98fae", "lost": "#b8bec6"}
"""Colours of the states that are no tier."""

KINDS = ("in the same tier", "in another", "lost", "new", "returned")
"""What the title tells of, in its order."""

NODE = 0.025  # width of a state's bar; the picture is 1 wide
GAP = 0.035  # between two states, as a share of the whole
HATCHED: dict[str, Any] = {
    "facecolor": "none", "edgecolor": ACCENT, "hatch": "////", "linewidth": 0
}  # fmt: skip
LINE = 0.19  # inches from one line of text to the next


def migration_flow(table: IntoFrame, *, by: str = "customers", ax: Axes | None = None) -> Figure:
    """Draw where the customers of each tier went, as bands between two dates.

    Parameters
    ----------
    table : frame
        The ``counts`` or ``value_flow`` of a `crmvalue.migration`, one row per move:
        ``from_tier`` (a tier, "new" or "returned"), ``to_tier`` (a tier or "lost") and `by`.
    by : str, default "customers"
        What the width of the bands shows: "customers", "value_before", "value_after". A negative
        value is as wide as its size, hatched and with its sign, and the title has it apart from
        what is positive; a null or a zero has no band, and a state without bands is left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        States before on the left, after on the right, in the order of the table; bands in the
        colour of where they come from. Each state has its total, each band its figure where it is
        wide enough for one.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> moves = pd.DataFrame({"from_tier": ["gold", "gold", "lead", "new"],
    ...                       "to_tier": ["gold", "lead", "lost", "lead"],
    ...                       "customers": [30, 10, 40, 20]})
    >>> print(migration_flow(moves).axes[0].get_title(loc="left"))
    Customers: 30 in the same tier, 10 in
    another, 40 lost, 20 new
    """
    frame = frame_of(table, "migration", ("from_tier", "to_tier", by))
    origin = [printable(state) for state in frame["from_tier"]]
    target = [printable(state) for state in frame["to_tier"]]
    amount = np.nan_to_num(numbers(frame, by))
    left, right = _Side(origin, amount), _Side(target, amount)
    tiers = [state for state in dict.fromkeys((*origin, *target)) if state not in OUTSIDE]
    colour = {**OUTSIDE, **dict(zip(tiers, tier_colours(tiers), strict=True))}
    states = max(len(left.states), len(right.states), 1)
    with canvas(ax, max(4.6, 1.6 + 2 * LINE * states)) as ax:
        ax.set_xlim(0, 1)
        ax.set_ylim(1 + GAP * (states - 1), -0.01)
        inches = ax.get_window_extent().height / figure_of(ax).dpi
        line = LINE / inches * abs(float(np.diff(ax.get_ylim())[0]))  # of text, in the axes' units
        # Bands leave a state in the order of their targets, so that they cross least.
        starts = left.place([right.states.index(t) if t in right.states else 0 for t in target])
        ends = right.place([left.states.index(o) if o in left.states else 0 for o in origin])
        for row in np.flatnonzero(amount):
            width = abs(amount[row]) / left.total
            _band(ax, starts[row], ends[row], width, colour[origin[row]], amount[row] < 0)
            if width >= 0.95 * line:
                ax.text(
                    NODE + 0.02,
                    starts[row] + width / 2,
                    count(amount[row]),
                    va="center",
                    fontsize=SMALL,
                )
        for side, x, across in ((left, 0.0, "right"), (right, 1.0, "left")):
            _states(ax, side, x, across, colour, line)
        ax.set_xticks([0, 1], ["Before", "After"], fontweight="bold")
        ax.xaxis.tick_top()
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_xlabel(f"{words(by).capitalize()} by tier before (left) and after (right)")
        ax.set_title(textwrap.fill(_title(origin, target, amount, by), 40))
        if (amount < 0).any():
            _explain_hatch(ax)
        return figure_of(ax)


class _Side:
    """The states of one side, one below the other, as high as the bands that touch them."""

    def __init__(self, names: list[str], amount: FloatArray) -> None:
        self.names, self.amount = names, amount
        self.total = float(np.abs(amount).sum()) or 1.0
        self.states = [
            state
            for state in dict.fromkeys(names)
            if any(size for name, size in zip(names, amount, strict=True) if name == state)
        ]
        mine = [np.array([name == state for name in names]) for state in self.states]
        self.sums = [float(amount[rows].sum()) for rows in mine]
        self.heights = np.array([np.abs(amount[rows]).sum() / self.total for rows in mine])
        self.tops = np.append(0.0, np.cumsum(self.heights + GAP))[:-1]

    def place(self, other: list[int]) -> FloatArray:
        """The upper edge of every band at this side, ordered by its state at the other."""
        top = dict(zip(self.states, self.tops, strict=True))
        edges = np.zeros(len(self.names))
        for row in sorted(np.flatnonzero(self.amount), key=lambda row: other[row]):
            edges[row] = top[self.names[row]]
            top[self.names[row]] += abs(self.amount[row]) / self.total
        return edges


def _band(ax: Axes, start: float, end: float, width: float, colour: str, negative: bool) -> None:
    """One band of the same width all along, level where it meets its states."""
    path = need("matplotlib.path", "plot", "drawing").Path
    patch = need("matplotlib.patches", "plot", "drawing").PathPatch
    a, b, middle = NODE, 1 - NODE, 0.5
    corners = [
        (a, start), (middle, start), (middle, end), (b, end),
        (b, end + width), (middle, end + width), (middle, start + width), (a, start + width),
        (a, start),
    ]  # fmt: skip
    codes = [path.MOVETO, *[path.CURVE4] * 3, path.LINETO, *[path.CURVE4] * 3, path.CLOSEPOLY]
    outline = path(corners, codes)
    ax.add_patch(patch(outline, facecolor=colour, alpha=0.42, linewidth=0))
    if negative:  # SVG fills a hatched patch opaquely, so that the hatch needs its own
        ax.add_patch(patch(outline, **HATCHED))


def _explain_hatch(ax: Axes) -> None:
    """Say below the picture what the hatched bands are."""
    patch = need("matplotlib.patches", "plot", "drawing").Patch
    ax.legend(
        handles=[patch(**HATCHED, label="Hatched: negative; totals of a tier are net of it")],
        loc="upper left",
        bbox_to_anchor=(0.0, -0.08),
        borderaxespad=0.0,
        handlelength=1.4,
    )


def _states(
    ax: Axes, side: _Side, x: float, across: str, colour: dict[str, str], line: float
) -> None:
    """The bar of each state and beside it its name and figure, none on top of another."""
    rectangle = need("matplotlib.patches", "plot", "drawing").Rectangle
    outwards = -1 if across == "right" else 1
    middles = side.tops + side.heights / 2
    plain = bool((side.amount >= 0).all())  # shares of a sum in which nothing cancels
    places = _apart(middles, 1.8 * line, ax.get_ylim()[0])
    for state, total, top, height, middle, place in zip(
        side.states, side.sums, side.tops, side.heights, middles, places, strict=True
    ):
        corner = (x if x == 0 else x - NODE, top)
        ax.add_patch(rectangle(corner, NODE, height, facecolor=colour[state], linewidth=0))
        if abs(place - middle) > line / 4:
            ax.plot(
                [x, x + 0.02 * outwards], [middle, place], color=MUTED, linewidth=0.8, clip_on=False
            )
        ax.annotate(
            f"{state}\n{count(total)}" + (f" ({percent(height)})" if plain else ""),
            (x, place),
            xytext=(13 * outwards, 0),
            textcoords="offset points",
            ha=across,
            va="center",
            color=INK,
            fontsize=SMALL,
            linespacing=1.15,
        )


def _apart(places: FloatArray, least: float, foot: float) -> FloatArray:
    """Rising places moved so that all are `least` apart, between 0 and the foot."""
    least = min(least, foot / max(len(places), 1))
    steps = least * np.arange(len(places))
    free = places - steps  # in this measure they may touch but not pass each other
    down, up = np.maximum.accumulate(free), np.minimum.accumulate(free[::-1])[::-1]
    bounded = np.minimum((down + up) / 2, foot - least / 2 - steps[-1:])
    found: FloatArray = np.maximum(bounded, least / 2) + steps
    return found


def _title(origin: list[str], target: list[str], amount: FloatArray, by: str) -> str:
    """What stayed, moved, went and came, as far as there is any; losses never net gains away."""
    gains, losses = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0.0)
    for before, after, size in zip(origin, target, amount, strict=True):
        kind = "in the same tier" if before == after else "in another"
        kind = before if before in OUTSIDE else "lost" if after == "lost" else kind
        sums = losses if size < 0 else gains
        sums[kind] += size
    parts = [
        f"{' and '.join(count(size) for size in (gains[kind], losses[kind]) if size)} {kind}"
        for kind in KINDS
        if gains[kind] or losses[kind]
    ]
    return f"{words(by).capitalize()}: {', '.join(parts) or 'no moves'}"
