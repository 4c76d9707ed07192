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


ALIKE = st.sampled_from([0.0, 0.1, 0.1 + 2**-56, 0.1 + 2**-50, 1 / 3, 7.7])


@given(
    st.lists(st.tuples(st.integers(0, 2), ALIKE, ALIKE), max_size=12),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_leading_digits_and_the_rest(rows, seed, inverse):
    """Catches rows that share their leading digits left in the order in which they came."""
    rng = np.random.default_rng(seed)
    x = np.append(rng.integers(0, 9, 200), [row[0] for row in rows]).astype(np.int64)
    first = np.append(np.where(x[:200] > 0, rng.random(200), 0.0), [row[1] for row in rows])
    second = np.append(rng.random(200), [row[2] for row in rows])
    order = rng.permutation(len(x))
    columns = [column[order] for column in (x, first, second)]
    found = distinct_rows(*columns, days_per_unit=7.0, inverse=inverse)
    expected, counts = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    assert (np.stack(found.columns, axis=1) == expected).all()
    assert (found.counts == counts).all()
    if inverse:
        assert (expected[found.inverse] == np.stack(columns, axis=1)).all()


def test_constant_and_boundless_columns():
    """Catches a column without width divided by it."""
    rng = np.random.default_rng(1)
    varying, constant = rng.random(500), np.full(500, 0.1)
    for other in (constant, np.where(varying > 0.5, np.inf, 0.1)):
        for columns in ((varying, other), (other, varying)):
            found = distinct_rows(*columns, inverse=True)
            expected = sorted(zip(*(column.tolist() for column in columns), strict=True))
            assert list(zip(*(c.tolist() for c in found.columns), strict=True)) == expected
            assert (found.columns[0][found.inverse] == columns[0]).all()
