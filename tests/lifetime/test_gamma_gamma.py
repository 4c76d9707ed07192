"""Gamma-gamma: the spend of repeat buyers."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime import Fit, GammaGamma
from crmvalue.lifetime._spend.gamma_gamma_likelihood import GammaGammaLikelihood

positive = st.floats(0.05, 50)
NOTE = GammaGamma(p=6.25, q=3.74, gamma=15.44)  # Fader and Hardie (2013)


@pytest.fixture(scope="module")
def fit(cdnow):
    return GammaGamma.fit(cdnow)


def draw(model, size, rng, frequency=5):
    rate = rng.gamma(model.q, 1 / model.gamma, size)
    return pd.DataFrame(
        {
            "customer_id": np.arange(size),
            "frequency": np.full(size, frequency),
            "monetary_value": rng.gamma(model.p * frequency, 1 / (rate * frequency)),
        }
    )


@given(
    positive, positive, positive,
    st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 100), st.integers(1, 9)), min_size=1),
)  # fmt: skip
def test_gradient(p, q, gamma, rows):
    """Catches the balance of spend divided by gamma twice."""
    x, mean, weight = np.array(rows, dtype=float).T
    likelihood = GammaGammaLikelihood(x, mean, weight)
    parameters = np.array([p, q, gamma])
    value, gradient = likelihood(parameters)
    plain = GammaGamma(p=p, q=q, gamma=gamma).log_likelihood(x, mean)
    size = float((weight * np.abs(plain)).sum()) + 1
    assert value == pytest.approx(float((weight * plain).sum()), abs=1e-10 * size)
    for i, at in enumerate(parameters):
        step = np.zeros(3)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-4, abs=1e-5 * size)


@pytest.mark.parametrize("x", [1, 2000])
@pytest.mark.parametrize("mean", [1e-6, 30.0, 1e9])
@pytest.mark.parametrize("parameters", [(6.25, 3.74, 15.44), (1e6, 0.05, 1e-3), (0.05, 1e6, 1e8)])
def test_log_likelihood_in_high_precision(x, mean, parameters):
    with mpmath.workdps(50):
        p, q, g, m = (mpmath.mpf(v) for v in (*parameters, mean))
        expected = (
            mpmath.loggamma(p * x + q) - mpmath.loggamma(p * x) - mpmath.loggamma(q)
            + q * mpmath.log(g) + (p * x - 1) * mpmath.log(m) + p * x * mpmath.log(x)
            - (p * x + q) * mpmath.log(g + x * m)
        )  # fmt: skip
    found = GammaGamma(p=parameters[0], q=parameters[1], gamma=parameters[2])
    assert found.log_likelihood(x, mean) == pytest.approx(float(expected), rel=1e-9)


@given(st.integers(0, 1000), st.floats(0, 1e6), st.floats(0, 1e6))
def test_expected_spend_lies_between_own_and_population_mean(x, one, other):
    """Catches the own spend counted twice."""
    low, high = sorted((one, other))
    population = NOTE.p * NOTE.gamma / (NOTE.q - 1)
    spend = NOTE.expected_spend(x, low)
    assert min(low, population) * (1 - 1e-12) <= spend <= max(low, population) * (1 + 1e-12)
    assert spend <= NOTE.expected_spend(x, high) * (1 + 1e-12)
    assert NOTE.expected_spend(0, np.nan) == pytest.approx(population)


def test_expected_spend_against_simulation():
    rng = np.random.default_rng(5)
    rate = rng.gamma(NOTE.q, 1 / NOTE.gamma, 400_000)
    mean = rng.gamma(NOTE.p * 3, 1 / (rate * 3))
    near = np.abs(mean - 40) < 1
    assert NOTE.expected_spend(3, 40) == pytest.approx((NOTE.p / rate)[near].mean(), rel=0.02)


@pytest.mark.parametrize("level", [0.001, 0.5, 0.975])
@pytest.mark.parametrize("x", [0, 1, 2000])
@pytest.mark.parametrize("parameters", [(6.25, 3.74, 15.44), (3.0, 0.05, 2.0), (0.3, 200.0, 1e4)])
def test_quantiles_in_high_precision(parameters, x, level):
    """The quantile is moved to where mpmath sees exactly `level` of the posterior below it."""
    found = float(_model(parameters).spend_quantile(level, x, 20.0))
    with mpmath.workdps(50):
        p, q, g = map(mpmath.mpf, parameters)
        shape, rate = p * x + q, g + 20 * x
        below = mpmath.gammainc(shape, rate * p / found, regularized=True)
        density = mpmath.exp(
            shape * mpmath.log(rate * p / found) - rate * p / found - mpmath.loggamma(shape)
        )
        assert abs(below - level) / density < 1e-9  # relative: the density is that of ln spend


def _model(parameters):
    return GammaGamma(**dict(zip(("p", "q", "gamma"), parameters, strict=True)))


@given(positive, positive, positive, st.integers(0, 500), st.floats(0, 1e5), st.floats(0.01, 0.98))
def test_quantiles_rise_and_scale_with_money(p, q, gamma, x, mean, level):
    """Catches the level counted from above (gammaincinv in place of gammainccinv)."""
    model = GammaGamma(p=p, q=q, gamma=gamma)
    low, high = model.spend_quantile([level, level + 0.01], x, mean)
    assert 0 < low < high
    cents = GammaGamma(p=p, q=q, gamma=gamma * 100)
    assert cents.spend_quantile(level, x, mean * 100) == pytest.approx(100 * low, rel=1e-12)
    median = model.median_spend(x, mean)
    assert median == model.spend_quantile(0.5, x, mean)
    if p * x + q > 1:
        assert median < model.expected_spend(x, mean)


def test_quantiles_against_simulation():
    rng = np.random.default_rng(11)
    data = draw(NOTE, 20_000, rng, frequency=3)
    rate = np.random.default_rng(11).gamma(NOTE.q, 1 / NOTE.gamma, 20_000)  # the same customers
    own = NOTE.p / rate
    for level in (0.05, 0.5, 0.9):
        quantile = NOTE.spend_quantile(level, data["frequency"], data["monetary_value"])
        assert (own < quantile).mean() == pytest.approx(level, abs=0.01)


def test_reweighted_likelihood():
    """Catches a reweighted likelihood with the old constant."""
    x, mean, weight = np.array([[1, 2.5, 1], [2, 3.0, 2], [2, 4.0, 1]]).T
    likelihood = GammaGammaLikelihood(x, mean, np.ones(3))
    again = likelihood.reweighted(weight)
    assert again.weight == 4
    parameters = np.array([2.0, 3.0, 4.0])
    plain = _model(parameters.tolist()).log_likelihood(x, mean)
    assert again(parameters)[0] == pytest.approx((weight * plain).sum(), rel=1e-12)
    assert likelihood.weight == 3


def test_money_unit_and_row_order_do_not_matter(cdnow, fit):
    """Catches gamma left in the scaled unit of the search."""
    assert GammaGamma.fit(cdnow.sample(frac=1, random_state=1)) == fit
    cents = cdnow.assign(monetary_value=cdnow["monetary_value"] * 100)
    found = GammaGamma.fit(cents)
    assert found.model.gamma == pytest.approx(fit.model.gamma * 100, rel=1e-9)
    assert found.model.p == pytest.approx(fit.model.p, rel=1e-9)
    plain = found.model.log_likelihood(cents["frequency"], cents["monetary_value"]).sum()
    assert found.log_likelihood == pytest.approx(plain, rel=1e-12)


def test_fit_recovers_the_truth():
    fit = GammaGamma.fit(draw(NOTE, 20_000, np.random.default_rng(8)))
    table = fit.params()
    assert fit.converged
    gap = np.abs(table["estimate"] - [NOTE.p, NOTE.q, NOTE.gamma])
    assert (gap < 4 * table["std_error"]).all()


def test_weights_count_customers(cdnow, fit):
    found = GammaGamma.fit(cdnow.assign(weight=2), weights="weight")
    assert found.log_likelihood == pytest.approx(2 * fit.log_likelihood, rel=1e-12)
    assert found.n_customers == 2 * fit.n_customers
    np.testing.assert_allclose(found.search_covariance * 2, fit.search_covariance, rtol=1e-6)


def test_free_orders_are_counted_and_predicted(cdnow, fit):
    row = cdnow.head(1).assign(customer_id=0, frequency=2)
    more = pd.concat([cdnow, row.assign(monetary_value=0.0)])
    found = GammaGamma.fit(more)
    assert found.model == fit.model
    assert found.converged
    assert "mean spend of 0 or less: 1, left out" in found.messages[0]
    predicted = found.predict(more)
    assert predicted["customer_id"].iloc[0] == 0
    assert predicted["expected_spend"].iloc[0] == found.model.expected_spend(2, 0)
    assert found.model.expected_spend(2, -5) == found.model.expected_spend(2, 0)
    assert found.model.log_likelihood(2, 0) == 0


def test_predict_in_every_library(cdnow, fit, library):
    columns = ["customer_id", "frequency", "monetary_value"]
    expected = fit.predict(cdnow[columns])
    found = fit.predict(library(cdnow[columns].sample(frac=1, random_state=2)))
    for name in ("customer_id", "expected_spend"):
        assert (found[name].to_numpy() == expected[name].to_numpy()).all()


def test_json_round_trip(fit):
    """Catches a covariance saved with 9 decimals."""
    again = Fit.from_json(fit.to_json())
    assert again == fit
    assert again.params().equals(fit.params())
    assert GammaGamma.from_json(fit.model.to_json()) == fit.model


def test_no_mean():
    """q <= 1: there is no population mean, but repeat buyers have one."""
    wild = GammaGamma(p=2, q=0.9, gamma=10)
    with pytest.raises(InputError, match=r"q > 1\).*median_spend\(frequency, monetary_value\)"):
        wild.expected_spend([0, 3], [np.nan, 10])
    assert np.isfinite(wild.median_spend([0, 3], [np.nan, 10])).all()
    assert wild.expected_spend(3, 10) == pytest.approx(2 * (10 + 30) / 5.9)
    heavy = GammaGamma.fit(draw(GammaGamma(p=4, q=0.6, gamma=10), 3000, np.random.default_rng(9)))
    assert heavy.converged
    assert "infinite; median_spend gives their median" in heavy.messages[0]


def test_equal_customers_are_diagnosed():
    rng = np.random.default_rng(10)
    frequency = rng.integers(1, 9, 2000)
    spend = rng.gamma(3 * frequency, 10 / frequency)
    data = pd.DataFrame({"frequency": frequency, "monetary_value": spend})
    with pytest.warns(ConvergenceWarning, match="hardly differ in spend"):
        fit = GammaGamma.fit(data)
    model = fit.model
    assert model.p * model.gamma / (model.q - 1) == pytest.approx(30, rel=0.02)
    data["monetary_value"] = 30.0
    with pytest.warns(ConvergenceWarning):
        fit = GammaGamma.fit(data)
    assert np.isfinite(fit._search()[1]).all()


def test_refusals(cdnow, fit):
    with pytest.raises(InputError, match="no repeat buyer"):
        GammaGamma.fit(cdnow[cdnow["frequency"] == 0])
    with pytest.raises(InputError, match="no horizon"):
        fit.predict(cdnow, horizon=3)
    with pytest.raises(InputError, match="missing_spend"):
        GammaGamma.fit(cdnow.assign(monetary_value=np.nan))
    with pytest.raises(InputError, match="missing_spend"):
        NOTE.expected_spend(1, np.nan)
    with pytest.raises(InputError, match="not_whole"):
        NOTE.expected_spend(1.5, 3)
    with pytest.raises(InputError, match="not_a_number"):
        NOTE.expected_spend("two", 3)
    with pytest.raises(InputError, match="column 'q': bad_argument"):
        NOTE.spend_quantile([0.5, 1.0], 1, 3)


@pytest.mark.parametrize("method", ["expected_spend", "median_spend", "log_likelihood"])
def test_shapes_that_do_not_broadcast(method):
    shapes = r"frequency \(2,\), monetary_value \(3,\)"
    with pytest.raises(InputError, match=shapes):
        getattr(NOTE, method)([1, 2], [1.0, 2.0, 3.0])
    rows = GammaGamma(p=[1.0, 2.0, 3.0], q=2.0, gamma=5.0)
    with pytest.raises(InputError, match=r"p \(3,\)"):
        getattr(rows, method)([1, 2], [1.0, 2.0])
    each = [GammaGamma(p=p, q=2.0, gamma=5.0) for p in (1.0, 2.0, 3.0)]
    found = getattr(rows, method)(2, 4.0)
    np.testing.assert_allclose(found, [getattr(model, method)(2, 4.0) for model in each])
