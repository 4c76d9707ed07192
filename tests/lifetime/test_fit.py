"""The estimation flow: what it finds, what it says when it can't, and what doesn't matter to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime import BGNBD, MBGNBD, Fit
from crmvalue.lifetime._model.histories import Histories, read_histories
from crmvalue.summary import distinct_histories

MODELS = [BGNBD, MBGNBD]


@pytest.fixture(scope="module")
def fit(cdnow):
    return MBGNBD.fit(cdnow)


@settings(max_examples=25)
@given(
    st.sampled_from(MODELS),
    st.tuples(*[st.floats(-3, 3)] * 4),
    st.lists(
        st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0.01, 5), st.integers(1, 9)),
        min_size=1,
        max_size=8,
    ),
)
def test_gradient_and_compressed_likelihood(model, logs, rows):
    """Catches `gone_x / b` in place of `gone_x / chances`, or wx_T without its weights.

    In the curvature: `dot(gone, slope)` left out, or `end + last` taken as `end - last`.
    """
    x, share, T, weight = np.array(sorted(rows), dtype=float).T  # histories rise by x
    recency = np.where(x > 0, share * T, 0.0)
    likelihood = model._likelihood(Histories(x, recency, T, weight))
    parameters = np.exp(np.array(logs))
    value, gradient = likelihood(parameters)
    plain = model._build(parameters).log_likelihood(x, recency, T)
    size = (weight * np.abs(plain)).sum() + 1
    assert value == pytest.approx(float((weight * plain).sum()), abs=1e-12 * size)
    curvature = likelihood.hessian(parameters)
    for i, at in enumerate(parameters):
        step = np.zeros(4)
        step[i] = 1e-5 * at
        above, below = likelihood(parameters + step), likelihood(parameters - step)
        slope, bend = (above[0] - below[0]) / 2e-5, (above[1] - below[1]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-6 * size)
        expected = pytest.approx(bend * parameters, rel=1e-5, abs=1e-6 * size)
        assert curvature[i] * at * parameters == expected


def test_log_likelihood_is_that_of_the_model(cdnow, fit):
    plain = fit.model.log_likelihood(cdnow["frequency"], cdnow["recency"], cdnow["T"]).sum()
    assert fit.log_likelihood == pytest.approx(plain, rel=1e-13)
    assert fit.aic == pytest.approx(8 - 2 * plain)
    assert fit.bic == pytest.approx(4 * np.log(2357) - 2 * plain)


def test_row_order_does_not_matter(cdnow, fit):
    """Catches histories used as they stand in the summary, without making them distinct."""
    assert MBGNBD.fit(cdnow.sample(frac=1, random_state=1)) == fit


def test_row_order_of_unlike_histories():
    """Catches rows taken as they come where hardly two are alike, by a sample or by the sums."""
    rng = np.random.default_rng(6)
    model = BGNBD(r=0.4, alpha=5, a=0.8, b=2)
    data = model.sample(9_000, T=rng.uniform(20, 60, 9_000), rng=rng)
    fit = BGNBD.fit(data)
    assert fit.n_histories == 9_000
    assert BGNBD.fit(data.sample(frac=1, random_state=1)) == fit


def test_unit_does_not_matter(cdnow, fit):
    """Catches alpha left in the scaled unit of the search."""
    days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7)
    found = MBGNBD.fit(days, unit="D")
    for name, scale in {"r": 1, "alpha": 7, "a": 1, "b": 1}.items():
        expected = getattr(fit.model, name) * scale
        assert getattr(found.model, name) == pytest.approx(expected, rel=1e-9)
    shift = cdnow["frequency"].sum() * np.log(7)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood - shift, rel=1e-12)
    np.testing.assert_allclose(found.search_covariance, fit.search_covariance, rtol=1e-6)


def test_weights_count_customers(cdnow, fit):
    """Catches weights left out of n_customers, or taken in the order of the distinct rows."""
    counted = distinct_histories(cdnow)
    assert MBGNBD.fit(counted, weights="weight") == fit
    assert (fit.n_customers, fit.n_histories) == (2357, len(counted))
    turned = counted.iloc[::-1]
    assert MBGNBD.fit(turned, weights=turned["weight"].to_numpy()) == fit
    none = pd.concat([counted, counted.assign(weight=0)])
    assert MBGNBD.fit(none, weights="weight") == fit


def test_pilot_sample_changes_nothing():
    model = BGNBD(r=0.4, alpha=5, a=0.8, b=2)
    rng = np.random.default_rng(2)
    data = model.sample(20_000, T=rng.uniform(20, 60, 20_000), rng=rng)
    histories = read_histories(data, unit="W").thinned(5000)
    assert histories.weights.sum() == 5000
    fit = BGNBD.fit(data)
    assert fit.converged
    for name in ("r", "alpha", "a", "b"):
        row = fit.params().set_index("parameter").loc[name]
        assert abs(row["estimate"] - getattr(model, name)) < 4 * row["std_error"]
    # At the maximum the gradient is 0, to the last digits.
    value, gradient = BGNBD._likelihood(read_histories(data, unit="W"))(fit._search()[1])
    assert np.abs(gradient * fit._search()[1]).max() < 1e-9 * abs(value)


def test_params_and_covariance(fit):
    table = fit.params()
    assert list(table) == ["parameter", "estimate", "std_error", "lower", "upper"]
    assert (table["lower"] > 0).all()
    covariance = fit.covariance
    assert list(covariance.index) == list(covariance.columns) == ["r", "alpha", "a", "b"]
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), table["std_error"])
    assert (table["lower"] < table["estimate"]).all()
    assert (table["upper"] > table["estimate"]).all()


def test_json_round_trip(fit):
    """Catches a covariance saved with 9 decimals."""
    again = Fit.from_json(fit.to_json())
    assert again == fit
    assert again.params().equals(fit.params())
    assert repr(again).startswith("Fit(MBGNBD(r=0.5248")


def test_predict_in_every_library(cdnow, fit, library):
    columns = ["customer_id", "frequency", "recency", "T"]
    expected = fit.predict(cdnow[columns], horizon=39)
    assert list(expected) == ["customer_id", "probability_alive", "expected_purchases"]
    shuffled = cdnow[columns].sample(frac=1, random_state=2)
    found = fit.predict(library(shuffled), horizon=39)
    kind = {"DataFrame": "polars", "Table": "pyarrow"}.get(type(found).__name__, "")
    assert kind in ("polars", "pyarrow") or isinstance(found, pd.DataFrame)
    for name in expected:
        values = found[name].to_numpy()
        assert (values == expected[name].to_numpy()).all()
    plain = fit.model.expected_purchases(
        cdnow["frequency"], cdnow["recency"], cdnow["T"], horizon=39
    )
    np.testing.assert_allclose(expected["expected_purchases"], plain, rtol=1e-12)


def test_fit_in_every_library(cdnow, fit, library):
    assert MBGNBD.fit(library(cdnow)) == fit


def frame(x, recency, T):
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T})


DEGENERATE = {
    "everyone alike": frame([3] * 50, [20.0] * 50, [30.0] * 50),
    "one customer": frame([2], [3.0], [6.0]),
    "two customers": frame([0, 1], [0.0, 3.0], [5.0, 6.0]),
    "a day": frame([0, 1] * 20, [0.0, 1 / 7] * 20, [1 / 7] * 40),
    "no age": frame([0, 1], [0.0, 0.0], [0.0, 0.0]),
    "one enormous buyer": frame([0] * 99 + [200_000], [0.0] * 99 + [99.0], [100.0] * 100),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_are_diagnosed(model, name):
    with pytest.warns(ConvergenceWarning, match=model.__name__):
        fit = model.fit(DEGENERATE[name])
    assert not fit.converged
    assert fit.messages
    assert "penalty" not in " ".join(fit.messages)
    assert np.isfinite(fit._search()[1]).all()
    assert (fit._search()[1] > 0).all()
    assert Fit.from_json(fit.to_json()) == fit
    assert len(fit.params()) == 4


@pytest.mark.parametrize("model", MODELS)
def test_no_sign_of_dropout(model):
    rng = np.random.default_rng(3)
    x = rng.poisson(rng.gamma(1.0, 1.0, 800) * 10)
    recency = np.where(x > 0, 10 * rng.beta(np.maximum(x, 1), 1), 0.0)
    with pytest.warns(ConvergenceWarning, match="no sign of dropout"):
        fit = model.fit(frame(x, recency, np.full(800, 10.0)))
    assert fit.model.r == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("model", MODELS)
def test_equal_buyers(model):
    data = model(r=1e7, alpha=1e7, a=1, b=3).sample(3000, T=9.0, rng=np.random.default_rng(4))
    with pytest.warns(ConvergenceWarning, match="hardly differ in how often they buy"):
        fit = model.fit(data)
    assert fit.model.r / fit.model.alpha == pytest.approx(1, rel=0.05)


def test_never_below_the_truth():
    """Wide parameters and sizes: finite, and as likely as the truth, or a diagnosis."""
    rng = np.random.default_rng(6)
    for i in range(12):
        model = MODELS[i % 2]
        logs = rng.uniform([-3, -2, -3, -3], [3, 4, 2.5, 4])
        truth = model._build(np.exp(logs))
        size = int(np.exp(rng.uniform(4, 8)))
        data = truth.sample(size, T=rng.uniform(5, 90, size), rng=rng)
        if not data["frequency"].any():
            continue
        with np.errstate(all="ignore"):
            fit = quiet_fit(model, data)
        least = truth.log_likelihood(data["frequency"], data["recency"], data["T"]).sum()
        assert fit.log_likelihood >= least - 1e-6 * abs(least)
        assert np.isfinite(fit._search()[1]).all()


def quiet_fit(model, data):
    try:
        return model.fit(data)
    except ConvergenceWarning:
        with pytest.warns(ConvergenceWarning):
            return model.fit(data)


def test_refusals(cdnow, fit):
    with pytest.raises(InputError, match="no repeat purchase"):
        BGNBD.fit(frame([0, 0], [0.0, 0.0], [1.0, 2.0]))
    with pytest.raises(InputError, match="empty"):
        BGNBD.fit(cdnow.head(0))
    with pytest.raises(InputError, match="'weight' is not a column"):
        BGNBD.fit(cdnow, weights="weight")
    with pytest.raises(InputError, match="one number per row"):
        BGNBD.fit(cdnow, weights=[1.0])
    with pytest.raises(InputError, match="not_a_weight"):
        BGNBD.fit(cdnow, weights=-np.ones(len(cdnow)))
    with pytest.raises(InputError, match="pass unit='W'"):
        BGNBD.fit(cdnow, unit="D")
    with pytest.raises(InputError, match="unit must be one of"):
        BGNBD.fit(cdnow, unit="weeks")
    with pytest.raises(InputError, match="needs horizon="):
        fit.predict(cdnow)
    with pytest.raises(InputError, match="duplicate_id"):
        fit.predict(pd.concat([cdnow, cdnow]), horizon=1)


def test_all_faults_of_a_summary_at_once():
    data = frame([1.5, 0, 1, 2], [2.0, 1.0, 50.0, 1.0], [40.0, 40.0, 40.0, 40.0])
    with pytest.raises(InputError) as error:
        BGNBD.fit(data, weights=[1, 1, -1, 1])
    found = [(fault.fault, fault.column) for fault in error.value.faults]
    assert found == [
        ("not_whole", "summary.frequency"),
        ("recency_above_T", "summary.recency"),
        ("recency_without_repeat", "summary.recency"),
        ("not_a_weight", "weights"),
    ]
