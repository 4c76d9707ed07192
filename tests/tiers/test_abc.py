"""A, B and C: given limits and computed ones, by definition, by hand and on known curves."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from crmvalue.errors import InputError
from crmvalue.tiers.abc_classes import ABCClasses

values = st.lists(st.integers(-40, 400).map(lambda k: k / 4), min_size=1, max_size=40)
limits = st.sampled_from([(0.8, 0.95), (0.5, 0.5), (0.2, 0.9), (0.7, 1.0), (1.0, 1.0)])


def frame_of(numbers: Any) -> pl.DataFrame:
    return pl.DataFrame({"revenue": numbers}, strict=False)


def classes_of(fitted: ABCClasses, numbers: Any) -> str:
    return "".join(fitted.assign(frame_of(numbers))["tier"])


def up_to(numbers: list[Fraction], least: Fraction) -> tuple[Fraction, Fraction]:
    """Effort and yield of those with `least` or more, in exact arithmetic."""
    whole = sum(v for v in numbers if v > 0)
    held = [v for v in numbers if v >= least]
    return Fraction(len(held), len(numbers)), sum(held) / whole


@settings(max_examples=50)
@given(values, limits)
def test_classes_are_those_of_the_definition(numbers, given_limits) -> None:
    """Catches B's limit taken of what A leaves, and shares of all value instead of the positive."""
    fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits=given_limits)
    exact = [Fraction(v) for v in numbers]
    positive = sorted({v for v in exact if v > 0})
    if not positive:
        assert fitted.thresholds == (None, None)
        assert set(classes_of(fitted, numbers)) == {"C"}
        return
    for limit, threshold in zip(given_limits, fitted.thresholds, strict=True):
        reach = Fraction(limit) * (1 - Fraction(1, 10**12))
        assert threshold == max(v for v in positive if up_to(exact, v)[1] >= reach)
        # the fewest: without its lowest value the share is not reached
        assert math.fsum(v for v in numbers if v > threshold) < limit * math.fsum(
            v for v in numbers if v > 0
        )


@given(values)
def test_computed_limits_are_those_of_the_definition(numbers) -> None:
    """Catches the two points not put in order, effort as a share of the positive customers, a
    break-even point at ``value > mean``, and a submarginal point sought from the Pareto point."""
    fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits="computed")
    exact = [Fraction(v) for v in numbers]
    falling = sorted({v for v in exact if v > 0}, reverse=True)
    if not falling:
        assert fitted.thresholds == (None, None)
        assert all(math.isnan(limit) for limit in fitted.limits)
        return
    curve = [up_to(exact, v) for v in falling]

    def nearest(x: Fraction) -> int:
        squared = [(effort - x) ** 2 + (1 - yielded) ** 2 for effort, yielded in curve]
        return next(i for i, d in enumerate(squared) if d <= min(squared) + Fraction(1, 10**15))

    pareto = nearest(Fraction(0))
    mean = sum(v for v in exact if v > 0) / len(exact)
    break_even = sum(v >= mean for v in falling) - 1
    first, second = min(pareto, break_even), max(pareto, break_even)
    end = nearest(curve[second][0])
    assert fitted.thresholds == (falling[first], falling[end])
    assert fitted.limits == pytest.approx([float(curve[first][1]), float(curve[end][1])], abs=1e-12)
    assert first <= second <= end


@settings(max_examples=50)
@given(values.filter(lambda numbers: max(numbers) > 0))
def test_computed_limits_given_as_limits_make_the_same_classes(numbers) -> None:
    """Catches limits and thresholds that are taken from different points of the curve."""
    computed = ABCClasses.fit(frame_of(numbers), by="revenue", limits="computed")
    assert ABCClasses.fit(frame_of(numbers), by="revenue", limits=computed.limits) == computed


def test_computed_limits_by_hand() -> None:
    # Effort .1, .2, .3... and yield .4, .7, .85, .92, .96, .98, 1 of 100. Squared distances to
    # (0, 1): .37, .13, .1125, .1664: the Pareto point is the third. The mean is 10: three make it.
    # Squared distances to (.3, 1): .0225, .0164, .0416: the submarginal point is the fourth.
    numbers = [40, 30, 15, 7, 4, 2, 2, 0, 0, -9]
    fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits="computed")
    assert fitted.thresholds == (15.0, 7.0)
    assert fitted.limits == pytest.approx((0.85, 0.92))
    assert classes_of(fitted, numbers) == "AAABCCCCCC"


