"""Whale and Lorenz curves and the figures read off them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._stats import running_sum
from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers.concentration import (
    effective_number,
    gini,
    herfindahl,
    pareto_point,
    top_share,
)
from crmvalue.tiers.curves import lorenz_curve, whale_curve

FIGURES = {
    "gini": gini,
    "herfindahl": herfindahl,
    "effective_number": effective_number,
    "top_share": lambda values, **options: top_share(values, 0.2, **options),
    "pareto_point": pareto_point,
}

amounts = st.lists(
    st.floats(0, 1e12).filter(lambda v: v == 0 or v > 1e-9), min_size=1, max_size=40
).filter(lambda vs: sum(vs) > 0)
signed = st.lists(st.integers(-400, 4000).map(lambda k: k / 4), min_size=1, max_size=40)


@settings(max_examples=40)
@given(signed)
def test_whale_curve_falls_and_ends_at_the_total(values) -> None:
    """Catches values put in rising order."""
    curve = whale_curve(values)
    assert curve["value"].tolist() == sorted(values, reverse=True)
    assert np.allclose(curve["cumulative_value"].diff().dropna(), curve["value"][1:])
    assert curve["cumulative_value"].iloc[-1] == math.fsum(values)
    assert curve["share_of_customers"].iloc[-1] == 1.0
    if math.fsum(values) > 0:
        assert curve["cumulative_share"].iloc[-1] == 1.0
    else:
        assert curve["cumulative_share"].isna().all()


@settings(max_examples=40)
@given(amounts)
def test_lorenz_curve_starts_at_the_origin_ends_at_one_and_lies_below_the_diagonal(values) -> None:
    """Catches values left in falling order, and a missing origin."""
    curve = lorenz_curve(values)
    assert curve.iloc[0].tolist() == [0.0, 0.0]
    assert curve.iloc[-1].tolist() == [1.0, 1.0]
    assert len(curve) == len(values) + 1
    assert (curve["cumulative_share"] <= curve["share_of_customers"] + 1e-12).all()
    assert (np.diff(curve["cumulative_share"]) >= -1e-15).all()


@settings(max_examples=40)
@given(amounts)
def test_gini_is_one_minus_twice_the_area_under_the_lorenz_curve(values) -> None:
    """Catches weights off by one: ``np.arange(n, 0, -2)``."""
    curve = lorenz_curve(values)
    heights = curve["cumulative_share"].to_numpy()
    area = (heights[1:] + heights[:-1]).sum() / (2 * len(values))
    assert math.isclose(gini(values), 1 - 2 * area, abs_tol=1e-12)
    assert 0 <= gini(values) < 1
    assert gini(values) <= (len(values) - 1) / len(values) + 1e-15


@settings(max_examples=40)
@given(amounts, st.randoms(use_true_random=False), st.integers(-30, 30))
def test_figures_do_not_depend_on_order_or_on_the_unit_of_money(values, random, power) -> None:
    """Catches a Gini of values that were not sorted."""
    shuffled = [v * 2.0**power for v in values]
    random.shuffle(shuffled)
    for name, figure in FIGURES.items():
        assert figure(values) == figure(shuffled), name


@settings(max_examples=40)
@given(amounts, st.integers(2, 5))
def test_copies_of_all_customers_leave_the_shares_and_divide_the_index(values, times) -> None:
    """Catches ``n - 1`` for ``n`` in the Gini's divisor."""
    copies = values * times
    assert math.isclose(gini(copies), gini(values), abs_tol=1e-12)
    assert math.isclose(herfindahl(copies), herfindahl(values) / times, rel_tol=1e-12)
    assert math.isclose(top_share(copies, 0.3), top_share(values, 0.3), rel_tol=1e-12)
    assert math.isclose(pareto_point(copies), pareto_point(values), rel_tol=1e-12)


@settings(max_examples=40)
@given(amounts, st.floats(0, 1), st.floats(0, 1))
def test_top_share_rises_from_zero_to_one_above_the_diagonal(values, low, high) -> None:
    """Catches a last customer who is left out or counts in full: ``round(share * n)``."""
    low, high = sorted((low, high))
    assert top_share(values, 0) == 0
    assert top_share(values, 1) == 1
    assert top_share(values, low) <= top_share(values, high) + 1e-15
    assert top_share(values, low) >= low - 1e-12
    n = len(values)
    curve = np.append(0.0, whale_curve(values)["cumulative_share"])
    expected = np.interp(low, np.arange(n + 1) / n, curve)
    assert math.isclose(top_share(values, low), expected, abs_tol=1e-12)


@given(amounts)
def test_the_pareto_point_holds_the_rest_of_the_value(values) -> None:
    """Catches a point that is rounded to whole customers."""
    point = pareto_point(values)
    assert 0 < point <= 0.5 + 1e-12
    assert math.isclose(top_share(values, point), 1 - point, abs_tol=1e-12)


