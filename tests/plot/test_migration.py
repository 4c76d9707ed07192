from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmvalue import migration, plot

Frames = dict[str, pd.DataFrame]


def _texts(figure: Any) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in figure.axes[0].texts]


def _bands(figure: Any) -> list[Any]:
    return [patch for patch in figure.axes[0].patches if type(patch).__name__ == "PathPatch"]


def test_states_have_their_totals_and_those_of_nobody_are_left_out(drawn_tables: Frames) -> None:
    figure = plot.migration_flow(drawn_tables["migration_flow"])
    states = _texts(figure)[-6:]
    assert states == [
        "gold\n42 (20 %)",
        "lead\n145 (70 %)",
        "new\n20 (9.7 %)",
        "gold\n35 (17 %)",
        "lead\n110 (53 %)",
        "lost\n62 (30 %)",
    ]
    title = figure.axes[0].get_title(loc="left").replace("\n", " ")
    assert title == "Customers: 110 in the same tier, 15 in another, 62 lost, 20 new"


def test_bands_fill_their_states_and_do_not_overlap(drawn_tables: Frames) -> None:
    """Catches bands that start on top of each other: don't move on the top of the state."""
    table = drawn_tables["migration_flow"]
    bands = _bands(plot.migration_flow(table))
    assert len(bands) == int((table["customers"] > 0).sum())
    for side in (np.min, np.max):
        edges = []
        for band in bands:
            points = band.get_path().vertices
            at = points[points[:, 0] == side(points[:, 0])][:, 1]
            edges.append((at.min(), at.max()))
        edges.sort()
        widths = np.array([high - low for low, high in edges])
        assert np.isclose(widths.sum(), 1.0)
        lower, upper = (np.array(ends) for ends in zip(*edges, strict=True))
        assert (upper[:-1] <= lower[1:] + 1e-12).all()


def test_labels_of_tiny_states_keep_their_distance() -> None:
    """Catches names written over each other: leave out `_apart`."""
    tiers = list("abcdefg")
    table = pd.DataFrame(
        {"from_tier": [*tiers, "new"], "to_tier": ["g"] * 8, "customers": [*[1] * 6, 900, 1]}
    )
    figure = plot.migration_flow(table)
    figure.canvas.draw()
    labels = [text for text in figure.axes[0].texts if "\n" in text.get_text()]
    boxes = [label.get_window_extent() for label in labels]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_figures_stand_only_in_bands_that_are_wide_enough() -> None:
    table = pd.DataFrame(
        {"from_tier": list("aab"), "to_tier": list("aba"), "customers": [990, 1, 9]}
    )
    assert [text for text in _texts(plot.migration_flow(table)) if "\n" not in text] == ["990"]


def test_negative_values_are_hatched_and_nulls_are_not_drawn(drawn_tables: Frames) -> None:
    figure = plot.migration_flow(drawn_tables["migration_flow"], by="value_after")
    hatched = [bool(band.get_hatch()) for band in _bands(figure)]
    assert hatched == [False, False, False, False, True, False]  # the hatch on its band
    assert "lead\n70" in _texts(figure)  # 50 - 40 + 60, without a share
    assert "returned" not in "".join(_texts(figure))
    (legend,) = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == "Hatched: negative; totals of a tier are net of it"
    plain = plot.migration_flow(drawn_tables["migration_flow"])
    assert plain.axes[0].get_legend() is None


def test_the_title_tells_losses_apart_from_what_was_lost() -> None:
    """Catches the value of those who left, netted against the losses of others who left."""
    table = pd.DataFrame(
        {
            "from_tier": ["gold", "steel", "lead", "lead", "new"],
            "to_tier": ["lost", "lost", "lost", "lead", "lead"],
            "value_before": [11_000.0, 6_329.0, -19_387.0, -500.0, 0.0],
        }
    )
    title = plot.migration_flow(table, by="value_before").axes[0].get_title(loc="left")
    assert title.replace("\n", " ") == (
        "Value before: −500 in the same tier, 17,329 and −19,387 lost"
    )


def test_nobody_moved_and_one_tier() -> None:
    table = pd.DataFrame({"from_tier": ["A"], "to_tier": ["A"], "customers": [0]})
    nobody = plot.migration_flow(table)
    assert nobody.axes[0].get_title(loc="left") == "Customers: no moves"
    assert not _bands(nobody)
    assert _texts(plot.migration_flow(table.assign(customers=3)))[0] == "3"


def test_flow_of_a_migration_in_customers_and_in_value() -> None:
    before = pd.DataFrame(
        {"customer_id": range(4), "tier": ["gold", "gold", "lead", "lead"], "value": [9.0, 8, 2, 1]}
    )
    after = before.iloc[:3].assign(tier=["gold", "lead", "gold"])
    moved = migration(before, after)
    for table, by in (
        (moved.counts, "customers"),
        (moved.value_flow, "value_before"),
        (moved.value_flow, "value_after"),
    ):
        assert plot.migration_flow(table, by=by).axes[0].get_title(loc="left")
    assert len(_bands(plot.migration_flow(moved.value_flow, by="value_after"))) == 3  # lost: none
