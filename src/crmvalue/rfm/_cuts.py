"""Arrays and cut points: finding them among values, and counting those below each value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, IntArray, NumberArray, floats
from crmvalue._threads import by_blocks
from crmvalue.rfm._quantiles import quantiles

Scores = npt.NDArray[np.int8]


def quantile_cuts(
    values: NumberArray, bins: int, *, less_is_better: bool = False
) -> tuple[FloatArray, IntArray]:
    """The linear quantiles 1/bins, 2/bins... and how many values have each score, 1 first.

    The quantiles are definition 7 of Hyndman and Fan (1996). They are of the scored values, the
    negative ones where less is better. A missing value has no score; NaN where all are missing.
    """
    found = quantiles(values, np.arange(1, bins) / bins, negative=less_is_better)
    counts = np.diff(found.not_above, prepend=0, append=found.known)
    return found.cuts + 0.0, counts  # no cut prints as -0.0


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
    values: NumberArray,
    cuts: FloatArray,
    cell: npt.NDArray[np.int16] | None = None,
    *,
    less_is_better: bool,
) -> Scores:
    """1 + the number of cuts strictly below each value, 0 where it is not finite.

    `cuts` has shape (cells, bins - 1) and is of the scored values, the negative ones where less is
    better.
    """
    is_beyond, edges = (np.less, 0.0 - cuts.T) if less_is_better else (np.greater, cuts.T)
    scores = np.empty(len(values), dtype=np.int8)

    def fill(rows: slice) -> None:
        value, score = floats(values[rows]), scores[rows]
        if cell is None:
            beyond = is_beyond(value, edges)
        else:
            beyond = np.array([is_beyond(value, edge[cell[rows]]) for edge in edges])
        np.add.reduce(beyond.view(np.int8), axis=0, dtype=np.int8, out=score, initial=1)
        score *= np.isfinite(value).view(np.int8)

    by_blocks(fill, len(values))
    return scores


def count_scores(
    scores: Scores, bins: int, cell: npt.NDArray[np.int16] | None = None, cells: int = 1
) -> IntArray:
    """How many customers have each score from 1 on, cell by cell; shape (cells, bins)."""

    def count(rows: slice) -> IntArray:
        number = scores[rows].astype(np.int64)
        if cell is not None:
            number += cell[rows].astype(np.int64) * (bins + 1)
        return np.bincount(number, minlength=cells * (bins + 1))

    counts = sum(by_blocks(count, len(scores)), np.zeros(cells * (bins + 1), dtype=np.int64))
    return counts.reshape(cells, bins + 1)[:, 1:]
