"""Segment tables as data: which scores make which segment, and whether each cell has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import IntArray
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.rfm import segment_tables
from crmvalue.rfm._segment_rows import (
    AXES,
    Note,
    Range,
    boxes,
    cells_of,
    is_score,
    join_notes,
    range_text,
    read_notes,
    read_row,
    score_tests,
)

NOT_A_PARTITION = " (not a partition)"


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
        Each of r, f and m is a score, a range of them, both ends included, as a pair ``(4, 5)`` or
        as text ``"4-5"`` or ``"4 to 5"``, or None where the segment doesn't ask for that axis. A
        segment may have several rows.
    notes : mapping of segment to (meaning, action), optional
        In plain words what a segment means and what to do about it; each may be None.

    Raises
    ------
    InputError
        Where a range is not one of scores from 1 to the number of bins, a segment has no name or
        one with spaces around it, or a note is about no segment of the table.

    Examples
    --------
    >>> table = SegmentTable("two by two", 2, [("Best", 2, 2, None), ("Rest", None, 1, None)])
    >>> table
    SegmentTable('two by two', bins=(2, 2, 2), segments=2; of 8 cells 2 uncovered)
    >>> table.audit()[["r", "f", "m", "problem"]].values.tolist()
    [[1, 2, 1, 'uncovered'], [1, 2, 2, 'uncovered']]
    >>> table.as_partition(rest="Rest").is_partition
    True
    """

    name: str
    bins: tuple[int, int, int]
    rows: tuple[tuple[str, Range, Range, Range], ...]
    notes: Mapping[str, Note] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = FaultList()
        bins = (self.bins,) * 3 if isinstance(self.bins, int) else tuple(self.bins)
        if len(bins) != 3 or not all(is_score(n) for n in bins):
            raise InputError(
                f"bins of a segment table must be a whole number of at least 1, or three of them; "
                f"got {self.bins!r}"
            )
        rows = tuple(read_row(i, row, bins, faults) for i, row in enumerate(self.rows))
        if not rows:
            faults.add("empty", expected="expected at least one row (segment, r, f, m)")
        kept = {segment_tables.NO_PURCHASE, segment_tables.NO_SEGMENT}
        if taken := kept.intersection(row[0] for row in rows):
            faults.add(
                "reserved_name",
                examples=", ".join(map(repr, sorted(taken))),
                expected="expected other names: these are for customers in no row of the table",
            )
        notes = read_notes(self.notes, (row[0] for row in rows), faults)
        faults.raise_if_any(f"segment table {self.name!r}")
        object.__setattr__(self, "bins", bins)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "notes", notes)

    def __repr__(self) -> str:
        counts = self._matches().sum(axis=0)
        uncovered, twice = int((counts == 0).sum()), int((counts > 1).sum())
        leaks = [f"{uncovered} uncovered"] if uncovered else []
        leaks += [f"{twice} covered more than once"] if twice else []
        told = f"; of {len(counts)} cells {', '.join(leaks)}" if leaks else ""
        return f"SegmentTable({self.name!r}, bins={self.bins}, segments={len(self.segments)}{told})"

    @classmethod
    def from_frame(
        cls, frame: IntoFrame, name: str = "own segments", bins: int | tuple[int, int, int] = 5
    ) -> Self:
        """Read a table that was kept in a file or a spreadsheet.

        Parameters
        ----------
        frame : frame
            One row per range of scores, in an order that counts, as the first that matches wins
            (a query has none of its own: order it): ``segment``; one or more of
            ``r, f, m`` (``5``, ``"4-5"`` or ``"4 to 5"``; where it is empty or the column is not
            there: any score); as you like ``meaning`` and ``action``, in one row of the segment or
            in all. Other columns are not read.
        name : str
            What the table is called.
        bins : int or (int, int, int)
            How many scores the axes have.

        Raises
        ------
        InputError
            Where ``segment``, or all of ``r, f, m``, are missing; with every range and name that
            can't be read; where a segment has two different meanings or actions.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({
        ...     "segment": ["Best", "Gone", "Others"],
        ...     "r": ["4-5", "1", None],
        ...     "f": ["4-5", None, None],
        ...     "action": ["Thank them", None, "Write to them"],
        ... })
        >>> SegmentTable.from_frame(frame, "ours").as_partition()
        SegmentTable('ours (made a partition)', bins=(5, 5, 5), segments=3)
        """
        given = Table(frame, "segments", ["segment"])
        if not any(axis in given for axis in AXES):
            raise InputError(
                "segments lacks the columns r, f and m; expected the scores of each segment in at "
                "least one of them, such as '5' or '4 to 5'"
            )
        columns: list[list[Any]] = [
            given.frame[column].to_list() if column in given else [None] * len(given)
            for column in ("segment", *AXES, "meaning", "action")
        ]
        segment, r, f, m, meaning, action = columns
        notes = join_notes(zip(segment, meaning, action, strict=True), given.faults)
        given.finish(f"segment table {name!r}")
        rows: Any = tuple(zip(segment, r, f, m, strict=True))
        words: Any = notes
        size: Any = bins
        return cls(name, size, rows, words)

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

    @property
    def unreachable(self) -> tuple[str, ...]:
        """The segments that nobody can be in, since earlier rows take all of their cells."""
        won = set(self._owners()[self._matches().any(axis=0)].tolist())
        return tuple(s for i, s in enumerate(self.segments) if i not in won)

    def audit(self) -> pd.DataFrame:
        """List the cells that no row covers and those that more than one row covers.

        Returns
        -------
        pandas.DataFrame
            One row per faulty cell, none for a partition: ``r, f, m`` (scores), ``problem``
            (``"uncovered"`` or ``"covered more than once"``) and ``segments``, the names in the
            order in which they match: the first one wins.

        Examples
        --------
        >>> leaky = SegmentTable("own", (2, 1, 1), [("Best", 2, None, None), ("All", 2, 1, None)])
        >>> leaky.audit()[["r", "f", "problem", "segments"]].values.tolist()
        [[1, 1, 'uncovered', ''], [2, 1, 'covered more than once', 'Best, All']]
        """
        matches = self._matches()
        cells = np.indices(self.bins).reshape(3, -1) + 1
        faulty = np.flatnonzero(matches.sum(axis=0) != 1)
        names = np.array([row[0] for row in self.rows], dtype=object)
        segments = [", ".join(names[matches[:, cell]]) for cell in faulty]
        problem = np.where(matches[:, faulty].any(axis=0), "covered more than once", "uncovered")
        scores = dict(zip(AXES, cells[:, faulty], strict=True))
        return pd.DataFrame({**scores, "problem": problem, "segments": segments})

    def table(self) -> pd.DataFrame:
        """Return the table as `from_frame` reads it.

        Returns
        -------
        pandas.DataFrame
            ``segment, r, f, m, meaning, action``, all text: ranges as ``"5"`` or ``"4 to 5"``,
            which no spreadsheet takes for a date; null for any score, and where there is no note.

        Examples
        --------
        >>> own = SegmentTable("own", 5, [("Best", (4, 5), 5, None)], {"Best": ("buys", None)})
        >>> own.table().values.tolist()
        [['Best', '4 to 5', '5', None, 'buys', None]]
        >>> SegmentTable.from_frame(own.table(), "own") == own
        True
        """
        rows = [
            (segment, *map(range_text, ranges), *self.notes.get(segment, (None, None)))
            for segment, *ranges in self.rows
        ]
        columns = ["segment", *AXES, "meaning", "action"]
        return pd.DataFrame(rows, columns=columns, dtype="object")

    def as_partition(self, rest: str = "Other") -> SegmentTable:
        """The same segments as a true partition, with `rest` where no row matched.

        Parameters
        ----------
        rest : str
            The segment of the cells that are not covered; it may be one of the table's own.

        Returns
        -------
        SegmentTable
            The table itself where it is a partition. Otherwise one with more rows, of which
            exactly one covers each cell: that of the segment whose row was the first to match. It
            lacks the segments that were `unreachable`.

        Raises
        ------
        InputError
            Where `rest` is needed and no name of a segment.

        Examples
        --------
        >>> leaky = SegmentTable("own", 5, [("Best", (4, 5), None, None), ("Loyal", None, 5, None)])
        >>> leaky.as_partition("Others").table()[["segment", "r", "f"]].values.tolist()
        [['Best', '4 to 5', None], ['Loyal', '1 to 3', '5'], ['Others', '1 to 3', '1 to 4']]
        """
        if self.is_partition:
            return self
        covered = self._matches().any(axis=0)
        names = tuple(dict.fromkeys((*self.segments, rest)))
        owner = np.where(covered, self._owners(), names.index(rest)).reshape(self.bins)
        rows = tuple((name, *box) for i, name in enumerate(names) for box in boxes(owner == i))
        left = {row[0] for row in rows}
        notes = {segment: note for segment, note in self.notes.items() if segment in left}
        name = self.name.removesuffix(NOT_A_PARTITION) + " (made a partition)"
        return SegmentTable(name, self.bins, rows, notes)

    def _matches(self) -> npt.NDArray[np.bool_]:
        """Which row (first axis) covers which cell (second axis, r slowest and m fastest)."""
        return np.array([cells_of(row[1:], self.bins).ravel() for row in self.rows])

    def _owners(self) -> IntArray:
        """Which of `segments` has each cell; the first where none has it."""
        place = {segment: i for i, segment in enumerate(self.segments)}
        numbers = np.array([place[row[0]] for row in self.rows], dtype=np.int64)
        owners: IntArray = numbers[self._matches().argmax(axis=0)]
        return owners

    def expression(self, scores: Mapping[str, nw.Expr], dtype: Any) -> nw.Expr:
        """The segment of each row as an expression over its scores r, f and m.

        A score of 0 or below stands for one that is not known; it lies in no range.

        Examples
        --------
        >>> import pandas as pd
        >>> own = SegmentTable("own", 5, [("Best", (4, 5), None, None), ("Rest", None, None, None)])
        >>> scored = nw.from_native(pd.DataFrame({"r": [5, 3]}))
        >>> segment = own.expression({"r": nw.col("r")}, nw.String)
        >>> scored.select(segment=segment)["segment"].to_list()
        ['Best', 'Rest']
        """
        found = nw.lit(None, nw.String).cast(dtype)
        for segment, *ranges in reversed(self.rows):
            tests = [
                test
                for axis, wanted, most in zip(AXES, ranges, self.bins, strict=True)
                if wanted is not None
                for test in score_tests(scores[axis], wanted, most)
            ]
            label = nw.lit(segment).cast(dtype)
            found = nw.when(*tests).then(label).otherwise(found) if tests else label
        return found


def _shipped(name: str, rows: tuple[segment_tables.Row, ...]) -> SegmentTable:
    cells: Any = tuple(row[:4] for row in rows)  # brought to form by the table
    return SegmentTable(name, (5, 5, 5), cells, {row[0]: row[4:] for row in rows})


RECENCY_FREQUENCY_GRID = _shipped("recency-frequency grid", segment_tables.RECENCY_FREQUENCY)
"""The default segments: a partition of the 25 cells of recency and frequency, each five scores."""

NEWER_SEGMENTS = _shipped("newer common segments" + NOT_A_PARTITION, segment_tables.NEWER)
"""A table that is much in use and no partition: of 125 cells it leaves 10 and covers 58 twice."""

OLDER_SEGMENTS = _shipped("older common segments" + NOT_A_PARTITION, segment_tables.OLDER)
"""A table that is much in use and no partition: of 125 cells it leaves 36 and covers 39 twice."""
