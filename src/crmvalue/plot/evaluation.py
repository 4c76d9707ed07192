"""Pictures of whether forecasts are right on the whole for customers of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue.plot._style import (
    ACTUAL,
    EXPECTED,
    canvas,
    count,
    figure_of,
    frame_of,
    key,
    numbers,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def calibration_by_frequency(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    r"""Draw mean purchases in the holdout period by the repeat purchases before it.

    Parameters
    ----------
    table : frame
        As `crmvalue.calibration_by_frequency` gives it: ``frequency``, ``customers``, ``actual``
        and ``expected``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A point for each group, actual and expected; the number of customers below its name.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frequency": ["0", "1+"], "customers": [60, 40],
    ...                       "actual": [0.2, 1.4], "expected": [0.3, 1.3]})
    >>> [text.get_text() for text in calibration_by_frequency(table).axes[0].get_xticklabels()]
    ['0\n60', '1+\n40']
    """
    return _calibration(
        table,
        "frequency",
        "Repeat purchases in calibration (below: customers)",
        "Purchases in the holdout by those before it",
        ax,
    )


def calibration_by_decile(table: IntoFrame, *, ax: Axes | None = None) -> Figure:
    """Draw mean purchases in the holdout period by tenths of the customers by forecast.

    Parameters
    ----------
    table : frame
        As `crmvalue.calibration_by_decile` gives it: ``decile``, ``customers``, ``actual`` and
        ``expected``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        A point for each group, actual and expected; the number of customers below its name.

    Raises
    ------
    InputError
        Where a column is missing or there are no rows.
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"decile": [1, 2], "customers": [50, 50],
    ...                       "actual": [0.2, 1.4], "expected": [0.3, 1.3]})
    >>> calibration_by_decile(table).axes[0].get_ylabel()
    'Purchases per customer'
    """
    return _calibration(
        table,
        "decile",
        "Tenth by forecast, 10 the highest (below: customers)",
        "Purchases in the holdout by what was expected",
        ax,
    )


def _calibration(
    table: IntoFrame, group: str, group_words: str, title: str, ax: Axes | None
) -> Figure:
    frame = frame_of(table, "calibration", (group, "customers", "actual", "expected"))
    places = np.arange(len(frame))
    with canvas(ax, 3.7) as ax:
        for series, colour, dashes, marker in (
            ("actual", ACTUAL, "-", "o"),
            ("expected", EXPECTED, (0, (4, 1.5)), "s"),
        ):
            ax.plot(
                places,
                numbers(frame, series),
                color=colour,
                linestyle=dashes,
                linewidth=1.8,
                marker=marker,
                markersize=5,
                label=series,
            )
        customers = numbers(frame, "customers")
        ax.set_xticks(
            places,
            [f"{printable(n)}\n{count(c)}" for n, c in zip(frame[group], customers, strict=True)],
        )
        ax.set_ylim(bottom=0)
        ax.grid(axis="y")
        ax.set_xlabel(group_words)
        ax.set_ylabel("Purchases per customer")
        ax.set_title(title)
        key(ax, 2)
        return figure_of(ax)
