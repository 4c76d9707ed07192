"""The best split of a budget: optimal by every known test, finite everywhere, the same in all."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers.allocation import split_budget


def portfolio(size: int, seed: int) -> pd.DataFrame:
    """Units with responses over many powers of ten, some of them without any."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(size),
            "ceiling": 10.0 ** rng.uniform(0, 4, size) * (rng.random(size) > 0.1),
            "steepness": 10.0 ** rng.uniform(-4, 1, size) * (rng.random(size) > 0.1),
            "least": rng.uniform(0, 20, size) * (rng.random(size) > 0.5),
        }
    )
    frame["room"] = 10.0 ** rng.uniform(0, 3, size)
    frame["most"] = frame["least"] + frame["room"]
    return frame


# Seeds and not lists of floats: drawn one by one, most of these would be 0 or alike.
portfolios = st.builds(portfolio, st.integers(1, 12), st.integers(0, 2**32 - 1))
budgets = st.one_of(st.just(0.0), st.floats(-2, 4).map(lambda power: 10.0**power))


def gain(frame: pd.DataFrame, spent) -> float:
    return float((frame["ceiling"] * -np.expm1(-frame["steepness"] * spent)).sum())


def bounded(frame: pd.DataFrame, budget: float, **more):
    least = float(frame["least"].sum())
    return split_budget(frame, least + budget, minimum="least", maximum="most", **more)


@settings(max_examples=25)
@given(portfolios, budgets, st.integers(0, 2**32 - 1))
def test_no_other_split_brings_more(frame, budget, seed) -> None:
    """Catches ``slope + level`` in ``between``: water filled in from the wrong side."""
    best = split_budget(frame, budget)
    shares = np.random.default_rng(seed).dirichlet(np.full(len(frame), 0.3), size=50)
    for share in shares:
        assert gain(frame, share * budget) <= best.gain * (1 + 1e-9) + 1e-9


@settings(max_examples=25)
@given(portfolios, budgets, st.sampled_from([0.0, 0.5, 1.0, 20.0]))
def test_the_conditions_of_an_optimum_hold(frame, budget, least_return) -> None:
    """Karush, Kuhn and Tucker: one marginal return within the bounds, less below, more above.

    Catches a maximum that is added after filling, ``np.minimum(optimal, high)``.
    """
    split = bounded(frame, budget, least_return=least_return)
    spent = split.optimal
    assert (spent >= frame["least"] * (1 - 1e-12)).all()
    assert (spent <= frame["most"] * (1 + 1e-12) + 1e-12).all()
    returns = split.responses.marginal_return(spent)
    raised = spent > frame["least"] * (1 + 1e-9) + 1e-9
    open_ended = spent < frame["most"] * (1 - 1e-9) - 1e-9
    if raised.any() and open_ended.any():
        # Who got something brings at least what anybody who could get more would bring.
        assert returns[raised].min() >= returns[open_ended].max() * (1 - 1e-6) - 1e-9
    if raised.any():
        assert returns[raised].min() >= least_return * (1 - 1e-6)
    if split.unspent > 1e-9 and open_ended.any():
        assert returns[open_ended].max() <= least_return * (1 + 1e-6) + 1e-9


@settings(max_examples=25)
@given(st.integers(2, 4), st.integers(0, 2**32 - 1), st.floats(1.0, 300.0))
def test_a_numerical_optimizer_finds_nothing_better(size, seed, budget) -> None:
    """Catches bounds that the closed form forgets: ``low`` in place of ``high``."""
    frame = portfolio(size, seed)
    frame["ceiling"] /= max(frame["ceiling"].max(), 1.0)
    split = bounded(frame, budget)
    found = minimize(
        lambda x: -gain(frame, x),
        split.optimal * 0.5 + frame["least"] * 0.5,
        bounds=list(zip(frame["least"], frame["most"], strict=True)),
        constraints={"type": "ineq", "fun": lambda x: split.budget - x.sum()},
        method="SLSQP",
    )
    if found.success and found.x.sum() <= split.budget * (1 + 1e-9):
        assert -found.fun <= split.gain + 1e-6


