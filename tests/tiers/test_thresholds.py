"""What every tiering shares: its laws, and two tierings at once, in every library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.tiers.abc_classes import ABCClasses
from crmvalue.tiers.fixed import FixedTiers
from crmvalue.tiers.matrix import TwoAxisMatrix
from crmvalue.tiers.pareto import ParetoTiers
from crmvalue.tiers.pyramid import ValuePyramid

Fit = Callable[[Any], Any]

FITTED: dict[str, Fit] = {
    "pareto": lambda frame: ParetoTiers.fit(frame, by="profit", lead_share=0.1),
    "pyramid": lambda frame: ValuePyramid.fit(frame, by="profit", shares=(0.1, 0.2, 0.3)),
    "abc": lambda frame: ABCClasses.fit(frame, by="profit"),
    "computed": lambda frame: ABCClasses.fit(frame, by="profit", limits="computed"),
}
FAMILY: dict[str, Fit] = {
    **FITTED,
    "fixed": lambda _: FixedTiers("profit", ("a", "b", "c", "d"), (500.0, 20.0, -20.0)),
}
every = pytest.mark.parametrize("kind", FAMILY)

# Quarters add up exactly in binary.
values = st.lists(st.integers(-400, 4000).map(lambda k: k / 4), min_size=1, max_size=40)
# Few different values and many customers: heavy ties, as with counts of purchases.
tied = st.lists(st.sampled_from([0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 7.0, -3.0]), min_size=1, max_size=60)
either = st.one_of(values, tied)
few = settings(max_examples=15)  # for each of the five tierings


def frame_of(numbers: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": range(len(numbers)), "profit": numbers}, strict=False)


def places(tiers: Any, frame: pl.DataFrame, **options: Any) -> list[int]:
    """The place of each customer's tier, 0 the highest."""
    return [tiers.tiers.index(tier) for tier in tiers.assign(frame, **options)["tier"]]


@every
@few
@given(either)
def test_a_higher_value_never_gets_a_lower_tier_and_equals_never_part(kind, numbers) -> None:
    """Catches ``value > bound`` for ``>=`` where a step is closed, for ties with a threshold."""
    frame = frame_of(numbers)
    found = places(FAMILY[kind](frame), frame)
    pairs = sorted(set(zip(numbers, found, strict=True)))
    assert len(pairs) == len(set(numbers))
    assert [place for _, place in pairs] == sorted((p for _, p in pairs), reverse=True)


@every
@few
@given(either, values)
def test_frozen_thresholds_do_not_care_who_else_is_there(kind, numbers, others) -> None:
    """Catches an assignment that fits the frame it is given."""
    tiers = FAMILY[kind](frame_of(numbers))
    together = places(tiers, frame_of(numbers + others))
    assert together[: len(numbers)] == places(tiers, frame_of(numbers))


@pytest.mark.parametrize("kind", FITTED)
@few
@given(either, st.integers(-200, 200))
def test_scaling_money_by_a_power_of_two_changes_no_tier(kind, numbers, power) -> None:
    """Catches an absolute tolerance: ``mean - 1e-6`` at the break-even point."""
    frame = frame_of(numbers)
    scaled = frame.with_columns(pl.col("profit") * 2.0**power)
    assert places(FITTED[kind](scaled), scaled) == places(FITTED[kind](frame), frame)


@pytest.mark.parametrize("kind", FITTED)
@few
@given(either, st.randoms(use_true_random=False))
def test_thresholds_do_not_depend_on_row_order(kind, numbers, random) -> None:
    """Catches a running sum, or a k-th largest value, of rows that were not put in order."""
    shuffled = numbers.copy()
    random.shuffle(shuffled)
    assert FITTED[kind](frame_of(shuffled)) == FITTED[kind](frame_of(numbers))


@every
@few
@given(either)
def test_json_round_trip(kind, numbers) -> None:
    """Catches a field that is written as text but read as another value."""
    frame = frame_of(numbers)
    tiers = FAMILY[kind](frame)
    again = Value.from_json(tiers.to_json())
    assert again == tiers
    assert repr(again) == repr(tiers)
    assert places(again, frame) == places(tiers, frame)


