from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from crmvalue import plot
from crmvalue.errors import InputError

PICTURES: dict[str, Callable[..., Figure]] = {
    "whale_curve": plot.whale_curve,
    "lorenz_curve": plot.lorenz_curve,
    "tier_bars": plot.tier_bars,
    "pyramid": plot.pyramid,
    "migration_flow": plot.migration_flow,
    "cohort_triangle": plot.cohort_triangle,
    "waterfall": plot.waterfall,
    "cost_to_serve": plot.cost_to_serve,
    "rfm_grid": plot.rfm_grid,
    "score_bars": plot.score_bars,
    "segment_bars": plot.segment_bars,
    "tracking": plot.tracking,
    "frequency": plot.frequency,
    "calibration_by_frequency": plot.calibration_by_frequency,
    "calibration_by_decile": plot.calibration_by_decile,
    "history_grid": plot.history_grid,
    "alive_path": plot.alive_path,
}
Frames = dict[str, pd.DataFrame]


@pytest.mark.parametrize("name", PICTURES)
def test_same_picture_from_every_library(
    name: str, drawn_tables: Frames, library: Callable[[pd.DataFrame], Any]
) -> None:
    table = drawn_tables[name]
    drawn, plain = PICTURES[name](library(table)).axes[0], PICTURES[name](table).axes[0]
    assert [text.get_text() for text in drawn.texts] == [text.get_text() for text in plain.texts]
    assert len(drawn.lines) == len(plain.lines)
    for ours, theirs in zip(drawn.lines, plain.lines, strict=True):
        np.testing.assert_array_equal(ours.get_xydata(), theirs.get_xydata())
    for bar, other in zip(drawn.patches, plain.patches, strict=True):
        np.testing.assert_array_equal(bar.get_extents().bounds, other.get_extents().bounds)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_title_and_axis_titles(name: str, drawn_tables: Frames) -> None:
    (ax,) = PICTURES[name](drawn_tables[name]).axes
    assert ax.get_title(loc="left")
    assert ax.get_xlabel()
    # Those name their rows on the axis or on the bars.
    assert ax.get_ylabel() or name in ("tier_bars", "waterfall", "pyramid", "migration_flow")


@pytest.mark.parametrize("name", PICTURES)
def test_draws_on_given_axes_and_leaves_settings_alone(name: str, drawn_tables: Frames) -> None:
    before = dict(mpl.rcParams)
    figure = Figure(figsize=(9, 4))
    left, right = figure.subplots(1, 2)
    assert PICTURES[name](drawn_tables[name], ax=right) is figure
    assert right.get_title(loc="left")
    assert not left.get_title(loc="left")
    plot.to_svg(figure, "both", "Both")
    assert dict(mpl.rcParams) == before


def test_settings_of_the_caller_do_not_show(drawn_tables: Frames) -> None:
    def draw() -> str:
        return plot.to_svg(plot.whale_curve(drawn_tables["whale_curve"]), "whale", "Whale")

    plain = draw()
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        assert draw() == plain


@pytest.mark.parametrize("name", PICTURES)
def test_missing_column_and_no_rows_are_named(name: str, drawn_tables: Frames) -> None:
    table = drawn_tables[name]
    column = {"rfm_grid": "segment", "tier_bars": "tier"}.get(name, table.columns[-1])
    with pytest.raises(InputError, match=column):
        PICTURES[name](table.drop(columns=column))
    with pytest.raises(InputError, match="no rows"):
        PICTURES[name](table.head(0))


def test_whale_marks_the_peak_and_the_best_fifth(drawn_tables: Frames) -> None:
    figure = plot.whale_curve(drawn_tables["whale_curve"], what="profit")
    texts = [text.get_text().replace("\xa0", " ") for text in figure.axes[0].texts]
    assert "peak: 129 %" in texts
    assert "20 % of customers: 75 %" in texts


def test_whale_of_many_customers_is_thinned_and_keeps_its_peak() -> None:
    rows = 23_570
    values = np.linspace(100.0, -20.0, rows)
    cumulative = values.cumsum()
    table = pd.DataFrame(
        {
            "share_of_customers": np.arange(1, rows + 1) / rows,
            "cumulative_value": cumulative,
            "cumulative_share": cumulative / cumulative[-1],
        }
    )
    figure = plot.whale_curve(table)
    curve = max((np.asarray(line.get_ydata()) for line in figure.axes[0].lines), key=len)
    assert len(curve) <= 401
    assert curve.max() == table["cumulative_share"].max()
    assert curve[-1] == 1.0
    assert len(plot.to_svg(figure, "whale", "Whale")) < 30_000