@settings(max_examples=25)
@given(portfolios, budgets)
def test_the_budget_is_spent_to_the_last_cent_or_left(frame, budget) -> None:
    """Catches ``part`` without its share: the lower knot taken for the answer."""
    split = split_budget(frame, budget)
    responsive = bool(((frame["ceiling"] > 0) & (frame["steepness"] > 0)).any())
    assert math.isclose(split.spent, budget if responsive else 0.0, rel_tol=1e-12)
    held = bounded(frame, budget)
    room = frame["room"][(frame["ceiling"] > 0) & (frame["steepness"] > 0)].sum()
    expected = frame["least"].sum() + min(budget, room)
    assert math.isclose(held.spent, expected, rel_tol=1e-12, abs_tol=1e-9)
    assert math.isclose(held.spent + held.unspent, held.budget, rel_tol=1e-12)


@settings(max_examples=25)
@given(portfolios, budgets, budgets)
def test_more_budget_brings_no_less_and_takes_from_nobody(frame, one, other) -> None:
    """Catches knots in rising order."""
    small, large = split_budget(frame, min(one, other)), split_budget(frame, max(one, other))
    assert large.gain >= small.gain * (1 - 1e-12)
    assert (large.optimal >= small.optimal - 1e-9 * (1 + small.optimal)).all()
    assert large.marginal_return <= small.marginal_return * (1 + 1e-9)


@settings(max_examples=25)
@given(portfolios, budgets, st.integers(-60, 60))
def test_money_in_another_unit_gives_the_same_split(frame, budget, power) -> None:
    """Catches ``np.log(ceiling) + np.log(steepness)``, which differs in the last digits."""
    scale = 2.0**power
    scaled = frame.assign(**{c: frame[c] * scale for c in ("ceiling", "least", "most")})
    scaled["steepness"] = frame["steepness"] / scale
    before, after = bounded(frame, budget), split_budget(
        scaled, (frame["least"].sum() + budget) * scale, minimum="least", maximum="most"
    )  # fmt: skip
    assert (after.optimal == before.optimal * scale).all()
    assert after.marginal_return == before.marginal_return


@settings(max_examples=15)
@given(portfolios, budgets, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(frame, budget, random) -> None:
    """Catches ``optimal`` left in the order of the rows."""
    places = list(range(len(frame)))
    random.shuffle(places)
    expected = bounded(frame, budget).units
    pd.testing.assert_frame_equal(bounded(frame.iloc[places], budget).units, expected)


@settings(max_examples=25)
@given(portfolios, budgets)
def test_equal_units_get_equal_money(frame, budget) -> None:
    """Catches the rest of the budget given to the first unit, in place of all that rise."""
    half = len(frame)
    twice = pd.concat([frame, frame]).assign(customer_id=np.arange(2 * half))
    spent = split_budget(twice, budget).optimal
    np.testing.assert_allclose(spent[:half], spent[half:], rtol=1e-9, atol=1e-9)


@settings(max_examples=25)
@example(powers=[(5, 290), (-280, 280), (200, -290)], budget=290, least_return=0.0)
@given(
    st.lists(st.tuples(*[st.integers(-290, 290)] * 2), min_size=1, max_size=8),
    st.integers(-290, 290),
    st.sampled_from([0.0, 1e-200, 1.0, 1e200]),
)
def test_extreme_responses_stay_finite(powers, budget, least_return) -> None:
    """Catches ``k * x`` without care for overflow, which warns."""
    kept = [(c, k) for c, k in powers if c + k < 300]
    if not kept:
        return
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(len(kept)),
            "ceiling": [10.0**c for c, _ in kept],
            "steepness": [10.0**k for _, k in kept],
            "spent": [10.0**budget] * len(kept),
        }
    )
    split = split_budget(frame, 10.0**budget, present="spent", least_return=least_return)
    assert np.isfinite(split.units.to_numpy()).all()
    assert np.isfinite(split.summary["amount"]).all()
    assert math.isclose(split.spent + split.unspent, split.budget, rel_tol=1e-12)


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "tier": [f"t{i:02d}" for i in rng.permutation(40)],
            "ceiling": np.round(rng.gamma(2, 500, 40)),
            "steepness": rng.gamma(2, 0.01, 40),
            "spent": rng.integers(0, 200, 40),
            "most": np.where(rng.random(40) < 0.3, np.nan, 300.0),
        }
    )
    call = {"by": "tier", "present": "spent", "maximum": "most", "minimum": 5, "least_return": 0.2}
    expected, got = split_budget(frame, **call), split_budget(library(frame), **call)
    pd.testing.assert_frame_equal(to_pandas(got.units), expected.units)
    pd.testing.assert_frame_equal(to_pandas(got.summary), expected.summary)
    assert repr(got) == repr(expected)
    assert list(expected.units.columns) == [
        "tier", "ceiling", "steepness", "present", "optimal", "change", "gain_present",
        "gain_optimal", "marginal_return_present", "marginal_return",
    ]  # fmt: skip
    assert expected.gain > expected.gain_present
    assert expected.budget == frame["spent"].sum()


