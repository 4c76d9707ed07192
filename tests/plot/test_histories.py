from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmvalue import plot
from crmvalue.datasets import load_cdnow
from crmvalue.errors import InputError
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.paths import alive_path, history_grid

Frames = dict[str, pd.DataFrame]


def test_cells_of_the_grid_stand_at_their_histories(drawn_tables: Frames) -> None:
    (ax,) = plot.history_grid(drawn_tables["history_grid"]).axes
    (cells,) = ax.collections
    np.testing.assert_array_equal(
        np.ma.filled(cells.get_array(), np.nan),
        [[0.2, np.nan, np.nan], [np.nan, 0.6, np.nan], [np.nan, 0.9, 2.1]],
    )
    assert ax.get_xlim() == (-0.5, 2.5)
    assert ax.get_ylim() == (-9.75, 48.75)
    assert ax.get_title(loc="left") == "Purchases expected in 52 weeks from an age of 39 weeks"


def test_probabilities_are_coloured_from_0_to_1(drawn_tables: Frames) -> None:
    (ax,) = plot.history_grid(drawn_tables["history_grid"], by="probability_alive", unit="D").axes
    assert ax.collections[0].get_clim() == (0.0, 1.0)
    assert ax.get_ylabel() == "Age at the last purchase (days)"


def test_the_grid_is_vectors_in_a_page(drawn_tables: Frames) -> None:
    """Catches a scale of so many colours that matplotlib draws it as an image."""
    svg = plot.to_svg(plot.history_grid(drawn_tables["history_grid"]), "grid", "Grid")
    assert "<image" not in svg
    assert "data:" not in svg


def test_a_grid_of_one_cell_is_drawn(drawn_tables: Frames) -> None:
    table = drawn_tables["history_grid"].head(1)
    assert plot.history_grid(table).axes[0].get_xlim() == (-0.5, 0.5)


@pytest.mark.parametrize("options", [{"by": "T"}, {"unit": "weeks"}])
def test_other_columns_and_units_are_refused(drawn_tables: Frames, options: dict[str, str]) -> None:
    with pytest.raises(InputError, match="by must be one of"):
        plot.history_grid(drawn_tables["history_grid"], **options)


def test_the_path_marks_purchases_and_names_its_end(drawn_tables: Frames) -> None:
    (ax,) = plot.alive_path(drawn_tables["alive_path"]).axes
    path, purchases = ax.lines
    assert len(np.asarray(path.get_xdata())) == 6
    assert len(np.asarray(purchases.get_xdata())) == 2
    assert ax.get_title(loc="left").replace("\xa0", " ").endswith("60 % at the end")


def test_the_tables_of_the_models_are_drawn() -> None:
    model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
    grid = history_grid(model, T=39, max_frequency=5, horizon=39, steps=4)
    path = alive_path(model, load_cdnow(sample=True), 1)
    for figure in (plot.history_grid(grid), plot.alive_path(path)):
        assert plot.to_svg(figure, "a", "A picture").startswith("<svg")
