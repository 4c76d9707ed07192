"""Time-driven costing: equations, capacity, what is never charged, and what if."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs, customer_statement
from crmvalue.costing.time_driven import TimeDrivenCosts
from crmvalue.errors import InputError

GROUPS = ["desk", "drivers", "packers"]
ACTIVITIES = ["order", "visit"]
TERMS = ["", "lines", "rush", "lines:rush"]


@st.composite
def cases(draw):
    """Any groups, equations and events: groups without work, overruns, zeros."""
    amount = st.floats(0, 1e6).map(lambda value: round(value, 6))  # halves stay exact enough
    groups = pd.DataFrame(
        {
            "group": GROUPS,
            "cost": [draw(st.floats(0, 1e9)) for _ in GROUPS],
            "practical_time": [draw(st.floats(1, 1e9)) for _ in GROUPS],
        }
    )
    key = st.tuples(st.sampled_from(GROUPS[:2]), *map(st.sampled_from, (ACTIVITIES, TERMS)))
    keys = draw(st.lists(key, min_size=1, unique=True, max_size=6))
    keys += [("desk", a, "") for a in ACTIVITIES if ("desk", a, "") not in keys]
    equations = pd.DataFrame(
        [(*k, draw(st.floats(0, 100))) for k in keys],
        columns=["group", "activity", "term", "time"],
    )
    event = st.tuples(
        st.integers(1, 4), st.sampled_from(ACTIVITIES), amount, st.integers(0, 50), st.booleans()
    )
    rows = draw(st.lists(event, min_size=1, max_size=8))
    events = pd.DataFrame(rows, columns=["customer_id", "activity", "quantity", "lines", "rush"])
    return groups, equations, events


def near(whole):
    return max(0.005, 1e-12 * abs(whole))


@settings(max_examples=15)
@given(cases())
def test_every_group_is_charged_and_unused_and_nothing_else(case):
    """Law: charged and unused cost make the cost of each group, an overrun being negative, and all
    stages add up to it. Catches unused cost that is cut off at 0, and a rate over the time used.
    """
    groups, equations, events = case
    found = TimeDrivenCosts(groups, equations).assign(events)
    shown = found.groups.set_index("group")
    assert shown["cost"].tolist() == groups["cost"].tolist()
    left = shown["cost"] - shown["used_cost"]
    assert np.allclose(left, shown["unused_cost"], rtol=1e-9, atol=near(shown["used_cost"].max()))
    charged = found.customers.groupby("group")["cost"].sum().reindex(GROUPS, fill_value=0.0)
    assert np.allclose(charged, shown["used_cost"], rtol=1e-12, atol=1e-9)
    assert shown.loc["packers", "unused_cost"] == shown.loc["packers", "cost"]
    gross = shown["used_cost"].sum() + shown["cost"].sum()
    for stage, lines in found.reconciliation.groupby("stage"):
        whole = lines["amount"].sum()
        assert whole == pytest.approx(groups["cost"].sum(), abs=near(gross)), stage
    for costs in (found.totals, found.events, found.customers, found.activities):
        assert costs["cost"].sum() == pytest.approx(shown["used_cost"].sum(), abs=near(gross))


@settings(max_examples=15)
@given(cases())
def test_each_event_by_hand(case):
    """Law: an event costs the sum, over groups and terms, of rate, time, drivers and quantity.
    Catches an interaction taken for the sum of its drivers, and the rate of another group.
    """
    groups, equations, events = case
    found = TimeDrivenCosts(groups, equations).assign(events)
    per_minute = dict(zip(groups["group"], groups["cost"] / groups["practical_time"], strict=True))
    for event, shown in zip(events.itertuples(), found.events.itertuples(), strict=True):
        count = {"": 1, "lines": event.lines, "rush": event.rush}
        count["lines:rush"] = event.lines * event.rush
        time = cost = 0.0
        for term in equations[equations["activity"] == event.activity].itertuples():
            minutes = event.quantity * term.time * count[term.term]
            time += minutes
            cost += minutes * per_minute[term.group]
        assert shown.time == pytest.approx(time, rel=1e-9, abs=1e-9)
        assert shown.cost == pytest.approx(cost, rel=1e-9, abs=1e-9)
        assert (shown.customer_id, shown.activity) == (event.customer_id, event.activity)


@settings(max_examples=15)
@given(cases(), st.floats(0, 10))
def test_cost_is_linear_in_quantity(case, factor):
    """Law: k times the events cost k times as much, whatever is unused then. Catches unused cost
    spread over what is used.
    """
    groups, equations, events = case
    model = TimeDrivenCosts(groups, equations)
    one = model.assign(events)
    more = model.assign(events.assign(quantity=events["quantity"] * factor))
    assert np.allclose(more.totals["cost"], one.totals["cost"] * factor, rtol=1e-9, atol=1e-6)
    assert np.allclose(more.events["time"], one.events["time"] * factor, rtol=1e-9, atol=1e-6)
    same = one.what_if(volumes=dict.fromkeys(ACTIVITIES, factor)).after
    pd.testing.assert_frame_equal(same.groups, more.groups)


@settings(max_examples=15)
@given(cases(), st.integers(2, 9))
def test_capacity_that_nobody_needs_costs_no_customer_more(case, factor):
    """Law: more capacity at the same rate is unused and charged to nobody. Catches the whole cost
    of a group divided by the time used.
    """
    groups, equations, events = case
    one = TimeDrivenCosts(groups, equations).assign(events)
    wide = groups.assign(
        cost=groups["cost"] * factor, practical_time=groups["practical_time"] * factor
    )
    two = TimeDrivenCosts(wide, equations).assign(events)
    assert np.allclose(one.totals["cost"], two.totals["cost"], rtol=1e-9, atol=1e-9)


@settings(max_examples=15)
@given(cases(), st.randoms())
def test_row_order_and_split_events_change_nothing(case, random):
    """Law: tables have no order, and an event in two halves is one. Catches time booked
    on the customers of other rows.
    """
    groups, equations, events = case

    def shuffled(table):
        return table.iloc[random.sample(range(len(table)), len(table))].reset_index(drop=True)

    one = TimeDrivenCosts(groups, equations)
    two = TimeDrivenCosts(shuffled(groups), shuffled(equations))
    assert one == two
    halves = events.assign(quantity=events["quantity"] / 2)
    found, again = one.assign(events), two.assign(shuffled(pd.concat([halves, halves])))
    for name in ("customers", "totals", "activities", "groups", "reconciliation"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name), rtol=1e-9)


@pytest.fixture
def tables():
    """A service desk and a warehouse; orders take time of both."""
    groups = pd.DataFrame(
        {"group": ["stock", "desk"], "cost": [300.0, 1000.0], "practical_time": [600.0, 500.0]}
    )
    rows = [
        ("desk", "order", "", 5.0),
        ("desk", "order", "new", 10.0),
        ("stock", "order", "lines", 2.0),
        ("stock", "order", "rush:lines", 1.0),
        ("desk", "call", "", 4.0),
    ]
    equations = pd.DataFrame(rows, columns=["group", "activity", "term", "time"])
    events = pd.DataFrame(
        {
            "customer_id": ["y", "x", "y", "x"],
            "activity": ["order", "call", "order", "order"],
            "quantity": [10.0, 30.0, 1.0, 20.0],
            "lines": [3.0, None, 50.0, 2.0],
            "rush": [1.0, None, 1.0, 0.0],
            "new": [False, False, True, False],
        }
    )
    return {"groups": groups, "equations": equations, "events": events}


def assigned(tables, **changes):
    tables = {**tables, **changes}
    return TimeDrivenCosts(tables["groups"], tables["equations"]).assign(tables["events"])


def test_figures_and_schema(tables, library):
    found = assigned({name: library(table) for name, table in tables.items()})
    events = to_pandas(found.events)
    assert events.columns.tolist() == [
        *("customer_id", "activity", "quantity", "lines", "new", "rush", "time", "cost")
    ]
    assert events["customer_id"].tolist() == ["y", "x", "y", "x"]
    assert events["time"].tolist() == pytest.approx([140, 120, 165, 180])
    assert events["cost"].tolist() == pytest.approx([145, 240, 105, 240])
    customers = to_pandas(found.customers)
    assert customers.columns.tolist() == [
        *("customer_id", "activity", "group", "quantity", "time", "rate", "cost")
    ]
    assert customers[["customer_id", "activity", "group"]].to_numpy().tolist() == [
        ["x", "call", "desk"],
        ["x", "order", "desk"],
        ["x", "order", "stock"],
        ["y", "order", "desk"],
        ["y", "order", "stock"],
    ]
    assert customers["quantity"].tolist() == [30, 20, 20, 11, 11]
    assert customers["time"].tolist() == pytest.approx([120, 100, 80, 65, 240])
    assert customers["rate"].tolist() == pytest.approx([2, 2, 0.5, 2, 0.5])
    assert customers["cost"].tolist() == pytest.approx([240, 200, 40, 130, 120])
    assert to_pandas(found.totals).to_numpy().tolist() == [["x", 480.0], ["y", 250.0]]
    groups = to_pandas(found.groups)
    assert groups.columns.tolist() == [
        *("group", "cost", "practical_time", "rate", "used", "used_cost"),
        *("unused_time", "unused_cost", "overrun"),
    ]
    assert groups["group"].tolist() == ["desk", "stock"]
    assert groups["used"].tolist() == pytest.approx([285, 320])
    assert groups["unused_time"].tolist() == pytest.approx([215, 280])
    assert groups["unused_cost"].tolist() == pytest.approx([430, 140])
    assert groups["overrun"].tolist() == [False, False]
    activities = to_pandas(found.activities)
    assert activities["unit_time"].tolist() == pytest.approx([4, 165 / 31, 320 / 31])
    assert activities["unit_cost"].tolist() == pytest.approx([8, 330 / 31, 160 / 31])
    lines = to_pandas(found.reconciliation)
    assert lines.groupby("stage")["amount"].sum().tolist() == pytest.approx([1300] * 3)
    assert repr(found) == (
        "TimeDrivenAssignment(4 events of 2 customers: 1,300.00 = 730.00 charged + 570.00 unused)"
    )


def test_tables_leave_in_the_library_of_the_events(tables, library):
    came = library(tables["events"])
    found = assigned(tables, events=came)
    plain = {"LazyFrame": "DataFrame", "DuckDBPyRelation": "Table"}
    wanted = plain.get(type(came).__name__, type(came).__name__)
    case = found.what_if(volumes={"call": 2})
    for name in ("events", "customers", "totals", "activities", "groups", "reconciliation"):
        assert type(getattr(found, name)).__name__ == wanted
    assert type(case.groups).__name__ == type(case.totals).__name__ == wanted


def test_a_statement_has_a_line_for_each_activity(tables):
    sales = pd.DataFrame({"customer_id": ["x", "y"], "list_revenue": [1000.0, 1000.0]})
    statement = customer_statement(sales, costs=assigned(tables).customers)
    assert statement["order"].tolist() == pytest.approx([-240, -250])
    assert statement["call"].tolist() == pytest.approx([-240, 0])


def test_without_quantity_every_row_is_one_event(tables):
    events = tables["events"].drop(columns="quantity")
    assert assigned(tables, events=events).events["time"].tolist() == pytest.approx([14, 4, 165, 9])


def test_drivers_of_other_activities_are_not_needed(tables):
    calls = tables["events"].query("activity == 'call'")
    found = assigned(tables, events=calls[["customer_id", "activity"]])
    assert found.events.columns.tolist() == ["customer_id", "activity", "quantity", "time", "cost"]
    shown = found.activities.set_index(["activity", "group"])
    assert shown.loc[("order", "stock"), "cost"] == 0
    assert shown["unit_cost"].isna().tolist() == [False, True, True]


def test_overrun_is_shown_and_charged(tables):
    found = assigned(tables, groups=tables["groups"].assign(practical_time=[600.0, 200.0]))
    desk = found.groups.set_index("group").loc["desk"]
    assert desk["rate"] == 5
    assert desk["unused_time"] == pytest.approx(-85)
    assert desk["unused_cost"] == pytest.approx(-425)
    assert desk["overrun"]
    lines = found.reconciliation.query("stage == 'customers'").set_index(["line", "item"])["amount"]
    assert lines.to_dict() == pytest.approx(
        {
            ("customers", "desk"): 1425,
            ("customers", "stock"): 160,
            ("unused", "stock"): 140,
            ("overrun", "desk"): -425,
        }
    )


def test_work_that_just_fills_the_capacity_is_no_overrun():
    groups = pd.DataFrame({"group": ["g"], "cost": [100.0], "practical_time": [0.3]})
    equations = pd.DataFrame({"group": ["g"], "activity": ["a"], "term": [""], "time": [0.1]})
    found = TimeDrivenCosts(groups, equations).assign(
        pd.DataFrame({"customer_id": [1, 2, 3], "activity": "a"})
    )
    assert not found.groups["overrun"][0]
    assert set(found.reconciliation["line"]) <= {"ledger", "activity", "customers", "unused"}


@pytest.mark.parametrize("share", [0.8, 0.85])
def test_practical_time_from_the_theoretical_one(tables, share):
    groups = tables["groups"].assign(practical_time=[600.0, np.nan])
    groups = groups.assign(theoretical_time=[np.nan, 1000.0], practical_share=[np.nan, share])
    model = TimeDrivenCosts(groups, tables["equations"])
    assert [group.practical_time for group in model.groups] == [1000 * share, 600]
    only = groups.assign(theoretical_time=1000, practical_share=share)
    model = TimeDrivenCosts(only.drop(columns="practical_time"), tables["equations"])
    assert [group.practical_time for group in model.groups] == [1000 * share] * 2


def test_terms_may_save_time(tables):
    saving = pd.concat(
        [
            tables["equations"],
            pd.DataFrame({"group": ["desk"], "activity": "order", "term": "new", "time": -5.0}),
        ]
    ).query("time != 10")
    found = assigned(tables, equations=saving)
    assert found.events["time"].tolist() == pytest.approx([140, 120, 150, 180])
    too_much = saving.assign(time=saving["time"].replace(-5.0, -6.0))
    with pytest.raises(InputError, match=r"negative_time in 1 row \(row 2\).*'desk' for 'order'"):
        assigned(tables, equations=too_much)


def test_a_driver_may_be_used_twice_and_terms_written_in_any_order(tables):
    terms = ["", " new", "lines", "lines : rush", None]
    one = TimeDrivenCosts(tables["groups"], tables["equations"].assign(term=terms))
    assert one == TimeDrivenCosts(tables["groups"], tables["equations"])
    squared = tables["equations"].replace({"term": {"lines": "lines:lines"}})
    assert assigned(tables, equations=squared).events["time"].tolist()[0] == 10 * (5 + 18 + 3)


def test_the_declared_value_compares_and_travels(tables):
    model = TimeDrivenCosts(tables["groups"], tables["equations"])
    assert TimeDrivenCosts.from_json(model.to_json()) == model
    assert hash(TimeDrivenCosts.from_dict(model.to_dict())) == hash(model)
    assert model != TimeDrivenCosts(tables["groups"].assign(cost=1.0), tables["equations"])
    assert repr(model) == "TimeDrivenCosts(desk, stock: 5 terms of 2 activities)"
    assert model.groups[0] == ("desk", 1000.0, 500.0)
    assert model.equations[-1].drivers == ("lines", "rush")
    with pytest.raises(FrozenInstanceError):
        model.groups = ()
    with pytest.raises(FrozenInstanceError):
        model.assign(tables["events"]).charges = None


def test_names_may_be_numbers(tables):
    number = {"desk": 1, "stock": 2, "order": 10, "call": 20}
    groups, equations, events = (
        table.assign(**{c: table[c].map(number) for c in ("group", "activity") if c in table})
        for table in tables.values()
    )
    model = TimeDrivenCosts(groups, equations)
    assert TimeDrivenCosts.from_json(model.to_json()) == model
    found = model.assign(events)
    assert found.groups["group"].tolist() == [1, 2]
    assert found.customers["activity"].tolist() == [10, 10, 20, 10, 10]
    assert sorted(found.totals["cost"]) == sorted(assigned(tables).totals["cost"])
    assert found.what_if(times={(1, 20, ""): 0}).after.totals["cost"].tolist() == [240, 250]


def test_agrees_with_activity_costs_over_practical_volumes(tables):
    """One base time a group and activity: time is a driver and practical time its volume."""
    found = assigned(tables)
    times = found.customers.rename(columns={"activity": "what", "time": "used"})
    other = activity_costs(
        tables["groups"].rename(columns={"group": "resource"}),
        pd.DataFrame({"resource": ["stock", "desk"], "activity": ["stock", "desk"], "share": 1.0}),
        pd.DataFrame(
            {
                "customer_id": times["customer_id"],
                "activity": times["group"],
                "quantity": times["used"],
            }
        ),
        tables["groups"].rename(
            columns={"group": "activity", "practical_time": "practical_volume"}
        ),
    )
    assert other.totals["cost"].tolist() == pytest.approx(found.totals["cost"].tolist())
    assert other.idle.tolist() == pytest.approx(found.groups["unused_cost"].tolist())


def test_what_if_shows_old_and_new_beside_each_other(tables):
    found = assigned(tables)
    case = found.what_if(
        volumes={"call": 2},
        times={("desk", "order", "new"): 4, ("stock", "order", "lines"): 1.5},
        costs={"stock": 240},
        practical_times={"stock": 400},
    )
    groups = case.groups.set_index("group")
    names = ("cost", "practical_time", "rate", "used", "unused_time", "unused_cost")
    assert groups.columns.tolist() == [n for name in names for n in (name, f"new_{name}")]
    assert groups["used"].tolist() == pytest.approx([285, 320])
    assert groups["new_used"].tolist() == pytest.approx([399, 260])
    assert groups["new_rate"].tolist() == pytest.approx([2, 0.6])
    assert groups["new_unused_cost"].tolist() == pytest.approx([202, 84])
    totals = case.totals
    assert totals.columns.tolist() == ["customer_id", "cost", "new_cost", "difference"]
    assert totals["new_cost"].tolist() == pytest.approx([240 * 2 + 200 + 36, 118 + 120])
    assert totals["difference"].tolist() == pytest.approx([236, -12])
    assert case.before is found
    assert found.events["quantity"].tolist() == tables["events"]["quantity"].tolist()


def test_what_if_takes_the_drivers_of_a_term_in_any_order(tables):
    found = assigned(tables)
    for term in ("lines:rush", "rush : lines"):
        case = found.what_if(times={("stock", "order", term): 0})
        assert case.groups["new_used"].tolist() == pytest.approx([285, 240])


def test_nothing_changed_changes_nothing(tables):
    found = assigned(tables)
    case = found.what_if()
    assert case.after.model == found.model
    pd.testing.assert_frame_equal(case.after.customers, found.customers)
    assert (case.totals["difference"] == 0).all()


def faults(call):
    with pytest.raises(InputError) as caught:
        call()
    return {(fault.fault, fault.column): fault.examples for fault in caught.value.faults}


def test_what_if_names_all_that_it_does_not_know(tables):
    found = assigned(tables)
    named = faults(
        lambda: found.what_if(
            volumes={"visit": 2, "call": -1},
            times={("desk", "order"): 4, ("desk", "order", ""): np.inf},
            costs={"desk": np.nan},
            practical_times={"desk": 0, "stock": 1},
        )
    )
    assert named == {
        ("unknown_name", "volumes"): "'visit'",
        ("bad_number", "volumes"): "'call': -1",
        ("unknown_name", "times"): "('desk', 'order')",
        ("bad_number", "times"): "('desk', 'order', ''): inf",
        ("bad_number", "costs"): "'desk': nan",
        ("bad_number", "practical_times"): "'desk': 0",
    }
    with pytest.raises(InputError, match="negative_time"):
        found.what_if(times={("desk", "call", ""): -1.0})


def test_every_fault_of_groups_and_equations_at_once():
    groups = pd.DataFrame(
        {"group": ["a", "a", "b"], "cost": [1.0, -1.0, np.nan], "practical_time": [0.0, 1.0, 1.0]}
    )
    rows = [
        ("a", "x", "", 1.0),
        ("a", "x", None, 2.0),
        ("z", "x", "a::b", 3.0),
        ("b", None, "time", np.nan),
    ]
    equations = pd.DataFrame(rows, columns=["group", "activity", "term", "time"])
    assert set(faults(lambda: TimeDrivenCosts(groups, equations))) == {
        ("repeated_id", "groups.group"),
        ("too_small", "groups.cost"),
        ("missing_or_not_finite", "groups.cost"),
        ("no_practical_time", "groups.group"),
        ("repeated_term", "equations"),
        ("unknown_group", "equations.group"),
        ("bad_term", "equations.term"),
        ("missing_id", "equations.activity"),
        ("missing_or_not_finite", "equations.time"),
    }


@pytest.mark.parametrize(
    ("theoretical", "share"), [(100, 0), (100, 1.2), (0, 0.8), (np.nan, 0.8), (100, np.nan)]
)
def test_no_practical_time(tables, theoretical, share):
    groups = tables["groups"].drop(columns="practical_time")
    groups = groups.assign(theoretical_time=float(theoretical), practical_share=float(share))
    found = faults(lambda: TimeDrivenCosts(groups, tables["equations"]))
    assert ("no_practical_time", "groups.group") in found
    with pytest.raises(InputError, match="'practical_time', or both"):
        TimeDrivenCosts(groups.drop(columns="practical_share"), tables["equations"])


@pytest.mark.parametrize("term", ["quantity", "cost", "lines:time", "customer_id", ":", "a:", 7])
def test_terms_that_can_not_be(tables, term):
    equations = tables["equations"].astype({"term": object})
    equations.loc[1, "term"] = term
    found = faults(lambda: TimeDrivenCosts(tables["groups"], equations))
    assert ("bad_term", "equations.term") in found


def test_every_fault_of_the_events_at_once(tables):
    events = tables["events"].assign(
        customer_id=[None, "x", "y", "x"],
        activity=["order", "coll", "order", None],
        quantity=[1.0, -1.0, np.nan, 1.0],
        lines=[None, None, -3.0, 2.0],
    )
    found = faults(lambda: assigned(tables, events=events.drop(columns="rush")))
    assert set(found) == {
        ("missing_id", "events.customer_id"),
        ("missing_id", "events.activity"),
        ("no_equation", "events.activity"),
        ("too_small", "events.quantity"),
        ("missing_or_not_finite", "events.quantity"),
        ("missing_driver", "events.lines"),
        ("too_small", "events.lines"),
        ("missing_driver_column", "events.rush"),
    }
    assert found["no_equation", "events.activity"] == "row 1: 'coll'"
    assert found["missing_driver", "events.lines"].startswith("row 0")


def test_flags_with_gaps_and_text(tables, library):
    events = tables["events"].assign(new=pd.array([True, None, None, False], dtype="boolean"))
    found = faults(lambda: assigned(tables, events=library(events)))
    assert set(found) == {("missing_driver", "events.new")}
    events = tables["events"].assign(new=["no", "no", "yes", "no"])
    found = faults(lambda: assigned(tables, events=library(events)))
    assert set(found) == {("not_a_number", "events.new")}


def test_flags_with_gaps_where_they_are_not_needed(tables):
    events = tables["events"].assign(new=pd.Series([False, None, True, False], dtype=object))
    found = assigned(tables, events=events).totals
    pd.testing.assert_frame_equal(found, assigned(tables).totals)


def test_empty_tables(tables):
    none = assigned(tables, events=tables["events"].head(0))
    assert none.groups["unused_cost"].tolist() == [1000, 300]
    assert len(none.totals) == len(none.events) == len(none.customers) == 0
    idle = TimeDrivenCosts(tables["groups"], tables["equations"].head(0))
    assert idle.assign(tables["events"].head(0)).groups["used"].tolist() == [0, 0]
    assert ("no_equation", "events.activity") in faults(lambda: idle.assign(tables["events"]))
    numbered = tables["events"].assign(activity=[1, 2, 1, 1])
    assert ("no_equation", "events.activity") in faults(lambda: assigned(tables, events=numbered))
    found = faults(lambda: TimeDrivenCosts(tables["groups"].head(0), tables["equations"]))
    assert ("empty", "groups") in found