@given(amounts)
def test_the_index_is_the_sum_of_squared_shares(values) -> None:
    """Catches a divisor that is not squared: ``/ _total(...)`` for ``/ _total(...) ** 2``."""
    whole = math.fsum(values)
    expected = math.fsum((v / whole) ** 2 for v in values)
    assert math.isclose(herfindahl(values), expected, rel_tol=1e-12)
    assert 1 / len(values) - 1e-12 <= herfindahl(values) <= 1 + 1e-12


@settings(max_examples=50)
@given(amounts)
def test_the_effective_number_is_that_of_customers_who_are_there(values) -> None:
    """Catches the number of customers in place of 1: ``len(rising) / _herfindahl(rising)``."""
    assert math.isclose(effective_number(values) * herfindahl(values), 1, rel_tol=1e-12)
    assert 1 - 1e-12 <= effective_number(values) <= len(values) * (1 + 1e-12)
    # Who has nothing makes no difference.
    assert math.isclose(effective_number([*values, 0.0]), effective_number(values), rel_tol=1e-12)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=60))
def test_running_sums_are_right_to_the_last_digit(values) -> None:
    """Catches the rounding of an addition taken with the wrong sign."""
    array = np.array(values)
    sums = running_sum(array)
    gross = math.fsum(np.abs(array))
    for i in range(len(values)):
        exact = math.fsum(values[: i + 1])
        assert abs(sums[i] - exact) <= 2.3e-16 * abs(exact) + 1e-28 * gross


def test_running_sums_stay_exact_over_a_million_prices() -> None:
    assert running_sum(np.full(1_000_000, 0.1))[-1] == 100_000.0
    assert np.cumsum(np.full(1_000_000, 0.1))[-1] != 100_000.0


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1001])
def test_equal_values_and_one_owner(n) -> None:
    equal, owner = np.full(n, 0.1), np.append(np.zeros(n - 1), 7.3)
    assert gini(equal) == 0
    assert math.isclose(herfindahl(equal), 1 / n)
    assert math.isclose(effective_number(equal), n)
    assert effective_number(owner) == 1
    assert math.isclose(pareto_point(equal), 0.5)
    assert math.isclose(top_share(equal, 0.2), 0.2)
    assert math.isclose(gini(owner), (n - 1) / n, rel_tol=1e-15)
    assert herfindahl(owner) == 1
    assert math.isclose(pareto_point(owner), 1 / (n + 1))
    assert top_share(owner, 1 / n) == 1


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "customer_id": rng.permutation([f"c{i:03d}" for i in range(200)]),
            "profit": rng.integers(-20, 60, 200),
            "revenue": np.round(rng.lognormal(3, 1, 200), 2),
        }
    )
    for name, figure in FIGURES.items():
        expected = figure(frame["revenue"].to_numpy())
        assert figure(library(frame), by="revenue") == expected, name
        assert figure(frame["revenue"]) == figure(pl.Series(frame["revenue"])) == expected
        assert figure(frame["revenue"].tolist()) == expected
    for curve in (whale_curve, lorenz_curve):
        got, expected = to_pandas(curve(library(frame), by="profit")), curve(frame, by="profit")
        assert got.to_dict("list") == expected.to_dict("list")
    # Equal values stand in the order of their ids, not of their rows.
    assert list(expected.columns) == ["share_of_customers", "cumulative_share"]
    whale = whale_curve(frame, by="profit")
    assert list(whale.columns) == [
        "customer_id",
        "value",
        "cumulative_value",
        "share_of_customers",
        "cumulative_share",
    ]
    wanted = frame.sort_values(["profit", "customer_id"], ascending=[False, True])
    assert whale["customer_id"].tolist() == wanted["customer_id"].tolist()


def test_a_query_gives_an_eager_curve_of_its_library() -> None:
    frame = pl.DataFrame({"customer_id": [3, 1, 2], "profit": [1, 1, 5]})
    curve = whale_curve(frame.lazy(), by="profit")
    assert isinstance(curve, pl.DataFrame)
    assert curve["customer_id"].to_list() == [2, 1, 3]
    assert curve.schema["customer_id"] == pl.Int64
    assert "customer_id" not in whale_curve(frame.select("profit"), by="profit").columns


