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
    assert names == ["list_revenue", "Orders", "contribution"]


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
