"""RFM scores: cut points fitted once and applied by comparison, so that equals score alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._frame import Frame, IntoFrame, Table, enter, number_expr
from crmvalue._table import label_dtype
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.rfm.axis import ScoreAxis
from crmvalue.rfm.segments import AXES, RECENCY_FREQUENCY_GRID, SegmentTable

NO_PURCHASE = "No purchase"
"""The segment of customers who have not bought: their scores are 0."""

ID = "customer_id"


@dataclass(frozen=True, slots=False, eq=False)
class RFMScorer(Value):
    """Scores for recency, frequency and monetary value by cut points that were fitted once.

    Equal values always get equal scores, and a customer's scores depend on nobody else in the
    table that is scored.

    Parameters
    ----------
    recency, frequency, monetary : ScoreAxis
        The three axes.
    segments : SegmentTable or None
        The table from which the segment is read; None where there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> summary = pd.DataFrame({
    ...     "customer_id": [1, 2, 3, 4, 5],
    ...     "inactive": [40.0, 3.0, 1.0, 12.0, 30.0],
    ...     "frequency": [0, 4, 9, 1, 0],
    ...     "total_spend": [20.0, 180.0, 400.0, 50.0, 20.0],
    ... })
    >>> scores = RFMScorer.fit(summary).score(summary)
    >>> scores["rfm_score"].tolist()
    ['111', '444', '555', '333', '211']
    >>> scores["segment"].tolist()
    ['Hibernating', 'Loyal', 'Champions', 'Need Attention', 'Hibernating']
    """

    recency: ScoreAxis
    frequency: ScoreAxis
    monetary: ScoreAxis
    segments: SegmentTable | None

    def __post_init__(self) -> None:
        if self.segments is None:
            return
        for axis, used, bins in zip(
            self.axes, self.segments.axes_used, self.segments.bins, strict=True
        ):
            if used and axis.bins != bins:
                raise InputError(
                    f"{self.segments!r} is made for {bins} scores of {axis.name}, but this scorer "
                    f"has {axis.bins}; fit with bins={bins}, or pass a table for {axis.bins}"
                )

    def __repr__(self) -> str:
        named = self.segments.name if self.segments else None
        return f"RFMScorer(bins={tuple(axis.bins for axis in self.axes)}, segments={named!r})"

    @property
    def axes(self) -> tuple[ScoreAxis, ScoreAxis, ScoreAxis]:
        """The three axes in the order of the score's digits."""
        return self.recency, self.frequency, self.monetary

    @property
    def bins(self) -> pd.DataFrame:
        """Every score of every axis, with its bounds and the customers that had it at the fit.

        Returns
        -------
        pandas.DataFrame
            ``axis, column, score, lower, upper, customers, empty``. Bounds are in the unit of the
            column, null where there is none. A score holds what lies above ``lower`` and not above
            ``upper``; on recency, where less is better, what is at least ``lower`` and below
            ``upper``. ``empty`` marks the scores that nobody had: with many equal values two cuts
            fall together, and the score between them is skipped, not given to somebody else.
        """
        return pd.concat([axis.table() for axis in self.axes], ignore_index=True)

    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        bins: int = 5,
        *,
        recency: str = "inactive",
        frequency: str = "frequency",
        monetary: str = "total_spend",
        segments: SegmentTable | None = None,
    ) -> Self:
        """Learn the cut points from the customers of a summary who have bought.

        Parameters
        ----------
        summary : frame
            One row per customer with the three columns; a frame that is lazy is collected once.
        bins : int, 2 to 100
            How many scores each axis has.
        recency : str
            Column with the time since the last purchase: the less, the higher the score.
        frequency, monetary : str
            Columns of which more is better.
        segments : SegmentTable, optional
            By default the recency-frequency grid where `bins` is 5, otherwise none.

        Raises
        ------
        InputError
            Where a column is missing or not numeric, holds an infinite number, or nobody has
            bought.

        Notes
        -----
        The cuts are the linear quantiles (Hyndman and Fan 1996, definition 7) of the values of
        those who have bought. Rows without a purchase, and nulls of the monetary column, take no
        part. Where the monetary column is null throughout (a log without amounts), the axis has no
        cuts: ``m_score`` and ``rfm_score`` are null, and the segment is given all the same where
        its table asks for recency and frequency alone.
        """
        if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= 100:
            raise InputError(f"bins must be a whole number from 2 to 100; got {bins!r}")
        if not (segments is None or isinstance(segments, SegmentTable)):
            raise InputError(
                f"segments must be a SegmentTable or None; got {type(segments).__name__}"
            )
        frame = enter(summary, "summary", [recency, frequency, monetary])
        wanted = [recency, frequency, monetary, *_purchase_column(frame)]
        table = Table(frame.select(*dict.fromkeys(wanted)), "summary")
        r, f, m, *purchases = (table.numbers(column, null=True) for column in wanted)
        bought = ~(np.isnan(r) | np.isnan(f))
        for count in purchases:
            bought &= count > 0
        if not bought.any():
            table.faults.add(
                "no_purchases",
                rows=len(table),
                expected=f"expected customers with a {recency} and a {frequency} to learn from",
            )
        table.finish()
        if segments is None and bins == RECENCY_FREQUENCY_GRID.bins[0]:
            segments = RECENCY_FREQUENCY_GRID
        return cls(
            ScoreAxis.fit("recency", recency, r[bought], bins=bins, less_is_better=True),
            ScoreAxis.fit("frequency", frequency, f[bought], bins=bins),
            ScoreAxis.fit("monetary", monetary, m[bought], bins=bins),
            segments,
        )

    def score(self, summary: IntoFrame) -> Any:
        """Score customers by the cut points; a query in gives a query out.

        Parameters
        ----------
        summary : frame
            ``customer_id`` and the columns of the axes, in the unit of the fit. Rows may be
            customers without a purchase, for example of an address list joined with a summary.

        Returns
        -------
        frame
            In the library and the row order of `summary`:

            - ``customer_id``;
            - ``r_score, f_score, m_score``, int64, 1 (worst) to the number of bins. 0 for
              customers without a purchase: ``n_purchases``, where there is that column, is 0 or
              null, or recency or frequency is null. ``m_score`` is null for a customer who has
              bought but whose monetary value is not known (pandas then holds it as float64);
            - ``rfm_score``, text: the three scores in a row (``"543"``), or with dashes between
              them (``"10-4-3"``) where an axis has more than nine; null where ``m_score`` is;
            - ``segment``, categorical: the names of the table, then ``"No purchase"``; null where
              there is no table, where no row of it covers the scores, and where it asks for a
              score that is null.

        Raises
        ------
        InputError
            Where a column is missing or not numeric.
        """
        frame = enter(summary, "summary", [ID, *(axis.column for axis in self.axes)])
        axes = dict(zip(AXES, self.axes, strict=True))
        faults = FaultList()
        values = {
            key: number_expr(frame, "summary", axis.column, faults)
            for key, axis in axes.items()
            if axis.cuts is not None
        }
        bought = ~(values["r"].is_null() | values["f"].is_null())
        for column in _purchase_column(frame):
            count = number_expr(frame, "summary", column, faults)
            bought = bought & (count > 0).fill_null(False)
        faults.raise_if_any("summary")
        known = frame.select(
            ID, bought.alias("bought"), *(value.alias(key) for key, value in values.items())
        )
        scored = known.select(
            ID,
            *(
                axis.expression(nw.col(key), nw.col("bought")).alias(key)
                for key, axis in axes.items()
            ),
        )
        r, f, m = (nw.col(key) for key in AXES)
        result = scored.select(
            ID,
            r.cast(nw.Int64).alias("r_score"),
            f.cast(nw.Int64).alias("f_score"),
            nw.when((m > 0) | (r == 0)).then(m.cast(nw.Int64)).alias("m_score"),
            self._text(r, f, m).alias("rfm_score"),
            self._segment(frame, r, f, m).alias("segment"),
        )
        return nw.maybe_reset_index(result).to_native()

    def _text(self, r: nw.Expr, f: nw.Expr, m: nw.Expr) -> nw.Expr:
        """Three scores as one text; a score of 0 is one that is not known."""
        if max(axis.bins for axis in self.axes) > 9:
            none = "0-0-0"
            text = nw.concat_str(*(score.cast(nw.String) for score in (r, f, m)), separator="-")
        else:
            none = "000"
            text = (r.cast(nw.Int64) * 100 + f * 10 + m).cast(nw.String)
        return nw.when(r == 0).then(nw.lit(none)).otherwise(nw.when(m > 0).then(text))

    def _segment(self, frame: Frame, r: nw.Expr, f: nw.Expr, m: nw.Expr) -> nw.Expr:
        names = self.segments.segments if self.segments else ()
        dtype = label_dtype(frame, tuple(dict.fromkeys((*names, NO_PURCHASE))))
        found = nw.lit(None, nw.String).cast(dtype)
        if self.segments:
            found = self.segments.expression({"r": r, "f": f, "m": m}, dtype)
            if self.segments.axes_used[2]:  # a later row must not win because m is not known
                found = nw.when(m > 0).then(found)
        return nw.when(r == 0).then(nw.lit(NO_PURCHASE).cast(dtype)).otherwise(found)


def _purchase_column(frame: Frame) -> list[str]:
    """The column that counts purchases, where the summary has it."""
    return [name for name in frame.collect_schema().names() if name == "n_purchases"]
