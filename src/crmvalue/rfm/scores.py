"""RFM scores: cut points fitted once and applied by comparison, so that equals score alike."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, enter, is_lazy
from crmvalue._keys import ID
from crmvalue._table import table
from crmvalue._value import Value
from crmvalue.errors import DataWarning, FaultList, InputError
from crmvalue.rfm._learn import learn_axes
from crmvalue.rfm._memory import read_cells, score_columns
from crmvalue.rfm._plan import Bins, Weights, plan_axes, read_weights
from crmvalue.rfm._query import score_query
from crmvalue.rfm.axis import LETTERS, ScoreAxis
from crmvalue.rfm.segment_tables import NO_PURCHASE
from crmvalue.rfm.segments import RECENCY_FREQUENCY_GRID, SegmentTable


@dataclass(frozen=True, slots=False, eq=False)
class RFMScorer(Value):
    """Scores for recency, frequency and monetary value by cut points that were fitted once.

    A fitted scorer is frozen: equal customers always get equal scores, and a customer's scores
    depend on nobody else in the table that is scored, on that day or a year later. To keep the
    thresholds of an earlier date, keep the scorer (`to_json`, `from_json`) and score the new
    summary with it.

    Parameters
    ----------
    recency, frequency, monetary : ScoreAxis
        The three axes.
    segments : SegmentTable or None
        The table from which the segment is read; None where there is none.
    extra : tuple of ScoreAxis
        Further axes, each with a column of scores of its own.
    weights : tuple of float or None
        The weights of all axes in that order, where a weighted score is asked for.

    Raises
    ------
    InputError
        Where recency or frequency has no cuts, weights are not one for each axis, or `segments` is
        made for other numbers of scores than the axes have.

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

    Limits that the business set, and one score out of three:

    >>> fixed = RFMScorer.fit(
    ...     summary,
    ...     cuts={"recency": [7, 30], "frequency": [0, 4], "monetary": [25, 200]},
    ...     weights={"recency": 1, "frequency": 1, "monetary": 2},
    ... )
    >>> scores = fixed.score(summary)
    >>> scores["rfm_score"].tolist(), scores["weighted_score"].tolist()
    (['111', '322', '333', '222', '111'], [1.0, 2.25, 3.0, 2.0, 1.0])
    """

    recency: ScoreAxis
    frequency: ScoreAxis
    monetary: ScoreAxis
    segments: SegmentTable | None
    extra: tuple[ScoreAxis, ...] = ()
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.all_axes]
        if names[:3] != list(LETTERS) or len(set(names)) < len(names):
            raise InputError(
                f"the first axes are {', '.join(LETTERS)}, and further ones have names of their "
                f"own; got {', '.join(map(repr, names))}"
            )
        for place, axis in enumerate(self.all_axes):
            if axis.nested and not set(axis.nested.within) <= set(names[:place]):
                raise InputError(f"{axis.name} can only be nested in axes before it")
        for axis in (self.recency, self.frequency):
            if axis.cuts is None:
                raise InputError(f"{axis.name} has no cuts; only other axes may be unknown to all")
        if self.weights is not None and len(self.weights) != len(self.all_axes):
            raise InputError(
                f"{len(self.all_axes)} axes need as many weights; got {self.weights!r}"
            )
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
        parts = [f"bins={tuple(axis.bins for axis in self.axes)}"]
        if any(axis.nested for axis in self.axes):
            parts.append("nested")
        if self.extra:
            parts.append(f"extra={tuple(axis.name for axis in self.extra)}")
        if self.weights is not None:
            parts.append(f"weights={self.weights}")
        parts.append(f"segments={self.segments.name if self.segments else None!r}")
        return f"RFMScorer({', '.join(parts)})"

    @property
    def axes(self) -> tuple[ScoreAxis, ScoreAxis, ScoreAxis]:
        """The three axes in the order of the score's digits."""
        return self.recency, self.frequency, self.monetary

    @property
    def all_axes(self) -> tuple[ScoreAxis, ...]:
        """The three axes, and then the further ones."""
        return (*self.axes, *self.extra)

    @property
    def _weighted_axes(self) -> list[tuple[ScoreAxis, float]]:
        """The axes that count in the weighted score."""
        pairs = zip(self.all_axes, self.weights or (), strict=True)
        return [(axis, weight) for axis, weight in pairs if weight > 0]

    @property
    def _segment_names(self) -> tuple[str, ...]:
        """The categories of the segment column."""
        names = self.segments.segments if self.segments else ()
        return tuple(dict.fromkeys((*names, NO_PURCHASE)))

    @functools.cached_property
    def _cells(self) -> tuple[list[str | None], npt.NDArray[np.int16]]:
        """Text and segment of every cell of the three scores, 0 included."""
        shape = tuple(axis.bins + 1 for axis in self.axes)
        return read_cells(self, np.indices(shape).reshape(3, -1))

    @property
    def bins(self) -> pd.DataFrame:
        """Every score of every axis, with its bounds and the customers that had it at the fit.

        Returns
        -------
        pandas.DataFrame
            ``axis, column, score, lower, upper, customers, empty``. Bounds are in the unit of the
            column, null where there is none. A score holds what lies above ``lower`` and not above
            ``upper``; where less is better, as on recency, what is at least ``lower`` and below
            ``upper``. ``empty`` marks the scores that nobody had: with many equal values two cuts
            fall together, and the score between them is skipped, not given to somebody else.

            Of nested axes the table has these rows for each cell, which ``r_score`` and
            ``f_score`` name after ``column`` (null where the axis isn't cut within them). A cell
            all of whose scores are empty has the bounds of the cell around it.
        """
        table = pd.concat([axis.table() for axis in self.all_axes], ignore_index=True)
        within = [name for name in ("r_score", "f_score") if name in table]
        cells = {name: table[name].astype("Int64") for name in within}
        order = ["axis", "column", *within, "score", "lower", "upper", "customers", "empty"]
        return table.assign(**cells)[order]

    @classmethod
    def fit(
        cls,
        summary: IntoFrame,
        bins: Bins = 5,
        *,
        method: Literal["independent", "nested"] = "independent",
        cuts: Mapping[str, Sequence[float]] | None = None,
        weights: Weights | None = None,
        recency: str = "inactive",
        frequency: str = "frequency",
        monetary: str = "total_spend",
        extra: Mapping[str, str] | None = None,
        less_is_better: str | Sequence[str] = (),
        segments: SegmentTable | None = None,
    ) -> Self:
        """Learn the cut points from the customers of a summary who have bought.

        Parameters
        ----------
        summary : frame
            One row per customer with the columns of the axes; a frame that is lazy is collected
            once.
        bins : int, (int, int, int) or mapping of axis to int; each 2 to 100
            How many scores the axes have: one number for all of them, three for recency, frequency
            and monetary, or by name. An axis that is not named has five.
        method : {"independent", "nested"}
            ``"independent"`` cuts each axis among all customers. ``"nested"`` (Hughes) cuts
            frequency among those with the same recency score, and monetary among those with the
            same scores of both, so that the cells hold about equally many customers; a frequency
            score of 5 then means often *for a customer of that recency*.
        cuts : mapping of axis to sequence of float, optional
            Fixed thresholds, in the unit of the column and rising, for recency too:
            ``{"recency": [30, 90, 180, 365]}``. A value that lies on a threshold has the worse of
            the two scores: a frequency of 4 is not above the cut 4, and a recency of 30 not
            below the cut 30. An axis with n cuts has n + 1 scores; the others are cut at quantiles.
        weights : three numbers or mapping of axis to number, optional
            Adds the column ``weighted_score``; an axis that is not named doesn't count.
        recency : str
            Column with the time since the last purchase: the less, the higher the score.
        frequency, monetary : str
            Columns of which more is better.
        extra : mapping of name to column, optional
            Further axes: ``{"length": "T", "breadth": "n_products"}`` adds ``length_score`` and
            ``breadth_score``. They take part in the weighted score, not in ``rfm_score`` nor in
            the segment, and are never nested.
        less_is_better : str or sequence of str
            Axes beside recency of which less is better.
        segments : SegmentTable, optional
            By default the recency-frequency grid where those two have five scores, otherwise none.
            One that is no partition is taken with a warning: the first row that matches wins, and
            who matches none has no segment.

        Raises
        ------
        InputError
            Where an option can't be followed, a column is missing or not numeric, holds an
            infinite number or is to be cut at quantiles and holds one beyond 1e300, or nobody has
            bought.

        Warns
        -----
        DataWarning
            Where `segments` is not a partition of its cells.

        Notes
        -----
        The cuts are the linear quantiles (Hyndman and Fan 1996, definition 7) of the values of
        those who have bought, to the last digit as `numpy.quantile` computes them. Rows without a
        purchase take no part, nor does a null on its own axis. An axis whose column is null
        throughout (money in a log without amounts) has no cuts: its score and with it
        ``rfm_score`` are null, and the segment is given all the same where its table asks for
        recency and frequency alone. With fixed cuts on every axis nothing is
        learnt, and `summary` may be without buyers.

        In a nested fit a cell may be empty. A customer who falls into it later is scored by the
        cuts of the cell around it: monetary among those of the same recency score, and among
        everybody where nobody had that score either. A column with fixed cuts has the same ones in
        every cell.

        References
        ----------
        A. M. Hughes (1994), Strategic Database Marketing, Probus.
        R. J. Hyndman and Y. Fan (1996), "Sample quantiles in statistical packages", The American
        Statistician 50(4).

        Examples
        --------
        >>> import pandas as pd
        >>> summary = pd.DataFrame({
        ...     "customer_id": list("abcd"), "inactive": [1.0, 2.0, 8.0, 9.0],
        ...     "frequency": [8, 9, 1, 2], "total_spend": [80.0, 90.0, 10.0, 20.0],
        ...     "T": [50.0, 10.0, 40.0, 30.0],
        ... })
        >>> RFMScorer.fit(summary, bins=2).score(summary)["rfm_score"].tolist()
        ['222', '222', '111', '111']
        >>> nested = RFMScorer.fit(summary, bins=2, method="nested", extra={"length": "T"})
        >>> nested
        RFMScorer(bins=(2, 2, 2), nested, extra=('length',), segments=None)
        >>> scores = nested.score(summary)
        >>> scores["rfm_score"].tolist(), scores["length_score"].tolist()
        (['211', '221', '111', '121'], [2, 1, 2, 1])
        """
        faults = FaultList()
        if not (segments is None or isinstance(segments, SegmentTable)):
            faults.add(
                "not_a_segment_table",
                examples=type(segments).__name__,
                expected="segments must be a SegmentTable or None",
            )
        if method not in ("independent", "nested"):
            faults.add(
                "not_a_method",
                examples=repr(method),
                expected="method must be 'independent' or 'nested'",
            )
        columns = {"recency": recency, "frequency": frequency, "monetary": monetary}
        plans = plan_axes(columns, extra, less_is_better, bins, cuts, faults)
        asked = read_weights(weights, [plan.name for plan in plans], faults)
        faults.raise_if_any("the options of the scores")
        frame = enter(summary, "summary", [plan.column for plan in plans])
        r, f, m, *others = learn_axes(frame, plans, nested=method == "nested")
        if segments is None and r.bins == f.bins == RECENCY_FREQUENCY_GRID.bins[0]:
            segments = RECENCY_FREQUENCY_GRID
        if segments is not None and not segments.is_partition:
            warnings.warn(
                f"{segments!r} is not a partition: the first row that matches wins, and cells that "
                "none covers have no segment; audit() names the cells, as_partition() mends them",
                DataWarning,
                stacklevel=2,
            )
        return cls(r, f, m, segments, tuple(others), asked)

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
            - ``r_score, f_score, m_score``, int64, 1 (worst) to the number of bins (pandas holds a
              column with nulls as float64);
            - ``rfm_score``, text: the three scores in a row (``"543"``), or with dashes between
              them (``"10-4-3"``) where an axis has more than nine;
            - ``segment``, categorical: the names of the table, then ``"No purchase"``;
            - a column ``<name>_score`` like ``m_score`` for each further axis;
            - ``weighted_score``, float64, where the scorer has weights: the weighted mean of the
              scores. Axes with more bins have higher scores, and so count for more.

            Customers about whom something isn't known:

            =====================================  =======  =========  =============  ===========
            customer                               r and f  its score  rfm_score      segment
            =====================================  =======  =========  =============  ===========
            has not bought: ``n_purchases``, if    0        0          ``"000"``      No purchase
            there is that column, is 0 or null,
            or recency or frequency is null
            has bought, monetary is null           given    null       null           given [1]_
            has bought, a further axis is null     given    null       given          given
            beyond all values of the fit           lowest or highest   given          given
            has been inactive for long             1 and f  given      given          given
            the table has no row for the scores    given    given      given          null
            =====================================  =======  =========  =============  ===========

            An infinite number counts as null. ``weighted_score`` is 0 where nothing was bought and
            null where a score that it needs is null.

            .. [1] Null where the table asks for the monetary score, or there is no table.

        Raises
        ------
        InputError
            Where a column is missing or not numeric. Where scores are nested, a query other than
            polars' takes up to 4,096 cuts of an axis, so 16 scores each (monetary has 15 cuts in
            each of 256 cells): collect the summary first where there are more.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> scores = RFMScorer.fit(summary).score(summary)
        >>> print(scores[["customer_id", "rfm_score", "segment"]].head(2).to_string(index=False))
         customer_id rfm_score segment
                   1       444   Loyal
                   2       134 At Risk
        """
        frame = enter(summary, "summary", [ID, *(axis.column for axis in self.all_axes)])
        if is_lazy(frame):
            return score_query(self, frame).to_native()
        return table(score_columns(self, frame), like=frame, fresh=True)
