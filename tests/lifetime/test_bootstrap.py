"""The bootstrap over customers: what a draw is, and how its spread compares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.bootstrap import Bootstrap
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.summary import distinct_histories


@pytest.fixture(scope="module")
def fit(cdnow):
    return BGNBD.fit(cdnow)


@pytest.fixture(scope="module")
def drawn(fit):
    return fit.bootstrap(100, rng=np.random.default_rng(4))


def test_the_same_generator_gives_the_same_draws(fit, drawn):
    assert fit.bootstrap(100, rng=np.random.default_rng(4)) == drawn
    assert fit.bootstrap(3, rng=np.random.default_rng(5)) != drawn
    assert repr(drawn) == "Bootstrap(BGNBD, 100 draws)"
    assert drawn.n_failed == drawn.n_open == 0


def test_a_draw_is_a_fit_to_weighted_histories(fit, cdnow):
    """Catches weights of the pilot sample, or draws in which not as many customers are drawn."""
    histories = distinct_histories(cdnow).sort_values(["frequency", "recency", "T"])
    customers = len(cdnow)
    rng = np.random.default_rng(11)
    weights = rng.multinomial(customers, histories["weight"] / customers)
    right = BGNBD.fit(histories, weights=weights.astype(float))
    found = fit.bootstrap(2, rng=np.random.default_rng(11)).draws.iloc[0]
    assert found["draw"] == 1
    for name, value in right.model._estimates().items():
        assert found[name] == pytest.approx(value, rel=1e-6)


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_tables_agree_with_the_draws(fit, seed):
    """Catches a covariance over the rows, or percentiles of other columns."""
    some = fit.bootstrap(4, rng=np.random.default_rng(seed))
    table, draws = some.params(level=0.999), some.draws
    assert list(draws) == ["draw", "r", "alpha", "a", "b"]
    assert draws["draw"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table["std_error"], draws.iloc[:, 1:].std())
    np.testing.assert_allclose(table["std_error"], np.sqrt(np.diag(some.covariance)))
    np.testing.assert_allclose(some.covariance, draws.iloc[:, 1:].cov(), rtol=1e-9)
    np.testing.assert_allclose(table["upper"], draws.iloc[:, 1:].max(), rtol=0.01)
    assert (some.params(level=0.5)["lower"].to_numpy() >= table["lower"].to_numpy()).all()
    mean = some.interval("expected_purchases_new_customer", 52.0, level=0.999)
    values = [
        BGNBD(**row).expected_purchases_new_customer(52.0)
        for row in draws.drop(columns="draw").to_dict("records")
    ]
    assert mean.std_error == pytest.approx(float(np.std(values, ddof=1)))
    assert min(values) <= mean.lower <= mean.upper <= max(values)
    assert mean.estimate == fit.model.expected_purchases_new_customer(52.0)


def test_standard_errors_agree_with_those_of_the_curvature():
    """On data that the model is true of; 300 draws know a standard deviation to 4 %."""
    rng = np.random.default_rng(2)
    data = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5).sample(4000, T=rng.uniform(40, 80, 4000), rng=rng)
    fit = MBGNBD.fit(data)
    drawn = fit.bootstrap(300, rng=rng)
    ratio = drawn.params()["std_error"] / fit.params()["std_error"]
    assert ratio.between(0.8, 1.2).all()
    arguments = ("expected_purchases", [0, 2, 20], [0, 30, 60], 62.0)
    by_delta, found = (who.interval(*arguments, horizon=52.0) for who in (fit, drawn))
    np.testing.assert_allclose(found.std_error, by_delta.std_error, rtol=0.2)
    np.testing.assert_allclose(found.lower, by_delta.lower, rtol=0.05)
    np.testing.assert_allclose(found.upper, by_delta.upper, rtol=0.05)


def test_weights_are_customers(cdnow):
    """Four times the customers: half the spread. Weights need not be whole."""
    one, four, parts = (
        BGNBD.fit(cdnow, weights=np.full(len(cdnow), weight)).bootstrap(
            150, rng=np.random.default_rng(1)
        )
        for weight in (1.0, 4.0, 0.5)
    )
    at, quarter, double = (np.sqrt(np.diag(d.covariance))[:2] for d in (one, four, parts))
    np.testing.assert_allclose(quarter / at, 0.5, rtol=0.25)
    np.testing.assert_allclose(double / at, np.sqrt(2), rtol=0.35)


def test_spend(cdnow):
    fit = GammaGamma.fit(cdnow)
    drawn = fit.bootstrap(60, rng=np.random.default_rng(3))
    assert drawn.params()["parameter"].tolist() == ["p", "q", "gamma"]
    interval = drawn.interval("expected_spend", [0, 2], [np.nan, 22.35])
    assert (interval.lower < interval.estimate).all()
    assert (interval.estimate < interval.upper).all()


def test_json_round_trip(drawn):
    again = Bootstrap.from_json(drawn.to_json())
    assert again == drawn
    pd.testing.assert_frame_equal(again.params(), drawn.params())
    found, right = (d.interval("probability_alive", 2, 30, 39) for d in (again, drawn))
    assert found == right


def test_draws_that_leave_a_parameter_open_are_counted():
    data = BGNBD(r=5, alpha=20, a=1, b=200).sample(300, T=20.0, rng=np.random.default_rng(1))
    with pytest.warns(ConvergenceWarning):
        fit = BGNBD.fit(data)
    drawn = fit.bootstrap(20, rng=np.random.default_rng(1))
    assert 0 < drawn.n_open <= 20
    assert f"{drawn.n_open} with an open parameter" in repr(drawn)
    assert len(drawn.draws) + drawn.n_failed == 20
    # What is not open is as certain as ever.
    found = drawn.interval("expected_purchases_new_customer", 20.0)
    assert 0.8 < found.lower / found.estimate < 1 < found.upper / found.estimate < 1.2


def test_draws_that_fail_are_counted_and_said(fit):
    again = dataclasses.replace(fit)
    object.__setattr__(again, "_evidence", fit._evidence)
    calls = iter(range(100))
    search = BGNBD._likelihood(fit._evidence.objective.likelihood.histories)

    class Sometimes:
        """A likelihood whose every third draw has no maximum."""

        weights, weight = search.weights, search.weight

        def reweighted(self, weights):
            found = search.reweighted(weights)
            return found if next(calls) % 3 else Slope(found)

    class Slope:
        def __init__(self, likelihood):
            self.likelihood, self.weight = likelihood, likelihood.weight
            self.weights = likelihood.weights

        def __call__(self, parameters):
            value, gradient = self.likelihood(parameters)
            return value, gradient + self.weight / parameters  # leads nowhere

    evidence = fit._evidence
    objective = type(evidence.objective)(Sometimes(), evidence.objective.scale)
    object.__setattr__(again, "_evidence", dataclasses.replace(evidence, objective=objective))
    with pytest.warns(ConvergenceWarning, match="4 of 12 draws led to no maximum"):
        drawn = again.bootstrap(12, rng=np.random.default_rng(1))
    assert (len(drawn.draws), drawn.n_failed) == (8, 4)
    assert repr(drawn) == "Bootstrap(BGNBD, 8 draws, 4 failed)"


def test_refusals(fit):
    with pytest.raises(InputError, match=r"needs the data.*Cure: fit again"):
        Fit.from_json(fit.to_json()).bootstrap(10, rng=np.random.default_rng(1))
    for n in (1, 0, 2.5, "many"):
        with pytest.raises(InputError, match="whole number of at least 2"):
            fit.bootstrap(n, rng=np.random.default_rng(1))
    drawn = fit.bootstrap(2, rng=np.random.default_rng(1))
    with pytest.raises(InputError, match="has no quantity 'alive'"):
        drawn.interval("alive")
    with pytest.raises(InputError, match="level must be"):
        drawn.params(level=95)
