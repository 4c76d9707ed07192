"""Segment tables: what they cover, and what an audit says of those that are no partition."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.rfm import RECENCY_FREQUENCY_GRID, RFMScorer, SegmentTable
from crmvalue.rfm.segments import NEWER_SEGMENTS, OLDER_SEGMENTS


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


@pytest.mark.filterwarnings("ignore:.*is not a partition:crmvalue.errors.DataWarning")
@settings(max_examples=30)
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


@settings(max_examples=25)
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
    assert repr(short) == "SegmentTable('t', bins=(3, 3, 3), segments=2; of 27 cells 12 uncovered)"
    texts = SegmentTable("t", 3, [("A", "3", " 1-2", ""), ("B", None, 3.0, "1 to 3")])
    assert texts == short == SegmentTable("t", 3, [("A", 3, "1–2", None), ("B", None, 3, "1 - 3")])


def test_a_segment_may_have_several_rows() -> None:
    table = SegmentTable("t", 2, [("A", 1, 1, None), ("B", 2, None, None), ("A", 1, 2, None)])
    assert table.segments == ("A", "B")
    assert table.is_partition


def test_every_fault_of_a_table_is_named() -> None:
    rows = [("A", 6, 1, 1), ("B", (3, 2), 1, 1), ("", 1, 1, 1), ("C", 1), ("D", True, 0, "4-6")]
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
    for odd in ("04-May", "-4", "4-", "4,5", 2.5, (1, 2, 3), [1], "٤-5x", b"4", object()):
        with pytest.raises(InputError, match="not_a_range"):
            SegmentTable("t", 5, [("A", odd, 1, 1)])
    with pytest.raises(InputError, match="without spaces around it"):
        SegmentTable("t", 5, [("Loyal ", 1, 1, 1)])
    for notes in ({"B": ("x", "y")}, {"A": "xy"}, {"A": ("x",)}, {"A": ("", "y")}, "A"):
        with pytest.raises(InputError, match="not_a_note"):
            SegmentTable("t", 5, [("A", 1, 1, 1)], notes)
    for bins in (0, (5, 5), "5", (5, 5, None)):
        with pytest.raises(InputError, match="bins of a segment table"):
            SegmentTable("t", bins, [("A", 1, 1, 1)])


SHIPPED = (RECENCY_FREQUENCY_GRID, NEWER_SEGMENTS, OLDER_SEGMENTS)


def owners(table: SegmentTable, rest: str | None = None) -> list[str | None]:
    """The segment of every cell, by the rows alone."""
    cells = (np.indices(table.bins).reshape(3, -1).T + 1).tolist()
    return [(first_match(table, tuple(cell)) or [rest])[0] for cell in cells]


@settings(max_examples=30)
@given(tables(), st.sampled_from(["Other", "A"]))
def test_as_partition_keeps_who_matched_first_and_gives_the_rest_a_segment(
    table: SegmentTable, rest: str
) -> None:
    """Catches a box whose cells are not taken out of what is left to cover (``left[...] = False``
    for the first cell alone), and cells that go to the last row that matches.
    """
    whole = table.as_partition(rest)
    assert whole.is_partition
    assert owners(whole) == owners(table, rest)
    assert set(whole.segments) == set(owners(table, rest)), "no segment without a cell"
    assert set(table.unreachable) == set(table.segments) - set(owners(table))
    assert (whole is table) == table.is_partition


def test_as_partition_keeps_the_order_and_the_notes() -> None:
    rows = [("A", 2, None, None), ("B", 2, 1, None), ("C", None, 2, None)]
    notes = {"C": ("c", None), "B": ("b", "b"), "A": (None, "a")}
    table = SegmentTable("mine (not a partition)", 2, rows, notes)
    assert table.unreachable == ("B",)
    whole = table.as_partition()
    assert whole.name == "mine (made a partition)"
    assert whole.rows == (
        ("A", (2, 2), None, None),
        ("C", (1, 1), (2, 2), None),
        ("Other", (1, 1), (1, 1), None),
    )
    assert whole.notes == {"A": (None, "a"), "C": ("c", None)}
    assert whole.as_partition() is whole
    with pytest.raises(InputError, match="not_a_name"):
        table.as_partition(rest=" ")


@pytest.mark.parametrize("table", SHIPPED, ids=lambda table: table.name)
def test_a_fit_warns_of_a_table_that_is_no_partition(table: SegmentTable) -> None:
    whole = table.as_partition()
    frame = every_cell(whole)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # counted below, as errors would end it at the first
        scorers = [RFMScorer.fit(frame, segments=given) for given in (table, whole, None)]
    assert scorers[0].segments == table
    assert len(caught) == (not table.is_partition)
    for warning in caught:
        assert warning.category is DataWarning
        assert warning.filename == __file__
        said = str(warning.message)
        assert said.startswith(repr(table))
        assert "uncovered" in said
        assert "covered more than once" in said
        assert "first row that matches wins" in said
        assert "audit()" in said
        assert "as_partition()" in said


@pytest.mark.parametrize("table", SHIPPED, ids=lambda table: table.name)
def test_shipped_tables_have_words_and_say_what_they_are(table: SegmentTable) -> None:
    assert set(table.notes) == set(table.segments)
    for meaning, action in table.notes.values():
        for words in (meaning, action):
            assert words.endswith(".")
            assert 20 < len(words) < 100, "one line"
    assert table.is_partition != ("not a partition" in table.name)
    assert table.is_partition != ("covered" in repr(table))
    assert SegmentTable.from_json(table.to_json()) == table
    whole = table.as_partition()
    frame = every_cell(whole)
    scored = RFMScorer.fit(frame, segments=whole).score(frame)
    assert scored["segment"].notna().all()


@settings(max_examples=20)
@given(tables())
def test_a_table_goes_into_a_frame_and_back(table: SegmentTable) -> None:
    """Catches ``f"{low} to {high - 1}"``, and an empty cell that is read as a fault."""
    frame = table.table()
    assert SegmentTable.from_frame(frame, table.name, table.bins) == table
    assert SegmentTable.from_frame(pl.from_pandas(frame), table.name, table.bins) == table


@pytest.mark.parametrize("table", SHIPPED, ids=lambda table: table.name)
def test_every_library_brings_the_same_table(library, table: SegmentTable) -> None:
    frame = table.table().sample(frac=1, random_state=1).sort_index()
    assert SegmentTable.from_frame(library(frame), table.name) == table
    assert list(frame.columns) == ["segment", "r", "f", "m", "meaning", "action"]


def test_a_table_from_a_file(library, tmp_path) -> None:
    path = tmp_path / "segments.csv"
    path.write_text(
        "segment,r,f,action,owner\n"
        "Best,5,4-5,Thank them,me\n"
        'Quote\'s "own",4 to 5,,,\n'
        "Été,,,Write,\n"
        "Best,4,,,\n",
        encoding="utf-8",
    )
    table = SegmentTable.from_frame(library(pd.read_csv(path)), "ours")
    assert table.rows == (
        ("Best", (5, 5), (4, 5), None),
        ('Quote\'s "own"', (4, 5), None, None),
        ("Été", None, None, None),
        ("Best", (4, 4), None, None),
    )
    assert table.notes == {"Best": (None, "Thank them"), "Été": (None, "Write")}
    whole = table.as_partition()
    assert whole.segments == ("Best", 'Quote\'s "own"', "Été")
    frame = every_cell(whole)
    scored = to_pandas(RFMScorer.fit(frame, segments=whole).score(library(frame)))
    assert scored["segment"].astype(str).value_counts().to_dict() == {
        "Best": 10,
        'Quote\'s "own"': 40,
        "Été": 75,
    }


def test_numbers_may_stand_in_a_column_with_empty_cells() -> None:
    frame = pd.DataFrame({"segment": ["A", "B"], "m": [5, np.nan]})
    assert SegmentTable.from_frame(frame).rows == (
        ("A", None, None, (5, 5)),
        ("B", None, None, None),
    )


def test_every_fault_of_a_frame_is_named() -> None:
    frame = pd.DataFrame({"segment": ["A", None, "C "], "r": ["04. Mai", "5", "5-4"]})
    with pytest.raises(InputError, match="no spreadsheet takes for a date") as caught:
        SegmentTable.from_frame(frame, "theirs")
    assert [fault.fault for fault in caught.value.faults] == [
        *("not_a_range", "not_a_name", "not_a_name", "not_a_range"),
    ]
    two = pd.DataFrame({"segment": ["A", "A"], "r": [1, 2], "action": ["go", "stay"]})
    with pytest.raises(InputError, match=r"'action': two_notes \(A: 'go' and 'stay'\)"):
        SegmentTable.from_frame(two)
    with pytest.raises(InputError, match="lacks the columns r, f and m"):
        SegmentTable.from_frame(two.drop(columns="r"))
    with pytest.raises(InputError, match="lacks the column 'segment'"):
        SegmentTable.from_frame(two.drop(columns="segment"))
    with pytest.raises(InputError, match="at least one row"):
        SegmentTable.from_frame(two.head(0))


@pytest.mark.parametrize("name", ["No purchase", "No segment"])
def test_names_of_customers_in_no_row_are_kept_free(name: str) -> None:
    with pytest.raises(InputError, match="reserved_name"):
        SegmentTable("theirs", 5, [(name, None, None, None)])
    with pytest.raises(InputError, match="reserved_name"):
        SegmentTable("leaky", 2, [("Best", 2, 2, None)]).as_partition(rest=name)
