"""How many purchases customers make who buy at regular gaps: exact sums of positive terms."""

from __future__ import annotations

import numpy as np

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._condensed.sums import Customers, most_stages
from crmvalue.lifetime._mathematics.special import log_nb_pmf, log_rising, nb_tail

_BLOCK = 1 << 16
_EACH = 64  # numbers of gaps that are summed one by one, before panels
_NODES = 24  # of a panel


def purchase_counts(
    customers: Customers, n: FloatArray, length: FloatArray, k: int
) -> tuple[FloatArray, FloatArray]:
    """P(just n gaps end) and P(at least n gaps end) within a length of time, shape (rows, k).

    By stages that the running gap is at: n gaps end once n k - j stages have passed.
    """
    rho, A, _, _ = (column[:, None] for column in customers)
    stage = np.arange(k)
    return _counts(n[:, None] * k - stage, rho + stage, A, length[:, None], k)


def _counts(
    need: FloatArray, shape: FloatArray, A: FloatArray, length: FloatArray, k: int
) -> tuple[FloatArray, FloatArray]:
    """P(need <= M < need + k) and P(M >= need) for M stages that pass; need may be negative."""
    first = np.maximum(need, 0)
    pmf = np.exp(log_nb_pmf(first, shape, A, length))
    exactly = pmf.copy()
    share = length / (A + length)
    for more in range(1, k):
        pmf = pmf * ((shape + first + more - 1) / (first + more) * share)
        exactly += np.where(first + more < need + k, pmf, 0.0)
    return exactly, nb_tail(need, shape, A, length)


def stays_or_leaves(
    a: FloatArray, b: FloatArray, before: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """E[(1-p)^(before+n)], and E[(1-p)^(before+n-1) p], 0 for n = 0: to leave with the last."""
    chances = before + n
    stays = np.exp(log_rising(b, chances) - log_rising(a + b, chances))
    earlier = np.maximum(chances - 1, 0)
    leaves = log_rising(b, earlier) - log_rising(a + b + 1, earlier)
    return stays, np.where(n > 0, a / (a + b) * np.exp(leaves), 0.0)


def pmf_after_wait(
    customers: Customers,
    weights: FloatArray,
    n: FloatArray,
    wait: FloatArray,
    length: FloatArray,
    k: int,
) -> FloatArray:
    """P(n purchases in (wait, wait + length]), where `weights` has the stage of each customer.

    After i stages in all, l = i // k gaps have ended and the customer has stayed on with
    E[(1-p)^l]; the rate is Gamma(ρ + i, A + wait) then and the next gap is at stage i - l k.
    """
    # Who is to buy n times later buys more before, too.
    later = nb_tail(n * k, customers.rho, customers.A, length)
    most = most_stages(customers, wait, k, 1e-30 * np.maximum(later, 1e-270)) / k
    order = np.argsort(most, kind="stable")
    result = np.empty(len(most))
    start = 0
    while start < len(order):
        part = order[start : start + 64]
        sharpness = float((customers.rho[part] + (n[part] + 1) * k).max())
        gaps, counts = _gaps(float(most[part[-1]]), sharpness)
        step = max(1, _BLOCK // (k * k * len(gaps)))
        part = part[:step] if step < len(part) else part
        some = customers.take(part)
        result[part] = _after(
            some, weights[part], n[part], wait[part], length[part], k, gaps, counts
        )
        start += len(part)
    return result


def _after(
    customers: Customers,
    weights: FloatArray,
    n: FloatArray,
    wait: FloatArray,
    length: FloatArray,
    k: int,
    gaps: FloatArray,
    counts: FloatArray,
) -> FloatArray:
    rho, A, a, b = (column[:, None] for column in customers)
    ended = np.broadcast_to(gaps, (len(n), len(gaps)))
    stays, leaves = stays_or_leaves(a, b, ended, n[:, None])
    # Where nothing is bought the customer may have left before.
    gone = np.where(n[:, None] > 0, 0.0, -np.expm1(log_rising(b, ended) - log_rising(a + b, ended)))
    total = np.zeros(len(n))
    before = wait[:, None]
    for stage in range(k):
        passed = gaps * k + stage
        need = np.broadcast_to(n[:, None] * k - stage, ended.shape)
        exactly, enough = _counts(need, rho + passed, A + before, length[:, None], k)
        # From each stage j now: the ratio of P(i - j - 1 pass | j + 1) to P(i - j pass | j).
        log_pmf = log_nb_pmf(passed, rho, A, before)
        share = weights[:, :1] * np.exp(log_pmf)
        for now in range(min(k - 1, int(passed.max()))):
            left = np.maximum(passed - now, 0)
            with np.errstate(divide="ignore"):
                log_pmf = log_pmf + np.log(left) - np.log(rho + now) - (np.log(before) - np.log(A))
            share += weights[:, now + 1, None] * np.exp(log_pmf)
        total += dot(share * (stays * exactly + leaves * enough + gone), counts)
    return total


def _gaps(most: float, sharpness: float) -> tuple[FloatArray, FloatArray]:
    """Numbers l of gaps and weights, so that sums of smooth functions over l <= most come out.

    The first ones are taken one by one; then panels that grow with l, each by the Gauss rule of
    equally spaced points (the zeros of Gram's polynomials, whose weights are positive).
    """
    start = _EACH
    gaps, counts = [np.arange(float(start))], [np.ones(start)]
    grows = min(1.0, 6 / np.sqrt(sharpness))
    while start <= most:
        size = max(_NODES, int(start * grows))
        if size <= 2 * _NODES:
            points, weights = np.arange(float(size)), np.ones(size)
        else:
            points, weights = _gram_rule(size)
        gaps.append(start + points)
        counts.append(weights)
        start += size
    return np.concatenate(gaps), np.concatenate(counts)


def _gram_rule(size: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights that sum polynomials of degree < 2 `_NODES` over 0, 1, ..., size - 1."""
    j = np.arange(1.0, _NODES)
    square = j * j * (float(size) ** 2 - j * j) / (4 * (4 * j * j - 1))
    matrix = np.diag(np.sqrt(square), 1)
    values, vectors = np.linalg.eigh(matrix + matrix.T)
    return values + (size - 1) / 2, size * vectors[0] ** 2