def test_whale_of_a_loss_is_drawn_in_money() -> None:
    values = np.array([5.0, -10.0, -20.0])
    table = pd.DataFrame(
        {
            "share_of_customers": [1 / 3, 2 / 3, 1.0],
            "cumulative_value": values.cumsum(),
            "cumulative_share": [np.nan] * 3,
        }
    )
    ax = plot.whale_curve(table, what="profit").axes[0]
    assert ax.get_ylabel() == "Cumulative profit (money)"
    assert ax.get_title(loc="left") == "All customers together make a profit of −25"


def test_unknown_shares_and_other_tiers_are_drawn(drawn_tables: Frames) -> None:
    table = drawn_tables["tier_bars"].assign(tier=["VIP", "main", "small"])
    groups = [text.get_text() for text in plot.tier_bars(table).axes[0].texts[-3:]]
    assert groups == ["Customers", "Revenue", "Profit"]  # lifetime value is null


def test_weekly_and_cumulative_tracking(drawn_tables: Frames) -> None:
    table = drawn_tables["tracking"]
    sums, each = (
        plot.tracking(table, cumulative=c, period="week").axes[0].lines for c in (True, False)
    )
    np.testing.assert_array_equal(sums[0].get_ydata(), table["cumulative_actual"])
    np.testing.assert_array_equal(each[1].get_ydata(), table["expected"])


def test_tracking_without_a_holdout_shades_nothing(drawn_tables: Frames) -> None:
    for nothing in (None, np.nan, False):
        table = drawn_tables["tracking"].assign(holdout=nothing)
        assert not plot.tracking(table).axes[0].texts


def test_names_are_text_never_formulas_or_markup(drawn_tables: Frames) -> None:
    odd = "$x_1$ <b>&\x01\ud800"
    table = drawn_tables["rfm_grid"].assign(segment=pd.Series([odd] * 4, dtype=object))
    svg = plot.to_svg(plot.rfm_grid(table), "grid", '"<script>')
    assert "$x_1$ &lt;b&gt;&amp;" in svg
    assert "<script" not in svg
    assert "\x01" not in svg


def test_letters_that_no_font_here_has_do_not_warn(drawn_tables: Frames) -> None:
    table = drawn_tables["rfm_grid"].assign(segment="常連客")
    assert "常連客" in plot.to_svg(plot.rfm_grid(table), "grid", "格子")


def test_ids_in_a_picture_begin_with_its_name(drawn_tables: Frames) -> None:
    svg = plot.to_svg(plot.tracking(drawn_tables["tracking"]), "one", "One")
    ids = [part.split('"')[0] for part in svg.split(' id="')[1:]]
    assert ids[0] == "one"
    assert len(ids) == len(set(ids)) > 1
    assert all(name.startswith("one") for name in ids)
    assert "url(#one-" in svg
    assert "http" not in svg


SCRIPT = """
    import hashlib
    import sys

    import crmvalue
    import crmvalue.plot as plot
    assert "matplotlib" not in sys.modules, "importing crmvalue.plot loads matplotlib"
    import numpy as np, pandas as pd
    share = np.arange(1, 1001) / 1000
    curve = pd.DataFrame({"share_of_customers": share, "cumulative_value": 9e3 * share**0.3,
                          "cumulative_share": share**0.3})
    counts = pd.DataFrame({"purchases": ["0", "1"], "actual": [5, 3], "expected": [4.6, 3.4]})
    weeks = pd.DataFrame({"end_date": pd.date_range("2024-01-07", periods=60, freq="7D"),
                          "cumulative_actual": np.arange(60), "holdout": np.arange(60) > 30,
                          "cumulative_expected": np.arange(60) * 1.1})
    pictures = [plot.whale_curve(curve), plot.frequency(counts), plot.tracking(weeks)]
    svgs = "".join(plot.to_svg(p, f"p{i}", "A picture") for i, p in enumerate(pictures))
    assert "matplotlib.pyplot" not in sys.modules
    print(hashlib.sha256(svgs.encode()).hexdigest())
"""


def test_same_bytes_under_other_hash_seeds() -> None:
    """Catches ids taken as matplotlib makes them, of random salt: leave out `_rename_ids`."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert first == second


def test_a_saved_picture_has_a_white_ground_and_that_of_a_page_none(drawn_tables: Frames) -> None:
    """Catches dark text on a transparent ground, which no dark screen shows."""
    picture = plot.whale_curve(drawn_tables["whale_curve"])
    target = io.BytesIO()
    picture.savefig(target, format="png", dpi=20)
    target.seek(0)
    pixels = imread(target, format="png")
    np.testing.assert_array_equal(pixels[[0, 0, -1, -1], [0, -1, 0, -1]], np.ones((4, 4)))
    page = plot.to_svg(picture, "whale", "A curve")
    picture.set_facecolor("none")
    assert page == plot.to_svg(picture, "whale", "A curve")


def test_a_notebook_shows_the_picture_without_pyplot(drawn_tables: Frames) -> None:
    picture: Any = plot.whale_curve(drawn_tables["whale_curve"])
    assert picture._repr_png_().startswith(b"\x89PNG")
