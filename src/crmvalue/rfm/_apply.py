"""Scores applied to a frame: as array arithmetic in memory, as an expression to a query.

Both follow one contract, the table in the docstring of `RFMScorer.score`. In memory the text and
the segment are worked out for the cells of the three scores and looked up for each customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._frame import Eager, Frame, Lazy, Table, is_lazy, number_expr
from crmvalue._stats import FloatArray, IntArray, NumberArray
from crmvalue._table import Column, Labels, Texts, label_dtype, table
from crmvalue._threads import by_blocks
from crmvalue.errors import FaultList
from crmvalue.rfm._cuts import Scores, have_bought
from crmvalue.rfm.axis import LETTERS, ScoreAxis
from crmvalue.rfm.segment_tables import NO_PURCHASE

if TYPE_CHECKING:
    from crmvalue.rfm.scores import RFMScorer

ID = "customer_id"
UNKNOWN = np.int8(-1)
"""The score, while columns are made, of who has bought but of whom no score can be known."""

MOST_CELLS = 4096
"""Up to here the text and the segment of every cell are worked out once, also of empty ones."""


def apply(scorer: RFMScorer, frame: Frame) -> Any:
    """Score the customers of a frame; native, in its library and in the order of its rows."""
    if is_lazy(frame):
        return _query(scorer, frame).to_native()
    return table(_columns(scorer, frame), like=frame, fresh=True)


def purchase_column(frame: Frame) -> list[str]:
    """The column that counts purchases, where the summary has it."""
    return [name for name in frame.collect_schema().names() if name == "n_purchases"]


def _columns(scorer: RFMScorer, frame: Eager) -> dict[str, Column]:
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
        r, *others = (found[axis.name].astype(cell.dtype) for axis in scorer.axes)
        for score, length in zip(others, shape[1:], strict=True):
            r *= cell.dtype.type(length)
            r += score
        cell[part] = r
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
    for axis, weight in weighted_axes(scorer):
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
        "segment": Labels(cell, segment_names(scorer), via=segments),
    }


def read_cells(
    scorer: RFMScorer, cells: npt.NDArray[np.intp]
) -> tuple[list[str | None], npt.NDArray[np.int16]]:
    """The text, and the number of the segment, of cells of r, f and m; shape (3, cells)."""
    texts = [_text(scorer, *cell) for cell in cells.T.tolist()]
    names = segment_names(scorer)
    codes = np.full(cells.shape[1], -1, dtype=np.int16)
    for name, *ranges in reversed(scorer.segments.rows if scorer.segments else ()):
        inside = np.ones(len(codes), dtype=np.bool_)
        for scores, wanted in zip(cells, ranges, strict=True):
            if wanted is not None:
                inside &= (scores >= wanted[0]) & (scores <= wanted[1])
        codes[inside] = names.index(name)
    if scorer.segments and scorer.segments.axes_used[2]:  # as in `segment_expression`
        codes[cells[2] == 0] = -1
    codes[cells[0] == 0] = names.index(NO_PURCHASE)
    return texts, codes


def _text(scorer: RFMScorer, r: int, f: int, m: int) -> str | None:
    join = "-" if max(axis.bins for axis in scorer.axes) > 9 else ""
    return None if r and not m else join.join(map(str, (r, f, m)))


def _query(scorer: RFMScorer, frame: Lazy) -> Lazy:
    """The columns of the result as expressions."""
    faults = FaultList()
    values = {
        axis.name: number_expr(frame, "summary", axis.column, faults)
        for axis in scorer.all_axes
        if axis.cuts is not None
    }
    bought = ~(values["recency"].is_null() | values["frequency"].is_null())
    for column in purchase_column(frame):
        count = number_expr(frame, "summary", column, faults)
        bought = bought & (count > 0).fill_null(False)
    faults.raise_if_any("summary")
    named = {name: f"{name} value" for name in values}
    scored = frame.select(
        ID, bought.alias("bought "), *(values[name].alias(named[name]) for name in values)
    )
    outer: dict[str, nw.Expr] = {}
    fast = frame.implementation.is_polars()
    for axis in scorer.all_axes:
        letter = LETTERS.get(axis.name, f"{axis.name} score")
        value = nw.col(named.get(axis.name, ID))
        score = axis.expression(value, nw.col("bought "), outer, by_lookup=fast)
        scored = scored.with_columns(score.alias(letter))
        outer[axis.name] = nw.col(letter)
    result = scored.select(
        ID,
        *(_known(outer, axis).alias(axis.score_column) for axis in scorer.axes),
        text_expression(scorer).alias("rfm_score"),
        segment_expression(scorer, label_dtype(frame, segment_names(scorer))).alias("segment"),
        *(_known(outer, axis).alias(axis.score_column) for axis in scorer.extra),
    )
    if scorer.weights is None:
        return result
    total: Any = 0.0
    for axis, weight in weighted_axes(scorer):
        total = total + weight * nw.col(axis.score_column).cast(nw.Float64)
    # As a column, not a number: polars multiplies by the reciprocal of a number.
    whole = nw.col("r_score").cast(nw.Float64) * 0.0 + sum(scorer.weights)
    return result.with_columns((total / whole).alias("weighted_score"))


def _known(scores: dict[str, nw.Expr], axis: ScoreAxis) -> nw.Expr:
    """A score as a column: null where someone has bought but the score is 0."""
    score = scores[axis.name]
    return nw.when((score > 0) | (scores["recency"] == 0)).then(score.cast(nw.Int64))


def weighted_axes(scorer: RFMScorer) -> list[tuple[ScoreAxis, float]]:
    """The axes that count in the weighted score."""
    pairs = zip(scorer.all_axes, scorer.weights or (), strict=True)
    return [(axis, weight) for axis, weight in pairs if weight > 0]


def segment_names(scorer: RFMScorer) -> tuple[str, ...]:
    """The categories of the segment column."""
    names = scorer.segments.segments if scorer.segments else ()
    return tuple(dict.fromkeys((*names, NO_PURCHASE)))


def text_expression(scorer: RFMScorer) -> nw.Expr:
    """The scores r, f and m as one text; a score of 0 is one that is not known."""
    r, f, m = (nw.col(letter) for letter in LETTERS.values())
    if max(axis.bins for axis in scorer.axes) > 9:
        none = "0-0-0"
        text = nw.concat_str(*(score.cast(nw.String) for score in (r, f, m)), separator="-")
    else:
        none = "000"
        text = (r.cast(nw.Int64) * 100 + f * 10 + m).cast(nw.String)
    return nw.when(r == 0).then(nw.lit(none)).otherwise(nw.when(m > 0).then(text))


def segment_expression(scorer: RFMScorer, dtype: Any) -> nw.Expr:
    """The segment of the scores r, f and m."""
    r, f, m = (nw.col(letter) for letter in LETTERS.values())
    found = nw.lit(None, nw.String).cast(dtype)
    if scorer.segments:
        found = scorer.segments.expression({"r": r, "f": f, "m": m}, dtype)
        if scorer.segments.axes_used[2]:  # a later row must not win because m is not known
            found = nw.when(m > 0).then(found)
    return nw.when(r == 0).then(nw.lit(NO_PURCHASE).cast(dtype)).otherwise(found)
