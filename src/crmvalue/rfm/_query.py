"""Scores of a query: expressions, which are computed when it is collected.

What they give is the table in the docstring of `RFMScorer.score`, as is what `_memory` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from crmvalue._frame import Lazy
from crmvalue._keys import ID
from crmvalue._numbers import number_expr
from crmvalue._table import label_dtype
from crmvalue.errors import FaultList
from crmvalue.rfm._buyers import purchase_column
from crmvalue.rfm.axis import LETTERS, ScoreAxis
from crmvalue.rfm.segment_tables import NO_PURCHASE

if TYPE_CHECKING:
    from crmvalue.rfm.scores import RFMScorer


def score_query(scorer: RFMScorer, frame: Lazy) -> Lazy:
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
        _text(scorer).alias("rfm_score"),
        _segment(scorer, label_dtype(frame, scorer._segment_names)).alias("segment"),
        *(_known(outer, axis).alias(axis.score_column) for axis in scorer.extra),
    )
    if scorer.weights is None:
        return result
    total: Any = 0.0
    for axis, weight in scorer._weighted_axes:
        total = total + weight * nw.col(axis.score_column).cast(nw.Float64)
    # As a column, not a number: polars multiplies by the reciprocal of a number.
    whole = nw.col("r_score").cast(nw.Float64) * 0.0 + sum(scorer.weights)
    return result.with_columns((total / whole).alias("weighted_score"))


def _known(scores: dict[str, nw.Expr], axis: ScoreAxis) -> nw.Expr:
    """A score as a column: null where someone has bought but the score is 0."""
    score = scores[axis.name]
    return nw.when((score > 0) | (scores["recency"] == 0)).then(score.cast(nw.Int64))


def _text(scorer: RFMScorer) -> nw.Expr:
    """The scores r, f and m as one text; a score of 0 is one that is not known."""
    r, f, m = (nw.col(letter) for letter in LETTERS.values())
    if max(axis.bins for axis in scorer.axes) > 9:
        none = "0-0-0"
        text = nw.concat_str(*(score.cast(nw.String) for score in (r, f, m)), separator="-")
    else:
        none = "000"
        text = (r.cast(nw.Int64) * 100 + f * 10 + m).cast(nw.String)
    return nw.when(r == 0).then(nw.lit(none)).otherwise(nw.when(m > 0).then(text))


def _segment(scorer: RFMScorer, dtype: Any) -> nw.Expr:
    """The segment of the scores r, f and m."""
    r, f, m = (nw.col(letter) for letter in LETTERS.values())
    found = nw.lit(None, nw.String).cast(dtype)
    if scorer.segments:
        found = scorer.segments.expression({"r": r, "f": f, "m": m}, dtype)
        if scorer.segments.axes_used[2]:  # a later row must not win because m is not known
            found = nw.when(m > 0).then(found)
    return nw.when(r == 0).then(nw.lit(NO_PURCHASE).cast(dtype)).otherwise(found)
