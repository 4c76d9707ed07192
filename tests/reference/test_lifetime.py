"""Published and independently computed figures of the lifetime models.

A figure is held to one unit of its last digit; estimates on CDNOW to 1e-5 relative, the
log-likelihood to 1e-5, standard errors to .1 %. "own" figures come from 50-digit arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue.datasets import load_cdnow
from crmvalue.lifetime import BGNBD, MBGNBD, GammaGamma
from crmvalue.summary import split_holdout

PAPER = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)  # Fader, Hardie and Lee (2005), table 1
BTYD = BGNBD(r=0.2425956794, alpha=4.4136575, a=0.792986283, b=2.426161692)  # R package BTYD


@pytest.fixture(scope="module")
def cdnow():
    return split_holdout(load_cdnow(sample=True), calibration_end="1997-09-30", amount="amount")


def check_fit(fit, estimates, errors, log_likelihood):
    table = fit.params()
    assert table["parameter"].tolist() == list(estimates)
    np.testing.assert_allclose(table["estimate"], list(estimates.values()), rtol=1e-5)
    if errors:
        np.testing.assert_allclose(table["std_error"], errors, rtol=1e-3)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)
    assert fit.converged
    assert fit.messages == ()


def digits(value, expected):
    """Equal to one unit of the last digit of the text `expected`."""
    mantissa, _, power = expected.partition("e")
    unit = 10.0 ** (-len(mantissa.partition(".")[2]) + int(power or 0))
    assert abs(float(value) - float(expected)) <= unit, (value, expected)


def test_cdnow_sample(cdnow):
    # Fader, Hardie and Lee (2005): 2,357 customers with 2,457 repeat purchases in calibration.
    assert (len(cdnow), cdnow["frequency"].sum()) == (2357, 2457)


def test_bg_nbd_estimates(cdnow):
    # own; the paper prints .243, 4.414, .793, 2.426 and -9582.4
    check_fit(
        BGNBD.fit(cdnow),
        {"r": 0.2425945, "alpha": 4.413602, "a": 0.7929220, "b": 2.425907},
        [0.0125574, 0.378224, 0.185734, 0.705414],
        -9582.429207,
    )


def test_mbg_nbd_estimates(cdnow):
    # own
    check_fit(
        MBGNBD.fit(cdnow),
        {"r": 0.5248432, "alpha": 6.183085, "a": 0.8913594, "b": 1.614002},
        [0.0832682, 0.695621, 0.154790, 0.537495],
        -9582.135716,
    )


def test_gamma_gamma_estimates(cdnow):
    # own; Fader and Hardie (2013) print 6.25, 3.74, 15.44
    check_fit(
        GammaGamma.fit(cdnow),
        {"p": 6.249572, "q": 3.744225, "gamma": 15.44352},
        None,
        -4055.917695,
    )


def test_gamma_gamma_expected_spend(cdnow):
    # Fader and Hardie (2013), the first ten customers of the sample
    fit = GammaGamma.fit(cdnow)
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert fit.n_customers == 946
    found = fit.predict(cdnow)["expected_spend"].head(10).round(2).tolist()
    assert found == expected


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (1 / 7, ".0078260"),
        (1, ".0532679"),
        (3, ".1508652"),
        (223 / 7, "1.041997"),
        (32, "1.045243"),
        (78, "1.860519"),
    ],
)
def test_bg_nbd_new_customer(t, expected):
    # own, at the paper's parameters
    digits(PAPER.expected_purchases_new_customer(t), expected)


def test_bg_nbd_conditional_expectation():
    # Fader, Hardie and Lee (2005), note on implementing the model in Excel
    digits(PAPER.expected_purchases(2, 30.43, 38.86, horizon=39), "1.226")


def test_bg_nbd_pmf():
    # BTYD, bgnbd.pmf at the paper's parameters
    expected = [
        ".5737863521", ".1993952808", ".0854297595", ".0458603539", ".0276714493", ".0179654939",
    ]  # fmt: skip
    for found, text in zip(PAPER.purchase_pmf(np.arange(6), 39), expected, strict=True):
        digits(found, text)
    digits(PAPER.purchase_pmf(10, 2), "1.07869e-07")


def test_bg_nbd_at_btyd_estimates():
    # BTYD, bgnbd.ConditionalExpectedTransactions and bgnbd.PAlive, 52 weeks ahead
    digits(BTYD.expected_purchases(26, 216 / 7, 31, horizon=52), "25.75659286")
    digits(BTYD.probability_alive(26, 216 / 7, 31), ".9688522811")
    expected = [".3474609653", ".04283395379", ".004158976357", ".0003583688077"]
    found = BTYD.expected_purchases([10, 15, 20, 25], 20, 39, horizon=52)
    for value, text in zip(found, expected, strict=True):
        digits(value, text)


def test_bg_nbd_log_likelihood():
    # own
    model = BGNBD(r=0.25, alpha=4, a=0.80, b=2.50)
    digits(model.log_likelihood(0, 0, 40), "-.59947382")
    digits(model.log_likelihood(200, 38, 40), "100.79569309")


def test_bg_nbd_small_shapes():
    # own: a + b < 1, where the hypergeometric function of the paper fails in two packages
    model = BGNBD(r=0.11, alpha=2.24, a=0.31, b=0.5)
    digits(model.expected_purchases(0, 0, 1, horizon=30), ".564588615533")


def test_mbg_nbd_log_likelihood():
    # own
    model = MBGNBD(r=0.25, alpha=4, a=0.80, b=2.50)
    digits(model.log_likelihood(0, 0, 40), "-.41792826")
    digits(model.log_likelihood(200, 38, 40), "100.7869")
