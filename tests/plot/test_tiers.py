from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmvalue import ValuePyramid, plot
from crmvalue.errors import InputError

Frames = dict[str, pd.DataFrame]


def _texts(figure: Any) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in figure.axes[0].texts]


def test_pyramid_of_fitted_tiers_has_the_best_on_top() -> None:
    values = pd.DataFrame({"customer_id": range(100), "profit": np.arange(100.0) ** 3})
    figure = plot.pyramid(ValuePyramid.fit(values, by="profit").summary(values))
    ax = figure.axes[0]
    assert _texts(figure)[:4] == ["1.0 %", "4.0 %", "15 %", "80 %"]
    assert _texts(figure)[8:12] == ["VIP", "main", "ordinary", "small"]
    assert ax.yaxis_inverted()
    assert ax.get_title(loc="left").replace("\xa0", " ").startswith("VIP: 1.0 % of customers")


def test_pyramid_of_the_tiers_themselves_asks_for_their_summary() -> None:
    values = pd.DataFrame({"customer_id": range(100), "profit": np.arange(100.0)})
    with pytest.raises(InputError, match=r"got ValuePyramid\. Cure: .* tiers\.summary\(values\)"):
        plot.pyramid(ValuePyramid.fit(values, by="profit"))


def test_pyramid_bars_part_from_a_gap_to_both_sides(drawn_tables: Frames) -> None:
    """Catches a loss drawn over the names: leave ``right`` at the edge of the gap."""
    bars: Any = plot.pyramid(drawn_tables["pyramid"]).axes[0].patches
    customers, value = bars[:3], bars[3:]
    np.testing.assert_allclose([bar.get_width() for bar in customers], [-0.01, -0.09, -0.9])
    np.testing.assert_allclose([bar.get_width() for bar in value], [0.7, 0.5, -0.2])
    gap = -max(bar.get_x() for bar in customers)
    assert gap > 0
    assert min(bar.get_x() + min(bar.get_width(), 0) for bar in value) == pytest.approx(gap)


def test_pyramid_takes_the_first_value_that_is_known(drawn_tables: Frames) -> None:
    table = drawn_tables["tier_bars"]
    assert "Profit" in _texts(plot.pyramid(table))  # lifetime value is null
    unknown = table[["tier", "share_of_customers", "share_of_lifetime_value"]]
    assert _texts(plot.pyramid(unknown))[3:6] == ["–"] * 3
    with pytest.raises(InputError, match="customers"):
        plot.pyramid(table[["tier", "share_of_profit"]])


def test_pyramid_of_one_tier_and_of_nobody(drawn_tables: Frames) -> None:
    one = drawn_tables["pyramid"].head(1)
    assert _texts(plot.pyramid(one))[:3] == ["100 %", "70 %", "VIP"]
    assert _texts(plot.pyramid(one.assign(customers=0)))[0] == "–"


def test_a_name_in_capitals_keeps_them(drawn_tables: Frames) -> None:
    table = drawn_tables["tier_bars"].assign(tier=["VIP", "main", "small"])
    assert plot.tier_bars(table).axes[0].get_title(loc="left").startswith("VIP: ")


def test_the_share_of_a_bar_stands_at_its_end_on_either_side() -> None:
    """Catches the share of a loss that is written across its bar."""
    table = pd.DataFrame(
        {"tier": ["gold", "lead"], "share_of_customers": [0.2, 0.8], "share_of_profit": [1.3, -0.3]}
    )
    ax = plot.tier_bars(table).axes[0]
    ends = {text.get_text(): (text.get_ha(), text.xyann[0]) for text in ax.texts[:4]}
    assert ends["\N{MINUS SIGN}30\N{NO-BREAK SPACE}%"] == ("right", -4)
    assert ends["130\N{NO-BREAK SPACE}%"] == ("left", 4)
