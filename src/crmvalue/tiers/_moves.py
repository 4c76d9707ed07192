"""Customers counted by the tier that they were in and the tier that they are in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import IntArray


class Moves(NamedTuple):
    """Every move between two dates, over n tiers.

    Attributes
    ----------
    customers : ndarray of int64, shape (n + 2, n + 1)
        From each tier, new and returned (rows) to each tier and lost (columns).
    """

    customers: IntArray

    @property
    def tiers(self) -> int:
        """The number of tiers, n."""
        return int(self.customers.shape[1]) - 1

    @property
    def known(self) -> IntArray:
        """Those who were in a tier, by where they are, shape (n, n + 1)."""
        return self.customers[: self.tiers]

    @property
    def stayed(self) -> IntArray:
        """Those who are in a tier at both dates, shape (n, n)."""
        return self.known[:, :-1]

    @property
    def before(self) -> IntArray:
        """How many each tier had."""
        total: IntArray = self.known.sum(axis=1)
        return total

    @property
    def after(self) -> IntArray:
        """How many each tier has."""
        total: IntArray = self.customers[:, :-1].sum(axis=0)
        return total

    @property
    def unchanged(self) -> IntArray:
        """Those who are in the tier that they were in."""
        return np.diag(self.stayed)

    @property
    def upgraded(self) -> IntArray:
        """Those of each tier who are in an earlier one."""
        total: IntArray = np.tril(self.stayed, -1).sum(axis=1)
        return total

    @property
    def downgraded(self) -> IntArray:
        """Those of each tier who are in a later one."""
        total: IntArray = np.triu(self.stayed, 1).sum(axis=1)
        return total

    @property
    def lost(self) -> IntArray:
        """Those of each tier who are in none."""
        return self.known[:, -1]

    @property
    def entered(self) -> IntArray:
        """New and returned customers by the tier that they are in, shape (2, n)."""
        return self.customers[self.tiers :, :-1]

    def cells(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows and columns of every move that can be: who was not there can't be lost."""
        possible = np.ones(self.customers.shape, dtype=bool)
        possible[self.tiers :, -1] = False
        rows, columns = np.nonzero(possible)
        return rows, columns
