"""One look for every picture: palette, sizes, axes, and how figures are written on them."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, enter, need
from crmvalue._print import SPACE, plain
from crmvalue._stats import FloatArray, positive_total
from crmvalue._table import to_pandas
from crmvalue.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

INK = "#1b2733"
MUTED = "#566270"
RULE = "#d9dee4"
SHADE = "#f0f3f6"
ACTUAL = "#3d4854"
EXPECTED = "#0072b2"
ACCENT = "#b4530a"

TIER_COLOURS = {"gold": "#c79200", "steel": "#4a7fb0", "lead": "#4b4f58"}
OTHER_TIERS = ("#c79200", "#4a7fb0", "#5aa08a", "#4b4f58", "#8d6a9f", "#9aa3ad")
"""Told apart in hue and in lightness, so also by the colour-blind and in grey print."""

HEAT = ("#eef4f8", "#b9d4e4", "#7fb0cf", "#3f83b1", "#1a4f7d")

WIDTH = 6.0  # inches; with this text it reads on a page, on half of one and on a phone
TEXT, SMALL = 10.5, 9.5  # points
MONTHS_FROM = 150  # days from which an axis of time names months instead of days

_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 12.0,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": TEXT,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.fontsize": TEXT,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # a segment called "$$" is a name, not a formula
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}
_KINDS = tuple(
    f"{kind}."
    for kind in ("axes", "date", "figure", "font", "grid", "hatch", "image", "legend", "lines",
                 "patch", "path", "savefig", "svg", "text", "xtick", "ytick")
)  # fmt: skip
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOCK = threading.RLock()


@contextmanager
def style() -> Iterator[None]:
    """Draw in this look whatever the caller's settings are, and leave those as they were.

    matplotlib's settings belong to the whole process, so one thread draws at a time.
    """
    mpl = need("matplotlib", "plot", "drawing")
    defaults = {k: mpl.rcParamsDefault[k] for k in mpl.rcParamsDefault if k.startswith(_KINDS)}
    with _LOCK, mpl.rc_context({**defaults, **_RC}):
        yield


@contextmanager
def canvas(ax: Axes | None, height: float) -> Iterator[Axes]:
    """Axes to draw on: the caller's own, or those of a new figure `height` inches high."""
    picture = _picture_class()
    with style():
        if ax is None:
            # Saved as it is, it has to be read on any ground; `to_svg` leaves the ground out.
            figure = picture(figsize=(WIDTH, height), layout="constrained", facecolor="white")
            ax = figure.subplots()
        assert ax is not None
        # Ticks are made when the figure is saved, perhaps under other settings: say it now.
        ax.tick_params(colors=MUTED, labelsize=TEXT, length=0, pad=5.5)
        yield ax


@cache
def _picture_class() -> type[Figure]:
    """A figure that notebooks show by itself.

    pyplot would see to that, but it keeps every figure and picks a screen.
    """
    base: type[Figure] = need("matplotlib.figure", "plot", "drawing").Figure

    class Picture(base):  # type: ignore[valid-type, misc]  # matplotlib is loaded only here
        def _repr_png_(self) -> bytes:
            target = io.BytesIO()
            with style():
                self.savefig(target, format="png", dpi=110, facecolor="white")
            return target.getvalue()

    return Picture


def figure_of(ax: Axes) -> Figure:
    """The whole figure that the axes stand in."""
    figure: Any = ax.figure
    while figure.figure is not None and figure.figure is not figure:
        figure = figure.figure
    found: Figure = figure
    return found


def frame_of(table: IntoFrame, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The table to draw, checked for its columns and for having rows."""
    frame = to_pandas(enter(table, name, columns).to_native(), name)
    if not len(frame):
        raise InputError(f"{name} has no rows, so there is nothing to draw")
    return frame


def numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    """A column as floats, NaN where it is null."""
    found: FloatArray = pd.to_numeric(frame[column]).to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def shares(frame: pd.DataFrame, column: str) -> FloatArray:
    """A column as shares of its total, as the table has them, else from the column itself.

    NaN where the total is not positive or only rounding: shares of it say nothing.
    """
    if (given := f"share_of_{column}") in frame:
        return numbers(frame, given)
    values = numbers(frame, column)
    known = values[~np.isnan(values)]
    return values / positive_total(known, known.sum())


def words(column: str) -> str:
    """The name of a column as words."""
    return printable(column).replace("_", " ")


def printable(text: object) -> str:
    """A label without the characters that neither a font nor XML knows."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def count(value: float) -> str:
    """A whole number with thousands separators; a dash where it is not known."""
    return plain(value, 0)


def format_axis(axis: Any, *, shares: bool, digits: int = 0) -> None:
    """Write the numbers of an axis, with thousands separators; shares as whole per cent."""
    scale, unit = (100, f"{SPACE}%") if shares else (1, "")
    axis.set_major_formatter(lambda value, _: plain(scale * value, digits) + unit)


def heat(steps: int = 256) -> LinearSegmentedColormap:
    """The colours from least to most, so many of them."""
    colours: Any = need("matplotlib.colors", "plot", "drawing")
    found: LinearSegmentedColormap = colours.LinearSegmentedColormap.from_list("heat", HEAT, steps)
    return found


def days(column: pd.Series[Any]) -> FloatArray:
    """Dates as matplotlib counts them."""
    dates = need("matplotlib.dates", "plot", "drawing")
    found: FloatArray = dates.date2num(pd.to_datetime(column).to_numpy(dtype="datetime64[D]"))
    return found


def date_axis(ax: Axes, when: FloatArray) -> None:
    """Name months on a long axis of time, days on a short one."""
    dates = need("matplotlib.dates", "plot", "drawing")
    form = "%Y-%m" if when[-1] - when[0] >= MONTHS_FROM else "%Y-%m-%d"
    ax.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=7))
    ax.xaxis.set_major_formatter(dates.DateFormatter(form))


def tier_colours(tiers: Sequence[str]) -> list[str]:
    """One colour per tier: gold, steel and lead as they look, other names in order."""
    if all(tier in TIER_COLOURS for tier in tiers):
        return [TIER_COLOURS[tier] for tier in tiers]
    return [OTHER_TIERS[i % len(OTHER_TIERS)] for i in range(len(tiers))]


def beside(
    ax: Axes, text: str, end: float, row: float, *, left: bool = False, size: float = SMALL
) -> None:
    """Write a figure at the end of a bar that lies in a row: on its right, or on its left."""
    ax.annotate(
        text,
        (end, row),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=size,
    )


def key(ax: Axes, columns: int, handles: Sequence[Any] | None = None) -> None:
    """The key of the series, or of the handles given, between the title and the axes."""
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        borderaxespad=0.0,
        borderpad=0.2,
        handlelength=1.4,
        columnspacing=1.4,
    )
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=26.0)