def test_negatives_are_refused_clipped_aloud_or_allowed() -> None:
    values = [4.0, 3.0, -1.5, 2.0, 1.0, -0.5]
    for figure in FIGURES.values():
        with pytest.raises(InputError, match=r"in 2 rows \(row 2: -1.5, row 5: -0.5\)"):
            figure(values)
        with pytest.warns(DataWarning, match=r"2 negative values, together -2.00, count as 0"):
            clipped = figure(values, negative="clip")
        assert clipped == figure([4.0, 3.0, 0.0, 2.0, 1.0, 0.0])
        assert math.isfinite(figure(values, negative="allow"))
        with pytest.raises(InputError, match="negative must be"):
            figure(values, negative="drop")
    # The definitions, with the negative values as they are: total 8.
    assert math.isclose(herfindahl(values, negative="allow"), (16 + 9 + 2.25 + 4 + 1 + 0.25) / 64)
    assert math.isclose(top_share(values, 1 / 3, negative="allow"), 7 / 8)
    pairs = np.abs(np.subtract.outer(values, values)).sum() / (2 * 6 * 8)
    assert math.isclose(gini(values, negative="allow"), pairs)
    point = pareto_point(values, negative="allow")
    assert math.isclose(top_share(values, point, negative="allow"), 1 - point)


def test_a_clip_is_reported_at_the_line_that_asked_for_it() -> None:
    with pytest.warns(DataWarning) as caught:
        gini([1.0, -1.0], negative="clip")
    assert caught[0].filename == __file__


def test_a_total_that_is_not_positive_has_no_shares() -> None:
    for values in ([0.0], [0.0, 0.0], [10.10, 20.20, -30.30], [-3.0, 1.0]):
        for name, figure in FIGURES.items():
            assert math.isnan(figure(values, negative="allow")), name
        assert whale_curve(values)["cumulative_share"].isna().all()
        assert lorenz_curve(values)["cumulative_share"].isna().all()


def test_whale_curve_of_customers_who_cost_money_rises_above_the_total() -> None:
    curve = whale_curve([100.0, 50.0, -30.0])
    assert curve["cumulative_share"].max() == 1.25
    assert curve["share_of_customers"].tolist() == [1 / 3, 2 / 3, 1.0]
    assert lorenz_curve([100.0, 50.0, -30.0])["cumulative_share"].tolist() == [
        0.0,
        -0.25,
        20 / 120,
        1.0,
    ]


def test_figures_stay_finite_at_the_ends_of_the_floats() -> None:
    for scale in (1e299, 1e-300):
        values = np.array([1.0, 2.0, 3.0, 4.0]) * scale
        assert math.isclose(gini(values), 0.25)
        assert math.isclose(herfindahl(values), 0.3)
        assert math.isclose(top_share(values, 0.5), 0.7)
    with pytest.raises(InputError, match="too_large in 1 row"):
        gini([1.0, 1e301])


def test_what_has_no_concentration_is_named(library) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2, 2], "profit": [1.0, np.nan, np.inf]})
    for call in (*FIGURES.values(), whale_curve, lorenz_curve):
        with pytest.raises(InputError, match=r"values\.profit.*row 1: nan, row 2: inf"):
            call(library(frame), by="profit")
        with pytest.raises(InputError, match="at least one customer"):
            call(library(frame.head(0)), by="profit")
        with pytest.raises(InputError, match=r"1-d array of numbers, or a frame with by="):
            call(library(frame))
        with pytest.raises(InputError, match="values lacks the column 'margin'"):
            call(library(frame), by="margin")
    with pytest.raises(InputError, match=r"repeated_id in 2 rows \(row "):
        whale_curve(library(frame.fillna(2.0).replace(np.inf, 3.0)), by="profit")
    with pytest.raises(InputError, match=r"customer_id': missing_id in 1 row"):
        whale_curve(
            library(pd.DataFrame({"customer_id": ["a", None], "profit": [1, 2]})), by="profit"
        )


@pytest.mark.parametrize("call", [*FIGURES.values(), whale_curve, lorenz_curve])
def test_arrays_must_be_arrays_of_numbers(call) -> None:
    with pytest.raises(InputError, match="at least one customer"):
        call([])
    with pytest.raises(InputError, match=r"missing_or_not_finite in 1 row \(row 1: nan\)"):
        call([1.0, None])
    with pytest.raises(InputError, match="not_a_number"):
        call(["a", "b"])
    for shapeless in (3.0, [[1.0, 2.0]], None, {"a": 1}):
        with pytest.raises(InputError, match="1-d array of numbers"):
            call(shapeless)
    with pytest.raises(InputError, match="values must be a pandas"):
        call([1.0], by="profit")


def test_a_share_of_customers_is_a_share() -> None:
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="from 0 to 1"):
            top_share([1.0], share)


@pytest.mark.parametrize("share", ["x", [0.1], None, True, float("nan")])
def test_a_share_that_is_no_number_is_refused(share) -> None:
    with pytest.raises(InputError, match="share must be a share of customers from 0 to 1"):
        top_share([1.0, 2.0], share)
