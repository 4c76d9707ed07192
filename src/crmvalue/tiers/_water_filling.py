"""The best split of a budget over saturating responses, solved without iteration.

Gain of unit i from spending x: c_i (1 - exp(-k_i x)). Its marginal return is k_i c_i exp(-k_i x),
so at the common marginal return mu of the optimum x_i = (a_i - ln mu) / k_i with a_i = ln(k_i c_i),
held between a minimum and a maximum: budget is filled in like water up to one level (Charnes and
Cooper 1958).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from crmvalue._stats import FloatArray, safe_sum


@dataclass(frozen=True, eq=False)
class Responses:
    """Saturating responses of units to what is spent on them.

    Attributes
    ----------
    ceiling, steepness : ndarray of float64, shape (units,)
        c (in the unit of the gain) and k (per money), not negative.
    """

    ceiling: FloatArray
    steepness: FloatArray

    @property
    def log_slope(self) -> FloatArray:
        """ln(k c), the logarithm of the marginal return of the first money; -inf where k c = 0.

        Powers of two are taken out first, so that another unit of money that is one changes no
        digit of it, and no product over- or underflows.
        """
        c, c_power = np.frexp(self.ceiling)
        k, k_power = np.frexp(self.steepness)
        with np.errstate(divide="ignore"):
            digits = np.log(c * k)
        slope: FloatArray = digits + (c_power + k_power) * np.log(2.0)
        return slope

    def gain(self, spent: FloatArray) -> FloatArray:
        """What spending brings: c (1 - exp(-k x))."""
        gain: FloatArray = self.ceiling * -np.expm1(-self.load(spent))
        return gain

    def marginal_return(self, spent: FloatArray) -> FloatArray:
        """What the next money would bring: k c exp(-k x)."""
        returns: FloatArray = self.ceiling * self.steepness * np.exp(-self.load(spent))
        return returns

    def spending_at(self, log_return: float) -> FloatArray:
        """What can be spent before the marginal return falls below exp(log_return); not below 0."""
        slope, spent = self.log_slope, np.zeros(len(self.ceiling))
        useful = slope > max(log_return, -np.finfo(np.float64).max)
        with np.errstate(over="ignore"):
            spent[useful] = (slope[useful] - log_return) / self.steepness[useful]
        return spent

    def load(self, spent: FloatArray, units: Any = slice(None)) -> FloatArray:
        """Work out k x; infinite only where all that could be gained has long been gained."""
        with np.errstate(over="ignore"):
            load: FloatArray = self.steepness[units] * spent
        return load


def fill(
    responses: Responses, budget: float, lowest: FloatArray, highest: FloatArray
) -> FloatArray:
    """Split a budget so that the gain is the highest possible.

    Parameters
    ----------
    responses : Responses
    budget : float
        What is to be spent, between the sums of `lowest` and `highest`.
    lowest, highest : ndarray of float64, shape (units,)
        What each unit gets at least and at most; both finite, or `budget` equals the sum of
        `highest`.

    Returns
    -------
    ndarray of float64, shape (units,)
        What each unit gets. Units without any response get their lowest.

    Notes
    -----
    As the water rises, what a unit gets is lowest, then linear in ln mu, then highest: between
    neighbours in the sorted list of all bends, the sum is linear, too. The sum at a bend is
    monotone, so halving that list finds the two bends that the budget lies between, and linear
    interpolation the answer: O(n log n), and no tolerance. Nearly straight responses jump from
    lowest to highest at one bend, which is therefore looked at from both of its sides.
    """
    slope, k = responses.log_slope, responses.steepness
    moving = np.flatnonzero((highest > lowest) & np.isfinite(slope))
    spent = lowest.copy()
    slope, k, low, high = slope[moving], k[moving], lowest[moving], highest[moving]
    rest = budget - safe_sum(np.delete(lowest, moving))
    if not len(moving) or rest >= safe_sum(high):
        spent[moving] = high
        return spent
    rises = slope - responses.load(low, moving)
    stops = slope - responses.load(high, moving)
    bends = np.unique(np.concatenate([rises, stops]))[::-1]

    def spending(knot: int) -> FloatArray:
        level, below = bends[knot // 2], knot % 2
        with np.errstate(over="ignore"):
            between = np.clip((slope - level) / k, low, high)
        full = (stops > level) | ((stops == level) & ((rises > level) | bool(below)))
        return np.where(full, high, np.where(rises <= level, low, between))

    first, last = 0, 2 * len(bends) - 1  # the sum is all lowest at the first, all highest last
    while last - first > 1:
        middle = (first + last) // 2
        if spending(middle).sum() < rest:
            first = middle
        else:
            last = middle
    dry, wet = spending(first), spending(last)
    part = (rest - dry.sum()) / max((wet - dry).sum(), np.finfo(np.float64).tiny)
    spent[moving] = np.clip(dry + np.clip(part, 0.0, 1.0) * (wet - dry), low, high)
    return spent
