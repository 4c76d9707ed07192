"""Roots of rising functions."""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue.lifetime._mathematics.roots import first_reached


def test_first_reached_finds_roots_near_and_far():
    """Catches a bracket that ends too early, or a root by its first guess."""
    roots = np.array([1e-200, 1e-9, 0.5, 1.0, 3e7, 1e250])
    for power in (0.05, 1.0, 4.0):

        def rising(rows, times, power=power):
            return power * (np.log(times) - np.log(roots[rows]))

        np.testing.assert_allclose(first_reached(rising, len(roots)), roots, rtol=1e-11)

    def odd(rows, times):
        values = np.log(times)
        values = np.where(rows == 0, 1.0, values)  # from the start
        values = np.where(rows == 1, -1 / (1 + times), values)  # never
        values = np.where(rows == 2, np.where(times > 7, np.inf, -1.0), values)  # a jump
        return np.where(rows == 3, np.where(times < 5, -np.inf, times - 6), values)

    found = first_reached(odd, 4)
    assert found[0] == 0
    assert np.isnan(found[1])
    assert found[2:] == pytest.approx([7, 6], rel=1e-12)
