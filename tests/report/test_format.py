from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._stats import safe_sum
from crmvalue.report._format import column_texts, join, number, text


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (23570, "count", "23,570"),
        (2_500_315.63, "money", "2,500,316"),
        (12.5, "money", "12.50"),
        (-3456.789, "cents", "−3,456.79"),
        (-0.001, "cents", "0.00"),
        (0.6234, "share", "62 %"),
        (0.0312, "share", "3.1 %"),
        (0.00025, "share", "0.03 %"),
        (0.0, "share", "0 %"),
        (-1.5, "share", "−150 %"),
        (2.25, "years", "2.2 years"),
        (0.12, "error", "overstates by 12 %"),
        (-0.19, "error", "understates by 19 %"),
        (0.001, "error", "is right to within 1 %"),
        (0.000261, "number", "0.000261"),
        (6.1834, "number", "6.183"),
        (15933.6, "number", "15,934"),
        (None, "money", "–"),
        (math.nan, "share", "–"),
        (math.inf, "years", "without end"),
    ],
)
def test_number(value: float | None, kind: str, written: str) -> None:
    assert number(value, kind).replace("\xa0", " ") == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (pd.NaT, "–"), (pd.Timestamp("1997-01-01"), "1997-01-01"), ("", "–"), (5, "5")],
)
def test_text(value: object, written: str) -> None:
    assert text(value) == written


def test_long_text_is_cut() -> None:
    assert text("x" * 1000) == "x" * 299 + "…"


def test_join() -> None:
    assert [join([]), join(["a"]), join(["a", "b", "c"])] == ["", "a", "a, b and c"]


@settings(max_examples=40)
@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20))
def test_printed_money_adds_up(values: list[float]) -> None:
    """Catches each figure rounded by itself: leave out `round_to_cents` in `column_texts`."""
    written = column_texts(pd.Series(values), "cents", add_up=True)
    cents = [round(100 * float(w.replace(",", "").replace("−", "-"))) for w in written]
    assert abs(sum(cents) - 100 * safe_sum(np.array(values))) <= 0.52
