"""One axis of a matrix: thresholds found once by stated rules, and applied by comparison."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._stats import FloatArray, IntArray, is_number, safe_sum
from crmvalue._value import Value
from crmvalue.errors import InputError

Cut: TypeAlias = float | str
"""A threshold, or a rule that finds one: "median", "mean", or a percentile such as "p80"."""

Cuts: TypeAlias = Cut | Sequence[Cut]

BANDS = {2: ("low", "high"), 3: ("low", "middle", "high")}


@dataclass(frozen=True, slots=False, eq=False)
class MatrixAxis(Value):
    """One axis: a column, and the thresholds between its bands.

    Parameters
    ----------
    column : str
        The column that is cut.
    cuts : tuple of float
        Rising thresholds. A value belongs to the band above a threshold that it reaches: value >=
        cut is the higher band. Infinity is a threshold that nobody reaches.
    bands : tuple of str, one more than cuts
        Their names, the lowest first.

    Raises
    ------
    InputError
        Where there is no cut, a cut is NaN or minus infinity, cuts don't rise, or the bands are not
        one more than the cuts or share a name.

    Examples
    --------
    >>> axis = MatrixAxis("revenue", cuts=(50, 200), bands=("small", "middle", "large"))
    >>> axis.codes(np.array([10.0, 50.0, 500.0])).tolist()
    [0, 1, 2]
    """

    column: str
    cuts: tuple[float, ...]
    bands: tuple[str, ...]

    def __post_init__(self) -> None:
        cuts = tuple(float(cut) for cut in self.cuts)
        if not cuts or not (np.array(cuts) > -np.inf).all() or not _rising(cuts):
            raise InputError(
                f"the cuts of {self.column!r} must be numbers in rising order, one at least, none "
                f"of them NaN or minus infinity; got {self.cuts!r}"
            )
        bands = tuple(self.bands)
        if len(set(bands)) != len(cuts) + 1 or len(bands) != len(cuts) + 1:
            raise InputError(
                f"{len(cuts)} cuts of {self.column!r} make {len(cuts) + 1} bands with different "
                f"names, the lowest first; got {bands!r}"
            )
        object.__setattr__(self, "cuts", cuts)
        object.__setattr__(self, "bands", bands)

    @classmethod
    def fit(
        cls, column: str, values: FloatArray, cuts: Cuts, bands: Sequence[str] | None = None
    ) -> Self:
        """Find the thresholds by their rules.

        Parameters
        ----------
        column : str
            The column that is cut.
        values : ndarray of float64, shape (customers,)
            Its values, finite, one at least.
        cuts : cut or sequence of cut
            A cut is a number, ``"median"``, ``"mean"`` or a percentile such as ``"p80"``.
        bands : sequence of str, optional
            The names of the bands; by default low and high, low, middle and high, or 1, 2, 3...

        Raises
        ------
        InputError
            Where a cut is none, or as the class.

        Examples
        --------
        >>> axis = MatrixAxis.fit("revenue", np.array([10.0, 30.0, 60.0, 100.0]), "mean")
        >>> axis.cuts, axis.bands
        ((50.0,), ('low', 'high'))
        """
        rules: Any = [cuts] if np.ndim(cuts) == 0 else cuts  # text has no dimension either
        found = tuple(_find_cut(values, rule) for rule in rules)
        size = len(found) + 1
        default = BANDS.get(size, tuple(str(band) for band in range(1, size + 1)))
        return cls(column, found, default if bands is None else tuple(bands))

    def within(self, value: nw.Expr, band: int) -> nw.Expr:
        """Whether a value is in a band, as an expression; false or null where it is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> axis = MatrixAxis("revenue", cuts=(50,), bands=("low", "high"))
        >>> frame = nw.from_native(pd.DataFrame({"revenue": [10.0, 50.0, 90.0]}))
        >>> frame.select(high=axis.within(nw.col("revenue"), 1))["high"].to_list()
        [False, True, True]
        """
        if band == 0:
            return value < self.cuts[0]
        reached = value >= self.cuts[band - 1]
        return reached if band == len(self.cuts) else reached & (value < self.cuts[band])

    def codes(self, values: FloatArray) -> IntArray:
        """The band of each value, 0 the lowest.

        Examples
        --------
        >>> MatrixAxis("growth", cuts=(0,), bands=("falls", "rises")).codes(np.array([-1.0, 0.0]))
        array([0, 1])
        """
        return np.searchsorted(np.array(self.cuts), values, side="right").astype(np.int64)


def _rising(cuts: tuple[float, ...]) -> bool:
    return all(low <= high for low, high in itertools.pairwise(cuts))


def _find_cut(values: FloatArray, cut: Cut) -> float:
    if cut == "mean":
        # Rounding must not lift it above the values where all are equal.
        return float(np.clip(safe_sum(values) / len(values), values.min(), values.max()))
    percentile = re.fullmatch(r"p(\d+(?:\.\d+)?)", "p50" if cut == "median" else str(cut))
    if percentile and float(percentile[1]) <= 100:
        return float(np.quantile(values, float(percentile[1]) / 100))
    if not is_number(cut):
        raise InputError(
            f"a cut is a finite number, 'median', 'mean' or a percentile from 'p0' to 'p100'; got "
            f"{cut!r}"
        )
    return float(cut)
