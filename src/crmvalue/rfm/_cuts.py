"""Arrays and cut points: finding them among values, and counting those below each value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from crmvalue._stats import BLOCK, FloatArray, IntArray
from crmvalue.rfm._quantiles import quantiles

Scores = npt.NDArray[np.int8]


def have_bought(
    recency: FloatArray, frequency: FloatArray, purchases: Sequence[FloatArray]
) -> npt.NDArray[np.bool_]:
    """Who has bought: recency and frequency are known, and numbers of purchases are positive."""
    bought = np.isfinite(recency)
    bought &= np.isfinite(frequency)
    for count in purchases:
        bought &= (count > 0) & (count < np.inf)
    return bought


def quantile_cuts(
    values: FloatArray, bins: int, *, less_is_better: bool = False
) -> tuple[FloatArray, IntArray]:
    """The linear quantiles 1/bins, 2/bins... and how many values have each score, 1 first.

    The quantiles are definition 7 of Hyndman and Fan (1996). They are of the scored values, the
    negative ones where less is better.
    """
    cuts, not_above = quantiles(values, np.arange(1, bins) / bins, negative=less_is_better)
    return cuts + 0.0, np.diff(not_above, prepend=0, append=len(values))  # no cut prints as -0.0


def cell_cuts(
    values: FloatArray, scores: Sequence[Scores], shape: Sequence[int], bins: int
) -> FloatArray:
    """Quantiles of the values in each cell of other scores; shape (cells, bins - 1).

    Cells stand with the first score slowest. An empty one has the cuts of the cell around it,
    which is known by one score less.
    """
    if not shape:
        return quantile_cuts(values, bins)[0][np.newaxis]
    cell = cell_numbers(scores, shape)
    sizes = np.bincount(cell, minlength=int(np.prod(shape)))
    if sizes.all():
        cuts = np.empty((len(sizes), bins - 1))
    else:
        cuts = np.repeat(cell_cuts(values, scores[:-1], shape[:-1], bins), shape[-1], axis=0)
    ordered = values[np.argsort(cell, kind="stable")]
    ends = np.cumsum(sizes)
    for number in np.flatnonzero(sizes):
        inside = ordered[ends[number] - sizes[number] : ends[number]]
        cuts[number], _ = quantile_cuts(inside, bins)
    return cuts


def cell_numbers(scores: Sequence[Scores], shape: Sequence[int]) -> npt.NDArray[np.int16]:
    """Number the cells of scores that start at 1, the first score slowest; others clip into it."""
    number = np.zeros(len(scores[0]), dtype=np.int16)
    for score, size in zip(scores, shape, strict=True):
        number = number * np.int16(size) + np.maximum(score - np.int8(1), np.int8(0))
    return number


def score_by_cuts(
    values: FloatArray,
    cuts: FloatArray,
    cell: npt.NDArray[np.int16] | None = None,
    *,
    less_is_better: bool,
) -> Scores:
    """1 + the number of cuts strictly below each value, 0 where it is not finite.

    `cuts` has shape (cells, bins - 1) and is of the scored values, the negative ones where less is
    better.
    """
    beyond, edges = (np.less, 0.0 - cuts) if less_is_better else (np.greater, cuts)
    scores = np.empty(len(values), dtype=np.int8)
    for start in range(0, len(values), BLOCK):
        part = slice(start, start + BLOCK)
        value = values[part]
        score = np.ones(len(value), dtype=np.int8)
        for j in range(edges.shape[1]):
            score += beyond(value, edges[0, j] if cell is None else edges[:, j][cell[part]])
        scores[part] = score * np.isfinite(value)
    return scores


def count_scores(
    scores: Scores, bins: int, cell: npt.NDArray[np.int16] | None = None, cells: int = 1
) -> IntArray:
    """How many customers have each score from 1 on, cell by cell; shape (cells, bins)."""
    counts = np.zeros(cells * (bins + 1), dtype=np.int64)
    for start in range(0, len(scores), BLOCK):
        part = slice(start, start + BLOCK)
        number = scores[part].astype(np.int64)
        if cell is not None:
            number += cell[part].astype(np.int64) * (bins + 1)
        counts += np.bincount(number, minlength=len(counts))
    return counts.reshape(cells, bins + 1)[:, 1:]
