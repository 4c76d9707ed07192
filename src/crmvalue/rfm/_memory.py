"""Scores of a frame in memory: array arithmetic in blocks of rows.

What it gives is the table in the docstring of `RFMScorer.score`, as is what `_query` gives. The
text and the segment are worked out for the cells of the three scores and looked up for each
customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import Eager, Table
from crmvalue._keys import ID
from crmvalue._stats import FloatArray, IntArray, NumberArray
from crmvalue._table import Column, Labels, Texts
from crmvalue._threads import by_blocks
from crmvalue.rfm._buyers import have_bought, purchase_column
from crmvalue.rfm._cuts import Scores
from crmvalue.rfm.segment_tables import NO_PURCHASE

if TYPE_CHECKING:
    from crmvalue.rfm.scores import RFMScorer

UNKNOWN = np.int8(-1)
"""The score, while columns are made, of who has bought but of whom no score can be known."""

MOST_CELLS = 4096
"""Up to here the text and the segment of every cell are worked out once, also of empty ones."""


def score_columns(scorer: RFMScorer, frame: Eager) -> dict[str, Column]:
    """The columns of the result as arrays."""
    summary = Table(frame, "summary")
    read = [axis.column for axis in scorer.all_axes if axis.cuts is not None]
    counts = purchase_column(frame)
    values = {column: summary.raw_numbers(column) for column in dict.fromkeys([*read, *counts])}
    summary.finish()

    rows = len(frame)
    shape = tuple(axis.bins + 1 for axis in scorer.axes)
    cell = np.empty(rows, dtype=np.min_scalar_type(int(np.prod(shape))))
    scores = {axis.name: np.empty(rows, dtype=np.int64) for axis in scorer.all_axes}
    weighted = np.empty(rows if scorer.weights else 0)

    def fill(part: slice) -> set[str]:
        """Score a block; the axes on which a score is not known."""
        found = _score(scorer, {name: array[part] for name, array in values.items()}, counts)
        number, *others = (found[axis.name].astype(cell.dtype) for axis in scorer.axes)
        for score, length in zip(others, shape[1:], strict=True):
            number *= cell.dtype.type(length)
            number += score
        cell[part] = number
        partial = set()
        for name, score in found.items():
            unknown = (score == 0) & (found["recency"] > 0)
            if unknown.any():
                score[unknown] = UNKNOWN
                partial.add(name)
            scores[name][part] = score
        if scorer.weights:
            weighted[part] = _weighted(scorer, found)
        return partial

    partial = set[str]().union(*by_blocks(fill, rows))
    named: dict[str, Column] = {
        axis.score_column: _with_nulls(array) if axis.name in partial else array
        for axis, array in zip(scorer.all_axes, scores.values(), strict=True)
    }
    columns: dict[str, Column] = {ID: frame[ID]}
    columns |= {axis.score_column: named[axis.score_column] for axis in scorer.axes}
    columns |= _look_up(scorer, cell, shape)
    columns |= named
    if scorer.weights:
        columns["weighted_score"] = weighted
    return columns


def _score(
    scorer: RFMScorer, values: dict[str, NumberArray], counts: list[str]
) -> dict[str, Scores]:
    """The scores of all axes, 0 where nothing was bought or a value is not known."""
    recency, frequency = values[scorer.recency.column], values[scorer.frequency.column]
    bought = have_bought(recency, frequency, [values[column] for column in counts])
    unread = np.empty(len(bought))  # without cuts nothing of an axis is looked at
    scores: dict[str, Scores] = {}
    for axis in scorer.all_axes:  # from the outermost on, as each is read within those before it
        scores[axis.name] = axis.scores(values.get(axis.column, unread), scores)
        scores[axis.name] *= bought.view(np.int8)
    return scores


def _with_nulls(scores: IntArray) -> Column:
    """Scores of which some are not known."""
    return np.ma.masked_array(scores, scores == UNKNOWN)


def _weighted(scorer: RFMScorer, scores: dict[str, Scores]) -> FloatArray:
    total = np.zeros(len(scores["recency"]))
    for axis, weight in scorer._weighted_axes:
        score = scores[axis.name]
        total += weight * np.where(score == UNKNOWN, np.nan, score)
    return total / sum(scorer.weights or ())


def _look_up(
    scorer: RFMScorer, cell: npt.NDArray[Any], shape: tuple[int, ...]
) -> dict[str, Column]:
    """Text and segment, by the cell of the three scores that a customer is in."""
    size = int(np.prod(shape))
    if size <= MOST_CELLS:
        texts, segments = scorer._cells
    else:
        occurs = np.zeros(size, dtype=np.bool_)
        occurs[cell] = True
        numbers = np.flatnonzero(occurs)
        place = np.zeros(size, dtype=cell.dtype)
        place[numbers] = np.arange(len(numbers))
        cell = place[cell]
        texts, segments = read_cells(scorer, np.array(np.unravel_index(numbers, shape)))
    return {
        "rfm_score": Texts(cell, texts),
        "segment": Labels(cell, scorer._segment_names, via=segments),
    }


def read_cells(
    scorer: RFMScorer, cells: npt.NDArray[np.intp]
) -> tuple[list[str | None], npt.NDArray[np.int16]]:
    """The text, and the number of the segment, of cells of r, f and m; shape (3, cells)."""
    texts = [_text(scorer, *cell) for cell in cells.T.tolist()]
    names = scorer._segment_names
    codes = np.full(cells.shape[1], -1, dtype=np.int16)
    for name, *ranges in reversed(scorer.segments.rows if scorer.segments else ()):
        inside = np.ones(len(codes), dtype=np.bool_)
        for scores, wanted in zip(cells, ranges, strict=True):
            if wanted is not None:
                inside &= (scores >= wanted[0]) & (scores <= wanted[1])
        codes[inside] = names.index(name)
    if scorer.segments and scorer.segments.axes_used[2]:  # as in a query
        codes[cells[2] == 0] = -1
    codes[cells[0] == 0] = names.index(NO_PURCHASE)
    return texts, codes


def _text(scorer: RFMScorer, r: int, f: int, m: int) -> str | None:
    join = "-" if max(axis.bins for axis in scorer.axes) > 9 else ""
    return None if r and not m else join.join(map(str, (r, f, m)))
