"""Segment tables: what they cover, and what an audit says of those that are no partition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import InputError
from crmvalue.rfm import RECENCY_FREQUENCY_GRID, RFMScorer, SegmentTable


def every_cell(table: SegmentTable) -> pd.DataFrame:
    """A summary with one customer for each cell of three scores of a table with equal bins."""
    bins = table.bins[0]
    r, f, m = (axis.ravel() for axis in np.indices(table.bins))
    return pd.DataFrame(
        {
            "customer_id": np.arange(bins**3),
            "inactive": (bins - 1.0) - r,
            "frequency": f,
            "total_spend": m.astype(float),
        }
    )


@st.composite
def tables(draw: st.DrawFn) -> SegmentTable:
    bins = draw(st.integers(2, 4))
    scores = st.integers(1, bins)
    wanted = st.none() | st.tuples(scores, scores).map(lambda pair: tuple(sorted(pair)))
    rows = st.tuples(st.sampled_from("ABCDE"), wanted, wanted, wanted)
    return SegmentTable("drawn", (bins,) * 3, tuple(draw(st.lists(rows, min_size=1, max_size=6))))


def first_match(table: SegmentTable, cell: tuple[int, int, int]) -> list[str]:
    return [
        segment
        for segment, *wanted in table.rows
        if all(w is None or w[0] <= s <= w[1] for s, w in zip(cell, wanted, strict=True))
    ]


@settings(max_examples=50)
@given(tables())
def test_the_first_row_that_matches_wins_and_the_audit_names_the_rest(table: SegmentTable) -> None:
    """Catches ``self.rows`` for ``reversed(self.rows)``: then the last row that matches wins."""
    frame = pl.from_pandas(every_cell(table))
    got = RFMScorer.fit(frame, bins=table.bins[0], segments=table).score(frame).to_pandas()
    cells = [tuple(cell) for cell in got[["r_score", "f_score", "m_score"]].to_numpy().tolist()]
    assert len(set(cells)) == len(cells)
    matches = {cell: first_match(table, cell) for cell in cells}
    segments = [s if isinstance(s, str) else None for s in got["segment"]]
    assert segments == [(matches[cell] or [None])[0] for cell in cells]
    audit = table.audit()
    faulty = {cell: found for cell, found in matches.items() if len(found) != 1}
    assert {(r, f, m): s for r, f, m, _, s in audit.itertuples(index=False)} == {
        cell: ", ".join(found) for cell, found in faulty.items()
    }
    assert (audit["problem"] == "uncovered").sum() == sum(not v for v in faulty.values())
    assert table.is_partition == (not faulty) == audit.empty


@given(tables())
def test_json_round_trip(table: SegmentTable) -> None:
    """Catches rows that are not brought to one form when a table is made."""
    assert SegmentTable.from_json(table.to_json()) == table


def test_the_default_grid_is_a_partition() -> None:
    assert RECENCY_FREQUENCY_GRID.is_partition
    assert RECENCY_FREQUENCY_GRID.audit().empty
    assert RECENCY_FREQUENCY_GRID.axes_used == (True, True, False)
    assert len(RECENCY_FREQUENCY_GRID.segments) == 10


def test_a_table_may_be_written_shortly() -> None:
    short = SegmentTable("t", 3, [("A", 3, [1, 2], None), ("B", None, 3, (1, 3))])
    assert short.rows == (("A", (3, 3), (1, 2), None), ("B", None, (3, 3), (1, 3)))
    assert short.bins == (3, 3, 3)
    assert repr(short) == "SegmentTable('t', bins=(3, 3, 3), segments=2)"


def test_a_segment_may_have_several_rows() -> None:
    table = SegmentTable("t", 2, [("A", 1, 1, None), ("B", 2, None, None), ("A", 1, 2, None)])
    assert table.segments == ("A", "B")
    assert table.is_partition


def test_every_fault_of_a_table_is_named() -> None:
    rows = [("A", 6, 1, 1), ("B", (3, 2), 1, 1), ("", 1, 1, 1), ("C", 1), ("D", True, 0, "4-5")]
    with pytest.raises(InputError) as caught:
        SegmentTable("mine", 5, rows)
    found = [(fault.fault, fault.column) for fault in caught.value.faults]
    assert found == [
        ("not_a_range", "r"),
        ("not_a_range", "r"),
        ("not_a_name", ""),
        ("not_a_row", ""),
        ("not_a_range", "r"),
        ("not_a_range", "f"),
        ("not_a_range", "m"),
    ]
    assert "row 1 (B): (3, 2)" in str(caught.value)
    with pytest.raises(InputError, match="at least one row"):
        SegmentTable("none", 5, [])
    for bins in (0, (5, 5), "5", (5, 5, None)):
        with pytest.raises(InputError, match="bins of a segment table"):
            SegmentTable("t", bins, [("A", 1, 1, 1)])