@every
@few
@given(either)
def test_a_summary_counts_everybody_and_adds_up_to_the_total(kind, numbers) -> None:
    """Catches ranks that count ``step.reached`` instead of its opposite."""
    frame = frame_of(numbers)
    tiers = FAMILY[kind](frame)
    table, found = tiers.summary(frame), places(tiers, frame)
    assert table["tier"].to_list() == list(tiers.tiers)
    assert table["customers"].to_list() == [found.count(i) for i in range(len(tiers.tiers))]
    for i, value in enumerate(table["value"]):
        assert value == math.fsum(v for v, p in zip(numbers, found, strict=True) if p == i)


def plainly(frame: Any) -> list[str | None]:
    table = to_pandas(frame).sort_values("customer_id", ignore_index=True)
    return [tier if isinstance(tier, str) else None for tier in table["tier"]]


@every
def test_every_library_gives_the_same(kind, library, customers) -> None:
    known = customers.dropna()
    tiers = FAMILY[kind](known)
    assert FAMILY[kind](library(known)) == tiers
    result = tiers.assign(library(customers))
    assert type(result) is type(library(customers))
    expected = plainly(tiers.assign(customers))
    assert plainly(result) == expected
    assert expected.count(None) == 4
    for of in (None, "revenue"):
        table = to_pandas(tiers.summary(library(known), of))
        assert table.astype({"tier": str}).equals(tiers.summary(known, of).astype({"tier": str}))


@settings(max_examples=25)
@given(st.tuples(st.sampled_from(sorted(FAMILY)), st.sampled_from(sorted(FAMILY))), either)
def test_a_matrix_of_two_tierings_has_the_tiers_of_both(kinds, numbers) -> None:
    """Catches an axis that takes ``lead`` for ``value < lead``, and names from the wrong end."""
    frame = frame_of(numbers).with_columns(profit_again=pl.col("profit"))
    first, second = (FAMILY[kind](frame) for kind in kinds)
    moved = Value.from_dict({**second.to_dict(), "by": "profit_again"})
    matrix = TwoAxisMatrix.from_tiers(first, moved)
    wanted = zip(first.assign(frame)["tier"], second.assign(frame)["tier"], strict=True)
    assert matrix.assign(frame)["quadrant"].to_list() == [f"{a} / {b}" for a, b in wanted]
    assert TwoAxisMatrix.from_json(matrix.to_json()) == matrix
    assert matrix.table(frame)["customers"].sum() == len(numbers)


def test_two_tierings_at_once(library, customers) -> None:
    known = customers.dropna()
    profit = ParetoTiers.fit(known, by="profit")
    revenue = ABCClasses.fit(known, by="revenue")
    matrix = TwoAxisMatrix.from_tiers(profit, revenue)
    assert repr(matrix).startswith("TwoAxisMatrix(x profit at 0, ")
    table = to_pandas(matrix.table(library(known)))
    assert len(table) == 9
    assert table["x_sum"].sum() == known["profit"].sum()
    assert table["y_sum"].sum() == known["revenue"].sum()
    both = (
        profit.assign(known)["tier"].astype(str) + " / " + revenue.assign(known)["tier"].astype(str)
    )
    assert table.set_index("quadrant")["customers"].to_dict() == {
        name: int((both == name).sum()) for name in matrix.quadrants
    }
    nobody = ParetoTiers.fit(pd.DataFrame({"profit": [-1.0]}), by="profit")
    empty = TwoAxisMatrix.from_tiers(nobody, revenue).assign(library(known))
    assert not to_pandas(empty)["quadrant"].astype(str).str.startswith("gold").any()
    named = {(x, y): "key" if x == "gold" else "rest" for x in profit.tiers for y in revenue.tiers}
    assert TwoAxisMatrix.from_tiers(profit, revenue, named).quadrants == ("rest", "key")
    with pytest.raises(InputError, match="x and y are both 'profit'"):
        TwoAxisMatrix.from_tiers(profit, profit)
