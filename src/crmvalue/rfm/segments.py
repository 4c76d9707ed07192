"""Segment tables as data: which scores make which segment, and whether each cell has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError

Range: TypeAlias = tuple[int, int] | None
"""Scores from the first to the second, both included; None for any score."""

AXES = ("r", "f", "m")


@dataclass(frozen=True, slots=False, eq=False)
class SegmentTable(Value):
    """A table of segments over the cells of an RFM grid; the first row that matches wins.

    Parameters
    ----------
    name : str
        What the table is called.
    bins : int or (int, int, int)
        How many scores the axes have: 1 to `bins`.
    rows : sequence of (segment, r, f, m)
        Each of r, f and m is a score, a pair (lowest, highest) with both included, or None where
        the segment doesn't ask for that axis. A segment may have several rows.

    Raises
    ------
    InputError
        Where a range is not one of scores from 1 to the number of bins.

    Examples
    --------
    >>> table = SegmentTable("two by two", 2, [("Best", 2, 2, None), ("Rest", None, 1, None)])
    >>> table.segments
    ('Best', 'Rest')
    >>> table.audit()[["r", "f", "m", "problem"]].values.tolist()
    [[1, 2, 1, 'uncovered'], [1, 2, 2, 'uncovered']]
    """

    name: str
    bins: tuple[int, int, int]
    rows: tuple[tuple[str, Range, Range, Range], ...]

    def __post_init__(self) -> None:
        faults = FaultList()
        bins = (self.bins,) * 3 if isinstance(self.bins, int) else tuple(self.bins)
        if len(bins) != 3 or not all(_is_score(n) for n in bins):
            raise InputError(
                f"bins of a segment table must be a whole number of at least 1, or three of them; "
                f"got {self.bins!r}"
            )
        rows = tuple(_read_row(i, row, bins, faults) for i, row in enumerate(self.rows))
        if not rows:
            faults.add("empty", expected="expected at least one row (segment, r, f, m)")
        faults.raise_if_any(f"segment table {self.name!r}")
        object.__setattr__(self, "bins", bins)
        object.__setattr__(self, "rows", rows)

    def __repr__(self) -> str:
        return f"SegmentTable({self.name!r}, bins={self.bins}, segments={len(self.segments)})"

    @property
    def segments(self) -> tuple[str, ...]:
        """The names of the segments, in the order in which they first stand in the table."""
        return tuple(dict.fromkeys(row[0] for row in self.rows))

    @property
    def axes_used(self) -> tuple[bool, bool, bool]:
        """Whether any row asks for the r, the f and the m score."""
        r, f, m = (any(row[i] is not None for row in self.rows) for i in (1, 2, 3))
        return r, f, m

    @property
    def is_partition(self) -> bool:
        """Whether every cell of the grid has exactly one row."""
        return bool((self._matches().sum(axis=0) == 1).all())

    def audit(self) -> pd.DataFrame:
        """List the cells that no row covers and those that more than one row covers.

        Returns
        -------
        pandas.DataFrame
            One row per faulty cell, none for a partition: ``r, f, m`` (scores), ``problem``
            (``"uncovered"`` or ``"covered more than once"``) and ``segments``, the names in the
            order in which they match: the first one wins.
        """
        matches = self._matches()
        cells = np.indices(self.bins).reshape(3, -1) + 1
        faulty = np.flatnonzero(matches.sum(axis=0) != 1)
        names = np.array([row[0] for row in self.rows], dtype=object)
        segments = [", ".join(names[matches[:, cell]]) for cell in faulty]
        problem = np.where(matches[:, faulty].any(axis=0), "covered more than once", "uncovered")
        scores = dict(zip(AXES, cells[:, faulty], strict=True))
        return pd.DataFrame({**scores, "problem": problem, "segments": segments})

    def _matches(self) -> npt.NDArray[np.bool_]:
        """Which row (first axis) covers which cell (second axis, r slowest and m fastest)."""
        cells = np.indices(self.bins).reshape(3, -1) + 1
        matches = np.ones((len(self.rows), cells.shape[1]), dtype=bool)
        for i, (_, *ranges) in enumerate(self.rows):
            for scores, wanted in zip(cells, ranges, strict=True):
                if wanted is not None:
                    matches[i] &= (scores >= wanted[0]) & (scores <= wanted[1])
        return matches

    def expression(self, scores: Mapping[str, nw.Expr], dtype: Any) -> nw.Expr:
        """The segment of each row as an expression over its scores r, f and m.

        A score of 0 or below stands for one that is not known; it lies in no range.
        """
        found = nw.lit(None, nw.String).cast(dtype)
        for segment, *ranges in reversed(self.rows):
            tests = [
                test
                for axis, wanted, most in zip(AXES, ranges, self.bins, strict=True)
                if wanted is not None
                for test in _tests(scores[axis], wanted, most)
            ]
            label = nw.lit(segment).cast(dtype)
            found = nw.when(*tests).then(label).otherwise(found) if tests else label
        return found


def _tests(score: nw.Expr, wanted: tuple[int, int], most: int) -> list[nw.Expr]:
    """The fewest comparisons that say whether a score from 1 to `most` is in a range."""
    low, high = wanted
    if low == high:
        return [score == low]
    return [score >= low] + ([score <= high] if high < most else [])


def _is_score(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _read_row(
    number: int, row: Any, bins: tuple[int, ...], faults: FaultList
) -> tuple[str, Range, Range, Range]:
    """A row in its full form; what is wrong with it goes to `faults`."""
    if isinstance(row, str) or not isinstance(row, Iterable) or len(row := tuple(row)) != 4:
        faults.add(
            "not_a_row", examples=f"row {number}: {row!r}", expected="expected (segment, r, f, m)"
        )
        return "", None, None, None
    segment, *wanted = row
    if not isinstance(segment, str) or not segment:
        faults.add("not_a_name", examples=f"row {number}: {segment!r}", expected="expected text")
    r, f, m = (
        _read_range(f"row {number} ({segment})", axis, value, most, faults)
        for axis, value, most in zip(AXES, wanted, bins, strict=True)
    )
    return segment, r, f, m


def _read_range(where: str, axis: str, value: Any, most: int, faults: FaultList) -> Range:
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) == 2 and all(_is_score(v) for v in pair) and pair[0] <= pair[1] <= most:
        return pair
    faults.add(
        "not_a_range",
        column=axis,
        examples=f"{where}: {value!r}",
        expected=f"expected a score from 1 to {most}, a pair (lowest, highest) of them, or None",
    )
    return None


RECENCY_FREQUENCY_GRID = SegmentTable(
    "recency-frequency grid",
    bins=(5, 5, 5),
    rows=(
        ("Champions", (5, 5), (4, 5), None),
        ("Loyal", (3, 4), (4, 5), None),
        ("Potential Loyalist", (4, 5), (2, 3), None),
        ("New", (5, 5), (1, 1), None),
        ("Promising", (4, 4), (1, 1), None),
        ("Need Attention", (3, 3), (3, 3), None),
        ("About To Sleep", (3, 3), (1, 2), None),
        ("At Risk", (1, 2), (3, 4), None),
        ("Can't Lose", (1, 2), (5, 5), None),
        ("Hibernating", (1, 2), (1, 2), None),
    ),
)
"""The default segments: a partition of the 25 cells of recency and frequency, each five scores."""
