"""NormalSpend: means shrunk by a normal-normal model, of any sign."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._spend.normal_likelihood import NormalSpendLikelihood
from crmvalue.lifetime.normal_spend import NormalSpend

MODEL = NormalSpend(mu=-5.0, tau=20.0, sigma=30.0)
SLOPED = NormalSpend(mu=-5.0, tau=20.0, sigma=30.0, slope=8.0)
deviation = st.floats(0.05, 50)
money = st.floats(-1000, 1000)


def draw(model, size, seed):
    """Customers of the model with a geometric number of purchases, and their own means."""
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.3, size)
    own = rng.normal(model._prior(x.astype(float)), model.tau)
    data = pd.DataFrame(
        {
            "customer_id": np.arange(size),
            "frequency": x,
            "monetary_value": rng.normal(own, model.sigma / np.sqrt(x)),
        }
    )
    return data, own


@pytest.mark.parametrize("model", [MODEL, SLOPED])
def test_fit_as_by_direct_optimisation(model):
    """The same maximum as by Nelder and Mead on scipy's densities of each customer."""
    data, _ = draw(model, 3000, 1)
    fit = NormalSpend.fit(data, on_frequency=model.slope is not None)
    assert fit.converged
    assert fit.messages == ()
    x, mean = data["frequency"].to_numpy(), data["monetary_value"].to_numpy()

    def loss(point):
        mu, tau, sigma, slope = (*point, 0.0)[:4]
        scatter = np.sqrt(tau**2 + sigma**2 / x)
        return -stats.norm.logpdf(mean, mu + slope * np.log(1 + x), scatter).sum()

    start = list(model._estimates().values())
    options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    found = optimize.minimize(loss, start, method="Nelder-Mead", options=options)
    table = fit.params()
    np.testing.assert_allclose(table["estimate"], found.x, rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-found.fun, abs=1e-6)
    assert fit.log_likelihood >= -found.fun - 1e-9
    plain = fit.model.log_likelihood(x, mean).sum()
    assert fit.log_likelihood == pytest.approx(plain, rel=1e-12)
    gap = np.abs(table["estimate"] - start)
    assert (gap < 4 * table["std_error"]).all()
    assert table["parameter"].tolist() == list(model._estimates())


def test_closed_form_of_two_frequencies():
    """With `on_frequency` and two frequencies each has a mean and variance of its own."""
    rng = np.random.default_rng(2)
    x = np.repeat([1, 4], [300, 200])
    mean = rng.normal(np.where(x == 1, 10, 25), np.sqrt(20**2 + 30**2 / x))
    data = pd.DataFrame({"frequency": x, "monetary_value": mean})
    model = NormalSpend.fit(data, on_frequency=True).model
    means = [mean[x == k].mean() for k in (1, 4)]
    variances = [mean[x == k].var() for k in (1, 4)]
    within = (variances[0] - variances[1]) / (1 - 1 / 4)
    slope = (means[1] - means[0]) / (np.log(5) - np.log(2))
    assert model.sigma == pytest.approx(np.sqrt(within), rel=1e-8)
    assert model.tau == pytest.approx(np.sqrt(variances[0] - within), rel=1e-8)
    assert model.slope == pytest.approx(slope, rel=1e-8)
    assert model.mu == pytest.approx(means[0] - slope * np.log(2), rel=1e-8)


def test_standard_errors_against_curvature():
    """Catches standard errors of mu and slope left on the scale of the search."""
    data, _ = draw(SLOPED, 2000, 3)
    fit = NormalSpend.fit(data, on_frequency=True)
    x, mean = data["frequency"].to_numpy(), data["monetary_value"].to_numpy()
    at = fit.params()["estimate"].to_numpy()

    def loss(point):
        mu, tau, sigma, slope = point
        model = NormalSpend(mu=mu, tau=tau, sigma=sigma, slope=slope)
        return -model.log_likelihood(x, mean).sum()

    step = 1e-3 * np.abs(at)
    hessian = np.empty((4, 4))
    for i, move in enumerate(np.diag(step)):
        for j, other in enumerate(np.diag(step)):
            corners = [a * b * loss(at + a * move + b * other) for a in (1, -1) for b in (1, -1)]
            hessian[i, j] = sum(corners) / (4 * step[i] * step[j])
    np.testing.assert_allclose(fit.covariance.to_numpy(), np.linalg.inv(hessian), rtol=1e-3)
    table = fit.params().set_index("parameter")
    for end, side in (("lower", -1.96), ("upper", 1.96)):
        reach = (table[end] - table["estimate"]) / table["std_error"]
        np.testing.assert_allclose(reach[["mu", "slope"]], side, rtol=0.02)
    assert table["lower"]["mu"] < 0


