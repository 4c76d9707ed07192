"""Exact distinct rows, whatever the columns hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmvalue._distinct import distinct_rows
from crmvalue._stats import UNITS

WIDE = st.sampled_from([0.0, -1.5, 0.1, 1e-300, 1e300, 2.0**60, np.inf])


@given(
    st.sampled_from(list(UNITS.values())),
    st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.one_of(WIDE, st.just(1.0)))),
)
def test_same_as_a_dictionary(days, rows):
    """Catches a code that doesn't start at 0: low subtracted twice."""
    x = np.array([row[0] for row in rows], dtype=np.int64)
    age = np.array([row[1] for row in rows], dtype=np.float64) / days
    wide = np.array([row[2] for row in rows], dtype=np.float64)
    expected: dict[tuple[float, ...], int] = {}
    for key in zip(x.tolist(), age.tolist(), wide.tolist(), strict=True):
        expected[key] = expected.get(key, 0) + 1
    found = distinct_rows(x, age, wide, days_per_unit=days, inverse=True)
    keys = list(zip(*(column.tolist() for column in found.columns), strict=True))
    assert keys == sorted(expected)
    assert found.counts.tolist() == [expected[key] for key in keys]
    for column, given_column in zip(found.columns, (x, age, wide), strict=True):
        assert (column[found.inverse] == given_column).all()
    without = distinct_rows(x, age, wide, days_per_unit=days)
    assert without.counts.tolist() == found.counts.tolist()


@pytest.mark.parametrize("span", [10, 3000, 10**9, 10**15])
def test_counting_sorting_and_ordering_agree(span):
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, span, 500).repeat(3).astype(float) for _ in range(3)]
    found = distinct_rows(*columns, inverse=True)
    stacked = np.stack(columns, axis=1)
    expected, counts = np.unique(stacked, axis=0, return_counts=True)
    assert (np.stack(found.columns, axis=1) == expected).all()
    assert (found.counts == counts).all()
    assert (expected[found.inverse] == stacked).all()


def test_equal_numbers_beyond_whole_ones():
    """Catches the codes of a horizon of 1e24 taken as whole numbers, which overflow."""
    found = distinct_rows(np.array([1, 0, 1]), np.full(3, 1e24), days_per_unit=7.0, inverse=True)
    assert [column.tolist() for column in found.columns] == [[0, 1], [1e24, 1e24]]
    assert found.inverse.tolist() == [1, 0, 1]
