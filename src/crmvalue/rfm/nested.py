"""Nested cuts (Hughes): an axis that is cut anew among the customers of each score of another."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.rfm._cuts import Scores, cell_cuts, cell_numbers

MOST_CUTS = 4096
"""Up to here all cuts of all cells may be written into a query: those of 16 scores an axis are, and
those of 20, twice as many, would take DuckDB ten seconds."""


@dataclass(frozen=True, slots=False, eq=False)
class NestedCuts(Value):
    """The cut points of an axis for each cell of the axes in which it is nested.

    Parameters
    ----------
    within : tuple of str
        The axes whose scores name a cell, the outermost first: ``("recency", "frequency")``.
    shape : tuple of int
        How many scores each of them has.
    cuts : tuple of tuple of float, one for each cell
        Rising cut points of the scored value; cells stand with the first score slowest.
    customers : tuple of tuple of int, one for each cell
        How many customers had each score there, 1 first, when the cuts were fitted. Where they
        are all 0 nobody was in the cell, and it has the cuts of the cell around it: monetary of
        those with the same recency score, or of everybody where that score is empty too.

    Raises
    ------
    InputError
        Where there are not as many cuts and customers as cells.

    References
    ----------
    A. M. Hughes (1994), Strategic Database Marketing, Probus.

    Examples
    --------
    >>> import numpy as np
    >>> recency_score, spend = np.array([1, 1, 2, 2]), np.array([1.0, 3.0, 10.0, 30.0])
    >>> nested = NestedCuts.fit({"recency": 2}, [recency_score], spend, bins=2)
    >>> nested.cells(), nested.cuts
    ([(1,), (2,)], ((2.0,), (20.0,)))
    >>> nested.cell({"recency": recency_score}).tolist()
    [0, 0, 1, 1]
    """

    within: tuple[str, ...]
    shape: tuple[int, ...]
    cuts: tuple[tuple[float, ...], ...]
    customers: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        cells = int(np.prod(self.shape))
        if not len(self.within) == len(self.shape) > 0 or not (
            len(self.cuts) == len(self.customers) == cells
        ):
            raise InputError(
                f"cuts within {self.within!r} with {self.shape!r} scores need {cells} cells, each "
                f"with its cuts and its customers; got {len(self.cuts)} and {len(self.customers)}"
            )

    def __repr__(self) -> str:
        return f"NestedCuts(within={self.within!r}, cells={len(self.cuts)})"

    @classmethod
    def fit(
        cls, within: Mapping[str, int], scores: Sequence[Scores], scored: FloatArray, bins: int
    ) -> Self:
        """Cut the values in each cell at their linear quantiles, `customers` yet to be counted."""
        shape = tuple(within.values())
        cuts = tuple(map(tuple, cell_cuts(scored, scores, shape, bins).tolist()))
        return cls(tuple(within), shape, cuts, ((0,) * bins,) * len(cuts))

    @functools.cached_property
    def table(self) -> FloatArray:
        """The cuts as an array of shape (cells, bins - 1)."""
        return np.array(self.cuts)

    def cell(self, scores: Mapping[str, Scores]) -> npt.NDArray[np.int16]:
        """The cell of each customer, from the scores of the axes by their names."""
        return cell_numbers([scores[name] for name in self.within], self.shape)

    def cells(self) -> list[tuple[int, ...]]:
        """The scores that name each cell."""
        return list(itertools.product(*(range(1, size + 1) for size in self.shape)))

    def expression(
        self, scored: nw.Expr, scores: Mapping[str, nw.Expr], *, by_lookup: bool = False
    ) -> nw.Expr:
        """1 + the number of cuts of a row's own cell strictly below the value.

        Each cut is looked up by the number of the cell where a query can do that fast. Otherwise
        every cut of every cell is a part of the query.
        """
        if by_lookup:
            return self._looked_up(scored, scores)
        if self.table.size > MOST_CUTS:
            raise InputError(
                f"nested scores with {len(self.cuts):,} cells of {self.table.shape[1]} cuts each "
                f"make too long a query: this library takes up to {MOST_CUTS:,} cuts in all; "
                "collect the summary before it is scored, or fit fewer bins"
            )
        return self._chosen(scored, scores, 0, 0)

    def _looked_up(self, scored: nw.Expr, scores: Mapping[str, nw.Expr]) -> nw.Expr:
        number = nw.lit(0, nw.Int16)
        for name, size in zip(self.within, self.shape, strict=True):
            number = number * size + (scores[name].cast(nw.Int16) - 1).clip(0)
        cells = list(range(len(self.cuts)))
        found = nw.lit(1, nw.Int8)
        for cuts in self.table.T.tolist():
            cut = number.replace_strict(cells, cuts, return_dtype=nw.Float64)
            found = found + (scored > cut).cast(nw.Int8)
        return found

    def _chosen(
        self, scored: nw.Expr, scores: Mapping[str, nw.Expr], depth: int, number: int
    ) -> nw.Expr:
        if depth == len(self.shape):
            return count_below(scored, self.cuts[number])
        first = number * self.shape[depth]
        *others, found = (
            self._chosen(scored, scores, depth + 1, first + i) for i in range(self.shape[depth])
        )
        for i, other in reversed(list(enumerate(others, start=1))):
            found = nw.when(scores[self.within[depth]] == i).then(other).otherwise(found)
        return found


def count_below(scored: nw.Expr, cuts: Sequence[float]) -> nw.Expr:
    """1 + the number of cuts strictly below a value, as an expression."""
    score = nw.lit(1, nw.Int8)
    for cut in cuts:
        score = score + (scored > cut).cast(nw.Int8)
    return score
