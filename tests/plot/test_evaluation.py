from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue import plot


def test_groups_are_named_with_their_customers(drawn_tables: dict[str, pd.DataFrame]) -> None:
    (ax,) = plot.calibration_by_frequency(drawn_tables["calibration_by_frequency"]).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0\n1,411", "1\n439", "2+\n507"]
    actual, expected = ax.lines
    np.testing.assert_array_equal(actual.get_ydata(), [0.24, 0.7, 2.4])
    np.testing.assert_array_equal(expected.get_ydata(), [0.22, 0.5, 2.2])


def test_a_decile_of_nobody_leaves_a_gap(drawn_tables: dict[str, pd.DataFrame]) -> None:
    (ax,) = plot.calibration_by_decile(drawn_tables["calibration_by_decile"]).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1\n230", "2\n0", "3\n240"]
    assert np.isnan(np.asarray(ax.lines[0].get_ydata())[1])
    assert ax.get_ylim()[0] == 0
