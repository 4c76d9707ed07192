"""Published and independently computed figures of Pareto/NBD and NBD.

A figure is held to one unit of its last digit; estimates on CDNOW to 1e-5 relative, the
log-likelihood to 1e-5, standard errors to .1 %. "own" figures come from 50-digit arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue.datasets import load_cdnow
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD
from crmvalue.lifetime.tracking import tracking
from crmvalue.summary import split_holdout

BTYD = ParetoNBD(r=0.553355318, alpha=10.57866969, s=0.60594344, beta=11.65780811)


@pytest.fixture(scope="module")
def log():
    return load_cdnow(sample=True)


@pytest.fixture(scope="module")
def cdnow(log):
    return split_holdout(log, calibration_end="1997-09-30", amount="amount")


def digits(value, expected):
    """Equal to one unit of the last digit of the text `expected`."""
    unit = 10.0 ** -len(expected.partition(".")[2])
    assert abs(float(value) - float(expected)) <= unit, (value, expected)


def test_pareto_nbd_estimates(cdnow):
    # own; Fader, Hardie and Lee (2005) print .553, 10.578, .606, 11.669
    fit = ParetoNBD.fit(cdnow)
    table = fit.params()
    estimates = [0.5532770, 10.57768, 0.6062400, 11.66874]
    np.testing.assert_allclose(table["estimate"], estimates, rtol=1e-5)
    errors = [0.0476279, 0.842723, 0.187281, 6.21111]
    np.testing.assert_allclose(table["std_error"], errors, rtol=1e-3)
    assert fit.log_likelihood == pytest.approx(-9594.976179, abs=1e-5)
    assert fit.messages == ()


def test_nbd_estimates(cdnow):
    # own
    fit = NBD.fit(cdnow)
    np.testing.assert_allclose(fit.params()["estimate"], [0.3847661, 12.07202], rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-9763.657615, abs=1e-5)
    assert fit.messages == ()


def test_new_customer():
    # Fader and Hardie, note on the Pareto/NBD model, as quoted by several packages
    model = ParetoNBD(r=0.55, alpha=10.56, s=0.61, beta=11.64)
    expected = [
        "0", ".05077821", ".09916088", ".14542507", ".18979930", ".23247466",
        ".27361274", ".31335159", ".35181024", ".38909211",
    ]  # fmt: skip
    found = model.expected_purchases_new_customer(np.arange(10))
    for value, text in zip(found, expected, strict=True):
        digits(value, text)


def test_at_btyd_estimates():
    # BTYD, pnbd.ConditionalExpectedTransactions and pnbd.PAlive, 52 weeks ahead
    digits(BTYD.expected_purchases(26, 216 / 7, 31, horizon=52), "25.45654884")
    digits(BTYD.probability_alive(26, 216 / 7, 31), ".9978739011")
    expected = [".7061216099", ".1442085789", ".02250050173", ".003091670619"]
    found = BTYD.expected_purchases([10, 15, 20, 25], 20, 39, horizon=52)
    for value, text in zip(found, expected, strict=True):
        digits(value, text)


@pytest.mark.parametrize(
    ("x", "recency", "horizon", "expected"),
    [
        (1, 20, np.inf, "3.035584"),
        (4, 20, np.inf, "5.906558"),
        (10, 20, np.inf, "2.486029"),
        (4, 39, np.inf, "13.34251"),
        (10, 39, np.inf, "30.92389"),
        (4, 39, 52, "3.554036"),
    ],
)
def test_discounted_purchases(x, recency, horizon, expected):
    # own, 15 % a year, at the estimates of Fader, Hardie and Lee (2005), RFM and CLV
    model = ParetoNBD(r=0.5534, alpha=10.5802, s=0.6061, beta=11.6562)
    found = model.discounted_expected_transactions(
        x, recency, 39, annual_discount_rate=0.15, horizon=horizon
    )
    digits(found, expected)


def test_probability_alive_of_heavy_buyers():
    # CLVTools, on its apparel data
    model = ParetoNBD(r=0.5143, alpha=2.8845, s=0.2856, beta=14.1087)
    x = [221, 254, 161, 204]
    recency = [103.42857, 97.14286, 94.71429, 98.57143]
    T = [103.57143, 97.28571, 98, 99.42857]
    expected = [".9995960523", ".9995582261", ".7494877523", ".9942550796"]
    for found, text in zip(model.probability_alive(x, recency, T), expected, strict=True):
        digits(found, text)


def test_tracking(log):
    # own expectations at the estimates; actual from the log; weeks 20 to 25
    model = ParetoNBD(r=0.5532770, alpha=10.57768, s=0.6062400, beta=11.66874)
    weeks = tracking(model, log, calibration_end="1997-09-30").set_index("period").loc[20:25]
    expected = [1309, 1385, 1460, 1533, 1604, 1674]
    assert weeks["cumulative_expected"].round().tolist() == expected
    assert weeks["cumulative_actual"].tolist() == [1359, 1414, 1484, 1517, 1573, 1672]
