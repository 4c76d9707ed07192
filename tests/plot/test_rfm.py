from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmvalue import RECENCY_FREQUENCY_GRID, plot, segment_summary
from crmvalue.errors import InputError

Frames = dict[str, pd.DataFrame]


def _texts(figure: Any) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in figure.axes[0].texts]


def test_segments_of_a_summary_are_drawn_with_those_that_nobody_is_in() -> None:
    scored = pd.DataFrame({"customer_id": [1, 2, 3], "segment": ["New", "Champions", "New"]})
    spent = pd.DataFrame({"customer_id": [1, 2, 3], "total_spend": [10.0, 60.0, 30.0]})
    ax = plot.segment_bars(segment_summary(scored, spent), by="revenue").axes[0]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == list(RECENCY_FREQUENCY_GRID.segments)
    title = ax.get_title(loc="left").replace("\xa0", " ").split()
    assert " ".join(title) == "Champions: 33 % of customers, 60 % of revenue"


def test_shares_come_from_the_table_else_from_the_total(drawn_tables: Frames) -> None:
    table = drawn_tables["segment_bars"]
    assert _texts(plot.segment_bars(table)) == ["10 % (10)", "30 % (30)", "60 % (60)"]
    assert _texts(plot.segment_bars(table, by="profit"))[3:] == [
        "60 % (60)",
        "50 % (50)",
        "−10 % (−10)",
    ]
    # The given shares stand, whatever the rows sum to.
    given = plot.segment_bars(table.head(1), by="revenue")
    assert _texts(given)[1:] == ["50 % (500)"]


def test_no_shares_of_a_loss(drawn_tables: Frames) -> None:
    for values, texts in (
        ([-1.0, 0.0, -5.0], ["– (−1)", "– (0)", "– (−5)"]),
        ([0.1, 0.2, -0.3], ["– (0)"] * 3),  # their sum in binary is not 0
    ):
        figure = plot.segment_bars(drawn_tables["segment_bars"].assign(profit=values), by="profit")
        assert _texts(figure)[3:] == texts
        assert "not positive" in figure.axes[0].get_title(loc="left").replace("\n", " ")


def test_what_nobody_knows_is_called_unknown_not_a_loss(drawn_tables: Frames) -> None:
    """Catches a column of nulls that is called a total below zero."""
    figure = plot.segment_bars(drawn_tables["segment_bars"].assign(profit=np.nan), by="profit")
    assert _texts(figure)[3:] == ["– (–)"] * 3
    assert figure.axes[0].get_title(loc="left") == "Profit is not known"


@pytest.mark.parametrize("draw", [plot.rfm_grid, plot.score_bars])
def test_two_rows_of_a_cell_are_refused(draw: Any) -> None:
    """Catches names written over each other where segments use M."""
    table = pd.DataFrame(
        {"r_score": [5, 5, 4], "f_score": [5, 5, 5], "segment": list("ABA"), "customers": 10}
    )
    with pytest.raises(InputError, match=r"r_score 5, f_score 5 \(2 rows\)\. Cure: sum the rows"):
        draw(table)
    draw(table.drop(index=1))
    many = pd.concat([table.assign(f_score=score) for score in range(1, 6)])
    with pytest.raises(InputError, match=r"f_score 3 .* and 2 more"):
        draw(many)


def test_cells_parted_by_m_may_stand_once_for_each_score() -> None:
    table = pd.DataFrame({"r_score": 5, "f_score": 5, "m_score": [1, 1], "customers": [1, 2]})
    with pytest.raises(InputError, match="r_score 5, f_score 5, m_score 1"):
        plot.score_bars(table)


def test_bars_of_cells_stand_on_their_row_to_one_scale(drawn_tables: Frames) -> None:
    figure = plot.score_bars(drawn_tables["score_bars"])
    bars: Any = figure.axes[0].patches
    heights = np.array([bar.get_height() for bar in bars])
    np.testing.assert_allclose(heights / heights[0], [1, 0, 10 / 40, 7 / 40])
    np.testing.assert_allclose([bar.get_y() for bar in bars], [0.54, 0.54, 1.54, 1.54])
    assert _texts(figure) == ["40", "0", "10", "7"]


def test_bars_below_the_line_stay_in_their_row(drawn_tables: Frames) -> None:
    """Catches bars of losses that fall into the row below: leave out ``- low * scale``."""
    figure = plot.score_bars(drawn_tables["score_bars"], by="revenue")
    bars: Any = figure.axes[0].patches
    for bar, row in zip(bars, (1, 1, 2, 2), strict=True):
        low, high = sorted((bar.get_y(), bar.get_y() + bar.get_height()))
        assert row - 0.5 < low <= high < row + 0.5
    assert _texts(figure) == ["100", "−10", "80", "–"]


def test_monetary_scores_part_a_cell() -> None:
    table = pd.DataFrame(
        {"r_score": 1, "f_score": [1, 1, 2, 2], "m_score": [1, 2, 1, 2], "customers": [3, 2, 0, 5]}
    )
    figure = plot.score_bars(table)
    bars: Any = figure.axes[0].patches
    middles = [bar.get_x() + bar.get_width() / 2 for bar in bars]
    np.testing.assert_allclose(middles, [0.805, 1.195, 1.805, 2.195])
    assert not _texts(figure)


def test_cells_that_are_all_zero_have_no_bars(drawn_tables: Frames) -> None:
    figure = plot.score_bars(drawn_tables["score_bars"].assign(customers=0))
    bars: Any = figure.axes[0].patches
    assert all(bar.get_height() == 0 for bar in bars)
