"""How many clusters: each number is tried, and judged by the silhouette."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray, IntArray, is_whole
from crmvalue.errors import InputError
from crmvalue.tiers._cluster_space import ClusterAxis, nearest
from crmvalue.tiers._k_means import SHOWN, Clustering, Points, distances, k_means, silhouette

MOST = 8
"""The largest number of clusters that is tried unless one is given."""


def distinct_points(
    axes: Sequence[ClusterAxis], arrays: Sequence[FloatArray]
) -> tuple[Points, IntArray]:
    """Distinct customers on the axes, and which of them each one is."""
    scaled = [axis.scaled(array) for axis, array in zip(axes, arrays, strict=True)]
    found = distinct_rows(*scaled, inverse=True)
    return Points(np.column_stack(found.columns), found.counts), found.inverse


def search(
    points: Points, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[list[tuple[int, float, float]], Clustering]:
    """Try each number of clusters; the best clustering, and how all of them did."""
    shown = points.sample(SHOWN, rng)
    apart = distances(shown)
    trials, found = [], []
    for k in sizes:
        clustering = k_means(points, k, rng)
        codes = nearest(shown.places, clustering.centres)
        trials.append((k, clustering.inertia, silhouette(apart, shown.counts, codes)))
        found.append(clustering)
    return trials, found[best([each for _, _, each in trials])]


def best(silhouettes: Sequence[float]) -> int:
    """The place of the highest silhouette, the first of those that are equal but for rounding."""
    known = np.nan_to_num(np.array(silhouettes), nan=-np.inf)
    return int(np.argmax(np.round(known, 9)))


def sizes(k: int | None, distinct: int) -> list[int]:
    if k is None:
        return list(range(2, min(MOST, distinct) + 1)) or [1]
    if not is_whole(k, 1):
        raise InputError(f"k must be a whole number of at least 1 cluster, or None; got {k!r}")
    if k > distinct:
        raise InputError(
            f"k is {k}, but only {distinct} of the customers differ in the columns; ask for "
            f"{distinct} clusters at most, or pass k=None"
        )
    return [int(k)]
