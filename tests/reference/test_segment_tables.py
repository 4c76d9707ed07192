"""The segment tables in common use: their rows, and the cells that they leave and cover twice.

Figures of the reference page on RFM: of 125 cells the newer table leaves 10 uncovered and covers 58
more than once, the older one 36 and 39.
"""

from __future__ import annotations

import itertools

import pytest

from crmvalue.rfm.segments import (
    NEWER_SEGMENTS,
    OLDER_SEGMENTS,
    RECENCY_FREQUENCY_GRID,
    SegmentTable,
)

NEWER = """Champions 5/5/5; Potential Loyalist 3-5/3-5/2-5; Loyal Customers 2-4/2-4/2-4;
Promising 3-4/1-3/3-5; New Customers 4-5/1-3/1-5; Can't Lose Them 1-2/3-4/4-5;
At Risk 1-2/2-5/4-5; Need Attention 1-3/3-5/3-5; About To Sleep 2-3/1-3/1-4; Lost 1/1-5/1-5"""

OLDER = """Champions 4-5/4-5/4-5; Loyal 2-5/3-5/3-5; Potential Loyalist 3-5/1-3/1-3; New 4-5/1/1;
Promising 3-4/1/1; Need Attention 2-3/2-3/2-3; About To Sleep 2-3/1-2/1-2; At Risk 1-2/2-5/2-5;
Can't Lose 1/4-5/4-5; Lost 1-2/1-2/1-2"""


@pytest.mark.parametrize(
    ("table", "published", "uncovered", "twice"),
    [(NEWER_SEGMENTS, NEWER, 10, 58), (OLDER_SEGMENTS, OLDER, 36, 39)],
    ids=["newer", "older"],
)
def test_the_rows_and_the_audit(
    table: SegmentTable, published: str, uncovered: int, twice: int
) -> None:
    rows = []
    for line in published.replace("\n", " ").split("; "):
        segment, ranges = line.rsplit(" ", 1)
        rows.append((segment, *ranges.split("/")))
    assert table.rows == SegmentTable("published", 5, rows).rows
    audit = table.audit()
    assert audit["problem"].value_counts().to_dict() == {
        "uncovered": uncovered,
        "covered more than once": twice,
    }
    assert not table.is_partition
    assert "not a partition" in table.name
    # The cells by hand: what each row covers, counted.
    covered = dict.fromkeys(itertools.product(range(1, 6), repeat=3), 0)
    for _, *ranges in rows:
        ends = [(int(text[0]), int(text[-1])) for text in ranges]
        for cell in itertools.product(*(range(low, high + 1) for low, high in ends)):
            covered[cell] += 1
    faulty = {cell for cell, times in covered.items() if times != 1}
    assert set(map(tuple, audit[["r", "f", "m"]].to_numpy().tolist())) == faulty
    assert (audit["segments"] == "").sum() == uncovered


def test_three_segments_of_the_older_table_can_never_be_reached() -> None:
    # Potential Loyalist takes the cells of New and Promising; At Risk those of Can't Lose.
    assert OLDER_SEGMENTS.unreachable == ("New", "Promising", "Can't Lose")
    assert NEWER_SEGMENTS.unreachable == RECENCY_FREQUENCY_GRID.unreachable == ()


def test_the_default_grid_is_a_true_partition() -> None:
    assert RECENCY_FREQUENCY_GRID.is_partition
    assert len(RECENCY_FREQUENCY_GRID.audit()) == 0
