"""The waterfall of a statement: every step adds up, and the whole to the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs, customer_statement
from crmvalue.costing.waterfall import statement_totals, waterfall
from crmvalue.errors import ConservationError, InputError

MONEY = st.floats(0, 1e8, allow_nan=False)


def costed(money=(400.0, 600.0, 1000.0), share=0.9, room=50.0, drivers=((1, 20.0), (3, 10.0))):
    """A ledger with a charged, a channel and a facility activity, idle and unassigned cost."""
    names = ["orders", "fairs", "plant"]
    return activity_costs(
        pd.DataFrame({"resource": names, "cost": list(money)}),
        pd.DataFrame({"resource": names, "activity": names, "share": share}),
        pd.DataFrame(list(drivers), columns=["customer_id", "quantity"]).assign(activity="orders"),
        pd.DataFrame(
            {
                "activity": names,
                "level": ["order", "channel", "facility"],
                "practical_volume": [room, None, None],
            }
        ),
    )


@pytest.fixture
def sales():
    return pd.DataFrame(
        {
            "customer_id": [1, 2],
            "tier": ["gold", "lead"],
            "list_revenue": [3000.0, 1000.0],
            "cost_of_goods": [1200.0, 400.0],
            "customer_sustaining": [50.0, 0.0],
        }
    )


def test_one_customer_by_hand(sales, library):
    owed = pd.DataFrame({"customer_id": [1], "balance": [100.0]})
    statement = customer_statement(
        library(sales), costs=costed(), receivables=owed, annual_capital_rate=0.1
    )
    found = to_pandas(waterfall(statement, 1))
    assert list(found.columns) == ["line", "amount", "running", "subtotal"]
    assert list(found[["line", "amount", "running"]].itertuples(index=False, name=None)) == [
        ("list_revenue", 3000, 3000),
        ("pocket_revenue", 3000, 3000),
        ("cost_of_goods", -1200, 1800),
        ("gross_margin", 1800, 1800),
        ("orders", -144, 1656),
        ("contribution", 1656, 1656),
        ("customer_sustaining", -50, 1606),
        ("capital_charge", -10, 1596),
        ("economic_profit", 1596, 1596),
    ]
    assert found["line"][found["subtotal"]].tolist() == [
        *("pocket_revenue", "gross_margin", "contribution", "economic_profit"),
    ]


def test_the_whole_firm_by_hand(sales, library):
    owed = pd.DataFrame({"customer_id": [1], "balance": [100.0]})
    costs = costed()
    statement = customer_statement(
        library(sales), costs=costs, receivables=owed, annual_capital_rate=0.1
    )
    found = to_pandas(statement_totals(statement, costs))
    assert list(found[["line", "amount", "running"]].itertuples(index=False, name=None)) == [
        ("list_revenue", 4000, 4000),
        ("pocket_revenue", 4000, 4000),
        ("cost_of_goods", -1600, 2400),
        ("gross_margin", 2400, 2400),
        ("orders", -216, 2184),
        ("contribution", 2184, 2184),
        ("customer_sustaining", -50, 2134),
        ("channel", -540, 1594),
        ("facility", -900, 694),
        ("idle", -144, 550),
        ("unassigned", pytest.approx(-200), pytest.approx(350)),
        ("operating_profit", pytest.approx(350), pytest.approx(350)),
        ("capital_charge", -10, pytest.approx(340)),
        ("economic_profit", pytest.approx(340), pytest.approx(340)),
    ]


def test_a_group_and_what_belongs_to_none(sales):
    statement = customer_statement(sales, costs=costed(), by="tier")
    assert waterfall(statement, "lead")["amount"].iloc[-1] == 600
    nobody = waterfall(statement, None).set_index("line")["amount"]
    assert nobody["orders"] == nobody["economic_profit"] == -72
    assert statement_totals(statement, costed())["amount"].iloc[-1] == pytest.approx(350)


@settings(max_examples=40)
@given(
    st.tuples(MONEY, MONEY, MONEY),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(1, 1e6)),
    st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1e6)), max_size=6),
    st.lists(st.tuples(st.integers(1, 5), MONEY, MONEY), min_size=1, max_size=6),
    st.sampled_from(["customer_id", "parity"]),
)
def test_the_operating_profit_is_that_of_the_ledger(money, share, room, drivers, sold, by):
    """Law: operating profit = lines of the sales - the whole ledger, whoever is charged. Catches
    unassigned cost left out.
    """
    costs = costed(money, share, room, drivers)
    sales = pd.DataFrame(sold, columns=["customer_id", "list_revenue", "cost_of_goods"])
    sales["parity"] = sales["customer_id"] % 2
    totals = statement_totals(customer_statement(sales, costs=costs, by=by), costs)
    profit = totals.set_index("line")["amount"]["operating_profit"]
    whole = sales["list_revenue"].sum() - sales["cost_of_goods"].sum() - sum(money)
    assert profit == pytest.approx(whole, abs=0.01)
    lines = totals[~totals["subtotal"]]
    assert lines["amount"].sum() == pytest.approx(profit, abs=0.01)
    assert np.allclose(lines["amount"].cumsum(), lines["running"], atol=0.01)
    assert np.allclose(totals["amount"][totals["subtotal"]], totals["running"][totals["subtotal"]])


def test_activities_called_like_the_lines_of_the_firm_stay_apart(sales):
    costs = activity_costs(
        pd.DataFrame({"resource": ["desk"], "cost": [90.0]}),
        pd.DataFrame(
            {"resource": "desk", "activity": ["idle", "operating_profit"], "share": [0.4, 0.6]}
        ),
        pd.DataFrame({"customer_id": [1, 2], "activity": ["idle", "operating_profit"]}).assign(
            quantity=1
        ),
    )
    statement = customer_statement(sales, costs=costs)
    lines = statement_totals(statement, costs).set_index("line")["amount"]
    assert lines[["idle (activity)", "operating_profit (activity)"]].tolist() == [-36, -54]
    assert lines[["idle", "operating_profit"]].tolist() == [0, 2260]
    alone = waterfall(statement, 2).set_index("line")
    assert not alone.loc["operating_profit", "subtotal"]


def test_a_statement_without_activities_has_the_ledger_above_it():
    costs = costed(drivers=[])
    sales = pd.DataFrame({"customer_id": ["a"], "list_revenue": [5000.0]})
    lines = statement_totals(customer_statement(sales), costs).set_index("line")["amount"]
    assert lines["idle"] == -360
    assert lines["operating_profit"] == 3000


def test_costs_of_another_statement_are_refused(sales):
    with pytest.raises(InputError, match=r"cost 0\.00 and these costs charge 216\.00"):
        statement_totals(customer_statement(sales), costed())
    part = customer_statement(sales, costs=costed()).query("customer_id == 1")
    with pytest.raises(InputError, match="and all its rows"):
        statement_totals(part, costed())


def test_what_is_no_statement_is_refused(sales):
    with pytest.raises(InputError, match="statement lacks the columns"):
        waterfall(sales, 1)
    statement = customer_statement(sales)
    with pytest.raises(InputError, match="no customer_id 7 in the statement; there are 2"):
        waterfall(statement, 7)
    with pytest.raises(InputError, match="no customer_id None in the statement"):
        waterfall(statement, None)
    with pytest.raises(ConservationError, match="subtotal 'gross_margin'"):
        waterfall(statement.assign(cost_of_goods=5), 1)
    with pytest.raises(InputError, match="goes on with 'orders': drop"):
        waterfall(statement.assign(orders=5), 1)
    with pytest.raises(InputError, match=r"statement.list_revenue.*missing_or_not_finite"):
        waterfall(statement.assign(list_revenue=np.nan), 1)
