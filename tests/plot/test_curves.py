from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmvalue import lorenz_curve, plot

Frames = dict[str, pd.DataFrame]


def test_lorenz_names_the_lower_four_fifths(drawn_tables: Frames) -> None:
    ax = plot.lorenz_curve(drawn_tables["lorenz_curve"], what="profit").axes[0]
    assert ax.get_title(loc="left").replace("\xa0", " ") == "The lower 80 % make 25 % of profit"
    equality, curve = ax.lines[:2]
    np.testing.assert_array_equal(equality.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(curve.get_xydata(), drawn_tables["lorenz_curve"].to_numpy())


def test_lorenz_of_many_customers_keeps_its_lowest_point() -> None:
    table = lorenz_curve(np.linspace(-1.0, 2.0, 23_570))
    ax = plot.lorenz_curve(table).axes[0]
    curve = np.asarray(ax.lines[1].get_ydata())
    assert len(curve) <= 401
    assert curve.min() == table["cumulative_share"].min() < 0
    assert ax.get_ylim()[0] < curve.min()


@pytest.mark.parametrize("values", [[-1.0, -2.0], [0.0, 0.0], [-3.0, 3.0]])
def test_lorenz_without_a_positive_total_is_only_equality(values: list[float]) -> None:
    ax = plot.lorenz_curve(lorenz_curve(values), what="profit").axes[0]
    assert ax.get_title(loc="left") == "The total of profit is not positive: it has no shares"
    assert len(ax.lines) == 1


def test_lorenz_of_one_customer() -> None:
    ax = plot.lorenz_curve(lorenz_curve([5.0])).axes[0]
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[0, 0], [1, 1]])