def test_the_break_even_point_may_come_first() -> None:
    # The mean of 40 is 6.7, which only the first makes: effort 1/6. Squared distances to (0, 1) at
    # yield .5, .65, .95, 1: .278, .234, .697, 1, so the Pareto point is the second, (2/6, .65), and
    # nothing is nearer to (2/6, 1) than it: .1225 against .2525.
    numbers = [20, 6, 4, 4, 4, 2]
    fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits="computed")
    assert fitted.limits == pytest.approx((0.5, 0.65))
    assert classes_of(fitted, numbers) == "ABCCCC"


def test_who_brings_the_mean_breaks_even() -> None:
    # Points (1/3, 2/3), the nearest to (0, 1), and (2/3, 1), up to where each brings 6 or more.
    fitted = ABCClasses.fit(frame_of([12, 6, 0]), by="revenue", limits="computed")
    assert classes_of(fitted, [12, 6, 0]) == "ABC"


@pytest.mark.parametrize(
    ("quantile", "yielded", "slope"),
    [
        (lambda p: 1 - p, lambda p: p * (2 - p), lambda p: 2 - 2 * p),  # uniform
        (lambda p: -np.log(p), lambda p: p * (1 - np.log(p)), lambda p: -np.log(p)),  # exponential
        (lambda p: p**-0.6, lambda p: p**0.4, lambda p: 0.4 * p**-0.6),  # Pareto
    ],
    ids=["uniform", "exponential", "pareto"],
)
def test_computed_limits_of_known_curves(quantile, yielded, slope) -> None:
    # The conditions of a least distance, solved on the curve itself.
    def nearest(x: float) -> float:
        return brentq(lambda p: p - x - (1 - yielded(p)) * slope(p), 1e-9, 1.0)

    n = 200_000
    numbers = quantile((np.arange(n) + 0.5) / n)
    fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits="computed")
    pareto, break_even = nearest(0.0), brentq(lambda p: slope(p) - 1, 1e-9, 1.0)
    end = nearest(max(pareto, break_even))
    table = fitted.summary(frame_of(numbers))
    effort = np.cumsum(table["share_of_customers"].to_numpy())[:2]
    assert effort == pytest.approx([min(pareto, break_even), end], abs=0.002)


def test_a_limit_that_is_met_to_rounding_is_met() -> None:
    fitted = ABCClasses.fit(frame_of([0.1] * 2 + [0.7, 0.1]), by="revenue", limits=(0.7, 0.8))
    assert fitted.thresholds == (0.7, 0.1)
    millions = np.repeat([0.4, 0.1], 500_000)
    assert ABCClasses.fit(frame_of(millions), by="revenue").thresholds == (0.4, 0.1)


def test_ties_constants_and_one_customer_stay_together() -> None:
    for limits in ((0.8, 0.95), "computed"):
        for numbers in ([5.0], [5.0] * 9):
            fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits=limits)
            assert set(classes_of(fitted, numbers)) == {"A"}
        tied = [1.0] * 80 + [10.0] * 20
        fitted = ABCClasses.fit(frame_of(tied), by="revenue", limits=limits)
        assert classes_of(fitted, [1.0, 10.0]) == ("AA" if limits != "computed" else "CA")


def test_without_positive_value_all_are_c() -> None:
    for numbers in ([0.0], [-1.0, 0.0, -3.0]):
        for limits in ((0.8, 0.95), "computed"):
            fitted = ABCClasses.fit(frame_of(numbers), by="revenue", limits=limits)
            assert set(classes_of(fitted, numbers)) == {"C"}
            assert repr(fitted) == "ABCClasses(by='revenue', A none, B none)"
            assert ABCClasses.from_json(fitted.to_json()) == fitted


def test_what_cannot_be_classed_is_named(library) -> None:
    frame = library(pd.DataFrame({"revenue": [1.0, math.inf]}))
    for good in ((0.8, 0.95), "computed"):
        with pytest.raises(InputError, match=r"values\.revenue.*in 1 row \(row 1: inf\)"):
            ABCClasses.fit(frame, by="revenue", limits=good)
    for odd in ((0.95, 0.8), (0, 0.5), (0.8,), (0.8, 1.1), "best", 0.8, (math.nan, 0.9), (None, 1)):
        with pytest.raises(InputError, match="limits must be two shares of the value"):
            ABCClasses.fit(frame, by="revenue", limits=odd)
