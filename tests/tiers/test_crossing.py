"""Where a sum crosses its target: as a sort would say, also where the sample misleads."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmvalue import _sample
from crmvalue.tiers import _crossing
from crmvalue.tiers._crossing import crossing, reaching

N = 20_000
RNG = np.random.default_rng(5)
MONEY = np.round(RNG.lognormal(4, 1, N), 2)

VALUES = {
    "money": MONEY,
    "falling": np.sort(MONEY)[::-1],
    "heavy tail": RNG.pareto(1.1, N) + 1,
    "once": np.where(RNG.random(N) < 0.8, 1.0, RNG.integers(2, 40, N)),
    "constant": np.full(N, 3.0),
    "one has all": np.where(np.arange(N) == 7, 1e12, 1.0),
    # Every 19th value is in the sample, of 1,052.
    "sample too rich": np.where(np.arange(N) % 19 == 0, 1e6, MONEY),
    "sample too poor": np.where(np.arange(N) % 19 == 0, 1e-6, MONEY),
}


def by_sorting(values: np.ndarray, target: float, top: bool) -> float:
    ordered = np.sort(values)[::-1] if top else np.sort(values)
    held = Fraction(0)
    for value in ordered.tolist():
        held += Fraction(value)
        if held >= Fraction(target):
            break
    return value


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.8, 0.95, 1 - 1e-9, 1.01])
@pytest.mark.parametrize("kind", VALUES)
def test_the_crossing_of_many_is_that_of_a_sort(kind, share, top, monkeypatch) -> None:
    """Catches a sample that is believed: ``if False`` where it misleads."""
    monkeypatch.setattr(_sample, "SIZE", 1 << 10)
    values = VALUES[kind]
    target = share * float(values.sum()) * (1 - 1e-12)
    assert crossing(values, target, top=top) == by_sorting(values, target, top)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", ["money", "falling", "heavy tail"])
def test_a_sample_leaves_few_values_to_look_at(kind, share, monkeypatch) -> None:
    """Catches a crossing taken from the sample's own top: its few largest values say little."""
    looked_at: list[int] = []
    halve = _crossing._by_halves

    def spy(values, *others):
        looked_at.append(len(values))
        return halve(values, *others)

    monkeypatch.setattr(_sample, "SIZE", 1 << 11)
    monkeypatch.setattr(_crossing, "_by_halves", spy)
    values = VALUES[kind]
    crossing(values, share * float(values.sum()), top=True)
    assert len(looked_at) == 1
    assert looked_at[0] < N / 20


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=60), st.floats(0.01, 1))
def test_those_above_reach_the_share_and_without_the_lowest_do_not(cents, share) -> None:
    """Catches the half that is kept: ``held > target`` where they meet exactly."""
    values = np.array(cents) / 128  # sums are exact
    lowest = reaching(values, share)
    target = share * float(values.sum()) * (1 - _crossing.TOLERANCE)
    assert values[values >= lowest].sum() >= target
    assert values[values > lowest].sum() < target


def test_nobody_reaches_nothing() -> None:
    assert reaching(np.empty(0), 0.8) is None
