"""Indices of concentration for many weightings of the same customers, who are sorted once."""

from __future__ import annotations

import bisect

import numpy as np

from crmvalue._stats import FloatArray, positive_total

TOP = (0.10, 0.20)
INDICES = ("gini", "herfindahl", "effective_number", "top_10_share", "top_20_share", "pareto_point")


class WeightedIndices:
    """The indices of some customers, each of whom counts as often as they were drawn.

    Parameters
    ----------
    values : ndarray, shape (customers,)
        NaN for who isn't there.
    """

    def __init__(self, values: FloatArray) -> None:
        order = np.argsort(values, kind="stable")
        self._order = order[: len(values) - int(np.isnan(values).sum())]
        rising = values[self._order]
        largest = float(np.abs(rising).max(initial=0.0))
        rising = rising / largest if largest > 0 else rising  # ratios, and nothing overflows
        starts = np.append(True, rising[1:] != rising[:-1])[: len(rising)]
        self._starts = np.flatnonzero(starts)
        self._levels = rising[starts]
        # Work space: fresh memory would take longer than the sums. Both curves begin at the origin.
        self._customers, self._value = np.zeros((2, len(self._levels) + 1))
        self._held = np.empty(len(self._levels))
        self._negative = bool((rising < 0).any())
        self._gaps = np.diff(self._levels)

    def __call__(self, counts: FloatArray) -> FloatArray:
        """Each of `INDICES`; NaN where the total is not positive.

        Parameters
        ----------
        counts : ndarray, shape (customers,)
            How often each came, in the order of `values`.
        """
        levels = self._levels
        count = counts[self._order]
        if len(levels) < len(count):
            count = np.add.reduceat(count, self._starts)
        customers, value, held = self._customers, self._value, self._held
        np.multiply(count, levels, out=held)
        np.cumsum(count, out=customers[1:])
        np.cumsum(held, out=value[1:])
        size = float(customers[-1])
        total = float(value[-1])
        if self._negative:
            total = positive_total(held, total)
        if not total > 0:
            return np.full(len(INDICES), np.nan)
        herfindahl = float(np.multiply(held, levels, out=held).sum()) / total**2
        # No term is negative: over each gap, the pairs of customers on either side of it.
        below, pairs = customers[1:-1], held[:-1]
        np.multiply(np.subtract(size, below, out=pairs), below, out=pairs)
        gini = float(np.multiply(pairs, self._gaps, out=pairs).sum()) / (size * total)
        tops = [1 - float(np.interp((1 - share) * size, customers, value)) / total for share in TOP]
        pareto = 1 - _reached(customers, value) / size
        return np.array([gini, herfindahl, 1 / herfindahl, *tops, pareto])


def _reached(customers: FloatArray, value: FloatArray) -> float:
    """Customers, from the bottom, at whom both shares together pass 1, as they do once."""
    size, total = customers[-1], value[-1]

    def together(place: int) -> float:
        return float(customers[place] / size + value[place] / total)

    after = bisect.bisect_left(range(len(customers)), 1.0, key=together)
    low, high = together(after - 1), together(after)
    part = (1.0 - low) / (high - low)
    return float(customers[after - 1] + part * (customers[after] - customers[after - 1]))
