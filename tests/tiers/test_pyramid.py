"""The value pyramid: shares of customers, ties at a boundary, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import InputError
from crmvalue.tiers.pyramid import ValuePyramid

values = st.lists(st.integers(-20, 60).map(lambda k: k / 4), min_size=1, max_size=60)
shares = st.sampled_from(
    [(0.01, 0.04, 0.15), (0.01, 0.19, 0.3), (0.1, 0.2, 0.7), (0.5, 0.25, 0.25), (0.05, 0.05, 0.05)]
)


def frame_of(numbers: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"profit": numbers}, strict=False)


def counts(pyramid: ValuePyramid, frame: pl.DataFrame) -> list[int]:
    found: list[int] = pyramid.summary(frame)["customers"].to_list()
    return found


@settings(max_examples=50)
@given(values, shares)
def test_each_boundary_is_that_of_the_definition(numbers, given_shares) -> None:
    """Catches ``floor`` for ``ceil``, and the k-th smallest value for the k-th largest."""
    pyramid = ValuePyramid.fit(frame_of(numbers), by="profit", shares=given_shares)
    reach, n = Fraction(0), len(numbers)
    for share, threshold in zip(given_shares, pyramid.thresholds, strict=True):
        reach += Fraction(str(share))
        held = [v for v in sorted(set(numbers)) if sum(w >= v for w in numbers) >= reach * n]
        assert threshold == max(held)


@given(values, shares)
def test_a_tier_and_all_above_are_the_fewest_that_reach_the_share(numbers, given_shares) -> None:
    """Catches a tie at a boundary that is split, or goes down."""
    frame = frame_of(numbers)
    pyramid = ValuePyramid.fit(frame, by="profit", shares=given_shares)
    reach = Fraction(0)
    for share, threshold in zip(given_shares, pyramid.thresholds, strict=True):
        reach += Fraction(str(share))
        assert sum(v >= threshold for v in numbers) >= reach * len(numbers)
        assert sum(v > threshold for v in numbers) < reach * len(numbers)


def test_both_conventions_give_their_shares_where_values_differ() -> None:
    frame = frame_of(np.random.default_rng(1).permutation(3000) / 4)
    assert counts(ValuePyramid.fit(frame, by="profit"), frame) == [30, 120, 450, 2400]
    other = ValuePyramid.fit(frame, by="profit", shares=(0.01, 0.19, 0.3))
    assert counts(other, frame) == [30, 570, 900, 1500]


def test_a_share_of_a_customer_is_a_whole_one() -> None:
    ten = frame_of([float(v) for v in range(10)])
    assert counts(ValuePyramid.fit(ten, by="profit"), ten) == [1, 0, 1, 8]
    eleven = frame_of([float(v) for v in range(11)])
    assert counts(ValuePyramid.fit(eleven, by="profit"), eleven) == [1, 0, 2, 8]
    # .07 + .07 is a little above .14 in binary: 14 of 100 customers reach it all the same.
    hundred = frame_of([float(v) for v in range(100)])
    pyramid = ValuePyramid.fit(hundred, by="profit", shares=(0.07, 0.07, 0.07))
    assert counts(pyramid, hundred) == [7, 7, 7, 79]


def test_ties_at_a_boundary_go_up_together() -> None:
    tied = frame_of([1.0] * 80 + [float(v) for v in range(2, 22)])
    assert counts(ValuePyramid.fit(tied, by="profit"), tied) == [1, 4, 15, 80]
    fewer = tied.head(99)  # 20 customers are 15 % and more, and one of them is tied
    assert counts(ValuePyramid.fit(fewer, by="profit"), fewer) == [1, 4, 94, 0]
    for constant in ([5.0], [5.0] * 9, [0.0] * 9, [-2.0] * 9):
        frame = frame_of(constant)
        assert counts(ValuePyramid.fit(frame, by="profit"), frame) == [len(constant), 0, 0, 0]


def test_losses_and_zeros_are_values_like_any_other() -> None:
    frame = frame_of([-float(v) for v in range(100)])
    pyramid = ValuePyramid.fit(frame, by="profit")
    assert counts(pyramid, frame) == [1, 4, 15, 80]
    assert pyramid.thresholds == (0.0, -4.0, -19.0)
    assert pyramid.summary(frame)["share_of_value"].null_count() == 4


def test_names_and_the_number_of_tiers_are_free() -> None:
    frame = frame_of([3.0, 2.0, 1.0, 0.0])
    pyramid = ValuePyramid.fit(frame, by="profit", shares=(0.5,), names=("top", "rest"))
    assert pyramid.assign(frame)["tier"].to_list() == ["top", "top", "rest", "rest"]
    assert repr(pyramid) == "ValuePyramid(by='profit', top >= 2)"


def test_what_cannot_be_a_pyramid_is_named(library) -> None:
    frame = library(pd.DataFrame({"profit": [1.0, math.nan]}))
    with pytest.raises(InputError, match=r"values\.profit.*in 1 row \(row 1: nan\)"):
        ValuePyramid.fit(frame, by="profit")
    with pytest.raises(InputError, match="empty; expected at least one customer"):
        ValuePyramid.fit(library(pd.DataFrame({"profit": [1.0]}).head(0)), by="profit")
    for odd in ((), (0.0, 0.1, 0.1), (0.5, 0.4, 0.3), (math.nan,), "1%", 0.1, (0.1, None, 0.1)):
        with pytest.raises(InputError, match="shares must be shares of customers above 0"):
            ValuePyramid.fit(frame, by="profit", shares=odd)
    for names in (("a", "b", "c"), ("a", "b", "c", "c"), ("a", "b", "c", ""), "VIP", (1, 2, 3, 4)):
        with pytest.raises(InputError, match="3 thresholds make 4 tiers with different names"):
            ValuePyramid.fit(frame, by="profit", names=names)