def test_many_customers_at_once() -> None:
    rng = np.random.default_rng(1)
    size = 200_000
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(size),
            "ceiling": rng.gamma(1, 100, size),
            "steepness": rng.gamma(2, 0.05, size),
        }
    )
    split = split_budget(frame, 1e6)
    returns = split.responses.marginal_return(split.optimal)
    got = split.optimal > 0
    assert 0.1 < got.mean() < 0.9
    np.testing.assert_allclose(returns[got], split.marginal_return, rtol=1e-9)
    assert (returns[~got] <= split.marginal_return).all()


def test_money_that_no_unit_can_use_is_left() -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "ceiling": [0.0, 5.0], "steepness": [1.0, 0.0]})
    idle = split_budget(frame, 100.0)
    assert (idle.spent, idle.unspent, idle.gain, idle.marginal_return) == (0, 100, 0, 0)
    assert math.isnan(idle.gain_present)
    assert idle.units["change"].isna().all()
    kept = split_budget(frame, 100.0, minimum=10.0)
    assert kept.optimal.tolist() == [10.0, 10.0]
    assert kept.unspent == 80.0
    full = split_budget(frame.assign(steepness=1.0), 100.0, maximum=3.0)
    assert full.optimal.tolist() == [0.0, 3.0]
    assert (full.unspent, full.marginal_return) == (97.0, 0.0)


def test_nothing_to_split_and_one_unit() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "ceiling": [10.0], "steepness": [0.5]})
    nothing = split_budget(frame, 0)
    assert (nothing.spent, nothing.gain, nothing.marginal_return) == (0.0, 0.0, 5.0)
    assert split_budget(frame, 7.0).optimal.tolist() == [7.0]
    assert repr(nothing) == "BudgetSplit(0.00 over 1 unit by customer_id brings 0.00)"


def test_steepness_from_what_the_present_spending_brings() -> None:
    frame = pd.DataFrame(
        {
            "tier": ["gold", "lead", "steel"],
            "ceiling": [1000.0, 0.0, 400.0],
            "now": [300.0, 0.0, 100.0],
            "brings": [500.0, 0.0, 0.0],
        }
    )
    split = split_budget(frame, by="tier", gain="brings", present="now")
    units = split.units
    np.testing.assert_allclose(units["steepness"], [math.log(2) / 300, 0.0, 0.0])
    np.testing.assert_allclose(units["gain_present"], frame["brings"])
    assert units["optimal"].tolist() == [400.0, 0.0, 0.0]
    bad = frame.assign(brings=[1000.0, 1.0, 10.0], now=[300.0, 0.0, 0.0])
    with pytest.raises(InputError, match=r"(?s)above_ceiling in 2 rows.*gain_of_nothing in 2 rows"):
        split_budget(bad, by="tier", gain="brings", present="now")
    with pytest.raises(InputError, match="name what is spent at present with present="):
        split_budget(frame, 10.0, by="tier", gain="brings")


def test_a_tier_that_loses_money_is_refused_with_what_to_do() -> None:
    frame = pd.DataFrame(
        {"tier": ["gold", "lead"], "ceiling": [90.0, 10.0], "profit": [40.0, -5.0], "spent": 8.0}
    )
    with pytest.raises(InputError) as caught:
        split_budget(frame.assign(ceiling=[90.0, -1.0]), by="tier", gain="profit", present="spent")
    for column in ("ceiling", "profit"):
        cure = f"leave units that lose money out, or give 0 as {column}"
        assert f"column 'units.{column}': too_small in 1 row" in str(caught.value)
        assert cure in str(caught.value)
    kept = split_budget(frame.assign(profit=[40.0, 0.0]), by="tier", gain="profit", present="spent")
    assert kept.optimal.tolist() == [16.0, 0.0]


