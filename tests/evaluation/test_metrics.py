from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from crmvalue.evaluation.metrics import (
    ERRORS,
    RANKINGS,
    Levels,
    mean_absolute_error,
    normalised_gini,
    root_mean_squared_error,
    spearman,
    top_decile_share,
)

METRICS = {**ERRORS, **RANKINGS}
PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=2, max_size=40)


def arrays(pairs):
    actual, predicted = np.array(pairs, dtype=float).T
    return actual, predicted / 4


def drawn(seed=1, customers=400):
    rng = np.random.default_rng(seed)
    actual = rng.poisson(rng.gamma(0.5, 2.0, customers)).astype(float)
    return actual, np.round(actual + rng.gamma(1.0, 2.0, customers), 1)


def test_errors_and_rank_correlation_are_those_of_other_libraries():
    actual, predicted = drawn()
    assert mean_absolute_error(actual, predicted) == pytest.approx(
        sk.mean_absolute_error(actual, predicted), rel=1e-13
    )
    assert root_mean_squared_error(actual, predicted) == pytest.approx(
        np.sqrt(sk.mean_squared_error(actual, predicted)), rel=1e-13
    )
    assert spearman(actual, predicted) == pytest.approx(
        stats.spearmanr(actual, predicted).statistic, rel=1e-12
    )


def test_gini_of_buyers_and_others_is_that_of_the_area_under_the_curve():
    actual, predicted = drawn()
    bought = (actual > 0).astype(float)
    area = sk.roc_auc_score(bought, predicted)
    assert normalised_gini(bought, predicted) == pytest.approx(2 * area - 1, rel=1e-12)


def concentration(actual, order):
    """Twice the area between the diagonal and the Lorenz curve, customers in this order."""
    curve = np.append(0, np.cumsum(np.asarray(actual, dtype=float)[list(order)]))
    share = curve / curve[-1]
    return 1 - float(np.sum(share[1:] + share[:-1])) / len(actual)


def test_ties_count_as_averaged_over_their_orders():
    actual, predicted = [0, 3, 1, 2, 0], [0.5, 0.5, 0.1, 0.5, 0.9]
    orders = [
        order
        for order in itertools.permutations(range(5))
        if all(predicted[a] <= predicted[b] for a, b in itertools.pairwise(order))
    ]
    assert len(orders) == 6
    mean = np.mean([concentration(actual, order) for order in orders])
    best = concentration(actual, np.argsort(actual))
    assert normalised_gini(actual, predicted) == pytest.approx(mean / best, rel=1e-12)


def test_top_decile_is_averaged_over_the_orders_of_ties():
    """30 customers, so tenths of 3; equals at the edge of both."""
    actual = np.array([9.0, 5, 5, 5, 5] + [1] * 25)
    predicted = np.array([7.0, 4, 4, 4, 0] + [1] * 25)
    # True: the first, and two of four; picked: the first, and two of three.
    found = 1 + 3 * (2 / 4) * (2 / 3)
    perfect = 1 + 4 * (2 / 4) ** 2
    assert top_decile_share(actual, predicted) == pytest.approx(found / perfect)


def test_who_bought_nothing_is_in_no_top():
    actual = np.zeros(100)
    actual[:4] = 1
    assert top_decile_share(actual, np.arange(100.0, 0, -1)) == 1
    assert top_decile_share(actual, np.arange(100.0)) == 0
    assert np.isnan(top_decile_share(np.zeros(5), np.arange(5)))


@pytest.mark.parametrize("name", RANKINGS)
def test_rankings_of_equal_values_do_not_exist_or_are_those_of_chance(name):
    metric = RANKINGS[name]
    actual, _ = drawn()
    chance = metric(actual, np.full(len(actual), 0.7))
    if name == "spearman":
        assert np.isnan(chance)
    else:
        assert chance == pytest.approx({"gini": 0, "top_decile_share": 0.1}[name], abs=0.05)
    if name != "top_decile_share":
        assert np.isnan(metric(np.ones(5), np.arange(5)))


@given(PAIRS, st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_the_rows(pairs, random):
    """Catches ranks in order of appearance: argsort twice in place of the midranks."""
    shuffled = random.sample(pairs, len(pairs))
    for metric in METRICS.values():
        np.testing.assert_allclose(
            metric(*arrays(shuffled)), metric(*arrays(pairs)), rtol=1e-13, atol=1e-15
        )


@given(PAIRS)
def test_a_perfect_forecast_is_exactly_perfect(pairs):
    """Catches a Gini that is not normalised: divide by the number of customers instead."""
    actual, _ = arrays(pairs)
    for metric in ERRORS.values():
        assert metric(actual, actual) == 0
    if len(set(actual)) > 1:
        assert normalised_gini(actual, actual) == 1
        assert spearman(actual, actual) == 1
        assert normalised_gini(actual, -actual) == -1
        assert top_decile_share(actual, actual) == pytest.approx(1)


@given(PAIRS)
def test_rankings_stay_in_bounds_and_see_the_order_alone(pairs):
    """Catches a top tenth by ">= the edge", which is more than a tenth, over a tenth."""
    actual, predicted = arrays(pairs)
    for name, metric in RANKINGS.items():
        value = metric(actual, predicted)
        if np.isnan(value):
            continue
        assert (0 if name == "top_decile_share" else -1) - 1e-12 <= value <= 1 + 1e-12
        assert metric(actual, np.exp(predicted)) == value


@given(PAIRS, st.data())
def test_weights_are_repeated_rows(pairs, data):
    """Catches ranks that leave the weights out: totals of ones in `Levels.ranks`."""
    actual, predicted = arrays(pairs)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    if not any(times):
        times[0] = 1
    repeated = np.repeat(actual, times), np.repeat(predicted, times)
    levels = Levels.of(actual), Levels.of(predicted)
    for metric in METRICS.values():
        np.testing.assert_allclose(
            metric(*levels, np.array(times, dtype=float)), metric(*repeated), rtol=1e-12, atol=1e-14
        )
