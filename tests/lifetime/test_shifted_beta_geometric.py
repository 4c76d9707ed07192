"""Shifted beta-geometric: laws, 50-digit arithmetic, simulation, and what cohorts must be."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.lifetime import Fit
from crmvalue.lifetime._contracts.renewals import RenewalLikelihood, read_cohorts
from crmvalue.lifetime.shifted_beta_geometric import ShiftedBetaGeometric

shapes = st.floats(0.02, 50)
models = st.builds(lambda a, b: ShiftedBetaGeometric(alpha=a, beta=b), shapes, shapes)
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def cohort(survivors, name="a"):
    return pd.DataFrame({"cohort": name, "period": range(len(survivors)), "survivors": survivors})


@given(models, st.integers(1, 60))
def test_churn_survival_and_retention_agree(model, t):
    """Catches a retention rate that is one renewal late."""
    ahead = np.arange(1, t + 1)
    churn = model.churn_pmf(ahead)
    assert churn.sum() + model.survival(t) == pytest.approx(1, rel=1e-12)
    assert np.prod(model.retention_rate(ahead)) == pytest.approx(float(model.survival(t)))
    leaving = 1 - model.retention_rate(t)
    assert model.posterior_dropout(t - 1) == pytest.approx(float(leaving), rel=1e-9)
    assert (np.diff(model.retention_rate(ahead)) >= 0).all(), "those who stay are those who stay"
    made = model.survival(t) * model.survival(5, renewals=t)
    assert made == pytest.approx(float(model.survival(t + 5)), rel=1e-12)


@given(models, st.integers(0, 40), st.integers(0, 40), st.floats(0, 1))
def test_residual_lifetime_sums_the_renewals_to_come(model, renewals, horizon, rate):
    """Catches a first renewal that is discounted, though it is due now."""
    ahead = np.arange(horizon)
    made = model.survival(ahead + 1, renewals=renewals)
    discounted = (made * (1 + rate) ** -ahead.astype(float)).sum()
    found = model.discounted_expected_residual_lifetime(
        renewals, annual_discount_rate=rate, horizon=horizon
    )
    assert found == pytest.approx(float(discounted), rel=1e-11)
    plain = model.expected_residual_lifetime(renewals, horizon=horizon)
    assert plain == pytest.approx(float(made.sum()), rel=1e-11)


@given(models, st.integers(0, 40), st.floats(0.01, 0.99))
def test_quantiles_are_the_first_whole_number_that_reaches(model, renewals, q):
    """Catches a quantile counted from the renewal due now, or rounded instead of up."""
    life = model.remaining_lifetime_quantile(q, renewals)
    if life > 1e9:
        return
    assert model.survival(life + 1, renewals=renewals) <= (1 - q) * (1 + 1e-11)
    if life:
        assert model.survival(life, renewals=renewals) > (1 - q) * (1 - 1e-11)


def test_ties_count_as_reached():
    even = ShiftedBetaGeometric(alpha=1, beta=1)  # S(t) = 1 / (t + 1)
    assert even.remaining_lifetime_quantile([0.5, 0.75, 0.9], 0).tolist() == [0, 2, 8]


@pytest.mark.parametrize("alpha", [0.01, 0.7, 1, 1.5, 300])
@pytest.mark.parametrize("beta", [0.01, 1.2, 1, 500])
def test_against_fifty_digits(alpha, beta):
    """The formulas of the papers, with hypergeometric functions, in high precision."""
    model = ShiftedBetaGeometric(alpha=alpha, beta=beta)
    rate = mpmath.mpf("0.1")
    for k in (0, 7, 200):
        with mpmath.workdps(50):
            a, b = mpmath.mpf(alpha), mpmath.mpf(beta) + k
            survival = [mpmath.rf(b, t) / mpmath.rf(a + b, t) for t in (1, 40)]
            derl = b / (a + b) * mpmath.hyp2f1(1, b + 1, a + b + 1, 1 / (1 + rate))
            lifetime = b / (a - 1) if alpha > 1 else None
            churned = mpmath.log(mpmath.beta(a + 1, b) / mpmath.beta(a, mpmath.mpf(beta)))
            stayed = mpmath.log(mpmath.beta(a, b) / mpmath.beta(a, mpmath.mpf(beta)))
        found = model.survival([1, 40], renewals=k)
        np.testing.assert_allclose(found, [float(v) for v in survival], rtol=1e-11)
        found = model.discounted_expected_residual_lifetime(k, annual_discount_rate=0.1)
        assert found == pytest.approx(float(derl), rel=1e-11)
        if lifetime is not None:
            found = model.expected_residual_lifetime(k)
            assert found == pytest.approx(float(lifetime), rel=1e-12)
        for expected, left in ((churned, True), (stayed, False)):
            bound = 1e-11 * max(1, abs(float(expected)))
            assert abs(model.log_likelihood(k, left) - float(expected)) <= bound


def test_an_endless_lifetime_is_refused():
    model = ShiftedBetaGeometric(alpha=0.7, beta=1.2)
    with pytest.raises(InputError, match="infinite where alpha <= 1"):
        model.expected_residual_lifetime(3)
    with pytest.raises(InputError, match="give a horizon"):
        model.discounted_expected_residual_lifetime(3, annual_discount_rate=0)
    assert np.isfinite(model.expected_residual_lifetime(3, horizon=10**9))


@given(
    st.lists(st.lists(st.integers(0, 30), min_size=2, max_size=6), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_cohorts_are_their_customers(falls, random):
    """Catches the survivors of the last period of a cohort taken for churned, or for those of the
    longest cohort.
    """
    tables, customers = [], []
    for name, falling in enumerate(falls):
        survivors = np.sort(falling)[::-1] + 1
        tables.append(cohort(survivors, name))
        lost = -np.diff(survivors)
        for period, number in enumerate(lost):
            customers += [(period, True)] * number
        customers += [(len(lost), False)] * survivors[-1]
    cohorts = pd.concat(tables)
    rows = list(range(len(cohorts)))
    random.shuffle(rows)
    known = read_cohorts(cohorts.iloc[rows])
    value, _ = RenewalLikelihood(known, known.weights)(np.array([0.7, 1.9]))
    renewals, churned = zip(*customers, strict=True)
    model = ShiftedBetaGeometric(alpha=0.7, beta=1.9)
    expected = model.log_likelihood(renewals, churned).sum()
    assert value == pytest.approx(float(expected), rel=1e-11)
    assert known.weights.sum() == len(customers)


@settings(max_examples=30)
@given(st.floats(-6, 6), st.floats(-6, 6))
def test_gradient(log_alpha, log_beta):
    """Catches the hazard's derivative by beta left out."""
    known = read_cohorts(pd.concat([cohort(REGULAR), cohort([50, 40], "b")]))
    likelihood = RenewalLikelihood(known, known.weights)
    parameters = np.exp([log_alpha, log_beta])
    value, gradient = likelihood(parameters)
    for i, at in enumerate(parameters):
        step = np.zeros(2)
        step[i] = 1e-5 * at
        slope = (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
        assert gradient[i] * at == pytest.approx(slope, rel=1e-5, abs=1e-7 * abs(value))
    doubled = likelihood.reweighted(2 * likelihood.weights)
    assert doubled(parameters)[0] == pytest.approx(2 * value)


def test_fit_finds_what_was_drawn():
    """Three cohorts of different length, drawn customer by customer."""
    model = ShiftedBetaGeometric(alpha=0.8, beta=2.5, unit="M")
    rng = np.random.default_rng(4)
    tables = []
    for periods in (3, 7, 12):
        drawn = model.sample(5000, periods=periods, rng=rng)
        assert drawn.loc[~drawn["churned"], "renewals"].eq(periods).all()
        counts = [int((drawn["renewals"] >= period).sum()) for period in range(periods + 1)]
        tables.append(cohort(counts, f"of {periods}"))
        survival = model.survival(periods)
        assert counts[-1] / 5000 == pytest.approx(survival, abs=5 * np.sqrt(survival / 5000))
    cohorts = pd.concat(tables)
    fit = ShiftedBetaGeometric.fit(cohorts, unit="M")
    assert fit.converged
    assert (fit.n_customers, fit.model.unit) == (15_000, "M")
    for _, row in fit.params().iterrows():
        assert abs(row["estimate"] - getattr(model, row["parameter"])) < 4 * row["std_error"]
    assert ShiftedBetaGeometric.fit(cohorts.sample(frac=1, random_state=1), unit="M") == fit
    assert Fit.from_json(fit.to_json()) == fit


def test_how_sure_a_fit_is():
    """Catches renewals that can't be weighed anew, or a probability with bounds beyond 1."""
    fit = ShiftedBetaGeometric.fit(cohort(REGULAR))
    drawn = fit.bootstrap(100, rng=np.random.default_rng(3)).params()
    np.testing.assert_allclose(drawn["std_error"], fit.params()["std_error"], rtol=0.35)
    survival = fit.interval("survival", [1, 7])
    observed = np.array([0.631, 0.241])
    assert ((survival.lower < observed) & (observed < survival.upper)).all()
    few = ShiftedBetaGeometric.fit(cohort([60, 50, 46, 44, 43]))
    customers = pd.DataFrame({"customer_id": [1], "renewals": [3]})
    found = few.predict(customers, horizon=1, level=0.999).iloc[0]
    assert found["retention_probability"] < found["retention_probability_upper"] < 1


def test_fit_and_predict_in_every_library(library):
    cohorts = pd.concat([cohort(REGULAR), cohort([500, 300, 250], "b")])
    fit = ShiftedBetaGeometric.fit(cohorts)
    assert ShiftedBetaGeometric.fit(library(cohorts)) == fit
    customers = pd.DataFrame({"customer_id": ["c", "a", "b"], "renewals": [5, 0, 2]})
    found = fit.predict(library(customers), horizon=3)
    columns = {name: found[name].to_numpy().tolist() for name in fit.predict(customers, horizon=3)}
    assert list(columns) == ["customer_id", "retention_probability", "expected_renewals"]
    assert columns["customer_id"] == ["a", "b", "c"]
    assert columns["retention_probability"] == fit.model.survival(3, [0, 2, 5]).tolist()
    expected = fit.model.expected_residual_lifetime([0, 2, 5], horizon=3)
    assert columns["expected_renewals"] == expected.tolist()


@pytest.mark.parametrize(
    ("survivors", "words"),
    [
        ([10, 10, 10], r"hardly differ in how readily they churn.*= [0-9.]+e-"),
        ([10, 0, 0], r"hardly differ in how readily they churn.*= 1,"),
        ([500, 400], "only this ratio is estimated"),
        ([1000, 500, 250, 125], r"hardly differ .* = 0.5,"),
        ([1000, 600, 600, 600, 600], "at the first renewal or never"),
    ],
)
def test_what_cohorts_leave_open_is_said(survivors, words):
    with pytest.warns(ConvergenceWarning, match=words):
        fit = ShiftedBetaGeometric.fit(cohort(survivors))
    assert not fit.converged
    assert np.isfinite(fit.params()["estimate"]).all()
    mean = fit.model.alpha / (fit.model.alpha + fit.model.beta)
    assert mean == pytest.approx(1 - survivors[1] / survivors[0], abs=0.02)


def test_shares_instead_of_counts_are_remarked_on():
    fit = ShiftedBetaGeometric.fit(cohort(np.array(REGULAR) / 10))
    assert fit.converged
    assert "not all whole numbers" in fit.messages[0]
    assert fit.model.alpha == pytest.approx(0.70407732, rel=1e-6)


def test_all_faults_of_cohorts_at_once():
    cohorts = pd.DataFrame(
        {
            "cohort": ["a", "a", "a", "b", "b", "c", "c", "d"],
            "period": [0, 1, 1, 1, 2, 0, 1, 0.5],
            "survivors": [9, 8, 8, 7, 6, 5, 6, 4],
        }
    )
    with pytest.raises(InputError) as error:
        ShiftedBetaGeometric.fit(cohorts)
    assert [(fault.fault, fault.column, fault.rows) for fault in error.value.faults] == [
        ("not_whole", "cohorts.period", 1),
        ("duplicate_period", "cohorts.period", 1),
        ("missing_period", "cohorts.period", 2),
        ("rising_survivors", "cohorts.survivors", 1),
    ]
    assert "row 3: 1.0" in str(error.value)
    with pytest.raises(InputError, match="too_small"):
        ShiftedBetaGeometric.fit(cohort([5, -1]))
    for empty in (cohort([5]), cohort([0, 0]), cohort([5, 4]).head(0)):
        with pytest.raises(InputError, match="no customers who came up for renewal"):
            ShiftedBetaGeometric.fit(empty)
    with pytest.raises(InputError, match="lacks the column 'survivors'"):
        ShiftedBetaGeometric.fit(cohorts.drop(columns="survivors"))


def test_bad_arguments():
    model = ShiftedBetaGeometric(alpha=0.7, beta=1.2)
    for call, words in (
        (lambda: model.survival(1.5), "whole numbers"),
        (lambda: model.retention_rate([1, 0]), "t must be at least 1"),
        (lambda: model.churn_pmf(0), "t must be at least 1"),
        (lambda: model.remaining_lifetime_quantile(0, 1), "probabilities above 0"),
        (lambda: model.survival([1, 2], [1, 2, 3]), "shapes don't broadcast"),
        (lambda: model.log_likelihood(2, 1), "churned must hold True or False"),
        (lambda: model.sample(3, periods=-1, rng=np.random.default_rng(1)), "periods"),
        (
            lambda: model.discounted_expected_residual_lifetime(1, annual_discount_rate=-1),
            "annual_discount_rate",
        ),
        (
            lambda: model.discounted_expected_residual_lifetime(1, annual_discount_rate=[0.1, 0.2]),
            "must be one number",
        ),
        (lambda: dataclasses.replace(model, unit="years"), "unit must be one of"),
        (lambda: ShiftedBetaGeometric.fit(cohort(REGULAR), unit="years"), "unit must be one of"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    fit = ShiftedBetaGeometric.fit(cohort(REGULAR))
    customers = pd.DataFrame({"customer_id": [1, 2], "renewals": [0.5, 1]})
    with pytest.raises(InputError, match="whole number of renewals"):
        fit.predict(customers)
    with pytest.raises(InputError, match="not_whole"):
        fit.predict(customers, horizon=1)


def test_parameters_may_differ_between_customers():
    each = ShiftedBetaGeometric(alpha=np.array([0.5, 2.0]), beta=1.5)
    for call in (
        lambda m: m.survival(3),
        lambda m: m.discounted_expected_residual_lifetime(2, annual_discount_rate=0.1),
        lambda m: m.remaining_lifetime_quantile(0.5, 1),
        lambda m: m.log_likelihood(2, True),
    ):
        alone = [float(call(dataclasses.replace(each, alpha=a))) for a in (0.5, 2.0)]
        np.testing.assert_allclose(call(each), alone, rtol=1e-12)


def test_a_shorter_period_discounts_less():
    """Catches the annual rate taken as one per period."""
    yearly = ShiftedBetaGeometric(alpha=0.7, beta=1.2)
    monthly = dataclasses.replace(yearly, unit="M")
    found = monthly.discounted_expected_residual_lifetime(4, annual_discount_rate=1.1**12 - 1)
    expected = yearly.discounted_expected_residual_lifetime(4, annual_discount_rate=0.1)
    assert found == pytest.approx(float(expected), rel=1e-12)
