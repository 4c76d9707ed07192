"""Gold, steel and lead: the definition, its laws, and the same answer in every library."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers import ParetoTiers

TIERS = ["gold", "steel", "lead"]

# Quarters add up exactly in binary, so that the definition can be checked without a tolerance.
values = st.lists(st.integers(-400, 4000).map(lambda k: k / 4), min_size=1, max_size=40)
gold_shares = st.sampled_from([0.05, 0.2, 0.5, 0.75, 0.8, 0.95, 1.0])
lead_shares = st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0])


def frame_of(numbers: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": range(len(numbers)), "profit": numbers}, strict=False)


def tiers_of(fitted: ParetoTiers, frame: pl.DataFrame) -> list[str]:
    return fitted.assign(frame)["tier"].to_list()


def by_definition(numbers: list[float], gold_share: float, lead_share: float) -> list[str]:
    """The tiers by the words of the definition, in exact arithmetic."""
    exact = [Fraction(v) for v in numbers]
    positive = sorted({v for v in exact if v > 0})
    whole = sum(v for v in exact if v > 0)
    reach = Fraction(gold_share) * whole * (1 - Fraction(1, 10**12))
    bound = Fraction(lead_share) * whole * (1 + Fraction(1, 10**12))
    gold = max((g for g in positive if sum(v for v in exact if v >= g) >= reach), default=math.inf)
    lead = max((w for w in positive if sum(v for v in exact if 0 < v <= w) <= bound), default=0)
    return ["gold" if v >= gold else "lead" if v <= max(0, lead) else "steel" for v in exact]


@settings(max_examples=50)
@given(values, gold_shares, lead_shares)
def test_tiers_are_those_of_the_definition(numbers, gold_share, lead_share) -> None:
    """Catches ``value < self.lead`` for ``<=``, and a tie of the first value out kept in lead."""
    frame = frame_of(numbers)
    fitted = ParetoTiers.fit(frame, by="profit", gold_share=gold_share, lead_share=lead_share)
    assert tiers_of(fitted, frame) == by_definition(numbers, gold_share, lead_share)


@given(values, gold_shares)
def test_gold_is_the_fewest(numbers, gold_share) -> None:
    """Catches a crossing that is one customer late: ``values[:half]`` taken for the upper part."""
    frame = frame_of(numbers)
    fitted = ParetoTiers.fit(frame, by="profit", gold_share=gold_share)
    whole = math.fsum(v for v in numbers if v > 0)
    gold = [v for v, tier in zip(numbers, tiers_of(fitted, frame), strict=True) if tier == "gold"]
    assert math.fsum(gold) >= gold_share * whole * (1 - 1e-12)
    if gold:
        assert math.fsum(v for v in gold if v > min(gold)) < gold_share * whole


@settings(max_examples=50)
@given(values, gold_shares, lead_shares)
def test_a_higher_value_never_gets_a_lower_tier_and_equals_never_part(numbers, gold, lead) -> None:
    """Catches ``value <= self.gold`` for ``>=``."""
    frame = frame_of(numbers)
    fitted = ParetoTiers.fit(frame, by="profit", gold_share=gold, lead_share=lead)
    ranks = [TIERS.index(tier) for tier in tiers_of(fitted, frame)]
    pairs = sorted(set(zip(numbers, ranks, strict=True)))
    assert len(pairs) == len(set(numbers))
    assert [rank for _, rank in pairs] == sorted((rank for _, rank in pairs), reverse=True)


@settings(max_examples=50)
@given(values, values, lead_shares)
def test_frozen_thresholds_do_not_care_who_else_is_there(numbers, others, lead) -> None:
    """Catches an assignment that fits the frame it is given."""
    fitted = ParetoTiers.fit(frame_of(numbers), by="profit", lead_share=lead)
    together = tiers_of(fitted, frame_of(numbers + others))
    assert together[: len(numbers)] == tiers_of(fitted, frame_of(numbers))


@settings(max_examples=50)
@given(values, st.integers(-200, 200), lead_shares)
def test_scaling_money_by_a_power_of_two_changes_no_tier(numbers, power, lead) -> None:
    """Catches an absolute tolerance: ``gold_share * total - 1e-6``."""
    frame = frame_of(numbers)
    scaled = frame.with_columns(pl.col("profit") * 2.0**power)
    before = ParetoTiers.fit(frame, by="profit", lead_share=lead)
    after = ParetoTiers.fit(scaled, by="profit", lead_share=lead)
    assert tiers_of(after, scaled) == tiers_of(before, frame)


@given(values, st.randoms(use_true_random=False), lead_shares)
def test_tiers_do_not_depend_on_row_order(numbers, random, lead) -> None:
    """Catches a running sum over rows that were not put in order."""
    shuffled = numbers.copy()
    random.shuffle(shuffled)
    fitted = ParetoTiers.fit(frame_of(numbers), by="profit", lead_share=lead)
    assert ParetoTiers.fit(frame_of(shuffled), by="profit", lead_share=lead) == fitted


@settings(max_examples=50)
@given(values, gold_shares, lead_shares)
def test_json_round_trip(numbers, gold, lead) -> None:
    """Catches a threshold kept as infinity where nobody is gold."""
    fitted = ParetoTiers.fit(frame_of(numbers), by="profit", gold_share=gold, lead_share=lead)
    assert ParetoTiers.from_json(fitted.to_json()) == fitted
    assert "float" not in fitted.to_json()


@settings(max_examples=50)
@given(values, lead_shares)
def test_tier_shares_sum_to_one_and_values_to_the_total(numbers, lead) -> None:
    """Catches shares of the sum of the positive values in place of the total."""
    frame = frame_of(numbers)
    table = ParetoTiers.fit(frame, by="profit", lead_share=lead).summary(frame)
    assert table["tier"].to_list() == TIERS
    assert table["customers"].sum() == len(numbers)
    assert math.isclose(table["share_of_customers"].sum(), 1.0)
    assert table["value"].sum() == math.fsum(numbers)
    if math.fsum(numbers) > 0:
        assert math.isclose(table["share_of_value"].sum(), 1.0)
    else:
        assert table["share_of_value"].null_count() == 3


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(300)],
            "profit": np.round(rng.normal(20, 40, 300)),
            "revenue": rng.integers(1, 90, 300),
        }
    )
    fitted = ParetoTiers.fit(frame, by="profit", lead_share=0.1)
    assert ParetoTiers.fit(library(frame), by="profit", lead_share=0.1) == fitted
    expected = fitted.assign(frame)
    assert expected["tier"].cat.categories.tolist() == TIERS
    result = fitted.assign(library(frame))
    assert type(result) is type(library(frame))
    got = to_pandas(result).sort_values("customer_id", ignore_index=True)
    assert list(got.columns) == ["customer_id", "profit", "revenue", "tier"]
    for column in got.columns:
        assert got[column].tolist() == expected[column].tolist(), column
    for of in (None, "revenue"):
        table = to_pandas(fitted.summary(library(frame), of))
        wanted = fitted.summary(frame, of)
        assert table.astype({"tier": str}).equals(wanted.astype({"tier": str}))
    assert wanted["value"].sum() == frame["revenue"].sum()


def test_assigning_leaves_rows_and_other_columns_as_they_are() -> None:
    frame = pd.DataFrame({"note": ["x", None, "z"], "profit": [1, 100, -5]}, index=[7, 3, 5])
    got = ParetoTiers.fit(frame, by="profit").assign(frame)
    assert got["tier"].tolist() == ["steel", "gold", "lead"]
    pd.testing.assert_frame_equal(got.drop(columns="tier"), frame)
    assert "tier" not in frame


def test_a_missing_value_has_no_tier(library) -> None:
    fitted = ParetoTiers.fit(frame_of([10.0, 1.0, 0.0]), by="profit")
    later = pd.DataFrame({"customer_id": [1, 2, 3], "profit": [9.5, np.nan, 20.0]})
    got = to_pandas(fitted.assign(library(later))).sort_values("customer_id")
    assert [t if isinstance(t, str) else None for t in got["tier"]] == ["steel", None, "gold"]


def test_a_share_that_is_met_to_rounding_is_met() -> None:
    # .8 of the total to the last cent, in amounts that binary numbers can't hold: a plain running
    # sum over a million of them misses it, and then steel would be gold.
    numbers = np.repeat([0.4, 0.1], 500_000)
    fitted = ParetoTiers.fit(frame_of(numbers), by="profit")
    assert fitted.gold == 0.4
    assert ParetoTiers.fit(frame_of([0.32, 0.08]), by="profit").gold == 0.32
    assert ParetoTiers.fit(frame_of([0.1] * 10), by="profit").gold == 0.1
    assert ParetoTiers.fit(frame_of([0.7, 0.1, 0.1, 0.1]), by="profit", gold_share=0.7).gold == 0.7
    lead = ParetoTiers.fit(frame_of([0.7, 0.2, 0.1]), by="profit", gold_share=0.7, lead_share=0.3)
    assert lead.lead == 0.2


def test_by_default_no_positive_value_is_lead_however_small() -> None:
    assert tiers_of(ParetoTiers.fit(f := frame_of([1e13, 1e-3, 0.0]), by="profit"), f) == TIERS


def test_without_positive_value_all_are_lead() -> None:
    for numbers in ([0.0], [-1.0, 0.0, -3.0], [-0.0]):
        fitted = ParetoTiers.fit(frame_of(numbers), by="profit", lead_share=0.5)
        assert (fitted.gold, fitted.lead) == (None, 0.0)
        assert set(tiers_of(fitted, frame_of(numbers))) == {"lead"}
        assert repr(fitted) == "ParetoTiers(by='profit', gold none, lead <= 0)"


def test_one_customer_constants_and_heavy_ties_are_gold_together() -> None:
    for numbers in ([5.0], [5.0] * 9):
        frame = frame_of(numbers)
        fitted = ParetoTiers.fit(frame, by="profit", lead_share=1.0)
        assert set(tiers_of(fitted, frame)) == {"gold"}
    tied = frame_of([1.0] * 80 + [10.0] * 20)  # the ten pounds make 200 of 280
    fitted = ParetoTiers.fit(tied, by="profit")
    assert fitted.gold == 1.0
    assert ParetoTiers.fit(tied, by="profit", gold_share=0.7).gold == 10.0


def test_what_cannot_be_tiered_is_named(library) -> None:
    bad = pd.DataFrame({"customer_id": [1, 2, 3, 4], "profit": [1.0, np.nan, np.inf, 2.0]})
    with pytest.raises(InputError, match=r"values\.profit.*in 2 rows \(row 1: nan, row 2: inf\)"):
        ParetoTiers.fit(library(bad), by="profit")
    fitted = ParetoTiers.fit(frame_of([1.0]), by="profit")
    with pytest.raises(InputError, match=r"missing_or_not_finite in 2 rows"):
        fitted.summary(library(bad))
    with pytest.raises(InputError, match="values lacks the column 'margin'"):
        ParetoTiers.fit(library(bad), by="margin")
    text = library(bad.assign(profit="much"))
    for call in (fitted.assign, fitted.summary, lambda f: ParetoTiers.fit(f, by="profit")):
        with pytest.raises(InputError, match=r"values\.profit.*not_a_number"):
            call(text)
    with pytest.raises(InputError, match="empty; expected at least one customer"):
        ParetoTiers.fit(library(bad.head(0)), by="profit")
    with pytest.raises(InputError, match=r"too_large in 1 row \(row 0: 1e\+301\)"):
        ParetoTiers.fit(library(bad.head(1).assign(profit=1e301)), by="profit")


def test_shares_must_be_shares() -> None:
    frame = frame_of([1.0])
    for share in (0, -0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="gold_share must be a share above 0 and at most 1"):
            ParetoTiers.fit(frame, by="profit", gold_share=share)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="lead_share must be a share from 0 to 1"):
            ParetoTiers.fit(frame, by="profit", lead_share=share)
    with pytest.raises(InputError, match="by must be the name of a column"):
        ParetoTiers.fit(frame, by=None)


def test_the_line_of_the_tiers_is_true_where_gold_and_lead_meet() -> None:
    frame = frame_of([4, 3, 2, 1])
    fitted = ParetoTiers.fit(frame, by="profit", gold_share=0.7, lead_share=0.6)
    assert (fitted.gold, fitted.lead) == (3.0, 3.0)
    assert repr(fitted) == "ParetoTiers(by='profit', gold >= 3, lead < 3)"
    assert tiers_of(fitted, frame) == ["gold", "gold", "lead", "lead"]
    apart = ParetoTiers.fit(frame, by="profit", gold_share=0.7, lead_share=0.3)
    assert repr(apart) == "ParetoTiers(by='profit', gold >= 3, lead <= 2)"


@pytest.mark.parametrize("option", ["gold_share", "lead_share"])
@pytest.mark.parametrize("share", ["x", [0.1], None, True, float("nan")])
def test_a_share_that_is_no_number_is_refused(option, share) -> None:
    with pytest.raises(InputError, match=f"{option} must be a share"):
        ParetoTiers.fit(pd.DataFrame({"profit": [1.0]}), by="profit", **{option: share})
