"""Special functions and quadrature that keep their digits where the usual ones lose them.

Expectations over a beta or gamma distribution are trapezoid sums over the log-odds (or the log) of
the variable. The integrands are analytic in a strip around the real line there, so the error falls
exponentially with the number of nodes, whatever the shapes: no special case where a parameter is
1, nothing to cancel, and nothing that overflows for heavy buyers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._stats import FloatArray

_LARGE = 100.0  # where Stirling's series has all digits
_DEPTH = 33.0  # nodes reach down to exp(-33) = 5e-15 of the peak
_FARTHEST = 4000  # steps that the nodes reach to the left of the peak
_STEP = 0.28  # of the log-odds, for an error of 1e-12 (2 pi / step in the gamma function's tail)


def log_rising(a: npt.ArrayLike, n: npt.ArrayLike) -> FloatArray:
    """Log of the rising factorial, ln Γ(a + n) - ln Γ(a), to full precision for large a.

    Examples
    --------
    >>> print(float(log_rising(1e9, 2).round(9)))
    41.446531675
    """
    a, n = np.asarray(a, dtype=np.float64), np.asarray(n, dtype=np.float64)
    large = np.maximum(a, _LARGE)
    plain: FloatArray = special.gammaln(a + n) - special.gammaln(a)
    if not (a > _LARGE).any():
        return plain
    # Stirling's series of both, with the terms that cancel taken together.
    stirling = (large + n - 0.5) * np.log1p(n / large) + n * (np.log(large) - 1)
    return np.where(a > _LARGE, stirling + _stirling_rest(large + n) - _stirling_rest(large), plain)


def _stirling_rest(a: FloatArray) -> FloatArray:
    square = a * a
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / a


def digamma_rise(a: npt.ArrayLike, n: npt.ArrayLike) -> FloatArray:
    """ψ(a + n) - ψ(a), the derivative of `log_rising` by a, to full precision for large a."""
    a, n = np.asarray(a, dtype=np.float64), np.asarray(n, dtype=np.float64)
    large = np.maximum(a, _LARGE)
    plain: FloatArray = special.digamma(a + n) - special.digamma(a)
    if not (a > _LARGE).any():
        return plain
    rest = _digamma_rest(large + n) - _digamma_rest(large)
    return np.where(a > _LARGE, np.log1p(n / large) + rest, plain)


def _digamma_rest(a: FloatArray) -> FloatArray:
    square = a * a
    return (
        -0.5 / a - (1 / 12 - (1 / 120 - (1 / 252 - 1 / (240 * square)) / square) / square) / square
    )


def trigamma_rise(a: npt.ArrayLike, n: npt.ArrayLike) -> FloatArray:
    """ψ'(a + n) - ψ'(a), the derivative of `digamma_rise` by a, to full precision for large a."""
    a, n = np.asarray(a, dtype=np.float64), np.asarray(n, dtype=np.float64)
    large = np.maximum(a, _LARGE)
    plain: FloatArray = special.polygamma(1, a + n) - special.polygamma(1, a)
    if not (a > _LARGE).any():
        return plain
    rest = _trigamma_rest(large + n) - _trigamma_rest(large)
    return np.where(a > _LARGE, -n / large / (large + n) + rest, plain)


def _trigamma_rest(a: FloatArray) -> FloatArray:
    square = a * a
    return (0.5 + (1 / 6 - (1 / 30 - (1 / 42 - 1 / (30 * square)) / square) / square) / a) / square


def logistic(log_odds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The probability of odds, and ln(1 + odds); as exact as `expit` and `logaddexp`, but faster.

    Examples
    --------
    >>> probability, log = logistic(np.log([0.25, 3.0]))
    >>> print(probability.round(12).tolist(), np.exp(log).round(12).tolist())
    [0.2, 0.75] [1.25, 4.0]
    """
    above = np.exp(-np.abs(log_odds))
    log: FloatArray = np.maximum(log_odds, 0)
    log += np.log1p(above)
    probability: FloatArray = np.where(log_odds > 0, 1.0, above)
    above += 1
    probability /= above
    return probability, log


def log_nb_pmf(n: FloatArray, r: FloatArray, alpha: FloatArray, t: FloatArray) -> FloatArray:
    """Logarithm of P(N(t) = n) of the NBD: Poisson counts with a Gamma(r, alpha) rate.

    Examples
    --------
    >>> one = np.ones(1)
    >>> print(np.exp(log_nb_pmf(0 * one, 2 * one, 3 * one, one)).round(6).tolist())
    [0.5625]
    """
    purchases = special.xlogy(n, t) - special.xlogy(n, alpha + t)
    pmf: FloatArray = (
        log_rising(r, n) - special.gammaln(n + 1) + purchases - r * np.log1p(t / alpha)
    )
    return pmf


def nb_tail(n: FloatArray, r: FloatArray, alpha: FloatArray, t: FloatArray) -> FloatArray:
    """P(N(t) >= n) of the NBD, as an incomplete beta function and not as 1 - sum."""
    return np.where(n > 0, special.betainc(np.maximum(n, 1), r, t / (alpha + t)), 1.0)


def discounted_power(z: FloatArray, nu: FloatArray, p: FloatArray) -> FloatArray:
    """Integral over y from 0 to z of (1 + p y)^-nu, without cancellation at nu = 1 or p = 0."""
    y = p * z
    log = np.log1p(y)
    return z * _ratio(log, y) * growth((1 - nu) * log)


