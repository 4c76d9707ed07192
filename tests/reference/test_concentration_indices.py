"""Definitions of concentration by hand, and closed forms of the log-normal distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from crmvalue.tiers.concentration import (
    effective_number,
    gini,
    herfindahl,
    pareto_point,
    top_share,
)


def test_one_to_four() -> None:
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25, abs=1e-15)
    assert herfindahl([1, 2, 3, 4]) == pytest.approx(0.30, abs=1e-15)
    assert effective_number([1, 2, 3, 4]) == pytest.approx(10 / 3, rel=1e-15)


@pytest.mark.parametrize("n", [1, 2, 5, 1000])
def test_equal_customers_and_one_owner(n) -> None:
    assert gini([7] * n) == 0
    assert effective_number([7] * n) == pytest.approx(n)
    assert gini([0] * (n - 1) + [8]) == pytest.approx((n - 1) / n, abs=1e-15)
    assert effective_number([0] * (n - 1) + [8]) == 1


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_log_normal_customers(sigma) -> None:
    # Aitchison and Brown (1957), The Lognormal Distribution: the Gini is 2 Phi(sigma / sqrt 2) - 1
    # and the Lorenz curve Phi(Phi^-1(p) - sigma); the moments give n exp(-sigma^2) customers.
    n = 200_000
    values = np.exp(sigma * stats.norm.ppf((np.arange(n) + 0.5) / n))
    assert gini(values) == pytest.approx(2 * stats.norm.cdf(sigma / math.sqrt(2)) - 1, abs=1e-4)
    for share in (0.1, 0.2):
        held = 1 - stats.norm.cdf(stats.norm.ppf(1 - share) - sigma)
        assert top_share(values, share) == pytest.approx(held, abs=1e-4)
    # The curve is symmetric: a share p holds 1 - p at Phi(-sigma / 2).
    assert pareto_point(values) == pytest.approx(stats.norm.cdf(-sigma / 2), abs=1e-4)
    assert effective_number(values) == pytest.approx(n * math.exp(-(sigma**2)), rel=0.01)