@given(
    money, deviation, deviation, st.one_of(st.none(), st.floats(-50, 50)),
    st.lists(st.tuples(st.integers(1, 50), money, st.integers(1, 9)), min_size=1),
)  # fmt: skip
def test_gradient(mu, tau, sigma, slope, rows):
    """Catches the derivative by sigma without its 1/x."""
    x, mean, weight = np.array(rows, dtype=float).T
    likelihood = NormalSpendLikelihood(x, mean, np.ones(len(x))).reweighted(weight)
    parameters = np.array([mu, tau, sigma] + [slope] * (slope is not None))
    value, gradient = likelihood(parameters)
    model = NormalSpend(mu=mu, tau=tau, sigma=sigma, slope=slope)
    plain = float((weight * model.log_likelihood(x, mean)).sum())
    size = abs(plain) + 1
    assert value == pytest.approx(plain, abs=1e-9 * size)
    for i, at in enumerate(parameters):
        step = np.zeros(len(parameters))
        step[i] = 1e-5 * max(abs(at), 1)
        slope_there = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2
        assert gradient[i] * step[i] == pytest.approx(slope_there, rel=1e-4, abs=1e-9 * size)


@pytest.mark.parametrize("x", [0, 1, 2000])
@pytest.mark.parametrize("mean", [-1e6, 0.01, 50.0])
@pytest.mark.parametrize("parameters", [(35.0, 20.0, 30.0), (-3.0, 1e-6, 40.0), (8.0, 1e5, 1e-4)])
def test_in_high_precision(parameters, x, mean):
    model = NormalSpend(**dict(zip(("mu", "tau", "sigma"), parameters, strict=True)), slope=2.5)
    with mpmath.workdps(50):
        mu, tau, sigma, m = (mpmath.mpf(v) for v in (*parameters, mean))
        prior = mu + mpmath.mpf("2.5") * mpmath.log(1 + x)
        left = 1 / (1 / tau**2 + x / sigma**2)
        expected = left * (prior / tau**2 + x * m / sigma**2)
        level = mpmath.mpf("0.9")
        z = mpmath.sqrt(2) * mpmath.erfinv(2 * level - 1)
        quantile = expected + z * mpmath.sqrt(left)
        variance = tau**2 + sigma**2 / max(x, 1)
        likely = -(mpmath.log(2 * mpmath.pi * variance) + (m - prior) ** 2 / variance) / 2
    assert model.expected_spend(x, mean) == pytest.approx(float(expected), rel=1e-12)
    assert model.spend_variance(x) == pytest.approx(float(left), rel=1e-12)
    assert model.spend_quantile(0.9, x, mean) == pytest.approx(float(quantile), rel=1e-9)
    assert model.log_likelihood(x, mean) == pytest.approx(float(likely) if x else 0.0, rel=1e-12)


@given(money, deviation, deviation, st.integers(0, 1000), money, money)
def test_expected_spend_lies_between_own_and_population_mean(mu, tau, sigma, x, one, other):
    """Catches the weights of own and population mean exchanged."""
    model = NormalSpend(mu=mu, tau=tau, sigma=sigma)
    low, high = sorted((one, other))
    spend = model.expected_spend(x, low)
    room = 1e-9 * (abs(low) + abs(mu))
    assert min(low, mu) - room <= spend <= max(low, mu) + room
    assert spend <= model.expected_spend(x, high) + room
    assert abs(model.expected_spend(x + 1, low) - low) <= abs(spend - low) + room
    assert model.expected_spend(0, np.nan) == pytest.approx(mu)
    assert model.spend_variance(x + 1) < model.spend_variance(x) <= tau**2 * (1 + 1e-12)


@pytest.mark.parametrize("model", [MODEL, SLOPED])
def test_posterior_against_simulation(model):
    """Own means lie below the quantiles as often as they should, and spend is unbiased."""
    data, own = draw(model, 40_000, 4)
    history = data["frequency"], data["monetary_value"]
    for level in (0.05, 0.5, 0.9):
        below = own < model.spend_quantile(level, *history)
        assert below.mean() == pytest.approx(level, abs=0.01)
    for x in (1, 3):
        rows = (data["frequency"] == x).to_numpy()
        errors = (own - model.expected_spend(*history))[rows]
        assert errors.mean() == pytest.approx(0, abs=4 * errors.std() / np.sqrt(rows.sum()))
        assert errors.var() == pytest.approx(model.spend_variance(x), rel=0.05)


