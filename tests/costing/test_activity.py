"""Activity-based costing: conservation, the trace, and every kind of bad input."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity, activity_costs
from crmvalue.errors import ConservationError, InputError
from crmvalue.lifetime import MBGNBD
from crmvalue.value import customer_lifetime_value

MONEY = st.floats(0, 1e9, allow_nan=False)
QUANTITY = st.one_of(st.integers(0, 1000).map(float), st.floats(0, 1e6, allow_nan=False))
RESOURCES = ["rent", "salaries", "vans"]
POOLS = ["orders", "visits", "returns", "sales"]


def frame(rows, *columns):
    """A table with the types of its columns even where it has no rows."""
    kinds = {c: float for c in columns if c in ("cost", "share", "quantity", "practical_volume")}
    kinds |= {"customer_id": int}
    found = pd.DataFrame(rows, columns=list(columns))
    return found.astype({c: kind for c, kind in kinds.items() if c in columns})


@st.composite
def ledgers(draw):
    """The four tables of any ledger: gaps, zeros, repeated driver rows, all levels and drivers."""
    resources = frame([(r, draw(MONEY)) for r in RESOURCES], "resource", "cost")
    pairs = st.tuples(st.sampled_from(RESOURCES), st.sampled_from(POOLS))
    if draw(st.booleans()):
        column, weight = "quantity", QUANTITY
    else:
        column, weight = "share", st.floats(0, 1 / len(POOLS))
    edges = draw(st.lists(pairs, max_size=8, unique=column == "share"))
    to_pools = frame([(*e, draw(weight)) for e in edges], "resource", "activity", column)
    levels = {
        pool: draw(st.sampled_from(["order", "customer", None, "facility"])) for pool in POOLS
    }
    open_pools = [pool for pool in POOLS if levels[pool] != "facility"] or ["extra"]
    rows = st.tuples(st.integers(1, 5), st.sampled_from(open_pools), QUANTITY)
    to_customers = frame(draw(st.lists(rows, max_size=15)), "customer_id", "activity", "quantity")
    kinds = [draw(st.sampled_from(["transaction", "duration", "intensity", None])) for _ in POOLS]
    practical = [
        None if kind == "intensity" else draw(st.one_of(st.none(), st.floats(1, 1e6)))
        for kind in kinds
    ]
    activities = pd.DataFrame({"activity": POOLS, "practical_volume": practical})
    activities["driver"] = pd.Series(kinds, dtype=object)
    activities["practical_volume"] = activities["practical_volume"].astype(float)
    activities["level"] = pd.Series([levels[pool] for pool in POOLS], dtype=object)
    return resources, to_pools, to_customers, activities


@pytest.fixture
def tables():
    return {
        "resources": frame([("rent", 300.0), ("salaries", 1000.0)], "resource", "cost"),
        "resource_drivers": frame(
            [("rent", "orders", 1.0), ("salaries", "orders", 3.0), ("salaries", "visits", 1.0)],
            "resource",
            "activity",
            "quantity",
        ),
        "activity_drivers": frame(
            [(2, "orders", 10.0), (1, "orders", 30.0), (1, "visits", 5.0)],
            "customer_id",
            "activity",
            "quantity",
        ),
        "activities": pd.DataFrame({"activity": ["orders"], "practical_volume": [50.0]}),
    }


def near(whole):
    """Half a cent, or what a double can hold."""
    return max(0.005, 1e-12 * abs(whole))


@settings(max_examples=25)
@given(ledgers())
def test_every_stage_adds_up_to_the_ledger(ledger):
    """Law: the ledger is conserved. Catches idle cost computed as cost - rate * practical volume,
    and unassigned cost that is left out of the reconciliation.
    """
    costs = activity_costs(*ledger)
    whole = ledger[0]["cost"].sum()
    by_stage = costs.reconciliation.groupby("stage")["amount"].sum()
    assert set(by_stage.index) <= {"ledger", "activities", "customers"}
    for stage in ("ledger", "activities", "customers"):
        assert by_stage.get(stage, 0.0) == pytest.approx(whole, abs=near(whole))
    pools = costs.activities
    split = pools["assigned"] + pools["idle"] + pools["at_level"]
    assert np.allclose(split, pools["cost"], rtol=1e-12, atol=1e-9)
    assert (costs.activities["idle"] >= 0).all()
    assert (costs.unassigned >= 0).all()
    levels = costs.levels
    parts = levels["charged"] + levels["idle"] + levels["at_level"]
    assert np.allclose(parts, levels["cost"], rtol=1e-12, atol=1e-9)
    everything = [*levels["cost"], *costs.unassigned]
    assert sum(everything) == pytest.approx(whole, abs=near(whole))
    assert costs.totals["cost"].sum() == pytest.approx(pools["assigned"].sum(), abs=near(whole))


@settings(max_examples=25)
@given(ledgers())
def test_no_cost_without_a_driver(ledger):
    """Law: who caused nothing pays nothing, and what lies above the customer or is idle is charged
    to nobody. Catches dividing by the volume used instead of the practical one.
    """
    costs = activity_costs(*ledger)
    driven = ledger[2].groupby(["customer_id", "activity"])["quantity"].sum()
    found = costs.customers.set_index(["customer_id", "activity"])
    assert sorted(found.index) == sorted(driven.index)
    assert (found["cost"][driven == 0] == 0).all()
    stated = ledger[3].set_index("activity")
    for line in costs.activities.itertuples():
        practical = stated["practical_volume"].get(line.activity, np.nan)
        if stated["driver"].get(line.activity) == "intensity":
            practical = line.cost
        capacity = np.fmax(practical, line.driver_volume)
        if line.level == "facility" or not capacity > 0:
            assert line.assigned == 0
        else:
            most = line.cost * line.driver_volume / capacity
            assert line.assigned == pytest.approx(most, rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(ledgers(), st.randoms(use_true_random=False))
def test_row_order_changes_nothing(ledger, random):
    """Law: tables have no order. Catches the cost of the ledger left in the order of its rows."""

    def shuffled(table):
        return table.iloc[random.sample(range(len(table)), len(table))].reset_index(drop=True)

    one, two = activity_costs(*ledger), activity_costs(*map(shuffled, ledger))
    for name in ("customers", "totals", "activities", "assignments", "reconciliation"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-9)


@settings(max_examples=25)
@given(ledgers(), st.floats(0, 1))
def test_splitting_a_resource_changes_no_customer(ledger, part):
    """Law: two halves of a pool cost what the pool costs. Catches shares taken over all resources
    instead of per resource.
    """
    resources, to_pools, to_customers, activities = ledger
    halves = pd.concat(
        [
            resources.assign(cost=resources["cost"] * part),
            resources.assign(
                cost=resources["cost"] * (1 - part), resource=resources["resource"] + " 2"
            ),
        ]
    )
    doubled = pd.concat([to_pools, to_pools.assign(resource=to_pools["resource"] + " 2")])
    whole = activity_costs(*ledger).totals
    split = activity_costs(halves, doubled, to_customers, activities).totals
    pd.testing.assert_frame_equal(whole, split, rtol=1e-9, atol=1e-6)


@settings(max_examples=25)
@given(ledgers(), st.floats(0.1, 0.9))
def test_merging_two_identical_activities_changes_no_customer(ledger, part):
    """Law: an activity split into two with the same drivers costs the same. Catches a rate with the
    drivers of all activities under it.
    """
    resources, to_pools, to_customers, activities = ledger
    activities = activities.assign(driver=activities["driver"].replace("intensity", "duration"))
    weight = to_pools.columns[-1]
    twin = to_pools["activity"] == "orders"
    one = to_pools.assign(**{weight: to_pools[weight].where(~twin, to_pools[weight] * part)})
    two = to_pools[twin].assign(activity="twin")
    two[weight] = two[weight] * (1 - part)
    split = activity_costs(
        resources,
        pd.concat([one, two]),
        pd.concat(
            [
                to_customers,
                to_customers[to_customers["activity"] == "orders"].assign(activity="twin"),
            ]
        ),
        pd.concat(
            [activities, activities[activities["activity"] == "orders"].assign(activity="twin")]
        ),
    )
    whole = activity_costs(resources, to_pools, to_customers, activities)
    pd.testing.assert_frame_equal(whole.totals, split.totals, rtol=1e-9, atol=1e-6)


@settings(max_examples=25)
@given(ledgers(), st.floats(1.01, 100))
def test_capacity_that_nobody_uses_is_charged_to_nobody(ledger, factor):
    """Law: unused capacity is never charged. With room for `factor` times what is used, customers
    pay that part of the cost of each activity, whatever the others use. Catches a rate of cost /
    volume used.
    """
    resources, to_pools, to_customers, activities = ledger
    used = to_customers.groupby("activity")["quantity"].sum()
    room = activities["activity"].map(used).fillna(0.0) * factor
    activities = activities.assign(practical_volume=room.where(room > 0), driver="duration")
    costs = activity_costs(resources, to_pools, to_customers, activities)
    pools = costs.activities.query("activity in @POOLS and driver_volume > 0")
    assert np.allclose(pools["assigned"], pools["cost"] / factor, rtol=1e-9, atol=1e-9)
    assert np.allclose(pools["idle"], pools["cost"] * (1 - 1 / factor), rtol=1e-9, atol=1e-6)


@settings(max_examples=25)
@given(ledgers())
def test_the_trace_of_every_customer_adds_up(ledger):
    """Law: what explain shows is the cost. Catches a resource's share of the ledger taken for its
    share of the activity.
    """
    costs = activity_costs(*ledger)
    spent = ledger[0].set_index("resource")["cost"]
    for customer, total in costs.totals.itertuples(index=False):
        trace = costs.explain(customer)
        steps = trace.groupby("step")["amount"].sum()
        assert steps["activity"] == pytest.approx(total, abs=near(total))
        assert steps.get("resource", 0.0) == pytest.approx(total, abs=near(total))
        lines = trace[trace["step"] == "ledger"]
        assert lines["amount"].tolist() == spent[lines["item"]].tolist()
        products = trace[trace["step"] != "ledger"].dropna()
        assert np.allclose(products["quantity"] * products["rate"], products["amount"], atol=0.005)


def test_the_trace_by_hand(tables):
    trace = activity_costs(**tables).explain(1)
    assert list(trace.columns) == ["step", "item", "quantity", "rate", "amount", "source"]
    assert trace[["step", "item", "source"]].to_numpy().tolist() == [
        ["ledger", "rent", "resources"],
        ["ledger", "salaries", "resources"],
        ["resource", "rent", "orders"],
        ["resource", "salaries", "orders"],
        ["resource", "salaries", "visits"],
        ["activity", "orders", "activity_drivers"],
        ["activity", "visits", "activity_drivers"],
    ]
    assert trace["amount"].tolist() == pytest.approx([300, 1000, 180, 450, 250, 630, 250])
    assert trace["rate"].tolist()[2:] == pytest.approx([6, 15, 50, 21, 50])


@pytest.mark.parametrize("customer", [3, "1", None, [1], 1.5])
def test_an_unknown_customer_is_an_error(tables, customer):
    with pytest.raises(InputError, match=r"no customer .*there are 2, of type int \(1, 2\.\.\.\)"):
        activity_costs(**tables).explain(customer)


def test_figures_and_schema(tables, library):
    costs = activity_costs(**{name: library(table) for name, table in tables.items()})
    customers = to_pandas(costs.customers)
    assert list(customers.columns) == ["customer_id", "activity", "quantity", "rate", "cost"]
    assert customers["customer_id"].tolist() == [1, 1, 2]
    assert customers["activity"].tolist() == ["orders", "visits", "orders"]
    assert customers["cost"].tolist() == pytest.approx([630, 250, 210])
    assert to_pandas(costs.totals)["cost"].tolist() == pytest.approx([880, 210])
    pools = to_pandas(costs.activities)
    assert list(pools.columns) == [
        *("activity", "cost", "driver_volume", "practical_volume", "rate", "assigned", "idle"),
        *("at_level", "level", "overused", "driver"),
    ]
    assert pools["cost"].tolist() == pytest.approx([1050, 250])
    assert pools["idle"].tolist() == pytest.approx([210, 0])
    assert pools["rate"].tolist() == pytest.approx([21, 50])
    assert pools["practical_volume"].isna().tolist() == [False, True]
    assert pools["level"].tolist() == ["customer", "customer"]
    shares = to_pandas(costs.assignments)
    assert shares["share"].tolist() == pytest.approx([1, 0.75, 0.25])
    lines = to_pandas(costs.reconciliation)
    assert lines.groupby("stage")["amount"].sum().tolist() == pytest.approx([1300] * 3)
    assert to_pandas(costs.explain(2))["amount"].tolist() == pytest.approx(
        [300, 1000, 60, 150, 210]
    )
    rates = to_pandas(costs.rates({"orders": "order"}))
    assert rates.to_numpy().tolist() == [["service_cost", "order", 21.0]]


def test_tables_of_several_libraries_leave_in_that_of_the_first(tables, library):
    tables["resources"] = library(tables["resources"])
    home = type(activity_costs(tables["resources"], *[*tables.values()][1:]).totals)
    plain = {"LazyFrame": "DataFrame", "DuckDBPyRelation": "Table"}
    came = type(tables["resources"]).__name__
    assert home.__name__ == plain.get(came, came)


@pytest.mark.parametrize("ids", [["b", "a", "é"], [2**40, 1, 7], pd.Categorical(["b", "a", "c"])])
def test_customer_ids_keep_their_type_and_come_rising(tables, ids, library):
    drivers = pd.DataFrame({"customer_id": ids, "activity": "orders", "quantity": [1.0, 2.0, 3.0]})
    tables["activity_drivers"] = library(drivers)
    found = to_pandas(activity_costs(**tables).totals)["customer_id"].tolist()
    assert found == sorted(drivers["customer_id"].tolist())


def test_repeated_driver_rows_add_up(tables):
    once = activity_costs(**tables)
    for name in ("resource_drivers", "activity_drivers"):
        half = tables[name].assign(quantity=tables[name]["quantity"] / 2)
        tables[name] = pd.concat([half, half])
    pd.testing.assert_frame_equal(once.customers, activity_costs(**tables).customers)


def test_what_is_missing_to_one_is_unassigned(tables):
    tables["resource_drivers"] = frame(
        [("rent", "orders", 0.7), ("rent", "visits", 0.2)], "resource", "activity", "share"
    )
    costs = activity_costs(**tables)
    lines = costs.reconciliation.set_index(["stage", "line", "item"])["amount"]
    assert lines["activities", "unassigned", "rent"] == pytest.approx(30)
    assert lines["activities", "unassigned", "salaries"] == 1000
    assert lines["customers", "unassigned", "salaries"] == 1000


def test_shares_that_miss_one_by_rounding_leave_nothing():
    names = [str(i) for i in range(10)]
    costs = activity_costs(
        frame([("rent", 1e9)], "resource", "cost"),
        pd.DataFrame({"resource": "rent", "activity": names, "share": 0.1}),
        pd.DataFrame({"customer_id": 1, "activity": names, "quantity": 1}),
    )
    assert costs.unassigned.tolist() == [0.0]


def test_cost_without_drivers_is_undriven_and_drivers_without_cost_cost_nothing(tables):
    tables["activity_drivers"] = frame(
        [(1, "orders", 10.0), (9, "gifts", 4.0), (1, "visits", 0.0)],
        "customer_id",
        "activity",
        "quantity",
    )
    costs = activity_costs(**tables)
    lines = costs.reconciliation.set_index(["stage", "line", "item"])["amount"]
    assert lines["customers", "undriven", "visits"] == 250
    pools = costs.activities.set_index("activity")
    assert pools.loc["gifts", ["cost", "rate", "assigned"]].tolist() == [0, 0, 0]
    assert np.isnan(pools.loc["visits", "rate"])
    assert costs.totals["cost"].tolist() == pytest.approx([210, 0])
    assert costs.explain(9)["step"].tolist() == ["activity"]


def test_overuse_is_flagged_and_leaves_no_negative_idle_cost(tables):
    tables["activities"] = pd.DataFrame({"activity": ["orders"], "practical_volume": [20]})
    pools = activity_costs(**tables).activities.set_index("activity")
    assert pools["overused"].to_dict() == {"orders": True, "visits": False}
    assert pools.loc["orders", ["rate", "idle"]].tolist() == pytest.approx([1050 / 40, 0])


def test_what_lies_above_the_customer_stays_at_its_level(tables):
    tables["resource_drivers"] = frame(
        [("rent", "plant", 1.0), ("salaries", "orders", 1.0), ("salaries", "fairs", 1.0)],
        "resource",
        "activity",
        "quantity",
    )
    tables["activity_drivers"] = tables["activity_drivers"].query("activity == 'orders'")
    tables["activities"] = pd.DataFrame(
        {"activity": ["plant", "fairs", "orders"], "level": ["facility", "channel", "order"]}
    )
    costs = activity_costs(**tables)
    lines = costs.reconciliation.query("stage == 'customers'").set_index("line")["amount"]
    assert lines.to_dict() == {"customers": 500, "channel": 500, "facility": 300}
    assert costs.activities["at_level"].tolist() == [500, 0, 300]
    tables["activity_drivers"] = frame([(1, "plant", 1.0)], "customer_id", "activity", "quantity")
    with pytest.raises(InputError, match=r"driver_above_customer in 1 row \(row 0: 'plant'\)"):
        activity_costs(**tables)


@pytest.mark.parametrize("stage", ["assign_resources", "charge_customers"])
def test_a_corrupted_stage_is_caught(tables, monkeypatch, stage):
    right = getattr(activity, stage)

    def wrong(*args, **kwargs):
        found = right(*args, **kwargs)
        money = found[0].values if stage == "assign_resources" else found
        money[0] += 0.01
        return found

    monkeypatch.setattr(activity, stage, wrong)
    with pytest.raises(ConservationError, match=r"add up to .* but the whole is"):
        activity_costs(**tables)


def test_all_faults_of_all_tables_are_told_at_once(tables):
    tables["resources"] = frame(
        [("rent", -1.0), ("rent", 5.0), ("vans", np.nan)], "resource", "cost"
    )
    tables["resource_drivers"] = pd.DataFrame(
        {
            "resource": ["rent", "rnt", None],
            "activity": ["orders", None, "visits"],
            "quantity": [-1.0, 1.0, np.inf],
        }
    )
    tables["activity_drivers"] = pd.DataFrame(
        {"customer_id": ["a", None], "activity": ["orders", "visits"], "quantity": ["1", "2"]}
    )
    tables["activities"] = pd.DataFrame(
        {
            "activity": ["orders", "orders", "fairs"],
            "practical_volume": [0.0, -3.0, np.inf],
            "level": ["batch", 7, None],
        }
    )
    with pytest.raises(InputError) as error:
        activity_costs(**tables)
    assert sorted((fault.fault, fault.column, fault.rows) for fault in error.value.faults) == [
        ("missing_id", "activity_drivers.customer_id", 1),
        ("missing_id", "resource_drivers.activity", 1),
        ("missing_id", "resource_drivers.resource", 1),
        ("missing_or_not_finite", "resource_drivers.quantity", 1),
        ("missing_or_not_finite", "resources.cost", 1),
        ("no_practical_volume", "activities.practical_volume", 2),
        ("not_a_number", "activity_drivers.quantity", 2),
        ("not_finite", "activities.practical_volume", 1),
        ("repeated_id", "activities.activity", 2),
        ("repeated_id", "resources.resource", 2),
        ("too_small", "resource_drivers.quantity", 1),
        ("too_small", "resources.cost", 1),
        ("unknown_level", "activities.level", 2),
        ("unknown_resource", "resource_drivers.resource", 1),
    ]


def test_shares_above_one_are_refused(tables):
    tables["resource_drivers"] = frame(
        [("rent", "orders", 70.0), ("rent", "visits", 30.0)], "resource", "activity", "share"
    )
    with pytest.raises(InputError, match="shares_above_one in 2 rows"):
        activity_costs(**tables)


@pytest.mark.parametrize(
    ("columns", "message"), [(["quantity", "share"], "quantity and share"), ([], "neither")]
)
def test_resource_drivers_have_quantities_or_shares(tables, columns, message):
    drivers = (
        tables["resource_drivers"].drop(columns="quantity").assign(**dict.fromkeys(columns, 1))
    )
    with pytest.raises(InputError, match=message):
        activity_costs(**{**tables, "resource_drivers": drivers})


@pytest.mark.parametrize(
    "name", ["resources", "resource_drivers", "activity_drivers", "activities"]
)
def test_a_table_that_is_none_or_lacks_columns_is_named(tables, name):
    with pytest.raises(InputError, match=f"{name} lacks the column"):
        activity_costs(**{**tables, name: pd.DataFrame({"x": [1]})})
    with pytest.raises(InputError, match=f"{name} must be a pandas"):
        activity_costs(**{**tables, name: "table"})


def test_numbers_against_text_are_told(tables):
    tables["activity_drivers"] = pd.DataFrame(
        {"customer_id": [1], "activity": [7], "quantity": [1]}
    )
    with pytest.raises(InputError, match="ids of different types"):
        activity_costs(**tables)


@pytest.mark.parametrize("name", ["resource_drivers", "activity_drivers", "activities"])
@pytest.mark.parametrize("typed", [True, False])
def test_empty_tables_leave_the_ledger_whole(tables, name, typed, library):
    empty = tables[name].head(0) if typed else pd.DataFrame({c: [] for c in tables[name]})
    costs = activity_costs(**{**tables, name: library(empty)})
    lines = to_pandas(costs.reconciliation)
    assert lines.groupby("stage")["amount"].sum().tolist() == pytest.approx([1300] * 3)


def test_an_empty_ledger_is_refused(tables):
    with pytest.raises(InputError, match=r"resources.*empty"):
        activity_costs(**{**tables, "resources": tables["resources"].head(0)})


def test_decimals_and_whole_numbers_are_money(tables):
    tables["resources"]["cost"] = pd.Series([Decimal("300.00"), Decimal("1000.00")], dtype=object)
    tables["activity_drivers"] = tables["activity_drivers"].astype({"quantity": int})
    assert activity_costs(**tables).totals["cost"].tolist() == pytest.approx([880, 210])


# What the issue lists as bad input: an error that names it, or a line that reports it.
WRONG = {
    "a negative driver": (
        ("activity_drivers", {"quantity": [10.0, -1.0, 5.0]}),
        r"activity_drivers.quantity.*too_small in 1 row \(row 1: -1.0\)",
    ),
    "a negative resource driver": (
        ("resource_drivers", {"quantity": [1.0, 3.0, -1.0]}),
        "resource_drivers.quantity.*too_small in 1 row",
    ),
    "a negative cost": (("resources", {"cost": [-1.0, 5.0]}), "resources.cost.*too_small"),
    "a driver without a number": (
        ("activity_drivers", {"quantity": [10.0, np.nan, 5.0]}),
        "activity_drivers.quantity.*missing_or_not_finite in 1 row",
    ),
    "a driver without an activity": (
        ("activity_drivers", {"activity": ["orders", None, "visits"]}),
        "activity_drivers.activity.*missing_id in 1 row",
    ),
    "a driver without a customer": (
        ("activity_drivers", {"customer_id": [1.0, np.nan, 2.0]}),
        "activity_drivers.customer_id.*missing_id in 1 row",
    ),
    "a driver of a resource that isn't in the ledger": (
        ("resource_drivers", {"resource": ["rnt", "salaries", "salaries"]}),
        r"resource_drivers.resource.*unknown_resource in 1 row \(row 0: 'rnt'\)",
    ),
    "a practical volume of 0": (
        ("activities", {"practical_volume": [0.0]}),
        "activities.practical_volume.*no_practical_volume in 1 row",
    ),
    "a level that is none": (("activities", {"level": ["batch"]}), "unknown_level in 1 row"),
    "a driver that is none": (("activities", {"driver": ["weight"]}), "unknown_driver in 1 row"),
    "a volume of money": (("activities", {"driver": ["intensity"]}), "volume_of_money in 1 row"),
    "a driver above the customer": (
        ("activities", {"level": ["facility"]}),
        "driver_above_customer in 2 rows",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_input_is_one_clear_error(tables, fault):
    (name, columns), message = WRONG[fault]
    tables[name] = tables[name].assign(**columns)
    with pytest.raises(InputError, match=message) as error:
        activity_costs(**tables)
    assert len(error.value.faults) == 1


@pytest.mark.parametrize(("name", "key"), [("resources", "resource"), ("activities", "activity")])
def test_a_name_that_stands_twice_is_an_error(tables, name, key):
    tables[name] = pd.concat([tables[name]] * 2)
    with pytest.raises(InputError, match=f"{name}.{key}.*repeated_id") as error:
        activity_costs(**tables)
    assert len(error.value.faults) == 1


REPORTED = {
    "an activity without drivers": (
        ("activity_drivers", {"activity": "orders"}),
        ("customers", "undriven", "visits", 250),
    ),
    "an activity whose drivers are all 0": (
        ("activity_drivers", {"quantity": [10.0, 30.0, 0.0]}),
        ("customers", "undriven", "visits", 250),
    ),
    "all drivers 0": (
        ("activity_drivers", {"quantity": 0.0}),
        ("customers", "idle", "orders", 1050),
    ),
    "drivers of an activity without cost": (
        ("resource_drivers", {"activity": "orders"}),
        ("activities", "activity", "visits", 0),
    ),
    "a resource whose drivers are all 0": (
        ("resource_drivers", {"quantity": [0.0, 3.0, 1.0]}),
        ("customers", "unassigned", "rent", 300),
    ),
    "a resource without drivers": (
        ("resource_drivers", {"resource": "salaries"}),
        ("customers", "unassigned", "rent", 300),
    ),
    "a resource that cost nothing": (
        ("resources", {"cost": [0.0, 1000.0]}),
        ("ledger", "ledger", "rent", 0),
    ),
    "an activity of nobody and nothing": (
        ("activities", {"activity": "gifts"}),
        ("activities", "activity", "gifts", 0),
    ),
}


@pytest.mark.parametrize("gap", REPORTED)
def test_a_gap_in_the_tables_is_a_line_of_the_reconciliation(tables, gap):
    (name, columns), (*line, amount) = REPORTED[gap]
    tables[name] = tables[name].assign(**columns)
    lines = activity_costs(**tables).reconciliation
    whole = tables["resources"]["cost"].sum()
    assert lines.groupby("stage")["amount"].sum().tolist() == pytest.approx([whole] * 3)
    found = lines.set_index(["stage", "line", "item"])["amount"]
    assert found[tuple(line)] == pytest.approx(amount)


def test_money_traced_directly_is_charged_as_it_is(tables, library):
    tables["activities"] = pd.DataFrame(
        {"activity": ["visits", "orders"], "driver": ["intensity", "transaction"]}
    )
    costs = activity_costs(**{name: library(table) for name, table in tables.items()})
    pools = to_pandas(costs.activities).set_index("activity")
    assert pools["driver"].to_dict() == {"visits": "intensity", "orders": "transaction"}
    assert pools.loc["visits", ["rate", "assigned", "idle"]].tolist() == pytest.approx([1, 5, 245])
    assert pools["practical_volume"]["visits"] == 250
    lines = to_pandas(costs.reconciliation).set_index(["stage", "line", "item"])["amount"]
    assert lines["customers", "undriven", "visits"] == pytest.approx(245)
    assert to_pandas(costs.totals)["cost"].tolist() == pytest.approx([30 / 40 * 1050 + 5, 262.5])


def test_more_money_traced_than_spent_is_flagged_and_never_made(tables):
    tables["activities"] = pd.DataFrame({"activity": ["visits"], "driver": ["intensity"]})
    tables["activity_drivers"]["quantity"] = [10.0, 30.0, 1000.0]
    visits = activity_costs(**tables).activities.set_index("activity").loc["visits"]
    assert visits[["rate", "assigned", "idle"]].tolist() == pytest.approx([0.25, 250, 0])
    assert visits["overused"]


def test_kinds_of_driver_that_are_not_stated_are_null(tables):
    assert activity_costs(**tables).activities["driver"].isna().all()
    tables["activities"]["driver"] = ["duration"]
    assert activity_costs(**tables).activities["driver"].astype(object).tolist()[0] == "duration"


def test_each_level_shows_its_cost(tables, library):
    tables["resource_drivers"] = frame(
        [("rent", "plant", 1.0), ("salaries", "orders", 3.0), ("salaries", "fairs", 1.0)],
        "resource",
        "activity",
        "quantity",
    )
    tables["activity_drivers"] = tables["activity_drivers"].query("activity == 'orders'")
    tables["activities"] = pd.DataFrame(
        {
            "activity": ["plant", "fairs", "orders"],
            "level": ["facility", "channel", "order"],
            "practical_volume": [np.nan, np.nan, 50.0],
        }
    )
    costs = activity_costs(**{name: library(table) for name, table in tables.items()})
    levels = to_pandas(costs.levels)
    assert list(levels.columns) == ["level", "cost", "charged", "idle", "at_level"]
    assert levels["level"].tolist() == ["unit", "order", "customer", "channel", "facility"]
    assert levels.set_index("level").T.to_dict("list") == {
        "unit": [0, 0, 0, 0],
        "order": pytest.approx([750, 600, 150, 0]),
        "customer": [0, 0, 0, 0],
        "channel": [250, 0, 0, 250],
        "facility": [300, 0, 0, 300],
    }


def test_tiny_volumes_stay_finite(tables):
    tables["activity_drivers"]["quantity"] = [5e-324, 5e-324, 0.0]
    del tables["activities"]
    assert activity_costs(**tables).totals["cost"].tolist() == pytest.approx([525, 525])


def test_rates_turn_costs_into_lines(tables):
    costs = activity_costs(**tables)
    found = costs.rates(
        {"orders": ("service_cost", "order"), "visits": ("maintenance_cost", "active_year")},
        totals={"order": 84, "active_year": 2.5},
    )
    assert found.to_numpy().tolist() == [
        ["maintenance_cost", "active_year", 100.0],
        ["service_cost", "order", 10.0],
    ]
    together = costs.rates({"orders": "revenue", "visits": "revenue"}, totals={"revenue": 10_900})
    assert together.to_numpy().tolist() == [["selling_cost", "revenue", pytest.approx(0.1)]]


@pytest.mark.parametrize("target", ["order", "service_cost", ("service_cost", "order")])
def test_a_line_and_a_basis_stand_for_each_other(tables, target):
    found = activity_costs(**tables).rates({"orders": target})
    assert found.to_numpy().tolist() == [["service_cost", "order", 21.0]]


def test_rates_are_cost_lines_of_a_lifetime_value(tables, library):
    costs = activity_costs(**{name: library(table) for name, table in tables.items()})
    lines = costs.rates({"orders": "order", "visits": "active_year"}, totals={"active_year": 2.5})
    summary = pd.DataFrame({"customer_id": [1], "frequency": [3], "recency": [30.0], "T": [40.0]})
    value = customer_lifetime_value(
        summary,
        purchases=MBGNBD(r=0.5, alpha=6.0, a=0.9, b=1.6),
        spend=10.0,
        horizon=52,
        annual_discount_rate=0.1,
        cost_lines=lines,
    ).iloc[0]
    assert value["service_cost"] == pytest.approx(-21 * value["discounted_purchases"])
    assert value["maintenance_cost"] == pytest.approx(-100 * value["discounted_active_years"])


@pytest.mark.parametrize(
    ("activities", "totals", "message"),
    [
        (
            {"orders": "day", "gifts": "order"},
            {"x": 1},
            "(?s)no_total.*unknown_target.*no activity",
        ),
        ({"plant": "order"}, None, "above_customers .*'plant' at level facility"),
        ({"visits": "order"}, None, "driver_counts_no_basis .*'visits' has a driver of kind dur"),
        ({"orders": 5}, None, "expected a basis of"),
        ({"orders": "order"}, {"order": "84"}, "finite numbers above 0"),
        ({"orders": "day"}, None, "expected a basis of"),
        ({"orders": ("capital_cost", "order")}, None, "a line of service_cost"),
        ({"gifts": "order"}, None, "no activity 'gifts'"),
        ({"orders": "order"}, {"order": 0}, "finite numbers above 0"),
        ({"orders": "order"}, {"day": 5}, "finite numbers above 0"),
    ],
)
def test_rates_that_mean_nothing_are_refused(tables, activities, totals, message):
    tables["activities"] = pd.DataFrame(
        {
            "activity": ["plant", "visits"],
            "level": ["facility", None],
            "driver": [None, "duration"],
        }
    )
    with pytest.raises(InputError, match=message):
        activity_costs(**tables).rates(activities, totals)


def test_the_result_is_frozen_and_its_tables_are_copies(tables):
    costs = activity_costs(**tables)
    with pytest.raises(FrozenInstanceError):
        costs.ledger = np.zeros(2)
    for name in ("customers", "totals"):
        found = getattr(costs, name)
        found.loc[:, "cost"] = 0.0
    assert costs.totals["cost"].tolist() == pytest.approx([880, 210])
    assert costs.customers["cost"].sum() == pytest.approx(1090)
    assert repr(costs) == (
        "ActivityCosts(2 resources, 2 activities, 2 customers: 1,300.00 = 1,090.00 charged "
        "+ 210.00 idle + 0.00 above customers + 0.00 unassigned)"
    )
