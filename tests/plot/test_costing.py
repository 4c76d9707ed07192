"""The waterfall and the cost-to-serve map: what their bars and tiles stand for."""

from __future__ import annotations

import pytest

from crmvalue import plot


def test_bars_of_a_waterfall_float_and_subtotals_stand(drawn_tables):
    """Catches a bar drawn from 0, and a subtotal that repeats the row above it."""
    (ax,) = plot.waterfall(drawn_tables["waterfall"], labels={"orders": "Orders"}).axes
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert bars == [(0, 90), (90, 20), (0, 20)]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["Revenue at list price", "Orders", "Contribution"]
    assert ax.get_title(loc="left") == "From revenue to contribution"


def test_small_amounts_have_decimals_and_large_ones_none(drawn_tables):
    """Catches steps of one customer that don't add up as printed: write them whole."""
    small = drawn_tables["waterfall"].assign(amount=[15.84, 15.84, -9.5, 0.0, 6.34])
    (ax,) = plot.waterfall(small).axes
    assert [text.get_text() for text in ax.texts] == ["15.84", "\N{MINUS SIGN}9.50", "6.34"]
    assert ax.get_yticklabels()[1].get_text() == "orders"  # an activity: its own name
    large = drawn_tables["waterfall"].assign(amount=[15840.4, 15840.4, -9500.0, 0.0, 6340.4])
    texts = [text.get_text() for text in plot.waterfall(large).axes[0].texts]
    assert texts == ["15,840", "\N{MINUS SIGN}9,500", "6,340"]


def test_an_axis_of_cents_names_them(drawn_tables):
    """Catches an axis with 0 at every tick."""
    tiny = drawn_tables["waterfall"].assign(amount=[0.5, 0.5, -0.3, 0.0, 0.2])
    (ax,) = plot.waterfall(tiny.assign(running=[0.5, 0.5, 0.2, 0.2, 0.2])).axes
    names = [ax.xaxis.get_major_formatter()(tick, 0) for tick in (0.1, 0.25)]
    assert names == ["0.10", "0.25"]


def test_tiles_of_the_map_stand_at_their_bands(drawn_tables):
    """Catches rows and columns of the map exchanged."""
    (ax,) = plot.cost_to_serve(drawn_tables["cost_to_serve"]).axes
    places = {text.get_text().split("\n")[0]: text.get_position() for text in ax.texts}
    assert places["passive"] == (0, 1)
    assert places["aggressive"] == (1, 0)
    told = next(text.get_text() for text in ax.texts if text.get_text().startswith("carriage"))
    assert told.endswith("60 left")


@pytest.mark.parametrize("name", ["waterfall", "cost_to_serve"])
def test_pictures_become_svg(drawn_tables, name):
    figure = getattr(plot, name)(drawn_tables[name])
    assert "</svg>" in plot.to_svg(figure, "a", "a picture")
