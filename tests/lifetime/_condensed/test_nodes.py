"""Long horizons by nodes, against sums over the stages."""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue.lifetime._condensed import nodes, sums


def customers(rho=(0.05, 2.0, 60.0, 2000.0), z=(3.0, 40.0)):
    rows = [
        (shape, 4.0, a, b, 4 * reach)
        for shape in rho
        for reach in z
        for a, b in ((0.8, 0.05), (0.8, 2.5), (1.0, 1.0), (3.0, 40.0))
    ]
    columns = np.array(rows).T
    return sums.Customers(*columns[:4]), columns[4]


@pytest.mark.parametrize("k", [1, 3, 12])
@pytest.mark.parametrize("quantity", ["alive", "purchases", "time"])
@pytest.mark.parametrize("rate", [0.0, 0.002, 0.1])
def test_sums_and_roots_agree(k, quantity, rate):
    """The sum over stages and the roots of unity have nothing in common but the model."""
    some, horizon = customers()
    if quantity == "alive" and rate:
        return
    found, short = sums.term_by_term(some, horizon, quantity, rate, k)
    assert short.sum() >= 24
    some, horizon = some.take(short), horizon[short]
    other = nodes.by_roots(some, horizon, quantity, rate, k)
    large = found[short] > 0.05  # the roots are for what is not small
    np.testing.assert_allclose(other[large], found[short][large], rtol=1e-10)


@pytest.mark.parametrize("k", [1, 3, 12])
@pytest.mark.parametrize("quantity", ["purchases", "time"])
def test_for_ever_is_the_limit(k, quantity):
    some, _ = customers(rho=(0.3, 4.0, 60.0), z=(1.0,))
    endless = nodes.for_ever(some, quantity, 0.05, k)
    far = np.full(len(some.a), 3000.0)
    assert nodes.discounted_to_nothing(0.05, far, k).all()
    by_roots = nodes.by_roots(some, far, quantity, 0.05, k)
    np.testing.assert_allclose(by_roots[endless > 0.05], endless[endless > 0.05], rtol=1e-10)
    finite = some._replace(a=some.a + 1, rho=some.rho + 2)  # where means exist
    limit = nodes.for_ever(finite, quantity, 0.0, k)
    slow = nodes.for_ever(finite, quantity, 1e-12, k)
    np.testing.assert_allclose(slow, limit, rtol=1e-6)