def test_money_unit_row_order_and_weights_do_not_matter():
    """Catches mu left in the scaled unit of the search."""
    data, _ = draw(MODEL, 800, 5)
    fit = NormalSpend.fit(data)
    assert NormalSpend.fit(data.sample(frac=1, random_state=1)) == fit
    cents = NormalSpend.fit(data.assign(monetary_value=data["monetary_value"] * 100 + 700))
    estimates = np.array(list(fit.model._estimates().values()))
    expected = estimates * 100 + [700, 0, 0]
    np.testing.assert_allclose(list(cents.model._estimates().values()), expected, rtol=1e-7)
    twice = NormalSpend.fit(data.assign(weight=2), weights="weight")
    assert twice.log_likelihood == pytest.approx(2 * fit.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(twice.search_covariance * 2, fit.search_covariance, rtol=1e-6)


def test_json_and_equality():
    data, _ = draw(SLOPED, 500, 6)
    fit = NormalSpend.fit(data, on_frequency=True)
    again = Fit.from_json(fit.to_json())
    assert again == fit
    assert again.params().equals(fit.params())
    assert NormalSpend.from_json(MODEL.to_json()) == MODEL
    assert NormalSpend.from_json(SLOPED.to_json()) == SLOPED != MODEL


def test_predict_in_every_library(library):
    data, _ = draw(MODEL, 300, 7)
    fit = NormalSpend.fit(data)
    expected = fit.predict(data)
    found = fit.predict(library(data.sample(frac=1, random_state=2)))
    for name in ("customer_id", "expected_spend"):
        assert (found[name].to_numpy() == expected[name].to_numpy()).all()
    plain = fit.model.expected_spend(data["frequency"], data["monetary_value"])
    np.testing.assert_array_equal(expected["expected_spend"], plain)


def test_intervals_of_negative_spend():
    """mu has the standard error of itself; catches intervals on the scale of logarithms."""
    data, _ = draw(MODEL, 2000, 10)
    fit = NormalSpend.fit(data)
    found = fit.interval("expected_spend", 0, np.nan)
    error = fit.params().set_index("parameter")["std_error"]["mu"]
    assert found.estimate == fit.model.mu < 0
    assert found.std_error == pytest.approx(error, rel=1e-4)
    assert found.upper - found.estimate == pytest.approx(1.96 * error, rel=1e-3)
    table = fit.predict(data.head(3), level=0.9)
    assert (table["expected_spend_lower"] < table["expected_spend"]).all()
    draws = fit.bootstrap(40, rng=np.random.default_rng(1)).params()
    assert draws["std_error"][0] == pytest.approx(error, rel=0.4)


def spends(x, mean):
    return pd.DataFrame({"frequency": x, "monetary_value": mean})


DEGENERATE = {
    "one frequency": (lambda x, z: (0 * x + 3, 20 * z), "every repeat buyer has the frequency 3"),
    "equal customers": (lambda x, z: (x, 20 * z / np.sqrt(x)), "hardly differ in their mean"),
    "equal purchases": (lambda x, z: (x, 20 * z), "of a customer hardly vary"),
    "equal spend": (lambda x, z: (x, 0 * z + 0.1), "hardly differ in their mean"),
    "nothing spent": (lambda x, z: (x, 0 * z), "hardly differ in their mean"),
    "two customers": (lambda _, z: ([1, 2], z[:2]), "hardly"),
    "one customer": (lambda _, z: ([2], z[:1]), "hardly"),
}


@pytest.mark.parametrize("on_frequency", [False, True])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_are_diagnosed(name, on_frequency):
    rng = np.random.default_rng(8)
    make, words = DEGENERATE[name]
    data = spends(*make(rng.geometric(0.3, 500), rng.normal(0.2, 1, 500)))
    with pytest.warns(ConvergenceWarning, match="NormalSpend"):
        fit = NormalSpend.fit(data, on_frequency=on_frequency)
    assert not fit.converged
    assert words in " ".join(fit.messages)
    assert np.isfinite(fit._search()[1]).all()
    assert Fit.from_json(fit.to_json()) == fit
    if name == "one frequency":
        known = fit.model.tau**2 + fit.model.sigma**2 / 3
        assert known == pytest.approx(data["monetary_value"].var(ddof=0), rel=1e-6)


def test_parameters_of_each_row():
    each = NormalSpend(mu=[1.0, 2.0], tau=3.0, sigma=4.0, slope=[0.5, 0.0])
    found = each.expected_spend([2, 2], 10.0)
    alone = [
        NormalSpend(mu=m, tau=3.0, sigma=4.0, slope=s).expected_spend(2, 10.0)
        for m, s in ((1.0, 0.5), (2.0, 0.0))
    ]
    np.testing.assert_allclose(found, alone)


def test_refusals():
    data, _ = draw(MODEL, 20, 9)
    with pytest.raises(InputError, match="no repeat buyer"):
        NormalSpend.fit(data.assign(frequency=0))
    with pytest.raises(InputError, match="missing_spend"):
        NormalSpend.fit(data.assign(monetary_value=np.nan))
    with pytest.raises(InputError, match="lacks the column 'monetary_value'"):
        NormalSpend.fit(data[["frequency"]])
    with pytest.raises(InputError, match="don't broadcast"):
        MODEL.expected_spend([1, 2], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="not_whole"):
        MODEL.spend_variance(0.5)
    with pytest.raises(InputError, match="bad_argument"):
        MODEL.spend_quantile(0, 1, 1.0)
    with pytest.raises(InputError) as error:
        NormalSpend(mu=np.inf, tau=-1, sigma=0, slope=np.nan)
    assert [fault.column for fault in error.value.faults] == ["mu", "tau", "sigma", "slope"]
