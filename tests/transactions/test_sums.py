"""Sums of a query: exact, so that they are the same in any order."""

from __future__ import annotations

import math

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmvalue.transactions.sums import exact_sum, grid_of, join_parts, split_parts, sum_parts

cents = st.integers(-(10**8), 10**8).map(lambda k: k / 100)
rates = st.floats(0.001, 1e6).map(lambda x: x * 1.19)  # all 53 digits in use
large = st.integers(-(10**16), 10**16).map(lambda k: k / 100)
tiny = st.floats(1e-9, 1e-6)
amounts_of_a_kind = st.one_of(
    st.lists(st.one_of(cents, rates), min_size=1, max_size=60),
    st.lists(st.one_of(cents, large), min_size=1, max_size=60),
    st.lists(tiny, min_size=1, max_size=60),
)


@given(amounts_of_a_kind, st.randoms())
def test_a_sum_of_money_is_correctly_rounded_in_any_order(amounts, random) -> None:
    """Catches a grid of 2**-20 whatever the amounts, or a fine part that is 0."""
    expected = math.fsum(amounts)
    grid = grid_of(sum(map(abs, amounts)))
    for _ in range(3):
        random.shuffle(amounts)
        query = nw.from_native(pl.LazyFrame({"x": amounts}))
        parts = query.with_columns(*split_parts(["x"], grid)).select(*sum_parts(["x"]))
        assert parts.select(*join_parts(["x"])).collect()["x"].to_list() == [expected]
        assert exact_sum(np.array(amounts)) == expected


@given(st.floats(-1e15, 1e15), st.floats(0, 1e18))
def test_a_number_is_the_sum_of_its_parts(number, others) -> None:
    """Catches a fine part rounded to the grid as well."""
    grid = grid_of(abs(number) + others)
    frame = nw.from_native(pl.DataFrame({"x": [number]})).with_columns(*split_parts(["x"], grid))
    assert frame["x_coarse"][0] + frame["x_fine"][0] == number
    assert abs(frame["x_fine"][0]) <= grid / 2


def test_sums_of_nothing_and_of_many_are_exact() -> None:
    assert exact_sum(np.empty(0)) == 0.0
    cents = np.arange(1, 600_000) / 100
    assert exact_sum(cents) == exact_sum(cents[::-1]) == math.fsum(cents.tolist())
