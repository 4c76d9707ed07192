"""Published figures and definitions: the RFM grid, and concentration by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from crmvalue.rfm import RECENCY_FREQUENCY_GRID, RFMScorer
from crmvalue.tiers import gini, herfindahl, top_share, whale_curve

GRID = {
    5: ["New", "Potential Loyalist", "Potential Loyalist", "Champions", "Champions"],
    4: ["Promising", "Potential Loyalist", "Potential Loyalist", "Loyal", "Loyal"],
    3: ["About To Sleep", "About To Sleep", "Need Attention", "Loyal", "Loyal"],
    2: ["Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose"],
    1: ["Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose"],
}
"""Rows R5 to R1, columns F1 to F5."""


def test_every_cell_of_the_default_grid(library) -> None:
    # One customer in each of the 25 cells of recency and frequency.
    frame = pd.DataFrame(
        [(f"R{r}F{f}", 5.0 - r, f, 10.0) for r in range(1, 6) for f in range(1, 6)],
        columns=["customer_id", "inactive", "frequency", "total_spend"],
    )
    import narwhals.stable.v2 as nw

    scored = nw.from_native(RFMScorer.fit(frame).score(library(frame))).lazy().collect()
    found = dict(zip(scored["customer_id"].to_list(), scored["segment"].to_list(), strict=True))
    assert found == {
        f"R{r}F{f}": segment for r, row in GRID.items() for f, segment in enumerate(row, 1)
    }
    assert set(RECENCY_FREQUENCY_GRID.segments) == {s for row in GRID.values() for s in row}


def test_gini_and_herfindahl_of_one_to_four() -> None:
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25, abs=1e-15)
    assert herfindahl([1, 2, 3, 4]) == pytest.approx(0.30, abs=1e-15)


def test_equal_values_are_not_concentrated_and_one_owner_is() -> None:
    assert gini([3, 3, 3, 3, 3]) == 0
    for n in (2, 5, 100):
        assert gini([0] * (n - 1) + [8]) == pytest.approx((n - 1) / n, abs=1e-15)


def test_whale_curve_of_264_customers() -> None:
    # 30 customers make 513 % of profit, 121 add 141 %, and the rest bring it back to the total.
    profits = [513 / 30] * 30 + [141 / 121] * 121 + [0.0] * 87 + [-554 / 26] * 26
    curve = whale_curve(profits)
    assert curve["cumulative_share"][29] == pytest.approx(5.13)
    assert curve["cumulative_share"].max() == pytest.approx(6.54)
    assert curve["cumulative_share"][263] == 1.0
    assert top_share(profits, 30 / 264, negative="allow") == pytest.approx(5.13)
