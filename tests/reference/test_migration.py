"""Migration against hand calculations, published intervals and an eigenvector."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmvalue._stats import wilson_interval
from crmvalue.tiers._chain import steady_state
from crmvalue.tiers.migration import migration


def frames(matrix: list[list[int]], tiers: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers who make these moves."""
    pairs = [
        (tiers[i], tiers[j])
        for i, row in enumerate(matrix)
        for j, number in enumerate(row)
        for _ in range(number)
    ]
    ids = range(len(pairs))
    before, after = (
        pd.DataFrame({"customer_id": ids, "tier": t}) for t in zip(*pairs, strict=True)
    )
    return before, after


def test_shorrocks_index_by_hand() -> None:
    # Rows .7 .2 .1; .3 .5 .2; .1 .3 .6: trace 1.8, (3 - 1.8)/(3 - 1) = .6; stays 1/(1 - p_ii).
    moved = migration(*frames([[70, 20, 10], [6, 10, 4], [1, 3, 6]], "ABC"))
    assert moved.mobility == pytest.approx(0.6, abs=1e-15)
    assert moved.movements["expected_stay"].tolist() == pytest.approx([10 / 3, 2, 2.5])
    # Where the next tier doesn't hang on the last one, the index is 1 (Shorrocks 1978).
    assert migration(*frames([[1, 2, 3]] * 3, "ABC")).mobility == pytest.approx(1, abs=1e-15)
    assert migration(*frames([[0, 1, 0], [0, 0, 1], [1, 0, 0]], "ABC")).mobility == 1.5  # n/(n-1)


def test_wilson_intervals_as_published() -> None:
    # R. G. Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics
    # in Medicine 17, table I, method 3 (score without continuity correction), level 95 %.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (k, n), limits in published.items():
        assert np.round(np.ravel(wilson_interval(np.array([k]), np.array([n]))), 4) == (
            pytest.approx(limits, abs=1e-12)
        )


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_wilson_intervals_as_scipy_has_them(level) -> None:
    for n in (1, 2, 7, 1000):
        for k in {0, 1, n // 2, n}:
            wanted = stats.binomtest(k, n).proportion_ci(level, "wilson")
            found = np.ravel(wilson_interval(np.array([k]), np.array([n]), level))
            assert found == pytest.approx([wanted.low, wanted.high], rel=1e-12, abs=1e-15)


def test_the_steady_state_is_the_eigenvector() -> None:
    rng = np.random.default_rng(5)
    for n in (2, 3, 6):
        counts = rng.integers(0, 40, (n, n)) + np.eye(n, dtype=int) + np.eye(n, k=1, dtype=int)
        counts[-1, 0] += 1
        chain = counts / counts.sum(axis=1, keepdims=True)
        values, vectors = np.linalg.eig(chain.T)
        vector = np.real(vectors[:, np.argmin(abs(values - 1))])
        found, reason = steady_state(counts, [str(i) for i in range(n)])
        assert reason == ""
        assert found == pytest.approx(vector / vector.sum(), abs=1e-12)
    # The weather of Oz (Kemeny and Snell 1960, Finite Markov Chains): rain, nice, snow.
    oz, _ = steady_state(np.array([[2, 1, 1], [1, 0, 1], [1, 1, 2]]), ["R", "N", "S"])
    assert oz == pytest.approx([0.4, 0.2, 0.4], abs=1e-15)


def test_forecast_by_hand() -> None:
    # .7/.3 and .4/.6: (10, 10) leads to (11, 9), then (11.3, 8.7).
    moved = migration(*frames([[7, 3], [4, 6]], "AB"))
    ahead = moved.forecast(2)["customers"].tolist()
    assert ahead == pytest.approx([11, 9, 0, 11.3, 8.7, 0, 11.39, 8.61, 0])
    assert moved.steady_state["share"].tolist() == pytest.approx([4 / 7, 3 / 7])
