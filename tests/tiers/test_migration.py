"""Migration: everybody and all value counted once, whatever moved."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers.migration import migration
from crmvalue.tiers.watch_list import watch_list

TIERS = ["gold", "steel", "lead"]

customers = st.dictionaries(
    st.integers(0, 12),
    st.tuples(
        st.sampled_from(TIERS), st.integers(-400, 400).map(lambda k: k / 4), st.integers(0, 9)
    ),
    min_size=1,
)
"""By id: tier, value, and the day of the first purchase."""


def frame_of(held: dict[int, tuple[str, float, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": list(held),
            "tier": [tier for tier, _, _ in held.values()],
            "value": [float(value) for _, value, _ in held.values()],
            "first_purchase": [dt.date(2024, 1, 1 + day) for _, _, day in held.values()],
        }
    )


def simple(**tiers: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(tiers), "tier": list(tiers.values())})


def cell(table: pd.DataFrame, source: str, target: str, column: str = "customers") -> float:
    row = table[(table["from_tier"] == source) & (table["to_tier"] == target)]
    return row[column].item()


@settings(max_examples=30)
@given(customers, customers, st.integers(0, 9))
def test_everybody_and_all_value_is_in_one_cell(held, now, day) -> None:
    """Catches lost customers counted among those who stayed, and new value put before."""
    before, after = frame_of(held), frame_of(now)
    start = dt.date(2024, 1, 1 + day)
    moved = migration(before, after, order=TIERS, period_start=start)
    counts, flow = moved.counts, moved.value_flow
    assert counts["customers"].sum() == len(held.keys() | now.keys())
    assert counts.filter(~pl.col("from_tier").is_in(["new", "returned"]))["customers"].sum() == len(
        held
    )
    assert counts.filter(pl.col("to_tier") != "lost")["customers"].sum() == len(now)
    assert flow["value_before"].sum() == before["value"].sum()
    assert flow["value_after"].sum() == after["value"].sum()
    assert flow["change"].sum() == after["value"].sum() - before["value"].sum()
    for source, target, number in counts.iter_rows():
        entered = {"new": lambda d: d >= day, "returned": lambda d: d < day}.get(source)
        if entered is None:
            wanted = [
                i
                for i, (tier, _, _) in held.items()
                if tier == source and (now[i][0] if i in now else "lost") == target
            ]
        else:
            wanted = [
                i for i, (t, _, d) in now.items() if t == target and entered(d) and i not in held
            ]
        assert number == len(wanted)


@settings(max_examples=30)
@given(customers, customers)
def test_shares_sum_to_one_inside_their_limits(held, now) -> None:
    """Catches shares of those who stayed, in a table that holds the lost."""
    moved = migration(frame_of(held), frame_of(now), order=TIERS)
    for tier in TIERS:
        rows = moved.shares.filter(pl.col("from_tier") == tier)
        if rows["customers"].sum() == 0:
            assert rows["share"].null_count() == rows["upper"].null_count() == 4
            continue
        assert math.isclose(rows["share"].sum(), 1)
        assert (rows["lower"] <= rows["share"]).all()
        assert (rows["share"] <= rows["upper"]).all()
        assert ((rows["lower"] >= 0) & (rows["upper"] <= 1)).all()


@settings(max_examples=30)
@given(customers, customers)
def test_movements_lead_from_before_to_after(held, now) -> None:
    """Catches up and down exchanged, or customers who moved in counted as new."""
    rank = {tier: i for i, tier in enumerate(TIERS)}
    moves = migration(frame_of(held), frame_of(now), order=TIERS).movements
    left = moves.select(pl.sum_horizontal("unchanged", "upgraded", "downgraded", "lost"))
    came = moves.select(pl.sum_horizontal("unchanged", "moved_in", "new", "returned"))
    assert left.to_series().to_list() == moves["customers_before"].to_list()
    assert came.to_series().to_list() == moves["customers_after"].to_list()
    for row in moves.iter_rows(named=True):
        pairs = [(i, held[i][0], now[i][0]) for i in held.keys() & now.keys()]
        mine = [rank[new] - rank[old] for _, old, new in pairs if old == row["tier"]]
        assert row["upgraded"] == sum(step < 0 for step in mine)
        assert row["downgraded"] == sum(step > 0 for step in mine)


@settings(max_examples=30)
@given(customers)
def test_nobody_moves_from_a_frame_to_itself(held) -> None:
    """Catches n taken as all tiers, and the trace of the known rows only."""
    moved = migration(frame_of(held), frame_of(held), order=TIERS)
    assert moved.mobility == 0
    assert moved.value_flow["change"].abs().sum() == 0
    stay = moved.movements.filter(pl.col("customers_before") > 0)["expected_stay"]
    assert np.isinf(stay.to_numpy()).all()
    known = len({tier for tier, _, _ in held.values()}) == 1
    assert (moved.steady_state is None) == (not known)


@settings(max_examples=15)
@given(customers, customers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(held, now, random) -> None:
    """Catches tiers matched by position where they must be by id."""
    moved = migration(frame_of(held), frame_of(now), order=TIERS)
    shuffled = []
    for part in (held, now):
        ids = list(part)
        random.shuffle(ids)
        shuffled.append(frame_of({i: part[i] for i in ids}))
    again = migration(*shuffled, order=TIERS)
    assert again.value_flow.equals(moved.value_flow)
    assert again.shares.equals(moved.shares)


@settings(max_examples=30)
@given(customers, customers, st.integers(0, 5))
def test_a_forecast_loses_nobody(held, now, periods) -> None:
    """Catches lost customers that vanish, and arrivals counted twice."""
    every_tier = {20 + i: (tier, 0, 0) for i, tier in enumerate(TIERS)}
    moved = migration(frame_of({**held, **every_tier}), frame_of(now), order=TIERS)
    ahead = moved.forecast(periods)
    assert len(ahead) == (periods + 1) * 4
    arrived = len(now.keys() - held.keys())
    for rest, each in ((ahead, 0), (moved.forecast(periods, arrivals=True), arrived)):
        totals = rest.group_by("period").agg(pl.col("customers").sum())
        for period, total in totals.iter_rows():
            assert math.isclose(total, len(now) + period * each)
    if periods:
        first = ahead.filter(pl.col("period") == 1)["customers"].to_numpy()
        start = ahead.filter(pl.col("period") == 0)["customers"].to_numpy()
        moves = moved.matrix("shares").drop("from_tier").to_numpy()
        assert np.allclose(first, start[:3] @ moves)


def test_a_year_of_tiers(library) -> None:
    before = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "e"],
            "tier": ["gold", "gold", "steel", "lead", "lead"],
            "profit": [100.0, 80.0, 20.0, 0.0, -5.0],
            "first_purchase": pd.to_datetime(["2023-01-05"] * 5),
        }
    )
    after = pd.DataFrame(
        {
            "customer_id": ["f", "g", "c", "b", "a"],
            "tier": ["lead", "steel", "gold", "steel", "gold"],
            "profit": [1.0, 30.0, 90.0, 40.0, 110.0],
            "first_purchase": pd.to_datetime(["2023-07-01", "2022-03-01", *["2023-01-05"] * 3]),
        }
    )
    moved = migration(library(before), library(after), by="profit")
    assert repr(moved) == (
        "Migration(5 customers before, 5 after: 1 stayed, 1 upgraded, 1 downgraded, 2 lost, "
        "1 new, 1 returned)"
    )
    assert moved.period_start == dt.date(2023, 1, 5)
    counts = to_pandas(moved.counts)
    assert list(counts.columns) == ["from_tier", "to_tier", "customers"]
    assert len(counts) == 3 * 4 + 2 * 3
    assert list(counts["from_tier"].cat.categories) == [*TIERS, "new", "returned"]
    assert list(counts["to_tier"].cat.categories) == [*TIERS, "lost"]
    assert cell(counts, "returned", "steel") == cell(counts, "new", "lead") == 1
    assert cell(counts, "lead", "lost") == 2
    flow = to_pandas(moved.value_flow)
    assert cell(flow, "gold", "steel", "change") == -40
    assert cell(flow, "lead", "lost", "change") == 5
    assert cell(flow, "returned", "steel", "value_after") == 30
    wide = to_pandas(moved.matrix("counts"))
    assert list(wide.columns) == ["from_tier", *TIERS, "lost"]
    assert wide.drop(columns="from_tier").to_numpy().tolist() == [
        [1, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 2],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
    ]
    assert to_pandas(moved.matrix("shares")).loc[0, "steel"] == 0.5
    assert to_pandas(moved.matrix("value_flow"))["lost"].tolist() == [0, 0, 5, 0, 0]
    moves = to_pandas(moved.movements)
    assert moves["expected_stay"].tolist() == [2, 1, 1]
    # Of three who stayed: gold kept one in two, steel none; nobody came from lead, nobody is there.
    assert moved.mobility == pytest.approx(2 - 0.5)
    steady = to_pandas(moved.steady_state)
    assert steady["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert to_pandas(moved.forecast(2))["customers"].sum() == pytest.approx(15)


def test_without_value_the_columns_are_null(library) -> None:
    moved = migration(library(simple(a="A", b="B")), library(simple(a="B")))
    flow = to_pandas(moved.value_flow)
    assert moved.by is None
    assert flow[["value_before", "value_after", "change"]].isna().all(axis=None)
    assert flow["customers"].sum() == 2


def test_the_column_of_value_is_the_one_that_is_named() -> None:
    frame = simple(a="A", b="B").assign(value=[1.0, 2.0], profit=[5.0, 7.0])
    assert migration(frame, frame).value_flow["value_after"].sum() == 3
    assert migration(frame, frame, by="profit").value_flow["value_after"].sum() == 12


def test_zero_totals_and_negative_values_flow() -> None:
    before = simple(a="A", b="B").assign(value=[5.0, -5.0])
    after = simple(a="B", b="A").assign(value=[0.0, 0.0])
    moved = migration(before, after)
    assert moved.matrix("value_flow")["A"].tolist() == [0, 5, 0, 0]
    assert moved.value_flow["change"].sum() == 0


def test_one_customer() -> None:
    stayed = migration(simple(a="A"), simple(a="A"))
    assert (stayed.mobility, stayed.tiers) == (0, ("A",))
    left = migration(simple(a="A"), simple(b="A"))
    assert math.isnan(left.mobility)
    assert left.steady_state is None
    assert left.steady_state_reason == "nobody stayed a customer"
    assert left.movements["expected_stay"].tolist() == [1]
    assert migration(simple(a="A"), simple(a="B")).mobility == 2  # n/(n - 1): everybody left


def test_there_is_a_steady_state_only_where_there_is_one() -> None:
    swapped = migration(simple(a="A", b="B"), simple(a="B", b="A"))
    assert (swapped.steady_state, swapped.mobility) == (None, 2)
    assert "periodic" in swapped.steady_state_reason
    stuck = migration(simple(a="A", b="A", c="B"), simple(a="A", b="B", c="B"))
    assert stuck.steady_state is None
    assert stuck.steady_state_reason == "no way leads from 'B' to 'A': the chain is reducible"
    opened = migration(simple(a="A"), simple(a="B", b="B"))
    assert "its row is not known" in opened.steady_state_reason
    mixing = migration(simple(a="A", b="A", c="B"), simple(a="A", b="B", c="A"))
    assert mixing.steady_state["share"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert mixing.steady_state_reason == ""


def test_who_has_returned_is_only_said_where_it_is_known() -> None:
    before = simple(a="A")
    after = simple(a="A", b="A", c="B").assign(first_purchase=["2023-01-01", "2023-01-01", None])
    assert migration(before, after).counts.query("from_tier == 'returned'")["customers"].sum() == 0
    moved = migration(before, after, period_start="2023-01-02")
    assert cell(moved.counts, "returned", "A") == cell(moved.counts, "new", "B") == 1
    assert moved.period_start == dt.date(2023, 1, 2)
    on_the_day = migration(before, after, period_start=dt.date(2023, 1, 1))
    assert cell(on_the_day.counts, "new", "A") == 1
    with pytest.raises(InputError, match="needs a column 'first_purchase'"):
        migration(before, before, period_start="2023-01-02")
    with pytest.raises(InputError, match=r"not_an_iso_date in 1 row"):
        migration(before, after.assign(first_purchase=["x", None, None]), period_start="2023-01-02")
    empty = after.assign(first_purchase=[None, None, None])
    assert migration(empty, empty).period_start is None


def test_the_rank_of_tiers() -> None:
    text = simple(a="small", b="VIP")
    assert migration(text, text).tiers == ("VIP", "small")
    ordered = pd.CategoricalDtype(["hot", "warm", "cold"], ordered=True)
    typed = simple(a="cold", b="hot").astype({"tier": ordered})
    assert migration(typed, simple(a="hot", b="cold")).tiers == ("hot", "cold")
    for like in (pl.DataFrame({"customer_id": ["a", "b"], "tier": ["cold", "hot"]}).with_columns(
        pl.col("tier").cast(pl.Enum(["hot", "warm", "cold"]))
    ), duckdb.from_df(typed)):  # fmt: skip
        assert migration(like, like).tiers == ("hot", "cold")
    nominal = migration(simple(a="x", b="y"), simple(a="y", b="y"))
    assert (nominal.tiers, nominal.ranked) == (("x", "y"), False)
    assert nominal.movements["upgraded"].isna().all()
    assert nominal.mobility == 1
    assert "1 stayed, 1 moved" in repr(nominal)
    kept = migration(simple(a="x"), simple(a="y"), order=["y", "w", "x"])
    assert kept.tiers == ("y", "w", "x")
    assert kept.movements["upgraded"].tolist() == [0, 0, 1]
    assert kept.shares["share"].isna().sum() == 8


def test_unordered_categoricals_are_text(library) -> None:
    frame = simple(a="lead", b="gold").astype({"tier": "category"})
    assert migration(library(frame), library(frame), order=TIERS).tiers == tuple(TIERS)


def test_every_fault_at_once() -> None:
    before = pd.DataFrame(
        {"customer_id": [1, 1, 2], "tier": ["A", None, "lost"], "value": [1.0, 2.0, np.nan]}
    )
    after = pd.DataFrame({"customer_id": [1.0, np.nan], "tier": ["A", "C"], "value": [np.inf, 1]})
    with pytest.raises(InputError) as error:
        migration(before, after, order=["A", "B"])
    found = {(fault.column, fault.fault) for fault in error.value.faults}
    assert found >= {
        ("before.customer_id", "repeated_id"),
        ("before.tier", "missing_tier"),
        ("before.tier", "reserved_name"),
        ("before.value", "missing_or_not_finite"),
        ("after.customer_id", "missing_id"),
        ("after.value", "missing_or_not_finite"),
        ("", "unknown_tier"),
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: f.head(0), "empty"),
        (lambda f: f.assign(tier=[1, 2]), "not_a_tier"),
        (lambda f: f.assign(tier=[None, None]), "missing_tier"),
        (lambda f: f.assign(tier=pd.Categorical(["A", "B"], ["B", "A"], ordered=True)), "differ"),
        (lambda f: f.assign(customer_id=[1, 2]), "ids of different types"),
    ],
)
def test_faults_of_one_kind(change, fault) -> None:
    frame = simple(a="A", b="B").astype({"tier": pd.CategoricalDtype(["A", "B"], ordered=True)})
    with pytest.raises(InputError, match=fault):
        migration(frame, change(frame))


def two_halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    bought = pd.to_datetime(["2024-03-01", "2024-06-30", None])
    before = pd.DataFrame(
        {"customer_id": [1, 2, 3], "tier": ["gold", "lead", "lead"], "last_purchase": bought}
    )
    after = before.assign(last_purchase=bought + pd.DateOffset(months=6))
    first = pd.to_datetime(["2024-01-05", "2024-01-06", "2023-01-01"])
    return before.assign(first_purchase=first), after.assign(first_purchase=first)


def test_a_period_that_begins_after_its_last_purchase_is_refused(library) -> None:
    before, after = map(library, two_halves())
    assert migration(before, after, period_start="2024-06-30").period_start == dt.date(2024, 6, 30)
    with pytest.raises(InputError) as caught:
        migration(before, after, period_start="2024-07-01")
    (fault,) = caught.value.faults
    assert fault.fault == "period_start"
    assert "2024-07-01; the latest last_purchase of before is 2024-06-30" in fault.examples


def test_frames_that_are_swapped_are_said(library) -> None:
    before, after = map(library, two_halves())
    migration(before, before)  # the same day is no swap
    with pytest.warns(
        DataWarning, match="latest last_purchase is 2024-12-30, that of after 2024-06-30"
    ):
        migration(after, before)


def test_dates_of_the_last_purchase_are_not_asked_for() -> None:
    """A column of that name may hold anything: it only serves to find slips."""
    before, after = two_halves()
    for odd in (before.assign(last_purchase="long ago"), before.assign(last_purchase=None)):
        assert migration(odd, after, period_start="2030-01-01").period_start == dt.date(2030, 1, 1)
        migration(after, odd)


def test_options_that_are_none() -> None:
    frame = simple(a="A", b="B")
    moved = migration(frame, frame)
    for level in (0, 1, 95):
        with pytest.raises(InputError, match="level must be above 0"):
            migration(frame, frame, level=level)
    with pytest.raises(InputError, match="expected different names"):
        migration(frame, frame, order=["A", "A", "B"])
    for what in ("profit", ["counts"], None):
        with pytest.raises(InputError, match="matrix gives 'counts'"):
            moved.matrix(what)
    for periods in (-1, 1.5, True):
        with pytest.raises(InputError, match="whole number of at least 0"):
            moved.forecast(periods)
    with pytest.raises(InputError, match="nobody was in 'B' before"):
        migration(simple(a="A"), simple(a="B")).forecast()
    assert migration(simple(a="A"), simple(a="B")).forecast(0)["customers"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_small_changes_of_large_values_flow_too(seed) -> None:
    """Catches a whole that is added up less exactly than its parts."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(1e12, 1e13, 60).round(2)
    tiers = rng.choice(TIERS, len(values))
    before = pd.DataFrame({"customer_id": range(60), "tier": tiers, "value": values})
    after = before.assign(value=values + rng.uniform(-9, 9, len(values)).round(2))
    flow = migration(before, after).value_flow
    for column, frame in (("value_before", before), ("value_after", after)):
        whole = math.fsum(frame["value"])
        assert math.fsum(flow[column]) == pytest.approx(whole, rel=1e-15)
    assert flow["change"].equals(flow["value_after"] - flow["value_before"])


