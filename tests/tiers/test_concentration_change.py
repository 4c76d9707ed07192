"""Two periods compared: drawn customers, intervals, and the rules for what has no shares."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers._weighted_indices import INDICES, WeightedIndices
from crmvalue.tiers.concentration import (
    effective_number,
    gini,
    herfindahl,
    pareto_point,
    top_share,
)
from crmvalue.tiers.concentration_change import compare_concentration

signed = st.lists(st.integers(-40, 400).map(lambda k: k / 4), min_size=1, max_size=30)


def by_name(values) -> list[float]:
    figures = (gini, herfindahl, effective_number)
    return [
        *[figure(values, negative="allow") for figure in figures],
        top_share(values, 0.1, negative="allow"),
        top_share(values, 0.2, negative="allow"),
        pareto_point(values, negative="allow"),
    ]


@settings(max_examples=60)
@given(signed, st.randoms(use_true_random=False))
def test_weighted_indices_are_those_of_repeated_customers(values, random) -> None:
    """Catches ``size - below`` off by the customer at the gap, and levels that aren't summed."""
    counts = [random.randint(0, 3) for _ in values]
    repeated = np.repeat(values, counts)
    found = WeightedIndices(np.array(values))(np.array(counts, dtype=float))
    if len(repeated) and math.fsum(repeated) > 0:
        assert np.allclose(found, by_name(repeated), rtol=1e-9, atol=1e-9)
    else:
        assert np.isnan(found).all()


@settings(max_examples=15)
@given(signed, signed, st.randoms(use_true_random=False), st.integers(-20, 20))
def test_the_table_hangs_on_no_order_of_rows_no_ids_and_no_unit_of_money(
    first, second, random, power
) -> None:
    """Catches pairs that are drawn in the order of their ids: without the ``lexsort``."""
    start = pd.DataFrame({"customer_id": range(len(first)), "value": first})
    end = pd.DataFrame({"customer_id": range(3, len(second) + 3), "value": second})
    options = {"by": "value", "n": 20, "rng": 5, "negative": "allow"}
    expected = compare_concentration(start, end, **options)
    order = list(range(len(first)))
    random.shuffle(order)
    moved = [
        frame.assign(value=frame["value"] * 2.0**power, customer_id=99 - frame["customer_id"])
        for frame in (start.iloc[order], end.iloc[::-1])
    ]
    found = compare_concentration(*moved, **options)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    # Before and after are the figures themselves, and the change is their difference.
    if math.fsum(first) > 0:
        assert expected["before"].tolist() == by_name(first)
    change = expected["after"] - expected["before"]
    pd.testing.assert_series_equal(expected["change"], change, check_names=False)
    assert (expected["lower"] <= expected["upper"])[expected["change"].notna()].all()
    assert expected["lower"].notna().sum() <= expected["change"].notna().sum()


def test_customers_in_both_periods_are_drawn_with_both_values() -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.lognormal(3, 1, 300), 2)
    before = pd.DataFrame({"customer_id": range(300), "profit": values})
    same = compare_concentration(before, before[::-1], by="profit", n=50, rng=1)
    assert (same[["change", "lower", "upper"]] == 0).all(axis=None)  # no change, no doubt
    apart = compare_concentration(values, values, n=50, rng=1)
    assert (apart["lower"] < 0).all()
    assert (apart["upper"] > 0).all()
    pd.testing.assert_frame_equal(
        apart, compare_concentration(before[["profit"]], before, by="profit", n=50, rng=1)
    )


def test_who_is_in_one_period_only_has_no_value_in_the_other() -> None:
    before = pd.DataFrame({"customer_id": ["a", "b", "c"], "v": [1.0, 2.0, 3.0]})
    after = pd.DataFrame({"customer_id": ["c", "d"], "v": [2.0, 2.0]})
    compared = compare_concentration(before, after, by="v", n=100, rng=1).set_index("index")
    assert compared.loc["effective_number", "after"] == 2
    assert compared.loc["gini", "after"] == 0
    nobody = compare_concentration(
        before, after.assign(customer_id=["x", "y"]), by="v", n=100, rng=1
    )
    # In some draws nobody of a period is there; the limits are those of the others.
    assert nobody[["lower", "upper"]].notna().all(axis=None)


