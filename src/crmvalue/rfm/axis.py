"""One axis of the scores: cut points on one column, found once and applied by comparison."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._stats import FloatArray
from crmvalue._value import Value
from crmvalue.errors import InputError


@dataclass(frozen=True, slots=False, eq=False)
class ScoreAxis(Value):
    """One axis of the scores: a column, and the cut points between its scores.

    The score of a value v is 1 + the number of cuts strictly below v; on an axis where less is
    better, v is the negative of the column.

    Parameters
    ----------
    name : str
        ``"recency"``, ``"frequency"`` or ``"monetary"``.
    column : str
        The column that is scored.
    less_is_better : bool
        Whether the negative of the column is scored.
    bins : int
        How many scores there are.
    cuts : tuple of float, length bins - 1, or None
        Rising cut points of the scored value; None where the column held no value to learn them
        from, and then nobody gets a score on this axis.
    customers : tuple of int, length bins
        How many customers had each score, 1 first, when the cuts were fitted.
    """

    name: str
    column: str
    less_is_better: bool
    bins: int
    cuts: tuple[float, ...] | None
    customers: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.cuts is not None and (
            len(self.cuts) != self.bins - 1
            or not np.isfinite(self.cuts).all()
            or (np.diff(self.cuts) < 0).any()
        ):
            raise InputError(
                f"{self.name}: {self.bins} scores need {self.bins - 1} finite cuts in rising "
                f"order; got {self.cuts!r}"
            )

    @classmethod
    def fit(
        cls, name: str, column: str, values: FloatArray, *, bins: int, less_is_better: bool = False
    ) -> Self:
        """Cut the axis at the linear quantiles 1/bins, 2/bins... of the values that are known."""
        known = values[~np.isnan(values)]
        if not len(known):
            return cls(name, column, less_is_better, bins, None, (0,) * bins)
        scored = -known if less_is_better else known
        cuts = np.quantile(scored, np.arange(1, bins) / bins)
        above = [len(known), *(int(np.count_nonzero(scored > cut)) for cut in cuts), 0]
        customers = tuple(a - b for a, b in itertools.pairwise(above))
        return cls(name, column, less_is_better, bins, tuple(cuts.tolist()), customers)

    def expression(self, value: nw.Expr, bought: nw.Expr) -> nw.Expr:
        """The score as an expression, 0 where nothing was bought or no score can be known."""
        if self.cuts is None:
            return nw.lit(0, nw.Int8)
        scored = 0.0 - value if self.less_is_better else value
        score = nw.lit(1, nw.Int8)
        for cut in self.cuts:
            score = score + (scored > cut).cast(nw.Int8)
        return nw.when(bought & ~value.is_null()).then(score).otherwise(nw.lit(0, nw.Int8))

    def table(self) -> pd.DataFrame:
        """The part of `RFMScorer.bins` that is about one axis."""
        if self.cuts is None:
            bounds = np.full((2, self.bins), np.nan)
        elif self.less_is_better:
            edges = 0.0 - np.array(self.cuts)  # not -cuts: no bound shall print as -0.0
            bounds = np.array([[*edges, np.nan], [np.nan, *edges]])
        else:
            bounds = np.array([[np.nan, *self.cuts], [*self.cuts, np.nan]])
        return pd.DataFrame(
            {
                "axis": self.name,
                "column": self.column,
                "score": np.arange(1, self.bins + 1),
                "lower": bounds[0],
                "upper": bounds[1],
                "customers": np.array(self.customers, dtype=np.int64),
                "empty": np.array(self.customers) == 0,
            }
        )
