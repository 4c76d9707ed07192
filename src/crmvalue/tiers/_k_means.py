"""k-means on distinct customers, how well its clusters part, and how well they come again."""

from __future__ import annotations

import threading
import warnings
from typing import Any, NamedTuple

import numpy as np

from crmvalue._frame import need
from crmvalue._stats import FloatArray, IntArray

STARTS = 5
"""Starts of each search for clusters; the best is kept."""

SHOWN = 3000
"""Customers whose silhouettes are computed where there are more: each needs all distances."""

DRAWN = 10_000
"""Customers in a resample where there are more."""

_LOCK = threading.Lock()


class Points(NamedTuple):
    """Distinct customers in rising order, so that what is found hangs on no order of rows.

    Attributes
    ----------
    places : ndarray, shape (distinct, columns)
    counts : ndarray of int64, shape (distinct,)
        How many customers stand at each.
    """

    places: FloatArray
    counts: IntArray

    def __len__(self) -> int:
        return len(self.places)

    def sample(self, size: int, rng: np.random.Generator) -> Points:
        """So many customers, drawn without replacement; all of them where there are no more."""
        total = int(self.counts.sum())
        if total <= size:
            return self
        customers = np.sort(rng.choice(total, size, replace=False))
        places = np.searchsorted(np.cumsum(self.counts), customers, side="right")
        return self.weighted(np.bincount(places, minlength=len(self.counts)))

    def resample(self, rng: np.random.Generator) -> tuple[Points, IntArray]:
        """As many customers drawn with replacement, `DRAWN` at most; and where they stood."""
        total = int(self.counts.sum())
        counts = rng.multinomial(min(total, DRAWN), self.counts / total)
        return self.weighted(counts), np.flatnonzero(counts)

    def weighted(self, counts: IntArray) -> Points:
        """The same places with other counts; without those where nobody stands."""
        there = counts > 0
        return Points(self.places[there], counts[there])


class Clustering(NamedTuple):
    """Centres, the cluster of each point, and the sum of squared distances to the centres."""

    centres: FloatArray
    codes: IntArray
    inertia: float


def k_means(points: Points, k: int, rng: np.random.Generator) -> Clustering:
    """Lloyd's algorithm from `STARTS` starts by k-means++ (Arthur and Vassilvitskii 2007)."""
    purpose = "clustering customers"
    cluster = need("sklearn.cluster", "ml", purpose)
    threads = need("threadpoolctl", "ml", purpose)  # a part of scikit-learn's own installation
    slow: Any = need("sklearn.exceptions", "ml", purpose).ConvergenceWarning
    search = cluster.KMeans(k, n_init=STARTS, random_state=int(rng.integers(1 << 31)))
    # One thread: the same figures on every machine. Points within rounding of each other may share
    # a centre, of which scikit-learn warns; the other centre then has no customers and is dropped.
    # Both settings belong to the whole process, so one search is done at a time.
    with _LOCK, threads.threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", slow)  # a centre that is shared is dropped below
        search.fit(points.places, sample_weight=points.counts.astype(np.float64))
    kept, codes = np.unique(search.labels_, return_inverse=True)
    return Clustering(search.cluster_centers_[kept], codes.astype(np.int64), float(search.inertia_))


def distances(points: Points) -> FloatArray:
    """Distances between all points, squares of few thousands of them."""
    squares = np.zeros((len(points), len(points)))
    for column in points.places.T:
        squares += (column[:, np.newaxis] - column) ** 2
    return np.sqrt(squares, out=squares)


def silhouette(apart: FloatArray, counts: IntArray, codes: IntArray) -> float:
    """Mean silhouette of the customers (Rousseeuw 1987): 1 well apart, 0 between two clusters.

    (b - a) / max(a, b), a the mean distance to the others of the own cluster and b that to the
    nearest other cluster; 0 for who is alone in theirs. NaN where there is one cluster.
    """
    labels = np.unique(codes)
    if len(labels) < 2:
        return float("nan")
    sums = np.array([(apart[:, codes == c] * counts[codes == c]).sum(axis=1) for c in labels])
    sizes = np.array([counts[codes == c].sum() for c in labels])[:, np.newaxis]
    own = labels[:, np.newaxis] == codes
    others = np.where(own, np.inf, sums / sizes).min(axis=0)
    size = np.broadcast_to(sizes, own.shape)[own.argmax(axis=0), np.arange(len(codes))]
    inside = np.where(own, sums, 0.0).sum(axis=0) / np.maximum(size - 1, 1)
    larger = np.maximum(inside, others)
    each = np.divide(others - inside, larger, out=np.zeros(len(codes)), where=larger > 0)
    each[size == 1] = 0.0
    return float((each * counts).sum() / counts.sum())


def jaccard(codes: IntArray, others: IntArray, counts: IntArray, k: int) -> FloatArray:
    """How much of each cluster comes again in the most similar of the others (Hennig 2007).

    Customers in both clusters over customers in either; NaN for a cluster that nobody is in.
    """
    width = int(others.max()) + 1
    both = np.bincount(codes * width + others, weights=counts, minlength=k * width)
    both = both.reshape(k, width)
    sizes = both.sum(axis=1)
    either = sizes[:, np.newaxis] + both.sum(axis=0) - both
    best = (both / either).max(axis=1)
    return np.where(sizes > 0, best, np.nan)


def similarities(
    points: Points, codes: IntArray, k: int, n: int, rng: np.random.Generator
) -> FloatArray:
    """How much of each of `k` clusters comes again in each of `n` resamples, clustered anew."""
    found = np.full((n, k), np.nan)
    for row in range(n):
        drawn, places = points.resample(rng)
        again = k_means(drawn, min(k, len(drawn)), rng)
        found[row] = jaccard(codes[places], again.codes, drawn.counts, k)
    return found