@pytest.mark.parametrize("wrong", [{"gold": 60e3}, [1.0, 2.0], None, "nothing"])
def test_bounds_are_numbers_or_columns(wrong) -> None:
    frame = pd.DataFrame({"tier": ["gold", "lead"], "ceiling": [90.0, 10.0], "steepness": 0.1})
    for bound in ("minimum", "maximum"):
        cure = f"not_a_{bound}.*or the name of a column|lacks the column 'nothing'"
        with pytest.raises(InputError, match=cure):
            split_budget(frame, 9.0, by="tier", **{bound: wrong})


def test_tiers_come_by_their_rank(library) -> None:
    frame = pd.DataFrame(
        {"tier": ["lead", "gold", "steel"], "ceiling": [1.0, 3.0, 2.0], "steepness": 1.0}
    )
    frame["spent"] = [3.0, 1.0, 2.0]
    by_name = split_budget(library(frame), by="tier", present="spent")
    assert to_pandas(by_name.units)["tier"].tolist() == ["gold", "steel", "lead"]
    assert by_name.present.tolist() == [1.0, 2.0, 3.0]
    assert by_name.responses.ceiling.tolist() == [3.0, 2.0, 1.0]
    other = library(frame.assign(tier=["lead", "gold", "zinc"]))
    by_id = to_pandas(split_budget(other, 6.0, by="tier").units)
    assert by_id["tier"].tolist() == ["gold", "lead", "zinc"]


def test_units_come_in_the_order_of_their_categories() -> None:
    names = ["small", "large", "huge"]
    units = {"ceiling": [1.0, 3.0, 2.0], "steepness": 1.0}
    ranks = pd.CategoricalDtype(["huge", "large", "small", "none"], ordered=True)
    series = pd.Series(names, dtype=ranks)
    split = split_budget(pd.DataFrame({"tier": series, **units}), 6.0, by="tier")
    assert split.units["tier"].tolist() == ["huge", "large", "small"]
    assert split.units["ceiling"].tolist() == [2.0, 3.0, 1.0]
    enum = pl.Series(names, dtype=pl.Enum(["huge", "large", "small"]))
    split = split_budget(pl.DataFrame(units).with_columns(tier=enum), 6.0, by="tier")
    assert split.units["tier"].to_list() == ["huge", "large", "small"]


def test_an_endless_budget_needs_an_end() -> None:
    frame = pd.DataFrame({"customer_id": [1], "ceiling": [10.0], "steepness": [0.5]})
    with pytest.raises(InputError, match="an infinite budget is spent without end"):
        split_budget(frame, math.inf)
    assert split_budget(frame, math.inf, maximum=4.0).optimal.tolist() == [4.0]
    stopped = split_budget(frame, math.inf, least_return=1.0)
    assert stopped.unspent == math.inf
    assert stopped.marginal_return == pytest.approx(1.0)


def test_what_cannot_be_split_is_named(library) -> None:
    bad = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "ceiling": [1.0, -1.0, np.nan],
            "steepness": [0.1, np.inf, 0.1],
            "least": [0.0, 5.0, 0.0],
        }
    )
    with pytest.raises(InputError) as caught:
        split_budget(library(bad), -5, minimum="least", maximum=1.0, least_return=math.nan)
    text = str(caught.value)
    for part in (
        "repeated_id in 2 rows",
        "column 'units.ceiling': too_small in 1 row",
        "column 'units.ceiling': missing_or_not_finite in 1 row",
        "column 'units.steepness': missing_or_not_finite in 1 row",
        "below_minimum in 1 row",
        "not_a_budget (-5)",
        "not_a_least_return (nan)",
    ):
        assert part in text, part
    good = bad.drop_duplicates("customer_id").assign(ceiling=1.0)
    good["steepness"] = 1.0
    with pytest.raises(InputError, match=r"the minima add up to 6.00 and the budget is 5.00"):
        split_budget(library(good), 5.0, minimum=3.0)
    with pytest.raises(InputError, match="empty; expected at least one row"):
        split_budget(library(good.head(0)), 5.0)
    with pytest.raises(InputError, match="name what is spent at present"):
        split_budget(library(good))
    with pytest.raises(InputError, match="units lacks the column 'spent'"):
        split_budget(library(good), present="spent")
    with pytest.raises(InputError, match="too_steep in 2 rows"):
        split_budget(library(good.assign(ceiling=1e200, steepness=1e200)), 5.0)
    with pytest.raises(InputError, match=r"not_a_minimum \(inf\)"):
        split_budget(library(good), 5.0, minimum=math.inf)
