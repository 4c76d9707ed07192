"""How the rows and notes of a segment table are read, and how rows become cells, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._keys import is_null
from crmvalue.errors import FaultList

Range: TypeAlias = tuple[int, int] | None
"""Scores from the first to the second, both included; None for any score."""

Row: TypeAlias = tuple[str, Range, Range, Range]

Note: TypeAlias = tuple[str | None, str | None]
"""What a segment means, and what to do about it."""

AXES = ("r", "f", "m")

_TEXT = re.compile(r"\s*(\d+)\s*(?:(?:-|–|to)\s*(\d+)\s*)?")


def is_score(value: object) -> bool:
    """Whether a value can be the number of a score."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def read_row(number: int, row: Any, bins: tuple[int, ...], faults: FaultList) -> Row:
    """A row in its full form; what is wrong with it goes to `faults`."""
    if isinstance(row, str) or not isinstance(row, Iterable) or len(row := tuple(row)) != 4:
        faults.add(
            "not_a_row", examples=f"row {number}: {row!r}", expected="expected (segment, r, f, m)"
        )
        return "", None, None, None
    segment, *wanted = row
    if not isinstance(segment, str) or not segment or segment != segment.strip():
        faults.add(
            "not_a_name",
            examples=f"row {number}: {segment!r}",
            expected="expected text without spaces around it",
        )
    r, f, m = (
        _read_range(f"row {number} ({segment})", axis, value, most, faults)
        for axis, value, most in zip(AXES, wanted, bins, strict=True)
    )
    return segment, r, f, m


def _read_range(where: str, axis: str, value: Any, most: int, faults: FaultList) -> Range:
    if is_null(value) or (isinstance(value, str) and not value.strip()):
        return None
    low, high = (_whole(end) for end in _ends(value))
    if is_score(low) and is_score(high) and low <= high <= most:
        return low, high
    faults.add(
        "not_a_range",
        column=axis,
        examples=f"{where}: {value!r}",
        expected=f"expected a score from 1 to {most}, two of them with the lower first, such as "
        "'1 to 2' (which no spreadsheet takes for a date), or nothing for any score",
    )
    return None


def _ends(value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        found = _TEXT.fullmatch(value)
        low, high = found.groups() if found else (None, None)
        return low and int(low), int(high or low or 0)
    if isinstance(value, list | tuple):
        return (value[0], value[1]) if len(value) == 2 else (None, None)
    return value, value


def _whole(value: Any) -> Any:
    """A whole number as an int: a column with empty cells comes as 4.0 and 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def range_text(wanted: Range) -> str | None:
    """A range as text that no spreadsheet takes for a date."""
    if wanted is None:
        return None
    low, high = wanted
    return f"{low}" if low == high else f"{low} to {high}"


def score_tests(score: nw.Expr, wanted: tuple[int, int], most: int) -> list[nw.Expr]:
    """The fewest comparisons that say whether a score from 1 to `most` is in a range."""
    low, high = wanted
    if low == high:
        return [score == low]
    return [score >= low] + ([score <= high] if high < most else [])


def read_notes(notes: Any, segments: Iterable[str], faults: FaultList) -> dict[str, Note]:
    """Notes in the order of the segments; what is wrong with them goes to `faults`."""
    known = tuple(dict.fromkeys(segments))
    given = dict(notes) if isinstance(notes, Mapping) else {"": notes}
    for segment, note in given.items():
        pair = isinstance(note, list | tuple) and len(note) == 2
        if segment not in known or not pair or not all(_is_word(word) for word in note):
            faults.add(
                "not_a_note",
                examples=f"{segment!r}: {note!r}",
                expected="expected a segment of the table with its (meaning, action), each a text "
                "or None",
            )
    if len(faults):
        return {}
    return {name: (given[name][0], given[name][1]) for name in known if name in given}


def _is_word(word: object) -> bool:
    return word is None or (isinstance(word, str) and bool(word.strip()))


def join_notes(
    rows: Iterable[tuple[str, Any, Any]], faults: FaultList
) -> dict[str, list[str | None]]:
    """One (meaning, action) per segment from rows that may repeat it or leave it out."""
    notes: dict[str, list[str | None]] = {}
    for segment, *words in rows:
        told = [None if is_null(word) or not str(word).strip() else str(word) for word in words]
        if is_null(segment) or told == [None, None]:
            continue
        known = notes.setdefault(segment, [None, None])
        for i, column in enumerate(("meaning", "action")):
            if known[i] is None:
                known[i] = told[i]
            elif told[i] not in (None, known[i]):
                faults.add(
                    "two_notes",
                    column=column,
                    examples=f"{segment}: {known[i]!r} and {told[i]!r}",
                    expected=f"expected one {column} for each segment; leave it empty in the "
                    "segment's other rows",
                )
    return notes


def cells_of(
    ranges: tuple[Range, Range, Range], bins: tuple[int, int, int]
) -> npt.NDArray[np.bool_]:
    """Which cells of the grid, of shape `bins`, lie in these ranges of r, f and m."""
    cells = np.zeros(bins, dtype=bool)
    cells[tuple(slice(None) if r is None else slice(r[0] - 1, r[1]) for r in ranges)] = True
    return cells


def boxes(cells: npt.NDArray[np.bool_]) -> Iterator[tuple[Range, Range, Range]]:
    """Ranges of r, f and m that cover the True cells, each once."""
    left = cells.copy()
    while left.any():
        first = np.unravel_index(int(left.argmax()), left.shape)
        box = [slice(int(i), int(i) + 1) for i in first]
        for axis in (2, 1, 0):  # the axis least often asked for first, so that it needs no range
            while box[axis].stop < left.shape[axis]:
                layer = list(box)
                layer[axis] = slice(box[axis].stop, box[axis].stop + 1)
                if not left[tuple(layer)].all():
                    break
                box[axis] = slice(box[axis].start, box[axis].stop + 1)
        left[tuple(box)] = False
        r, f, m = (
            None if (side.start, side.stop) == (0, most) else (side.start + 1, side.stop)
            for side, most in zip(box, left.shape, strict=True)
        )
        yield r, f, m
