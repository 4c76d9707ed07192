"""Quantiles of many values: bit for bit those of NumPy, also where the sample misleads."""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue import _sample
from crmvalue.rfm import _quantiles
from crmvalue.rfm._quantiles import quantiles

N = 60_000
FEW = 1 << 12
STEP = N // FEW
RNG = np.random.default_rng(3)
SPEND = np.round(RNG.lognormal(4, 1, N), 2)

VALUES = {
    "money": SPEND,
    "rising": np.sort(SPEND),
    "falling": np.sort(SPEND)[::-1],
    "once": np.where(RNG.random(N) < 0.8, 1.0, RNG.integers(2, 40, N)),
    "counts": RNG.geometric(0.3, N) - 1.0,
    "negatives": -RNG.integers(0, 700, N) / 7,
    "constant": np.full(N, 3.0),
    "two values": RNG.integers(0, 2, N).astype(float),
    "two far apart": np.where(np.arange(N) < N // 5, -1e300, 1e300),
    "just beyond the first": np.where(np.arange(N) < N // 5 - 3, -1e300, 1e300),
    "sample misleads": np.where(np.arange(N) % STEP == 0, 1e6, SPEND),
    "misleads below": np.where(np.arange(N) % STEP == 0, -1e6, SPEND),
}
MISLEADING = ("sample misleads", "misleads below")


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("bins", [2, 3, 5, 10, 30])
def test_quantiles_are_those_of_numpy(kind, bins, monkeypatch) -> None:
    """Catches one extreme taken for the quantile where the sample misleads: no way back."""
    monkeypatch.setattr(_sample, "SIZE", FEW)
    shares = np.arange(1, bins) / bins
    for values, negative in ((VALUES[kind], False), (-VALUES[kind], True)):
        found = quantiles(values, shares, negative=negative)
        expected = np.quantile(VALUES[kind], shares)
        assert found.cuts.tolist() == expected.tolist()
        assert found.not_above.tolist() == [(VALUES[kind] <= cut).sum() for cut in expected]
        if bins <= 10:
            by_sample = _quantiles._by_sample(values, shares, -1.0 if negative else 1.0)
            assert (by_sample is None) == (kind in MISLEADING)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16])
@pytest.mark.parametrize("negative", [False, True])
def test_whole_numbers_have_the_quantiles_of_floats(dtype, negative, monkeypatch) -> None:
    """Catches the negative of an unsigned number taken before it is a float."""
    monkeypatch.setattr(_sample, "SIZE", FEW)
    values = RNG.integers(0, 100, N).astype(dtype)
    shares = np.arange(1, 5) / 5
    found = quantiles(values, shares, negative=negative)
    signed = -values.astype(float) if negative else values.astype(float)
    assert found.cuts.tolist() == np.quantile(signed, shares).tolist()


@pytest.mark.parametrize("at", [[0], [1], [1, 2, 5, 77, 1001], list(range(1, N, 3))])
def test_missing_values_take_no_part(at, monkeypatch) -> None:
    """Catches a missing value beyond the sample that counts as one below every quantile."""
    monkeypatch.setattr(_sample, "SIZE", FEW)
    values, shares = SPEND.copy(), np.arange(1, 5) / 5
    values[at] = np.nan
    known = values[~np.isnan(values)]
    found = quantiles(values, shares)
    assert found.cuts.tolist() == np.quantile(known, shares).tolist()
    assert found.known == len(known)


def test_where_all_are_missing_there_is_no_quantile() -> None:
    found = quantiles(np.full(3, np.nan), np.array([0.5]))
    assert (found.known, found.not_above.tolist(), np.isnan(found.cuts).all()) == (0, [0], True)


def test_a_sample_that_misleads_is_noticed(monkeypatch) -> None:
    monkeypatch.setattr(_sample, "SIZE", FEW)
    shares = np.array([0.5])
    assert _quantiles._by_sample(VALUES["money"], shares, 1.0) is not None
    assert _quantiles._by_sample(VALUES["sample misleads"], shares, 1.0) is None
    assert _quantiles._by_sample(VALUES["misleads below"], shares, 1.0) is None


def test_few_values_are_left_to_numpy() -> None:
    found = quantiles(np.array([4.0, 1.0]), np.array([0.25, 0.5]))
    assert (found.cuts.tolist(), found.not_above.tolist()) == ([1.75, 2.5], [1, 1])