@pytest.mark.parametrize("order", [3, "AB", [["A"], ["B"]], ["A", None], [1, 2], []])
def test_an_order_is_of_names(order) -> None:
    frame = simple(a="A", b="B").assign(value=1.0)
    for call in (migration, watch_list):
        with pytest.raises(InputError) as error:
            call(frame, frame, order=order)
        assert [fault.fault for fault in error.value.faults] == ["order"]
        assert "best first, such as ['gold', 'steel', 'lead']" in str(error.value)


@pytest.mark.parametrize("level", ["x", [0.9], None, True, float("nan")])
def test_a_level_that_is_no_number_is_refused(level) -> None:
    with pytest.raises(InputError, match="level must be above 0 and below 1"):
        migration(simple(a="gold"), simple(a="gold"), level=level)


def test_a_name_that_is_reserved_is_no_tier() -> None:
    frame = pd.DataFrame({"customer_id": [1], "tier": ["gold"]})
    with pytest.raises(InputError, match="reserved_name \\('lost'\\)"):
        migration(frame, frame, order=["gold", "lost"])


@pytest.mark.parametrize("option", ["by", "tier"])
def test_columns_are_named_by_texts(option) -> None:
    frame = pd.DataFrame({"customer_id": [1], "tier": ["gold"], "value": [1.0]})
    with pytest.raises(InputError, match=r"named by a text; got \[3\]"):
        migration(frame, frame, **{option: [3]})
