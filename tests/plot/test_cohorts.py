from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmvalue import cohort_table, plot

Frames = dict[str, pd.DataFrame]


def _names(figure: Any) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def _square(cohorts: int, ages: int) -> pd.DataFrame:
    first = pd.date_range("2020-01-01", periods=cohorts, freq="MS")
    return pd.DataFrame(
        {
            "cohort": np.repeat(first, ages),
            "age": np.tile(np.arange(ages), cohorts),
            "share_kept": np.tile(0.9 ** np.arange(ages), cohorts),
        }
    )


def test_cells_are_named_pale_and_hatched_where_not_complete(drawn_tables: Frames) -> None:
    figure = plot.cohort_triangle(drawn_tables["cohort_triangle"])
    ax = figure.axes[0]
    assert _names(figure) == ["2024-01", "2024-02", "2024-03"]
    assert ax.yaxis_inverted()  # the oldest on top
    assert [text.get_text() for text in ax.texts] == ["100", "50", "25", "100", "30", "100"]
    hatched = [bool(cell.get_hatch()) for cell in ax.patches]
    assert hatched == [False, False, True, False, True, True]
    legend = ax.get_legend()
    assert legend is not None
    assert legend.get_texts()[-1].get_text() == "period not complete"


def test_figures_are_white_only_on_the_dark_cells_of_the_scale() -> None:
    """Catches white on the grey of age 0, which is the highest figure and not part of the scale."""
    table = pd.DataFrame({"cohort": ["a"] * 3, "age": [0, 1, 2], "share_kept": [1.0, 0.9, 0.1]})
    ax = plot.cohort_triangle(table).axes[0]
    assert [text.get_color() == "white" for text in ax.texts] == [False, True, False]


def test_nulls_have_no_cell_and_negatives_are_lightest(drawn_tables: Frames) -> None:
    table = drawn_tables["cohort_triangle"].drop(columns="complete")
    ax = plot.cohort_triangle(table, by="revenue").axes[0]
    assert [text.get_text() for text in ax.texts] == ["90", "30", "−5", "80", "20"]
    light = [sum(cell.get_facecolor()[:3]) for cell in ax.patches]
    assert np.argmax(light) == 2


def test_a_figure_that_is_nowhere_known_has_no_cells(drawn_tables: Frames) -> None:
    table = drawn_tables["cohort_triangle"].assign(revenue=np.nan)
    assert not plot.cohort_triangle(table, by="revenue").axes[0].patches


def test_many_cohorts_have_fewer_names_and_no_figures() -> None:
    few, many = plot.cohort_triangle(_square(24, 5)), plot.cohort_triangle(_square(60, 5))
    assert len(_names(few)) == 24
    assert len(few.axes[0].texts) == 120
    assert _names(many)[:2] == ["2020-01", "2020-04"]
    assert not many.axes[0].texts


@pytest.mark.parametrize(
    ("cohorts", "names"),
    [
        (pd.to_datetime(["2023-01-01", "2024-01-01"]), ["2023", "2024"]),
        (pd.to_datetime(["2024-01-01", "2024-01-08"]), ["2024-01-01", "2024-01-08"]),
        (["b", "a"], ["a", "b"]),
        ([2024, 2023], ["2023", "2024"]),
    ],
)
def test_cohorts_are_named_by_what_they_are(cohorts: Any, names: list[str]) -> None:
    table = pd.DataFrame({"cohort": cohorts, "age": 0, "share_kept": 1.0})
    assert _names(plot.cohort_triangle(table)) == names


def test_triangle_of_a_log() -> None:
    log = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "c", "a"],
            "date": ["2024-01-05", "2024-01-20", "2024-02-02", "2024-02-10", "2024-03-01"],
            "amount": [10.0, 20.0, 15.0, 40.0, 5.0],
        }
    )
    cohorts = cohort_table(log, amount="amount", as_of="2024-03-15").cohorts
    ax = plot.cohort_triangle(cohorts, by="cumulative_revenue_per_customer").axes[0]
    assert [text.get_text() for text in ax.texts] == ["15", "22", "25", "40", "40"]
    assert ax.get_title(loc="left") == "Cumulative revenue per customer by cohort and age"