def test_limits_hold_the_true_change_about_as_often_as_they_say() -> None:
    # Log-normal values: the Gini is 2 Phi(sigma / sqrt 2) - 1.
    rng = np.random.default_rng(8)
    true = 2 * (stats.norm.cdf(1.0 / math.sqrt(2)) - stats.norm.cdf(0.8 / math.sqrt(2)))
    held = 0
    for _ in range(60):
        common, own = rng.standard_normal((2, 300))
        start, end = np.exp(0.8 * common), np.exp(1.0 * (0.8 * common + 0.6 * own))
        frames = [pd.DataFrame({"customer_id": range(300), "v": v}) for v in (start, end)]
        row = compare_concentration(*frames, by="v", n=150, rng=rng).iloc[0]
        held += row["lower"] <= true <= row["upper"]
    assert 51 <= held <= 60


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(5)
    before = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(100)], "v": rng.integers(0, 60, 100)}
    )
    after = before.assign(v=rng.integers(0, 90, 100)).iloc[20:].reset_index(drop=True)
    expected = compare_concentration(before, after, by="v", n=40, rng=1)
    assert expected["index"].tolist() == list(INDICES)
    assert list(expected) == ["index", "before", "after", "change", "lower", "upper"]
    found = compare_concentration(library(before), library(after), by="v", n=40, rng=1)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    again = compare_concentration(before, after, by="v", n=40, rng=np.random.default_rng(1))
    pd.testing.assert_frame_equal(again, expected)


def test_negatives_and_totals_that_are_not_positive() -> None:
    good, loss = [4.0, 2.0, 1.0], [3.0, -1.0, 0.0]
    with pytest.raises(InputError, match=r"after.*negative_value in 1 row \(row 1: -1.0\)"):
        compare_concentration(good, loss, rng=1)
    with pytest.warns(DataWarning, match="after: 1 negative values, together -1.00") as caught:
        clipped = compare_concentration(good, loss, n=20, rng=1, negative="clip")
    assert caught[0].filename == __file__  # also where a comprehension is no frame of the stack
    expected = compare_concentration(good, [3.0, 0.0, 0.0], n=20, rng=1)
    pd.testing.assert_frame_equal(clipped, expected)
    nothing = compare_concentration(good, [0.0, 0.0], n=20, rng=1)
    assert nothing["before"].notna().all()
    assert nothing[["after", "change", "lower", "upper"]].isna().all(axis=None)
    one = compare_concentration([5.0], [7.0], n=20, rng=1)
    assert (one[["change", "lower", "upper"]] == 0).all(axis=None)


def test_every_fault_of_both_periods_is_named(library) -> None:
    before = pd.DataFrame({"customer_id": [1, 1], "v": [1.0, np.nan]})
    after = pd.DataFrame({"customer_id": [1, 2], "v": [1.0, np.inf]})
    with pytest.raises(InputError) as caught:
        compare_concentration(library(before), library(after), by="v", rng=1)
    assert [(f.column, f.fault) for f in caught.value.faults] == [
        ("before.v", "missing_or_not_finite"),
        ("before.customer_id", "repeated_id"),
        ("after.v", "missing_or_not_finite"),
    ]
    with pytest.raises(InputError, match="after lacks the column 'v'"):
        compare_concentration(library(before), library(after[["customer_id"]]), by="v", rng=1)
    with pytest.raises(InputError, match="at least one customer"):
        compare_concentration(library(before.head(0)), library(after), by="v", rng=1)
    texts = pd.DataFrame({"customer_id": ["1"], "v": [1.0]})
    with pytest.raises(InputError, match="ids of different types"):
        compare_concentration(library(texts), library(after.head(1)), by="v", rng=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 1}, "at least 2 draws"),
        ({"n": 2.5}, "at least 2 draws"),
        ({"level": 1.0}, "above 0 and below 1"),
        ({"level": 95}, "above 0 and below 1"),
        ({"rng": None}, "rng must be a numpy Generator"),
        ({"rng": -1}, "rng must be a numpy Generator"),
        ({"negative": "drop"}, "negative must be"),
    ],
)
def test_options_are_checked(options, said) -> None:
    with pytest.raises(InputError, match=said):
        compare_concentration([1.0], [1.0], **{"rng": 1, **options})
    with pytest.raises(InputError, match="before must be a 1-d array"):
        compare_concentration([[1.0]], [1.0], rng=1)


@pytest.mark.parametrize("level", ["x", [0.9], None, True, math.nan])
def test_a_level_that_is_no_number_is_refused(level) -> None:
    with pytest.raises(InputError, match="level must be a share above 0 and below 1"):
        compare_concentration([1.0, 2.0], [1.0, 3.0], n=2, rng=1, level=level)
