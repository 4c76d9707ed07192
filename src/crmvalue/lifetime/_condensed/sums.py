"""The future of customers who buy at regular gaps, as sums over the stages that may pass.

A gap is k exponential stages, passed at the rate λ ~ Gamma(ρ, A). A customer at stage j of the
running gap passes M stages within the horizon, a negative binomial number; given M, they are spread
evenly over the horizon whatever λ is. So every quantity is a sum over M of its probability times a
payoff that depends on j, M and the chances to leave alone: all terms are positive. The number of
terms grows with the horizon; `nodes` has the form for long ones.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray
from crmvalue.lifetime._mathematics.special import log_nb_pmf, nb_tail

Quantity: TypeAlias = Literal["alive", "purchases", "time"]

MOST = 8192
"""Stages up to which a sum is taken term by term."""
_DEEPEST = 150.0  # discount exponent beyond which the expansion below would overflow
_BLOCK = 1 << 18
_CHUNK = 128  # steps from one probability in closed form to the next
_WIDTHS = [_CHUNK * n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)]  # up to MOST
_SCALE = 1e-250  # of sums that would overflow


class Customers(NamedTuple):
    """Living customers: ρ = r + k x and A = α + T of the rate, a and b + n of the dropout."""

    rho: FloatArray
    A: FloatArray
    a: FloatArray
    b: FloatArray

    def take(self, rows: npt.NDArray[Any] | slice) -> Customers:
        return Customers(*(column[rows] for column in self))


def most_stages(customers: Customers, horizon: FloatArray, k: int, share: FloatArray) -> FloatArray:
    """A number of stages that passes within the horizon with a probability far below `share`."""
    rho, A, _, _ = customers
    mean = special.gammainccinv(rho + k, share) * (horizon / A)
    most: FloatArray = mean + 9 * np.sqrt(mean) + 60 + 2 * k
    return most


def term_by_term(
    customers: Customers, horizon: FloatArray, quantity: Quantity, rate: float, k: int
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """A quantity at each stage, shape (rows, k), and for which rows the sum is short enough."""
    # Of the chance of any purchase, so that small expectations keep their digits.
    first = nb_tail(np.full_like(horizon, k), customers.rho, customers.A, horizon)
    most = most_stages(customers, horizon, k, 1e-18 * np.maximum(first, 1e-280))
    short = (most <= MOST) & (rate * horizon <= _DEEPEST)
    result = np.zeros((len(most), k))
    bands = np.searchsorted(_WIDTHS, most)
    # What payoffs depend on: for what is timed, on the horizon, too.
    columns = [customers.a, customers.b]
    columns += [horizon] if quantity == "time" or rate else []
    for band in np.unique(bands[short]):
        rows = np.flatnonzero(short & (bands == band))
        width = _WIDTHS[band]
        groups = distinct_rows(*(column[rows] for column in columns), inverse=True)
        rows = rows[np.argsort(groups.inverse, kind="stable")]
        ends = np.cumsum(groups.counts)
        step = max(1, _BLOCK // (k * width))
        for start in range(0, len(ends), step):
            some = slice(start, start + step)
            pay = _payoff([c[some, None] for c in groups.columns], quantity, rate, k, width)
            counts = groups.counts[some]
            part = rows[ends[start] - counts[0] : ends[some][-1]]
            at = np.repeat(np.arange(len(counts)), counts)
            result[part] = _contract(customers.take(part), horizon[part], pay, at)
    return result, short


def _contract(
    customers: Customers, horizon: FloatArray, pay: FloatArray, at: npt.NDArray[np.intp]
) -> FloatArray:
    """Expected payoff at each stage, shape (rows, k), of rows with the payoffs `at`."""
    _, k, width = pay.shape
    result = np.empty((len(at), k))
    passed = np.arange(width)
    step = max(1, _BLOCK // (2 * width))
    for start in range(0, len(at), step):
        rows = slice(start, start + step)
        rho, A, ahead = (column[rows, None] for column in (customers.rho, customers.A, horizon))
        pmf = _stages_passed(rho, A, ahead, width)
        for j in range(k):
            result[rows, j] = np.einsum("rm,rm->r", pmf, pay[at[rows], j])
            pmf *= (1 + passed / (rho + j)) * (A / (A + ahead))  # to Gamma(ρ + j + 1, A)
    return result


def _stages_passed(rho: FloatArray, A: FloatArray, horizon: FloatArray, width: int) -> FloatArray:
    """P(M stages pass within the horizon), M < width, for λ ~ Gamma(ρ, A): shape (rows, width)."""
    passed = np.arange(1.0, width + 1)
    ratio = (rho + passed - 2) / (passed - 1 + (passed == 1)) * (horizon / (A + horizon))
    ratio[:, ::_CHUNK] = np.exp(log_nb_pmf(passed[::_CHUNK] - 1, rho, A, horizon))
    return np.cumprod(ratio.reshape(len(rho), -1, _CHUNK), axis=2).reshape(len(rho), width)


def _payoff(
    columns: list[FloatArray], quantity: Quantity, rate: float, k: int, width: int
) -> FloatArray:
    """What M < width stages from stage j are worth, shape (groups, k, width)."""
    a, b, *timed = columns
    chances = np.arange((width + k) // k + 1, dtype=np.float64)
    ratio = (b + chances) / (a + b + chances)
    ratio = np.concatenate([np.ones_like(b), ratio], axis=1)
    stays = np.cumprod(ratio, axis=1, dtype=np.float64)  # E[(1 - p)^l]
    reached = np.arange(k)[:, None] + np.arange(width)
    gaps = reached // k
    each = stays[:, gaps]
    if quantity == "alive":
        return each
    if quantity == "purchases":  # made where a gap ends, by who stayed after all those before
        each = np.where((reached % k == 0) & (gaps > 0), stays[:, np.maximum(gaps - 1, 0)], 0.0)
    places = np.arange(1.0, width + 1)
    if not rate:
        total = np.cumsum(each, axis=2, dtype=np.float64)
    else:
        # An event is one of M, of which c come first; a stretch ends with one of M + 1.
        count = places + 1 if quantity == "time" else places
        total = _discounted(each, rate * timed[0][:, :, None], count)
    if quantity == "time":
        total *= timed[0][:, :, None] / places
    return total


def _discounted(each: FloatArray, discount: FloatArray, count: FloatArray) -> FloatArray:
    """Sums of what stages count, discounted by where they lie in the horizon.

    The share u of the horizon before the c-th of M events is Beta(c, M + 1 - c), and
    e^(-δu) = e^-δ times the sum over d of (δ (1 - u))^d / d!, whose expectations are ratios of
    rising factorials: what they add up to are repeated cumulative sums of `each`, for all M at
    once.
    """
    terms = float(discount.max())
    total = np.zeros_like(each)
    sums = each * _SCALE
    factor = np.broadcast_to(np.exp(-discount) / _SCALE, (len(each), 1, each.shape[2])).copy()
    for d in range(int(terms + 10 * np.sqrt(terms)) + 9):
        np.cumsum(sums, axis=2, out=sums)
        total += factor * sums
        factor *= discount / (count + d)
    return total
