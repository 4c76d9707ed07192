"""Support departments: conservation, the three methods, and cost that could go nowhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import _circulation
from crmvalue.costing.support import allocate_support, support_flows
from crmvalue.errors import InputError

SUPPORT = ["admin", "it", "power", "repair"]
OPERATING = ["north", "south"]
METHODS = ["direct", "step_down", "reciprocal"]
COLUMNS = ["department", "support", "own_cost", "received", "passed_on", "final_cost"]


@st.composite
def networks(draw, least=0.0):
    """Support departments that serve each other and both operating ones, in part not at all."""
    costs = pd.DataFrame(
        {
            "department": SUPPORT + OPERATING,
            "cost": [draw(st.floats(0, 1e9)) for _ in SUPPORT + OPERATING],
            "support": [True] * len(SUPPORT) + [False] * len(OPERATING),
        }
    )
    quantity = st.one_of(st.just(0.0), st.floats(least, 1e6), st.integers(1, 9).map(float))
    rows = [(p, r, draw(quantity)) for p in SUPPORT for r in SUPPORT]
    # Whatever they do for each other, all serve an operating department.
    rows += [(p, OPERATING[0], draw(st.floats(max(least, 1e-6), 1e6))) for p in SUPPORT]
    rows += [(p, OPERATING[1], draw(quantity)) for p in SUPPORT]
    services = pd.DataFrame(rows, columns=["provider", "receiver", "quantity"])
    return costs, services, draw(st.permutations(SUPPORT))


def near(costs):
    return max(0.005, 1e-12 * costs["cost"].sum())


@settings(max_examples=20)
@given(networks(), st.sampled_from(METHODS))
def test_all_cost_ends_in_operating_departments(network, method):
    """Law: cost is conserved, as a whole, in each row and in the flows. Catches shares taken of all
    services instead of those that the method counts.
    """
    costs, services, order = network
    found = allocate_support(costs, services, method, order)
    assert found["final_cost"].sum() == pytest.approx(costs["cost"].sum(), abs=near(costs))
    assert (found.loc[found["support"], "final_cost"] == 0).all()
    assert (found.loc[~found["support"], "passed_on"] == 0).all()
    had, left = found["own_cost"] + found["received"], found["passed_on"] + found["final_cost"]
    assert had.tolist() == left.tolist()
    flows = support_flows(costs, services, method, order)
    amounts = flows.groupby("provider")["amount"].sum().reindex(found["department"], fill_value=0)
    assert np.allclose(amounts, found["passed_on"], rtol=1e-9)
    amounts = flows.groupby("receiver")["amount"].sum().reindex(found["department"], fill_value=0)
    assert np.allclose(amounts, found["received"], rtol=1e-9)
    assert np.allclose(flows.groupby("provider")["share"].sum(), 1)


@settings(max_examples=20)
@given(networks(least=0.1))
def test_reciprocal_is_the_limit_of_repeated_distribution(network):
    """Law: passing all cost on again and again, by hand, ends where the system of equations does.
    Catches the shares of providers taken for those of receivers.
    """
    costs, services, _ = network
    share = np.zeros((6, 6))
    place = {name: i for i, name in enumerate(SUPPORT + OPERATING)}
    for row in services.itertuples():
        if row.provider != row.receiver:
            share[place[row.provider], place[row.receiver]] += row.quantity
    share[:4] /= share[:4].sum(axis=1, keepdims=True)
    assume(share[:4, 4:].sum(axis=1).min() > 0.01)
    share[4:, 4:] = np.eye(2)
    held = costs["cost"].to_numpy()
    for _ in range(6000):
        held = held @ share
    found = allocate_support(costs, services).set_index("department")["final_cost"]
    assert np.allclose(found[SUPPORT + OPERATING], held, rtol=1e-9, atol=0.005)


@settings(max_examples=20)
@given(networks(), st.sampled_from(METHODS))
def test_without_services_among_support_all_methods_are_direct(network, method):
    """Law: where nobody supports support there is nothing to be reciprocal about, and no order.
    Catches the method left unused.
    """
    costs, services, order = network
    outward = services[services["receiver"].isin(OPERATING)]
    direct = allocate_support(costs, services, "direct")
    found = allocate_support(costs, outward, method, order)
    pd.testing.assert_frame_equal(found, direct, rtol=1e-12)


@settings(max_examples=20)
@given(networks(), st.sampled_from(METHODS), st.floats(0.01, 100), st.randoms())
def test_neither_row_order_nor_units_nor_split_rows_matter(network, method, factor, random):
    """Law: tables have no order, a provider's unit is its own, and two halves of a row are one.
    Catches costs left in the order of their rows.
    """
    costs, services, order = network
    scaled = services.copy()
    scaled.loc[scaled["provider"] == "it", "quantity"] *= factor
    scaled["quantity"] /= 2
    scaled = pd.concat([scaled, scaled])

    def shuffled(table):
        return table.iloc[random.sample(range(len(table)), len(table))].reset_index(drop=True)

    one = allocate_support(costs, services, method, order)
    two = allocate_support(shuffled(costs), shuffled(scaled), method, order)
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


@settings(max_examples=15)
@given(networks())
def test_self_service_changes_nothing(network):
    """Law: what a department does for itself costs nobody else. Catches its quantity left in the
    sum that shares are taken of.
    """
    costs, services, _ = network
    others = services[services["provider"] != services["receiver"]]
    found = allocate_support(costs, services)
    pd.testing.assert_frame_equal(found, allocate_support(costs, others))


def test_step_down_never_serves_a_closed_department(network):
    flows = support_flows(*network, "step_down", ["it", "admin"])
    pairs = set(zip(flows["provider"], flows["receiver"], strict=True))
    assert ("it", "admin") in pairs
    assert ("admin", "it") not in pairs
    other = allocate_support(*network, "step_down", ["admin", "it"])
    assert not other.equals(allocate_support(*network, "step_down", ["it", "admin"]))


@pytest.fixture
def network():
    """Administration and IT serve one another, and two operating departments."""
    costs = pd.DataFrame(
        {
            "department": ["shop", "admin", "web", "it"],
            "cost": [10.0, 100.0, 20.0, 50.0],
            "support": [False, True, False, True],
        }
    )
    rows = [("admin", "it", 1), ("admin", "shop", 4), ("it", "admin", 2), ("it", "web", 2)]
    return costs, pd.DataFrame(rows, columns=["provider", "receiver", "quantity"])


def test_figures_and_schema(network, library):
    # Gross: admin = 100 + it / 2, it = 50 + admin / 5.
    admin, it = 125 / 0.9, 70 / 0.9
    found = to_pandas(allocate_support(*map(library, network)))
    assert found.columns.tolist() == COLUMNS
    assert found["department"].tolist() == ["admin", "it", "shop", "web"]
    assert found["support"].tolist() == [True, True, False, False]
    assert found["own_cost"].tolist() == [100, 50, 10, 20]
    assert found["received"].tolist() == pytest.approx([it / 2, admin / 5, admin * 0.8, it / 2])
    assert found["passed_on"].tolist() == pytest.approx([admin, it, 0, 0])
    assert found["final_cost"].tolist() == pytest.approx([0, 0, 10 + admin * 0.8, 20 + it / 2])
    flows = to_pandas(support_flows(*map(library, network), "direct"))
    assert flows.columns.tolist() == ["provider", "receiver", "share", "amount"]
    assert flows.to_numpy().tolist() == [["admin", "shop", 1.0, 100.0], ["it", "web", 1.0, 50.0]]


def test_tables_leave_in_the_library_of_the_first(network, library):
    came = type(library(network[0])).__name__
    eager = {"LazyFrame": "DataFrame", "DuckDBPyRelation": "Table"}
    assert type(allocate_support(library(network[0]), network[1])).__name__ == eager.get(came, came)


def test_departments_may_be_numbers_and_support_0_or_1(network):
    costs, services = network
    number = {"shop": 30, "admin": 10, "web": 40, "it": 20}
    numbered = allocate_support(
        costs.assign(
            department=costs["department"].map(number), support=costs["support"].astype(int)
        ),
        services.assign(
            provider=services["provider"].map(number), receiver=services["receiver"].map(number)
        ),
        "step_down",
        np.array([20, 10]),
    )
    named = allocate_support(*network, "step_down", ["it", "admin"])
    assert numbered["department"].tolist() == [10, 20, 30, 40]
    assert numbered["support"].dtype == bool
    assert numbered["final_cost"].tolist() == named["final_cost"].tolist()


def test_no_digits_are_lost_where_almost_nothing_leaves_a_circle():
    """The leak of 1e-15 a round is the whole cost in the end; solving I - P' as it stands gives
    thousands too much or too little.
    """
    costs = pd.DataFrame(
        {
            "department": ["a", "b", "c", "d"],
            "cost": [1e6, 2e6, 0, 0],
            "support": [True, True, False, False],
        }
    )
    services = pd.DataFrame(
        {"provider": list("abbb"), "receiver": list("bacd"), "quantity": [1.0, 1e15, 0.3, 0.7]}
    )
    found = allocate_support(costs, services)
    assert found["final_cost"].tolist() == pytest.approx([0, 0, 0.9e6, 2.1e6], rel=1e-12)


def test_many_departments_are_solved_sparsely_and_alike(monkeypatch):
    rng = np.random.default_rng(1)
    count = 450
    costs = pd.DataFrame({"department": range(count + 5), "cost": rng.random(count + 5) * 1e6})
    costs["support"] = costs["department"] < count
    services = pd.DataFrame(
        {
            "provider": np.arange(count * 20) % count,
            "receiver": rng.integers(0, count + 5, count * 20),
            "quantity": rng.random(count * 20),
        }
    )
    sparse = allocate_support(costs, services)
    monkeypatch.setattr(_circulation, "DENSE", count)
    pd.testing.assert_frame_equal(sparse, allocate_support(costs, services), rtol=1e-9)


def faults(costs, services, *args):
    with pytest.raises(InputError) as caught:
        allocate_support(costs, services, *args)
    return {fault.fault: fault.examples for fault in caught.value.faults}


def services(*rows):
    return pd.DataFrame(rows, columns=["provider", "receiver", "quantity"])


@pytest.fixture
def firm():
    return pd.DataFrame(
        {
            "department": ["a", "b", "c", "d", "shop"],
            "cost": [100.0, 0.0, 0.0, 0.0, 0.0],
            "support": [True, True, True, True, False],
        }
    )


def test_a_closed_set_is_named(firm):
    circle = services(("a", "b", 1), ("b", "c", 2), ("c", "b", 2), ("d", "shop", 1))
    assert faults(firm, circle) == {"closed_set": "'b', 'c'"}
    way_out = pd.concat([circle, services(("c", "shop", 1e-3))])
    assert allocate_support(firm, way_out)["final_cost"].tolist()[-1] == pytest.approx(100)


def test_every_closed_set_and_dead_end_is_named_at_once(firm):
    rows = services(("a", "b", 1), ("a", "d", 1), ("b", "c", 2), ("c", "b", 2), ("c", "c", 1))
    assert faults(firm, rows) == {"closed_set": "'b', 'c'", "no_services": "'d'"}
    # Who serves only a dead end is not one.
    assert faults(firm, services(("a", "d", 1))) == {"no_services": "'d'"}


@pytest.mark.parametrize("method", METHODS)
def test_cost_without_services_is_named(firm, method):
    order = list("abcd")
    assert faults(firm, services(("d", "shop", 1)), method, order) == {"no_services": "'a'"}
    only_self = services(("a", "a", 5), ("a", "shop", 0))
    assert faults(firm, only_self, method, order) == {"no_services": "'a'"}


@pytest.mark.parametrize("method", METHODS)
def test_departments_without_cost_need_no_services(firm, method):
    found = allocate_support(firm, services(("a", "shop", 1), ("c", "d", 1)), method, list("abcd"))
    assert found["final_cost"].tolist() == [0, 0, 0, 0, 100]
    assert found["passed_on"].tolist() == [100, 0, 0, 0, 0]


def test_direct_names_who_serves_support_only(firm):
    rows = services(("a", "b", 1), ("b", "shop", 1))
    assert faults(firm, rows, "direct") == {"no_services_counted": "'a'"}
    assert allocate_support(firm, rows)["final_cost"].tolist() == [0, 0, 0, 0, 100]


def test_step_down_names_who_serves_closed_departments_only(firm):
    rows = services(("a", "b", 1), ("b", "shop", 1))
    assert faults(firm, rows, "step_down", list("bacd")) == {"no_services_counted": "'a'"}
    found = allocate_support(firm, rows, "step_down", list("abcd"))
    assert found["received"].tolist() == [0, 100, 0, 0, 100]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (None, "missing: 'admin', 'it'"),
        ("it", "missing: 'admin', 'it'"),
        (["it"], "missing: 'admin'"),
        (["it", "admin", "it"], "repeated: 'it'"),
        (["it", "admin", "shop"], "not support departments: 'shop'"),
        (["it", 7], "not support departments: 7; missing: 'admin'"),
    ],
)
def test_an_order_that_is_none_of_all_support_departments(network, order, why):
    assert faults(*network, "step_down", order) == {"bad_order": why}


def test_an_unknown_method(network):
    with pytest.raises(InputError, match="one of direct, step_down, reciprocal; got 'repeated'"):
        allocate_support(*network, "repeated")


def test_every_fault_of_both_tables_at_once():
    costs = pd.DataFrame(
        {"department": ["a", "a", "b", None], "cost": [1, -2, np.nan, 3], "support": [2, 1, 0, 0]}
    )
    rows = services(("a", "z", 1), ("b", "a", 2), ("a", "b", -1))
    assert set(faults(costs, rows)) == {
        *("repeated_id", "missing_id", "too_small", "missing_or_not_finite", "not_a_flag"),
        *("unknown_department", "provider_not_support"),
    }


@pytest.mark.parametrize(
    ("support", "fault"),
    [
        ([True, True, None, True], "missing_or_not_finite"),
        (["yes", "no", "no", "yes"], "not_a_number"),
        ([True] * 4, "no_operating_department"),
    ],
)
def test_support_is_true_or_false(network, support, fault):
    assert fault in faults(network[0].assign(support=support), network[1])


def test_empty_tables(network):
    costs, rows = network
    assert faults(costs.head(0), rows.head(0)) == {"no_operating_department": ""}
    assert faults(costs, rows.head(0)) == {"no_services": "'admin', 'it'"}


def test_a_leak_beyond_the_range_of_numbers_is_an_error_that_names_the_circle():
    costs = pd.DataFrame(
        {"department": list("abc"), "cost": [1e9, 1e9, 0.0], "support": [True, True, False]}
    )
    rows = services(("a", "b", 1.0), ("b", "a", 1e6), ("b", "c", 1e-299))
    with pytest.raises(InputError, match="'a', 'b' serve almost only one another"):
        allocate_support(costs, rows)