def growth(k: FloatArray) -> FloatArray:
    """(e^k - 1) / k, 1 at k = 0."""
    return _ratio(np.expm1(k), k)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part / whole where both go to 0 together, 1 there."""
    return np.divide(part, whole, out=np.ones_like(whole), where=whole != 0)


def beta_nodes(a: FloatArray, b: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes p and weights (summing to 1) of the expectation over p ~ Beta(a, b).

    Parameters
    ----------
    a, b : ndarray, shape (rows,)
    reach : ndarray, shape (rows,)
        How far down in ln p the function still changes: it is flat for p well below exp(-reach),
        and must not rise with p.

    Returns
    -------
    p, weights : ndarray, shape (rows, nodes)
    """

    def log_density(v: FloatArray) -> FloatArray:
        return -(a[:, None] * np.logaddexp(0, -v) + b[:, None] * np.logaddexp(0, v))

    peak = np.log(a / b)
    v, weights = _trapezoid(log_density, peak, np.minimum(peak, -reach), np.maximum(peak, 0), a)
    return special.expit(v), weights


def gamma_nodes(nu: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes g and weights of the expectation over g ~ Gamma(nu, 1); `reach` as in `beta_nodes`."""
    peak = np.log(nu)

    def log_density(v: FloatArray) -> FloatArray:
        away = np.minimum(v - peak[:, None], 600)  # from the peak, where nothing cancels
        density: FloatArray = nu[:, None] * (away - np.expm1(away))
        return density

    right = np.maximum(peak, 0) + 4  # exp(-e^v) needs no stretching
    v, weights = _trapezoid(log_density, peak, np.minimum(peak, -reach), right, nu)
    return np.exp(v), weights


def gamma_ladder_nodes(
    nu: FloatArray, steps: int, reach: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Nodes g and weights of the expectations over g ~ Gamma(nu + j, 1), j < `steps`, on one set.

    Here a function may rise with g, up to g^steps for j = 0 and so on down to g.

    Returns
    -------
    g : ndarray, shape (rows, nodes)
    weights : ndarray, shape (rows, nodes, steps)
    """
    middle = nu + steps - 1
    top = (middle + np.sqrt(middle * middle + 4 * nu)) / 2  # of g^nu (1 + g)^steps e^-g
    peak, share = np.log(top), (top / (1 + top))[:, None]

    def log_density(v: FloatArray) -> FloatArray:
        away = np.minimum(v - peak[:, None], 600)  # from the peak, where nothing cancels
        grown = np.expm1(away)
        rest = np.log1p(share * grown) - share * grown
        density: FloatArray = nu[:, None] * (away - grown) + steps * rest
        return density

    v, weights = _trapezoid(
        log_density, peak, np.minimum(peak, -reach), np.maximum(peak, 0) + 4, nu + steps
    )
    stage = np.arange(steps)
    log_weights = stage * v[..., None] - steps * np.logaddexp(0, v)[..., None]
    ladder = weights[..., None] * np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    return np.exp(v), ladder / ladder.sum(axis=1, keepdims=True)


def _trapezoid(
    log_density: Callable[[FloatArray], FloatArray],
    peak: FloatArray,
    left: FloatArray,
    right: FloatArray,
    sharpness: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Trapezoid sum after v = u + e^(u - right - 2) - e^(left - 2 - u).

    v runs evenly where the integrand has its features, and ever faster in its exponential tails, so
    that the tail of a small shape, hundreds of units long, costs a few nodes.
    """
    fine = _STEP / np.sqrt(1 + sharpness / 8)
    # A shape so large that its mass is one point can't be followed far: it would take forever.
    left = np.maximum(left, peak - _FARTHEST * fine)
    left, right = left[:, None] - 2, right[:, None] + 2

    def stretch(u: FloatArray) -> FloatArray:
        v: FloatArray = u + np.exp(u - right) - np.exp(left - u)
        return v

    inside = peak[:, None]  # where v is at the peak: a large shape has all of its mass close by
    for _ in range(4):
        slope = 1 + np.exp(inside - right) + np.exp(left - inside)
        inside = inside - (stretch(inside) - peak[:, None]) / slope
    # The function may shift the mass to the left, down to `left`: the depth counts from there.
    top = log_density(peak[:, None])
    low = np.minimum(log_density(left + 2), top) - _DEPTH
    start = _bisect(
        lambda u: log_density(stretch(u)) - low, left - 60, np.minimum(left + 2, inside)
    )
    end = _bisect(lambda u: log_density(stretch(u)) - (top - _DEPTH), right + 60, inside)
    step = fine[:, None]
    nodes = int(np.ceil(np.max((end - start) / step))) + 1 if len(peak) else 2
    u = start + (end - start) * (np.arange(nodes) / (nodes - 1))
    weights = log_density(stretch(u)) - top
    weights = np.exp(weights) * (1 + np.exp(u - right) + np.exp(left - u))
    return stretch(u), weights / weights.sum(axis=1, keepdims=True)


def _bisect(
    above: Callable[[FloatArray], FloatArray], outside: FloatArray, inside: FloatArray
) -> FloatArray:
    """A point just outside of where `above` falls below 0, between the two ends given."""
    for _ in range(26):
        middle = (outside + inside) / 2
        positive = above(middle) > 0
        inside = np.where(positive, middle, inside)
        outside = np.where(positive, outside, middle)
    return outside
