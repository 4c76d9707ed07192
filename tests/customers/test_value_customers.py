"""The whole way on real data: every figure is there, and every figure adds up."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.costing import activity
from crmvalue.customers.columns import RESULT, SUMMARY
from crmvalue.errors import ConservationError, InputError
from crmvalue.value import VALUE_LINES


def test_every_customer_has_every_column(demo):
    customers = demo.customers
    assert list(customers.columns) == [*SUMMARY, *RESULT]
    assert len(customers) == 23_570
    assert customers["customer_id"].is_monotonic_increasing
    known = customers.drop(
        columns=["monetary_value", "expected_purchases", "expected_active_years"]
    )
    assert known.notna().all(axis=None)
    assert customers["probability_alive"].between(0, 1).all()


def test_profit_is_spend_less_goods_and_activity_cost(demo, cdnow):
    customers = demo.customers
    np.testing.assert_allclose(
        customers["profit"],
        customers["total_spend"] - customers["cost_of_goods_sold"] - customers["activity_cost"],
        atol=0.005,
    )
    assert customers["total_spend"].sum() == pytest.approx(cdnow["amount"].sum(), abs=0.005)
    np.testing.assert_allclose(customers["cost_of_goods_sold"], 0.6 * customers["total_spend"])


def test_the_ledger_is_accounted_for_to_the_cent(demo, ledger):
    table = demo.tables["reconciliation"]
    whole = ledger["resources"]["cost"].sum()
    for _, stage in table.groupby("stage"):
        assert stage["amount"].sum() == pytest.approx(whole, abs=0.005)
    charged = demo.customers["activity_cost"].sum()
    at_customers = table[(table["stage"] == "customers") & (table["line"] == "customers")]
    assert charged == pytest.approx(at_customers["amount"].sum(), abs=0.005)
    idle = demo.tables["activities"].set_index("activity")["idle"]
    assert idle["Packing"] == pytest.approx(0.2 * 0.75 * ledger["resources"]["cost"][1], rel=1e-9)


def test_the_lines_of_the_value_add_up(demo):
    lines = demo.customers[list(VALUE_LINES)].sum(axis=1)
    np.testing.assert_allclose(demo.customers["lifetime_value"], lines, atol=1e-6)


def test_tiers_are_those_of_the_lifetime_value(demo):
    tiers = demo.tiers.set_index("tier")
    value = demo.customers.groupby("tier", observed=False)["lifetime_value"].sum()
    np.testing.assert_allclose(tiers["lifetime_value"], value, rtol=1e-9)
    assert tiers.loc["gold", "share_of_lifetime_value"] >= 0.8 - 0.001
    assert tiers["share_of_customers"].sum() == pytest.approx(1)
    gold = demo.customers.loc[demo.customers["tier"] == "gold", "lifetime_value"]
    assert gold.min() >= tiers.loc["gold", "threshold"]


def test_the_statement_holds_the_same_figures(demo):
    statement = demo.statement
    np.testing.assert_allclose(statement["contribution"], demo.customers["profit"], atol=0.005)
    everybody = demo.tables["statement_by_tier"].query("tier == 'all'").set_index("line")["amount"]
    assert everybody["contribution"] == pytest.approx(demo.customers["profit"].sum(), abs=0.005)


def test_the_holdout_was_checked(demo):
    check = demo.holdout
    assert str(check.calibration_end) == "1997-09-30"
    totals = check.totals.set_index("measure")
    weeks = check.tracking
    assert weeks["holdout"].sum() == 39
    assert weeks["cumulative_actual"].iloc[-1] <= 67_591 - 23_570
    assert totals["actual"].iloc[0] > 0
    assert (totals["expected"] / totals["actual"] - 1).tolist() == pytest.approx(
        totals["error"].tolist()
    )
    frequency = demo.tables["frequency"]
    assert frequency["actual"].sum() == 23_570
    assert frequency["expected"].sum() == pytest.approx(23_570)


def test_the_model_values_a_new_log_without_fitting(demo, cdnow, ledger):
    model = cv.ValueModel.from_json(demo.model.to_json())
    assert model == demo.model
    again = cv.value_customers(cdnow, costs=ledger, model=model)
    pd.testing.assert_frame_equal(again.customers, demo.customers)
    assert again.fits == {}
    assert "parameters" not in again.tables
    half = cdnow[cdnow["customer_id"] % 2 == 0]
    some = cv.value_customers(half, model=model, as_of="1998-06-30").customers
    expected = demo.customers[demo.customers["customer_id"] % 2 == 0].reset_index(drop=True)
    columns = ["customer_id", "lifetime_value", "tier", "rfm_score", "segment"]
    pd.testing.assert_frame_equal(some[columns], expected[columns])


def test_terms_that_contradict_the_model_are_refused(demo, cdnow):
    with pytest.raises(InputError, match="the model was made with 'W'") as caught:
        cv.value_customers(cdnow, model=demo.model, unit="D", horizon=5.0, tier_by="total_spend")
    assert len(caught.value.faults) == 3
    with pytest.raises(InputError, match="model must be a ValueModel"):
        cv.value_customers(cdnow, model=demo.model.purchases)


@pytest.fixture(scope="module")
def small():
    return cv.datasets.simulate_transactions(300, rng=np.random.default_rng(5), refund_share=0.05)


def test_every_library_gives_the_same_result(library, small):
    expected = cv.value_customers(small, costs=cv.datasets.demo_costs(small))
    log = library(small)
    found = cv.value_customers(log, costs=cv.datasets.demo_costs(log))
    pd.testing.assert_frame_equal(
        to_pandas(found.customers),
        expected.customers,
        check_dtype=False,
        check_categorical=False,
        rtol=1e-9,
    )
    for name, table in expected.tables.items():
        pd.testing.assert_frame_equal(
            to_pandas(found.tables[name]),
            table,
            check_dtype=False,
            check_categorical=False,
            rtol=1e-6,
            atol=1e-6,
            obj=name,
        )
    kind = {"pandas": pd.DataFrame, "polars": pl.DataFrame}.get(
        type(log).__module__.split(".")[0], pa.Table
    )
    assert isinstance(found.customers, kind)
    assert isinstance(found.explain(1), kind)


def test_attributes_are_joined_and_kept(small):
    attributes = pd.DataFrame({"customer_id": [3, 1, 999], "region": ["N", "S", "W"]})
    result = cv.value_customers(small, attributes=attributes)
    region = result.customers.set_index("customer_id")["region"]
    assert region[[1, 3]].tolist() == ["S", "N"]
    assert region.notna().sum() == 2
    assert "1 customers of the attributes have no purchase in the log." in result.messages
    for bad, words in [
        (attributes.assign(tier="x"), "name_taken"),
        (pd.concat([attributes, attributes]), "repeated_id"),
        (attributes.drop(columns="customer_id"), "lacks the column 'customer_id'"),
        (attributes.assign(customer_id=["a", "b", "c"]), "ids of different types"),
    ]:
        with pytest.raises(InputError, match=words):
            cv.value_customers(small, attributes=bad)


def test_a_rate_may_be_an_attribute(small):
    customers = small["customer_id"].unique()
    attributes = pd.DataFrame({"customer_id": customers, "rebate": customers % 2 * 0.1})
    lines = pd.DataFrame({"line": ["discount"], "basis": ["revenue"], "rate": ["rebate"]})
    found = cv.value_customers(small, attributes=attributes, cost_lines=lines)
    given = found.customers["discount"] != 0
    assert (given == (found.customers["rebate"] > 0)).all()
    assert "on_invoice_discount" in found.statement.columns


def test_without_a_ledger_cost_and_profit_are_null_and_not_zero(small):
    result = cv.value_customers(small)
    assert result.customers[["activity_cost", "profit", "cost_of_goods_sold"]].isna().all(axis=None)
    assert result.costs is None
    assert "activities" not in result.tables
    with pytest.raises(InputError, match="tiers by profit need the cost ledger"):
        cv.value_customers(small, tier_by="profit")


def test_tiers_by_profit_and_by_spend(small):
    costs = cv.datasets.demo_costs(small)
    result = cv.value_customers(small, costs=costs, tier_by="profit")
    losing = result.customers["profit"] <= 0
    assert (result.customers.loc[losing, "tier"] == "lead").all()
    assert cv.value_customers(small, tier_by="total_spend").model.tiers.by == "total_spend"


def test_customers_of_the_ledger_who_never_bought_are_reported(small):
    costs = dict(cv.datasets.demo_costs(small))
    stranger = pd.DataFrame({"customer_id": [10**6], "activity": ["Packing"], "quantity": [50.0]})
    costs["activity_drivers"] = pd.concat([costs["activity_drivers"], stranger])
    result = cv.value_customers(small, costs=costs)
    assert any("1 customers of the ledger have no purchase" in m for m in result.messages)
    by_tier = result.tables["statement_by_tier"]
    lost = by_tier[(by_tier["tier"] == "not in the log") & (by_tier["line"] == "contribution")]
    assert lost["amount"].item() < 0
    charged = result.costs.totals["cost"].sum()
    assert charged == pytest.approx(
        result.customers["activity_cost"].sum() - lost["amount"].item(), abs=0.005
    )


def test_a_ledger_of_a_longer_time_than_the_log_is_said(small):
    """Fails where `as_of` cuts the sales and charges them the cost of the whole log in silence."""
    costs, last = cv.datasets.demo_costs(small), small["date"].max()
    end = str((last - pd.Timedelta(days=60)).date())
    later = int((small["date"] > end).sum())
    told = f"{later:,} rows of the log lie after as_of={end} and were left out, but the cost ledger"
    cut = cv.value_customers(small, costs=costs, as_of=end)
    assert [told in message for message in cut.messages].count(True) == 1
    assert any(told in text for text in cut.tables["limits"]["text"])
    for keywords in ({"as_of": end}, {"costs": costs}, {"costs": costs, "as_of": last}):
        quiet = cv.value_customers(small, **keywords)
        assert not any("ledger was taken whole" in message for message in quiet.messages)


def test_the_contribution_at_a_glance_less_the_untraced_cost_is_the_profit(demo):
    """Catches two figures of one name on one page."""
    cards = demo.tables["headline"].set_index("item")
    assert cards.loc["profit", "label"] == "Contribution of customers"
    assert "Profit" not in set(cards["label"])
    totals = demo.tables["statement_totals"].set_index("line")["amount"]
    left = cards.loc["profit", "value"] - cards.loc["untraced", "value"]
    assert left == pytest.approx(totals["operating_profit"], abs=0.005)


def test_what_cant_be_checked_is_said(small):
    log = pd.DataFrame(
        {
            "customer_id": [1, 2, 1, 2, 3],
            "date": ["2024-01-01", "2024-01-02", "2024-03-01", "2024-03-20", "2024-03-21"],
            "amount": [5.0, 6.0, 7.0, 8.0, 9.0],
        }
    )
    with pytest.warns(cv.errors.ConvergenceWarning):
        result = cv.value_customers(log)
    assert result.holdout is None
    assert "tracking" not in result.tables
    assert any("the holdout check was not possible" in message for message in result.messages)
    told = result.tables["limits"]["text"].tolist()
    assert len(told) == len(result.messages) + 4
    assert all(text[0].isupper() and text.endswith(".") for text in told)
    assert any(message[0].islower() or message[-1] != "." for message in result.messages)
    with pytest.raises(InputError, match="must end after calibration_end 2030-01-01"):
        cv.value_customers(small, calibration_end="2030-01-01")


ONCE = pd.DataFrame(
    {"customer_id": [1, 2, 3], "date": ["2024-01-01"] * 3, "amount": [5.0, 6.0, 7.0]}
)


@pytest.mark.parametrize(
    ("log", "keywords", "words"),
    [
        (ONCE, {}, "repeat"),
        (ONCE.head(1), {}, "repeat"),
        (ONCE.head(0), {}, "the log has no rows"),
        (ONCE, {"amount": None}, "lifetime values need money"),
        (ONCE, {"amount": "net"}, "lacks the column 'net'"),
        (ONCE, {"tier_by": "age"}, "expected one of lifetime_value, profit, total_spend"),
        (ONCE, {"costs": {"resources": ONCE}}, "missing: resource_drivers, activity_drivers"),
        (ONCE, {"costs": "nowhere"}, "there is no folder 'nowhere'"),
        (ONCE, {"costs": 5}, "costs must be a mapping of tables, or the path of a folder"),
        (ONCE.assign(amount=-1.0), {}, "no purchase is left"),
        (ONCE.assign(amount=[-1.0, -2, 0]), {}, r"repeat.*2 of 3 rows left out: .*signs of the"),
        (ONCE, {"as_of": "2024-06-01"}, r"more customers$"),  # nothing was left out
        (
            pd.concat([ONCE, ONCE.assign(date="2024-02-01")]),
            {"as_of": "2024-01-02"},
            r"repeat.*3 of 6 rows left out: after as_of$",
        ),
    ],
)
def test_bad_input_is_refused_in_words(log, keywords, words):
    with pytest.raises(InputError, match=words):
        cv.value_customers(log, **keywords)


def test_a_corrupted_stage_of_the_costing_is_noticed(small, monkeypatch):
    whole = activity.charge_customers
    monkeypatch.setattr(activity, "charge_customers", lambda *given: whole(*given) * 1.0001)
    costs = {
        "resources": pd.DataFrame({"resource": ["staff"], "cost": [50_000.0]}),
        "resource_drivers": pd.DataFrame(
            {"resource": ["staff"], "activity": ["orders"], "share": [1.0]}
        ),
        "activity_drivers": pd.DataFrame(
            {"customer_id": [1, 2], "activity": ["orders"] * 2, "quantity": [3.0, 4.0]}
        ),
    }
    with pytest.raises(ConservationError, match="add up to"):
        cv.value_customers(small, costs=costs)


def test_two_customers_are_enough():
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2],
            "date": ["2024-01-01", "2024-02-01", "2024-03-01", "2024-01-15"],
            "amount": [10.0, 12.0, 11.0, 20.0],
        }
    )
    with pytest.warns(cv.errors.ConvergenceWarning):
        result = cv.value_customers(log, horizon=52.0)
    assert np.isfinite(result.customers["lifetime_value"]).all()
    assert result.messages, "a fit on so little says so"


def test_the_repr_says_what_it_is(demo):
    assert "23,570 customers as of 1998-06-30" in repr(demo)
    assert "ValueModel(MBGNBD(" in repr(demo.model)
    assert math.isinf(demo.model.horizon)


RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail_ii_2009_2010.parquet"
CHARGES = {
    "POST": "carriage",
    "DOT": "carriage",
    "C2": "carriage",
    "D": "discount",
    "M": "manual",
    "BANK CHARGES": "bank charges",
    "AMAZONFEE": "marketplace fee",
    "B": "bad debt",
    "ADJUST": "adjustment",
    "ADJUST2": "adjustment",
    "S": "samples",
    "PADS": "samples",
    "TEST001": "test",
    "TEST002": "test",
}


@pytest.mark.skipif(not RETAIL.exists(), reason=f"the Online Retail II ledger is not at {RETAIL}")
def test_a_real_messy_ledger_is_valued_to_the_penny():
    """Chen (2019), Online Retail II, UCI Machine Learning Repository, doi 10.24432/C5CG6D."""
    raw = pd.read_parquet(RETAIL)
    log = raw.assign(
        amount=(raw["Quantity"] * raw["Price"]).round(2),
        reason=raw["StockCode"].str.strip().map(CHARGES),
        abroad=raw["Country"] != "United Kingdom",
    )
    nameless = log["Customer ID"].isna() & log["reason"].isna()
    log.loc[nameless, "reason"] = "no customer id"
    options = {
        "customer": "Customer ID",
        "date": "InvoiceDate",
        "amount": "amount",
        "left_out": "reason",
    }
    check = cv.check_transactions(log, **options)
    parts = check.left_out.set_index("reason")
    assert check.money["in"] == pytest.approx(log["amount"].sum(), abs=0.005)
    total = check.money["valued"] + parts["money"].sum()
    assert total == pytest.approx(check.money["in"], abs=0.005)
    by_reason = log.groupby("reason")["amount"].agg(["size", "sum"])
    for reason, row in by_reason.iterrows():
        assert parts.loc[reason, "rows"] == row["size"]
        assert parts.loc[reason, "money"] == pytest.approx(row["sum"], abs=0.005)
    assert "customer with refunds only" in parts.index
    assert check.duplicates == len(log) - len(log.drop_duplicates())

    drivers = cv.transaction_drivers(
        log, order="Invoice", quantity="Quantity", product="StockCode", foreign="abroad", **options
    )
    counted = drivers.groupby("activity")["quantity"].sum()
    kept = log[log["reason"].isna()]
    buyers = kept[kept["amount"] >= 0]
    assert counted["orders"] == buyers["Invoice"].nunique()
    assert counted["lines"] == len(buyers)
    assert counted["foreign"] == buyers.loc[buyers["abroad"], "Invoice"].nunique()
    known = kept[kept["Customer ID"].isin(buyers["Customer ID"])]
    assert counted["returns"] == (known["amount"] < 0).sum()
    postage = log.loc[log["reason"] == "carriage", "amount"].sum()
    costs = {
        "resources": pd.DataFrame(
            {
                "resource": ["office", "warehouse", "foreign carriage"],
                "cost": [300_000.0, 900_000.0, postage],
            }
        ),
        "resource_drivers": pd.DataFrame(
            {
                "resource": ["office", "office", "warehouse", "warehouse", "foreign carriage"],
                "activity": ["orders", "returns", "lines", "returns", "foreign"],
                "share": [0.8, 0.2, 0.9, 0.1, 1.0],
            }
        ),
        "activity_drivers": drivers[
            drivers["activity"].isin(["orders", "lines", "returns", "foreign"])
        ],
    }
    with pytest.warns(cv.errors.ConvergenceWarning):
        result = cv.value_customers(log, costs=costs, **options)
    assert any("readily they leave" in message for message in result.messages)
    customers = result.customers
    assert len(customers) == buyers["Customer ID"].nunique()
    assert customers["total_spend"].sum() == pytest.approx(check.money["valued"], abs=0.005)
    assert customers["activity_cost"].sum() == pytest.approx(1_200_000 + postage, abs=0.005)
    assert np.isfinite(customers[["lifetime_value", "profit", "probability_alive"]]).all(axis=None)
    at_home = result.costs.customers.query("activity == 'foreign'")["customer_id"]
    abroad = buyers.loc[buyers["abroad"], "Customer ID"].unique()
    assert set(at_home) == set(abroad)
