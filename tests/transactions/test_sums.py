"""Sums of a query: exact, so that they are the same in any order."""

from __future__ import annotations

import math

import narwhals.stable.v2 as nw
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmvalue.transactions.sums import join_parts, split_parts, sum_parts

cents = st.integers(-(10**8), 10**8).map(lambda k: k / 100)
rates = st.floats(0.001, 1e6).map(lambda x: x * 1.19)  # all 53 digits in use


@given(st.lists(st.one_of(cents, rates), min_size=1, max_size=60), st.randoms())
def test_a_sum_of_money_is_correctly_rounded_in_any_order(amounts, random) -> None:
    """Catches `_GRID` 1, or a `split_parts` whose fine part is 0: the sum of the amounts."""
    expected = math.fsum(amounts)
    for _ in range(3):
        random.shuffle(amounts)
        query = nw.from_native(pl.LazyFrame({"x": amounts}))
        parts = query.with_columns(*split_parts(["x"])).select(*sum_parts(["x"]))
        assert parts.select(*join_parts(["x"])).collect()["x"].to_list() == [expected]


@given(st.floats(-1e15, 1e15))
def test_a_number_is_the_sum_of_its_parts(number) -> None:
    """Catches a fine part rounded to the grid as well."""
    frame = nw.from_native(pl.DataFrame({"x": [number]})).with_columns(*split_parts(["x"]))
    assert frame["x_coarse"][0] + frame["x_fine"][0] == number
    assert abs(frame["x_fine"][0]) <= 2.0**-21
