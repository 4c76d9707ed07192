"""One axis of the scores: cut points on one column, found once and applied by comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._stats import NumberArray, floats
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.rfm._cuts import Scores, count_scores, quantile_cuts, score_by_cuts
from crmvalue.rfm.nested import NestedCuts, count_below

LETTERS = {"recency": "r", "frequency": "f", "monetary": "m"}


@dataclass(frozen=True, slots=False, eq=False)
class ScoreAxis(Value):
    """One axis of the scores: a column, and the cut points between its scores.

    The score of a value v is 1 + the number of cuts strictly below v; on an axis where less is
    better, v is the negative of the column. So a value that lies on a cut has the worse of the two
    scores that the cut parts, on every axis.

    Parameters
    ----------
    name : str
        ``"recency"``, ``"frequency"``, ``"monetary"`` or the name of a further axis.
    column : str
        The column that is scored.
    less_is_better : bool
        Whether the negative of the column is scored.
    bins : int
        How many scores there are.
    cuts : tuple of float, length bins - 1, or None
        Rising cut points of the scored value; None where the column held no value to learn them
        from, and then nobody gets a score on this axis. On a nested axis the cuts among all
        customers.
    customers : tuple of int, length bins
        How many customers had each score, 1 first, when the cuts were fitted.
    nested : NestedCuts, optional
        The cuts of each cell of other scores, where the axis is nested in them.

    Raises
    ------
    InputError
        Where cuts, of a cell too, are not ``bins - 1`` finite numbers in rising order.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 5.0, 20.0, 90.0])
    >>> axis = ScoreAxis.fit("recency", "inactive", values, bins=2, less_is_better=True)
    >>> axis.cuts, axis.customers, axis.score_column
    ((-12.5,), (2, 2), 'r_score')
    >>> axis.scores(np.array([1.0, 12.5, 40.0, np.nan]), {}).tolist()
    [2, 1, 1, 0]
    >>> print(axis.table()[["score", "lower", "upper"]].to_string(index=False))
     score  lower  upper
         1   12.5    NaN
         2    NaN   12.5
    """

    name: str
    column: str
    less_is_better: bool
    bins: int
    cuts: tuple[float, ...] | None
    customers: tuple[int, ...]
    nested: NestedCuts | None = None

    def __post_init__(self) -> None:
        cells = () if self.nested is None else self.nested.cuts
        for cuts in (*(() if self.cuts is None else (self.cuts,)), *cells):
            if (
                len(cuts) != self.bins - 1
                or not np.isfinite(cuts).all()
                or (np.diff(cuts) < 0).any()
            ):
                raise InputError(
                    f"{self.name}: {self.bins} scores need {self.bins - 1} finite cuts in rising "
                    f"order; got {cuts!r}"
                )

    @property
    def score_column(self) -> str:
        """The name of the column of scores: ``"r_score"``, ``"length_score"``..."""
        return f"{LETTERS.get(self.name, self.name)}_score"

    @classmethod
    def fit(
        cls,
        name: str,
        column: str,
        values: NumberArray,
        *,
        bins: int,
        less_is_better: bool = False,
        cuts: Sequence[float] | None = None,
        within: Mapping[str, int] | None = None,
        scores: Mapping[str, Scores] | None = None,
    ) -> Self:
        """Cut the axis at the linear quantiles 1/bins, 2/bins... of the values that are known.

        Parameters
        ----------
        name, column, bins, less_is_better
            As above.
        values : array
            The column; NaN where it is not known.
        cuts : sequence of float, optional
            Cut points to take as they are, rising, in the unit of the column.
        within : mapping of axis to its number of scores, optional
            The axes in which this one is nested, the outermost first; needs `scores`.
        scores : mapping of axis to array, optional
            The customers' scores on those axes.
        """
        unfitted = cls(name, column, less_is_better, bins, None, (0,) * bins)
        if cuts is not None:
            edges = np.array(cuts, dtype=np.float64)
            axis = dataclasses.replace(
                unfitted, cuts=tuple((0.0 - edges[::-1] if less_is_better else edges).tolist())
            )
            return axis._counted(values, {})
        found, counts = quantile_cuts(values, bins, less_is_better=less_is_better)
        if not counts.any():
            return unfitted
        axis = dataclasses.replace(
            unfitted, cuts=tuple(found.tolist()), customers=tuple(counts.tolist())
        )
        if not within or scores is None:
            return axis
        known = ~np.isnan(values)
        values = floats(values[known])
        scores = {key: score[known] for key, score in scores.items()}
        scored = -values if less_is_better else values
        nested = NestedCuts.fit(within, [scores[key] for key in within], scored, bins)
        return dataclasses.replace(axis, nested=nested)._counted(values, scores)

    def _counted(self, values: NumberArray, outer: Mapping[str, Scores]) -> Self:
        """Count the customers of each score, and of each cell where the axis is nested."""
        scores = self.scores(values, outer)
        if self.nested is None:
            counts = count_scores(scores, self.bins)
            return dataclasses.replace(self, customers=tuple(counts[0].tolist()))
        cell, cells = self.nested.cell(outer), len(self.nested.cuts)
        counts = count_scores(scores, self.bins, cell, cells)
        return dataclasses.replace(
            self,
            customers=tuple(counts.sum(axis=0).tolist()),
            nested=dataclasses.replace(self.nested, customers=tuple(map(tuple, counts.tolist()))),
        )

    def scores(self, values: NumberArray, outer: Mapping[str, Scores]) -> Scores:
        """The scores of an array, 0 where a value is not known.

        `outer` has the scores of the axes in which this one is nested, by their names.
        """
        if self.cuts is None:
            return np.zeros(len(values), dtype=np.int8)
        if self.nested is None:
            cuts, cell = np.array(self.cuts)[np.newaxis], None
        else:
            cuts, cell = self.nested.table, self.nested.cell(outer)
        return score_by_cuts(values, cuts, cell, less_is_better=self.less_is_better)

    def expression(
        self,
        value: nw.Expr,
        bought: nw.Expr,
        outer: Mapping[str, nw.Expr],
        *,
        by_lookup: bool = False,
    ) -> nw.Expr:
        """The score as an expression, 0 where nothing was bought or no score can be known.

        `by_lookup` is for nested cuts, as in `NestedCuts.expression`.
        """
        if self.cuts is None:
            return nw.lit(0, nw.Int8)
        scored = 0.0 - value if self.less_is_better else value
        if self.nested is None:
            score = count_below(scored, self.cuts)
        else:
            score = self.nested.expression(scored, outer, by_lookup=by_lookup)
        return nw.when(bought & ~value.is_null()).then(score).otherwise(nw.lit(0, nw.Int8))

    def table(self) -> pd.DataFrame:
        """The part of `RFMScorer.bins` that is about one axis; a nested one has a part per cell."""
        if self.nested is None:
            return self._table(self.cuts, self.customers, {})
        parts = []
        for cell, cuts, customers in zip(
            self.nested.cells(), self.nested.cuts, self.nested.customers, strict=True
        ):
            named = {
                f"{LETTERS[name]}_score": score
                for name, score in zip(self.nested.within, cell, strict=True)
            }
            parts.append(self._table(cuts, customers, named))
        return pd.concat(parts, ignore_index=True)

    def _table(
        self, cuts: tuple[float, ...] | None, customers: tuple[int, ...], cell: Mapping[str, int]
    ) -> pd.DataFrame:
        if cuts is None:
            bounds = np.full((2, self.bins), np.nan)
        elif self.less_is_better:
            edges = 0.0 - np.array(cuts)  # not -cuts: no bound shall print as -0.0
            bounds = np.array([[*edges, np.nan], [np.nan, *edges]])
        else:
            bounds = np.array([[np.nan, *cuts], [*cuts, np.nan]])
        return pd.DataFrame(
            {
                "axis": self.name,
                "column": self.column,
                **cell,
                "score": np.arange(1, self.bins + 1),
                "lower": bounds[0],
                "upper": bounds[1],
                "customers": np.array(customers, dtype=np.int64),
                "empty": np.array(customers) == 0,
            }
        )
