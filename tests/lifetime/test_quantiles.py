"""Waits, remaining lifetimes and the rates behind them, and the scores of single histories."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import InputError
from crmvalue.lifetime._model.mechanism import History
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.mbg_nbd import MBGNBD

MODELS = [BGNBD, MBGNBD]
shapes = st.floats(0.05, 30)
models = st.builds(
    lambda model, r, alpha, a, b: model(r=r, alpha=alpha, a=a, b=b),
    st.sampled_from(MODELS), shapes, st.floats(0.1, 100), shapes, shapes,
)  # fmt: skip
shares = st.floats(0.001, 0.999)


@st.composite
def histories(draw, most=300):
    x = draw(st.integers(0, most))
    T = draw(st.floats(0, 200))
    return x, (T * draw(st.floats(0, 1)) if x else 0.0), T


@settings(max_examples=25)
@given(models, histories(), shares)
def test_the_lifetime_quantile_is_where_so_many_have_left(model, history, q):
    """Catches `np.log(reach)` for `np.log1p(-reach)`, or the odds of being gone left out."""
    ahead = model.remaining_lifetime_quantile(q, *history)
    now = model.probability_alive(*history)
    if ahead == 0:
        assert now <= (1 - q) * (1 + 1e-12)
    else:
        then = model.probability_alive(*history, horizon=ahead)
        assert then == pytest.approx(1 - q, rel=1e-8)


@settings(max_examples=60)
@given(models, histories(), shares)
def test_the_wait_quantile_is_where_so_many_have_bought(model, history, q):
    """Catches `wanted` of all customers in place of those alive, or NaN where it is reached."""
    wait = model.next_purchase_quantile(q, *history)
    ever = model.probability_of_purchase(*history, horizon=np.inf)
    assert ever == pytest.approx(float(model.probability_alive(*history)), rel=1e-12)
    if np.isnan(wait):
        assert ever <= q * (1 + 1e-12)
    else:
        assert wait > 0
        assert model.probability_of_purchase(*history, horizon=wait) == pytest.approx(q, rel=1e-8)


@settings(max_examples=20)
@given(models, histories(), st.tuples(shares, shares))
def test_quantiles_rise_with_q(model, history, both):
    """Catches an unreached quantile given as 0: NaN is later than any other."""
    both = sorted(both)
    lifetime = model.remaining_lifetime_quantile(both, *history)
    assert lifetime[0] <= lifetime[1] * (1 + 1e-12)
    wait = np.nan_to_num(model.next_purchase_quantile(both, *history), nan=np.inf)
    assert wait[0] <= wait[1] * (1 + 1e-12)


@settings(max_examples=60)
@given(models, histories(), st.floats(0, 500))
def test_who_buys_was_alive_and_buys_no_purchase_is_the_rest(model, history, horizon):
    """Catches P(alive) left out of the probability of a purchase."""
    some = model.probability_of_purchase(*history, horizon=horizon)
    none = model.conditional_purchase_pmf(0, *history, horizon=horizon)
    assert some + none == pytest.approx(1, abs=1e-12)
    assert 0 <= some <= model.probability_alive(*history)
    assert some <= model.expected_purchases(*history, horizon=horizon) * (1 + 1e-10)


GRID = [
    (parameters, history)
    for parameters in [(0.25, 4, 0.8, 2.5), (5, 0.01, 1, 0.05), (0.05, 99, 30, 9), (2, 50, 0.1, 40)]
    for history in [(0, 0, 0), (0, 0, 40), (1, 40, 40), (3, 1, 40), (2000, 39, 40)]
]


def exact(model, parameters, history):
    """Alive and gone parts of the likelihood, and posterior shapes, in high precision."""
    r, alpha, a, b = (mpmath.mpf(v) for v in parameters)
    x, tx, T = (mpmath.mpf(v) for v in history)
    n = x + (model is MBGNBD)
    stays = mpmath.beta(a, b + n) * (alpha + T) ** -(r + x)
    leaves = mpmath.beta(a + 1, b + n - 1) * (alpha + tx) ** -(r + x) if n else mpmath.mpf(0)
    return r, alpha, a, b, x, tx, T, n, stays, leaves


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("parameters", "history"), GRID)
def test_against_fifty_digits(model, parameters, history):
    """Straight from the integrals over λ and p, both of which are gamma and beta functions."""
    m = model(**dict(zip(model._parameters, parameters, strict=True)))
    with mpmath.workdps(50):
        r, alpha, a, b, x, tx, T, n, stays, leaves = exact(model, parameters, history)
        rate = (r + x) * (stays / (alpha + T) + leaves / (alpha + tx)) / (stays + leaves)
        more = mpmath.beta(a + 1, b + n) * (alpha + T) ** -(r + x)
        if n:
            more += mpmath.beta(a + 2, b + n - 1) * (alpha + tx) ** -(r + x)
        dropout = more / (stays + leaves)
        alive = stays / (stays + leaves)
        q = alive / 3
        wait = (alpha + T) * ((1 - q / alive) ** (-1 / (r + x)) - 1)
        bought = alive * (1 - ((alpha + T) / (alpha + T + 26)) ** (r + x))
    assert m.posterior_purchase_rate(*history) == pytest.approx(float(rate), rel=1e-11)
    assert m.posterior_dropout(*history) == pytest.approx(float(dropout), rel=1e-11)
    found = m.probability_of_purchase(*history, horizon=26)
    assert found == pytest.approx(float(bought), rel=1e-10, abs=1e-250)
    if float(q) > 1e-200:
        found = m.next_purchase_quantile(float(q), *history)
        assert found == pytest.approx(float(wait), rel=1e-9)
    reach = 1 - 0.1 * m.probability_alive(*history)  # a tenth of those alive is left
    ahead = m.remaining_lifetime_quantile(reach, *history) if reach < 1 else 0.0
    if 0 < ahead < 1e100:  # else P(alive) is below the rounding of q, or too far for a series
        with mpmath.workdps(50):
            survival = mpmath.hyp2f1(r + x, a, a + b + n, -mpmath.mpf(float(ahead)) / (alpha + T))
            left = (1 - mpmath.mpf(float(reach))) / alive
        assert float(survival) == pytest.approx(float(left), rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("parameters", "history"), GRID)
def test_scores_against_fifty_digits(model, parameters, history):
    m = model(**dict(zip(model._parameters, parameters, strict=True)))
    flat = History(*(np.array([float(v)]) for v in history))
    value, scores = m._scores(flat)
    with mpmath.workdps(60):
        x = mpmath.mpf(history[0])

        def log_likelihood(r, alpha, a, b):
            *_, stays, leaves = exact(model, (r, alpha, a, b), history)
            return (
                mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
                + mpmath.log((stays + leaves) / mpmath.beta(a, b))
            )  # fmt: skip

        at = [mpmath.mpf(v) for v in parameters]
        expected = [float(log_likelihood(*at))]
        for i in range(4):
            step = [at[i] * mpmath.mpf(10) ** -20 * (i == j) for j in range(4)]
            ends = [
                log_likelihood(*(v + side * h for v, h in zip(at, step, strict=True)))
                for side in (1, -1)
            ]
            expected.append(float((ends[0] - ends[1]) / (2 * step[i])))
    assert scores.shape == (1, 4)
    for found, right in zip([value[0], *scores[0]], expected, strict=True):
        assert abs(found - right) <= 1e-9 * max(1, abs(right))


@settings(max_examples=30)
@given(models, st.lists(histories(), min_size=1, max_size=5))
def test_scores_of_a_row_are_its_own(model, rows):
    """Catches `gone` averaged over the rows."""
    flat = History(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)))
    value, scores = model._scores(flat)
    np.testing.assert_allclose(value, model.log_likelihood(*flat), rtol=1e-12, atol=1e-12)
    each = [
        model._scores(History(*(column[i : i + 1] for column in flat)))[1][0]
        for i in range(len(rows))
    ]
    np.testing.assert_allclose(scores, each, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_posteriors_average_to_the_prior(model):
    """Over customers drawn from the model, whoever they are and whatever they bought."""
    m = model(r=0.6, alpha=3.0, a=0.7, b=2.0)
    drawn = m.sample(100_000, T=20.0, rng=np.random.default_rng(2))
    history = drawn["frequency"], drawn["recency"], drawn["T"]
    assert m.posterior_purchase_rate(*history).mean() == pytest.approx(0.2, rel=0.01)
    assert m.posterior_dropout(*history).mean() == pytest.approx(0.7 / 2.7, rel=0.01)
    bought = m.probability_of_purchase(*history, horizon=9.0).mean()
    assert bought == pytest.approx(1 - float(m.interval_purchase_pmf(0, 20, 29)), rel=0.01)


@pytest.mark.parametrize("model", MODELS)
def test_quantiles_against_simulation(model):
    """A new customer, purchase by purchase: half have left, or bought, by the median."""
    m = model(r=0.9, alpha=3.0, a=0.7, b=1.0)
    rng = np.random.default_rng(5)
    size = 100_000
    rate, p = rng.gamma(m.r, 1 / m.alpha, size), rng.beta(m.a, m.b, size)
    chance = rng.geometric(np.maximum(p, 1e-12)) - (model is MBGNBD)
    leaves = rng.gamma(np.maximum(chance, 1e-300)) / rate  # at its last purchase
    leaves = np.where(chance > 0, leaves, 0.0)
    buys = np.where(chance > 0, rng.standard_exponential(size) / rate, np.inf)
    for q in (0.3, 0.5, 0.8):
        ahead = m.remaining_lifetime_quantile(q, 0, 0, 0)
        assert (leaves <= ahead).mean() == pytest.approx(
            max(q, 1 - float(m.probability_alive(0, 0, 0))), abs=0.01
        )
    ahead = m.next_purchase_quantile(0.4, 0, 0, 0)
    assert (buys <= ahead).mean() == pytest.approx(0.4, abs=0.01)


def test_shapes_edges_and_parameters_of_rows():
    m = MBGNBD(r=0.25, alpha=4.0, a=0.8, b=2.5)
    gone = (30, 1.0, 500.0)
    assert m.remaining_lifetime_quantile(0.5, *gone) == 0
    assert np.isnan(m.next_purchase_quantile(0.5, *gone))
    assert m.remaining_lifetime_quantile([[0.1], [0.5]], 2, [3, 9, 30], 30).shape == (2, 3)
    each = MBGNBD(r=0.25, alpha=np.array([4.0, 8.0]), a=0.8, b=np.array([2.5, 9.0]))
    for method in ("remaining_lifetime_quantile", "next_purchase_quantile"):
        found = getattr(each, method)(0.3, 2, 29.0, 30.0)
        for i in range(2):
            alone = MBGNBD(r=0.25, alpha=each.alpha[i], a=0.8, b=each.b[i])
            one = getattr(alone, method)(0.3, 2, 29.0, 30.0)
            assert found[i] == pytest.approx(float(one), rel=1e-12)
        for q in (0, 1, np.nan, -0.5):
            with pytest.raises(InputError, match="probabilities above 0 and below 1"):
                getattr(m, method)(q, 2, 3, 30)
