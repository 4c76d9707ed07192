"""The gate: a sound result passes, and each kind of change fails on the line made for it."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue.baseline import TOLERANCES, check, drift_text
from crmvalue.baseline._stability import stability_index
from crmvalue.baseline.source import MOVED, OPTIONAL
from crmvalue.errors import ConvergenceWarning, InputError
from crmvalue.io import write_result

pytestmark = pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")


def failed(table):
    return table.loc[~table["passed"], "line"].tolist()


def row(table, line):
    return table.set_index("line").loc[line]


def put(column, value, *places):
    """A change of a table: `value` (or a function of the old one) in some rows of a column."""

    def change(table):
        old = table[column].astype(object)
        for place in places or range(len(table)):
            old.iloc[place] = value(old.iloc[place]) if callable(value) else value
        return table.assign(**{column: old.infer_objects()})

    return change


def test_a_result_is_like_itself(result, baseline):
    table = check(result, baseline)
    assert failed(table) == []
    assert list(table.columns) == ["line", "expected", "got", "drift", "tolerance", "passed"]
    assert table["line"].is_unique
    assert (table["drift"] == 0).all()
    assert {line.split(".")[0] for line in table["line"]} == {
        name.split(".")[0] for name in TOLERANCES
    } - {"migration"}


def add_to_both(column, money):
    def change(table):
        return table.assign(**{c: table[c] + money for c in (column, "lifetime_value")})

    return change


def swap_tiers(table):
    tier = table["tier"].astype(str)
    first, second = tier.eq("gold").idxmax(), tier.ne("gold").idxmax()
    tier[first], tier[second] = tier[second], tier[first]
    return table.assign(tier=tier)


def move_between_lines(table):
    """The sums of the lines stay, those of two customers don't."""
    shift = np.zeros(len(table))
    shift[:2] = 5, -5
    return table.assign(revenue_list=table["revenue_list"] + shift)


def lose_cost(table):
    return table.assign(
        activity_cost=0.0, profit=table["total_spend"] - table["cost_of_goods_sold"]
    )


def rows_where(column, value, change):
    """A change of the rows where a column has a value."""

    def changed(table):
        places = np.flatnonzero(table[column].astype(str) == value)
        return put(*change, *places)(table)

    return changed


def charge_less(table):
    """Cost is taken from the customers and called idle: the ledger is still whole."""
    place = table.index[(table["stage"] == "customers") & (table["line"] == "customers")][0]
    table.loc[place, "line"] = "idle"
    return table


def swap(column):
    """Two customers change places in a column: its sum and its distribution stay."""

    def change(table):
        values = table[column].astype(object)
        other = values.ne(values.iloc[0]).idxmax()
        values.iloc[0], values[other] = values[other], values.iloc[0]
        return table.assign(**{column: values.infer_objects()})

    return change


def permute(column):
    return lambda table: table.assign(**{column: table[column].to_numpy()[::-1]})


def double(table):
    """The last row stands there twice."""
    return pd.concat([table, table.tail(1)], ignore_index=True)


def other_cuts(model):
    axis = model.rfm.recency
    cuts = tuple(1.3 * cut for cut in axis.cuts)
    return dataclasses.replace(
        model, rfm=dataclasses.replace(model.rfm, recency=dataclasses.replace(axis, cuts=cuts))
    )


def other_gold(model):
    tiers = dataclasses.replace(model.tiers, gold=1.5 * model.tiers.gold)
    return dataclasses.replace(model, tiers=tiers)


TAMPERED = [
    ("customers", put("n_purchases", lambda v: v + 1, 3), "reconciliation.purchases"),
    ("customers", put("frequency", lambda v: v + 1, 3), "reconciliation.purchases"),
    ("customers", put("T", lambda v: v + 0.01, 3), "reconciliation.ages"),
    ("customers", swap("inactive"), "reconciliation.ages"),
    ("customers", swap("recency"), "reconciliation.dates"),
    ("customers", put("last_purchase", pd.Timestamp("1998-06-29"), 3), "reconciliation.dates"),
    ("customers", put("probability_alive", 1.5, 3), "reconciliation.probability_alive"),
    ("customers", put("probability_alive", -0.1, 3), "reconciliation.probability_alive"),
    ("customers", put("probability_alive", math.nan, 3), "reconciliation.probability_alive"),
    ("customers", permute("probability_alive"), "reconciliation.expectations"),
    ("customers", permute("expected_purchases_year"), "reconciliation.expectations"),
    ("customers", swap("r_score"), "reconciliation.scores"),
    ("customers", permute("f_score"), "reconciliation.scores"),
    ("customers", swap("m_score"), "reconciliation.scores"),
    ("customers", swap("rfm_score"), "reconciliation.scores"),
    ("customers", swap("segment"), "reconciliation.scores"),
    ("customers", permute("tier"), "reconciliation.labels"),
    ("customers", swap_tiers, "reconciliation.labels"),
    ("customers", swap("customer_id"), "reconciliation.statement.revenue"),
    ("customers", permute("customer_id"), "reconciliation.statement.contribution"),
    ("customers", put("customer_id", 10**9, 3), "reconciliation.statement.customers"),
    ("customers", lambda t: t.head(0), "counts.customers"),
    ("customers", lambda t: t.head(0), "reconciliation.tiers.customers"),
    ("statement", swap("customer_id"), "reconciliation.statement.revenue"),
    ("statement", double, "reconciliation.statement.customers"),
    ("model", other_cuts, "reconciliation.scores"),
    ("model", other_gold, "reconciliation.labels"),
    ("tiers", double, "reconciliation.repeated_rows"),
    ("segments", double, "reconciliation.repeated_rows"),
    ("segments", put("orders", lambda v: v + 1, 0), "reconciliation.segments.orders"),
    ("segments", put("revenue", lambda v: v + 1, 0), "reconciliation.segments.revenue"),
    (
        "segments",
        put("lifetime_value", lambda v: v + 1, 0),
        "reconciliation.segments.lifetime_value",
    ),
    ("concentration", double, "reconciliation.repeated_rows"),
    ("headline", double, "reconciliation.repeated_rows"),
    ("quality", double, "reconciliation.repeated_rows"),
    ("parameters", double, "reconciliation.parameters"),
    ("statement_by_tier", double, "reconciliation.repeated_rows"),
    (
        "statement_by_tier",
        rows_where("line", "Packing", ("amount", lambda v: v + 1)),
        "reconciliation.statement",
    ),
    ("customers", lambda t: t.iloc[20:], "reconciliation.tiers.customers"),
    ("customers", lambda t: t.iloc[20:], "reconciliation.revenue"),
    ("customers", lambda t: t.iloc[20:], "reconciliation.segments"),
    ("customers", lambda t: pd.concat([t, t.head(1)]), "reconciliation.distinct_customers"),
    ("customers", lambda t: t.drop(columns="monetary_value"), "schema.customers"),
    ("customers", lambda t: t.rename(columns={"recency": "silence"}), "schema.customers"),
    ("customers", lambda t: t.assign(rfm_score=t["rfm_score"].astype(int)), "schema.customers"),
    ("customers", lambda t: t.assign(r_score=t["r_score"].astype(str)), "schema.customers"),
    ("customers", lambda t: t.assign(extra=1), "schema.customers"),
    ("customers", lambda t: t.assign(profit=np.nan), "schema.customers"),
    ("customers", lambda t: t.drop(columns="tier"), "reconciliation.tiers.customers"),
    ("customers", lambda t: t.drop(columns="customer_id"), "reconciliation.distinct_customers"),
    ("customers", put("total_spend", lambda v: 10 * v, 3), "reconciliation.revenue"),
    ("customers", put("total_spend", lambda v: 10 * v, 3), "reconciliation.profit"),
    ("customers", put("total_spend", math.inf, 3), "reconciliation.revenue"),
    ("customers", put("tier", "gold", 0, 1, 2), "reconciliation.tiers.customers"),
    ("customers", put("tier", "gold"), "tier_share.gold"),
    ("customers", swap_tiers, "reconciliation.tiers.lifetime_value"),
    ("customers", swap_tiers, "reconciliation.tiers.revenue"),
    ("customers", swap_tiers, "reconciliation.contribution"),
    ("customers", move_between_lines, "reconciliation.lifetime_value"),
    ("customers", put("discount", -1.0, 7), "reconciliation.lifetime_value"),
    ("customers", put("lifetime_value", lambda v: v + 1, 7), "reconciliation.headline"),
    ("customers", add_to_both("revenue_list", 1e4), "totals.lifetime_value"),
    ("customers", add_to_both("revenue_list", 1e4), "psi.lifetime_value"),
    ("customers", put("profit", lambda v: v + 1, 7), "reconciliation.profit"),
    ("customers", put("profit", math.nan, 7), "reconciliation.profit"),
    ("customers", lose_cost, "reconciliation.contribution"),
    ("customers", lose_cost, "totals.activity_cost"),
    ("customers", put("segment", "Champions"), "segment_share.Champions"),
    ("customers", put("segment", "Invented", 0), "reconciliation.segments"),
    ("customers", put("probability_alive", 0.99), "psi.probability_alive"),
    ("customers", put("n_purchases", lambda v: 2 * v), "counts.purchases"),
    ("tiers", put("revenue", lambda v: v + 1, 1), "reconciliation.tiers.revenue"),
    ("tiers", put("customers", lambda v: v + 1, 0), "reconciliation.tiers.customers"),
    ("tiers", put("profit", lambda v: v - 1, 0), "reconciliation.tiers.profit"),
    ("tiers", lambda t: t.head(2), "reconciliation.tiers.customers"),
    ("tiers", lambda t: t.drop(columns="threshold"), "schema.tiers"),
    ("segments", put("customers", lambda v: v + 1, 0), "reconciliation.segments"),
    ("concentration", put("gini", lambda v: v + 1e-6, 0), "reconciliation.concentration"),
    ("concentration", lambda t: t.tail(1), "reconciliation.concentration"),
    ("statement", put("cost_of_goods", lambda v: v / 2, 4), "reconciliation.statement"),
    ("statement", lambda t: t.tail(-1), "reconciliation.statement"),
    ("statement", lambda t: t.drop(columns="Packing"), "schema.statement"),
    ("statement", lambda t: t.drop(columns="Packing"), "reconciliation.activity_cost"),
    (
        "statement_by_tier",
        rows_where("line", "contribution", ("amount", lambda v: v + 1)),
        "reconciliation.contribution",
    ),
    (
        "statement_by_tier",
        rows_where("tier", "all", ("amount", lambda v: v + 1)),
        "reconciliation.statement_by_tier",
    ),
    ("reconciliation", lambda t: t.tail(-1), "reconciliation.ledger"),
    ("reconciliation", charge_less, "reconciliation.activity_cost"),
    ("reconciliation", put("amount", lambda v: 2 * v), "totals.ledger"),
    ("parameters", put("estimate", lambda v: v * 1.0001, 0), "reconciliation.parameters"),
    ("quality", put("value", lambda v: v + 1, 2), "reconciliation.money_in"),
    ("quality", put("value", lambda v: v + 1, 3), "reconciliation.revenue"),
    ("quality", put("value", lambda v: v + 1, 4), "reconciliation.left_out"),
    ("quality", put("value", lambda v: 2 * v, 0), "counts.rows"),
    (
        "left_out",
        lambda t: pd.DataFrame({c: ["x" if c == "reason" else 90] for c in t.columns}),
        "left_out.rows",
    ),
    ("headline", put("value", lambda v: v + 1, 0), "reconciliation.headline"),
    (
        "model",
        lambda m: dataclasses.replace(m, purchases=dataclasses.replace(m.purchases, r=9.0)),
        "parameter.MBGNBD.r",
    ),
    (
        "model",
        lambda m: dataclasses.replace(m, annual_discount_rate=0.3),
        "terms.annual_discount_rate",
    ),
    ("model", lambda m: dataclasses.replace(m, horizon=52.0), "terms.horizon"),
    # What the model makes of each history.
    ("customers", put("probability_alive", lambda v: 0.999 * v, 3), "reconciliation.expectations"),
    *(
        ("customers", put(column, lambda v: 1.0001 * v, 3), "reconciliation.valuation")
        for column in (
            "discounted_purchases",
            "expected_spend",
            "discounted_active_years",
            "revenue_list",
            "lifetime_value",
        )
    ),
    ("customers", permute("monetary_value"), "reconciliation.valuation"),
    ("customers", put("expected_purchases", 1.0, 3), "reconciliation.valuation"),
    ("customers", put("acquisition_unrecovered", 1.0, 3), "reconciliation.valuation"),
    ("customers", put("expected_spend", math.nan, 3), "reconciliation.valuation"),
    ("customers", permute("expected_spend"), "reconciliation.valuation"),
    ("customers", add_to_both("revenue_list", 1e-3), "reconciliation.valuation"),
    ("customers", lambda t: t.drop(columns="monetary_value"), "reconciliation.valuation"),
    ("customers", lambda t: t.drop(columns="frequency"), "reconciliation.valuation"),
    ("customers", lambda t: t.drop(columns="lifetime_value"), "reconciliation.valuation"),
    # The model.
    ("model", lambda m: dataclasses.replace(m, horizon=52.0), "reconciliation.valuation"),
    ("model", lambda m: dataclasses.replace(m, annual_discount_rate=0.3), "reconciliation.facts"),
    (
        "model",
        lambda m: dataclasses.replace(m, annual_discount_rate=0.1000001),
        "reconciliation.valuation",
    ),
    (
        "model",
        lambda m: dataclasses.replace(m, cost_lines=(("selling_cost", "order", 0.01),)),
        "reconciliation.valuation",
    ),
    (
        "model",
        lambda m: dataclasses.replace(m, spend=dataclasses.replace(m.spend, q=m.spend.q + 1e-6)),
        "reconciliation.valuation",
    ),
    (
        "model",
        lambda m: dataclasses.replace(
            m, purchases=dataclasses.replace(m.purchases, a=m.purchases.a + 1e-6)
        ),
        "reconciliation.expectations",
    ),
    ("model", lambda m: dataclasses.replace(m, band=0.9), "reconciliation.facts"),
    ("model", other_gold, "reconciliation.tiers.threshold"),
    ("tiers", put("threshold", lambda v: v + 1e-6, 0), "reconciliation.tiers.threshold"),
    ("facts", rows_where("item", "tier_by", ("value", "profit")), "reconciliation.facts"),
    ("facts", lambda t: t[t["item"] != "horizon"], "reconciliation.facts"),
    ("facts", double, "reconciliation.repeated_rows"),
    ("facts", rows_where("item", "as_of", ("value", "1998-07-01")), "reconciliation.facts"),
    ("facts", rows_where("item", "whale_by", ("value", "revenue")), "reconciliation.facts"),
    ("cohorts", put("profit", 1.0, 3), "reconciliation.cohorts.rows"),
    ("cohorts", put("cumulative_profit", 1.0, 3), "reconciliation.cohorts.rows"),
    ("cohorts", lambda t: t.drop(columns="profit"), "schema.cohorts"),
    # Tables drawn from the customers.
    ("whale_curve", put("value", lambda v: v + 1e-6, 3), "reconciliation.whale_curve"),
    ("whale_curve", put("cumulative_value", lambda v: v + 1, 3), "reconciliation.whale_curve"),
    ("whale_curve", put("cumulative_share", 0.5, 3), "reconciliation.whale_curve"),
    ("whale_curve", put("customer_id", 10**9, 3), "reconciliation.whale_curve"),
    ("whale_curve", lambda t: t.tail(-1), "reconciliation.whale_curve"),
    ("whale_curve", lambda t: t.drop(columns="value"), "reconciliation.whale_curve"),
    ("customers", put("profit", lambda v: v + 1, 7), "reconciliation.whale_curve"),
    ("cohorts", put("customers", lambda v: v + 1), "reconciliation.cohorts.customers"),
    ("cohorts", put("revenue", lambda v: v + 1, 3), "reconciliation.cohorts.revenue"),
    ("cohorts", swap("revenue"), "reconciliation.cohorts.rows"),
    ("cohorts", put("kept", lambda v: v + 1, 3), "reconciliation.cohorts.rows"),
    ("cohorts", put("kept", lambda v: v - 1, 0), "reconciliation.cohorts.rows"),
    ("cohorts", put("share_kept", 0.5, 3), "reconciliation.cohorts.rows"),
    ("cohorts", put("customers", lambda v: v + 1, 3), "reconciliation.cohorts.rows"),
    ("cohorts", put("cumulative_revenue", lambda v: v + 1, 3), "reconciliation.cohorts.rows"),
    (
        "cohorts",
        put("cumulative_revenue_per_customer", lambda v: v + 1, 3),
        "reconciliation.cohorts.rows",
    ),
    ("cohorts", lambda t: t.iloc[1:], "reconciliation.cohorts.customers"),
    ("cohorts", lambda t: t.drop(columns="cohort"), "reconciliation.cohorts.revenue"),
    ("customers", put("first_purchase", pd.Timestamp("1997-03-30"), 3), "reconciliation.dates"),
    (
        "customers",
        put("first_purchase", pd.Timestamp("1997-03-30"), 3),
        "reconciliation.cohorts.customers",
    ),
]


@pytest.mark.parametrize(("table", "change", "line"), TAMPERED)
def test_tampering_is_caught_by_the_line_made_for_it(tamper, baseline, table, change, line):
    assert line in failed(check(tamper(table, change), baseline))


def test_what_adds_up_shows_figures_that_are_in_the_tables(result, baseline):
    table = check(result, baseline).set_index("line")
    customers = result.customers
    days = (customers["last_purchase"] - customers["first_purchase"]).dt.days.sum()
    for line, figure in {
        "tiers.customers": len(customers),
        "segments": len(customers),
        "cohorts.customers": len(customers),
        "tiers.revenue": customers["total_spend"].sum(),
        "segments.lifetime_value": customers["lifetime_value"].sum(),
        "contribution": customers["profit"].sum(),
        "profit": customers["profit"].sum(),
        "dates": days,
    }.items():
        shown = table.loc[f"reconciliation.{line}", ["expected", "got"]]
        assert shown.tolist() == pytest.approx([figure, figure], rel=1e-9), line
    for line, shown in {
        "parameters": "7 parameters",
        "headline": "4 figures",
        "tiers.threshold": "2 thresholds",
        "statement": f"{len(result.tables['statement_by_tier'])} amounts",
        "concentration": "30 cells",
    }.items():
        assert table.loc[f"reconciliation.{line}", ["expected", "got"]].tolist() == [shown] * 2


def test_what_does_not_add_up_is_named(tamper, result, baseline):
    """But no customer is: fails where the row that differs most is shown."""
    tiers = result.tables["tiers"].set_index("tier")["revenue"]
    found = check(tamper("tiers", put("revenue", lambda v: v + 1.5, 1)), baseline)
    shown = row(found, "reconciliation.tiers.revenue")
    name = tiers.index[1]
    assert shown["expected"] == f"{name}: {tiers.iloc[1] + 1.5:,.12g}"
    assert shown["got"] == f"{name}: {tiers.iloc[1]:,.12g}"
    assert shown["drift"] == pytest.approx(1.5)
    found = check(tamper("tiers", lambda t: t.drop(columns="revenue")), baseline)
    assert row(found, "reconciliation.tiers.revenue")["expected"].endswith(": unknown")
    for places, words in (((3,), "1 row differs"), ((3, 4), "2 rows differ")):
        found = check(tamper("customers", put("profit", lambda v: v + 1, *places)), baseline)
        got = row(found, "reconciliation.profit")["got"]
        assert got == f"{result.customers['profit'].sum():,.12g}; {words}"


@pytest.mark.parametrize(
    ("column", "value", "line"),
    [
        ("total_spend", 1e308, "revenue"),
        ("monetary_value", 1e308, "valuation"),  # a ValueError of the sum
        ("first_purchase", pd.Timestamp("1997-01-01", tz="UTC"), "dates"),
    ],
)
def test_no_table_breaks_the_gate(tamper, baseline, column, value, line):
    """Whatever the rooms raise is a line that fails."""
    assert f"reconciliation.{line}" in failed(
        check(tamper("customers", put(column, value)), baseline)
    )


def test_a_small_change_fails_no_other_line(tamper, baseline):
    found = check(tamper("customers", move_between_lines), baseline)
    assert failed(found) == ["reconciliation.lifetime_value", "reconciliation.valuation"]
    assert row(found, "reconciliation.lifetime_value")["drift"] == pytest.approx(5)
    assert row(found, "reconciliation.valuation")["got"] == "revenue_list in 2 rows"
    renamed = tamper("customers", lambda t: t.rename(columns={"discounted_purchases": "was"}))
    found = check(renamed, baseline)
    assert failed(found) == ["schema.customers", "reconciliation.valuation"]
    assert row(found, "schema.customers")["got"] == "lost discounted_purchases; new was"
    assert row(found, "reconciliation.valuation")["got"] == "no discounted_purchases"


def halve(log):
    return log[log["customer_id"] % 2 == 0]


def one_giant(log):
    return log.assign(amount=log["amount"].where(log.index > 0, 50 * log["amount"].sum()))


CHANGED = [
    (halve, {}, {"counts.customers", "counts.rows", "totals.revenue"}),
    (lambda t: pd.concat([t, t]), {}, {"counts.rows", "left_out.duplicates", "totals.revenue"}),
    (
        lambda t: t.assign(amount=10 * t["amount"]),
        {},
        {"totals.revenue", "totals.profit", "psi.total_spend", "parameter.GammaGamma.gamma"},
    ),
    (one_giant, {}, {"concentration.revenue.gini", "concentration.revenue.top_10_share"}),
    (lambda t: t, {"costs": None}, {"schema.customers", "schema.statement", "totals.profit"}),
    (lambda t: t.assign(customer_id=t["customer_id"].astype(str)), {}, {"schema.customers"}),
    (lambda t: t, {"tier_by": "total_spend"}, {"terms.tier_by"}),
    (lambda t: t, {"unit": "M"}, {"terms.unit"}),
    (
        lambda t: t.assign(why=np.where(np.arange(len(t)) % 20, None, "carriage")),
        {"left_out": "why"},
        {"left_out.rows"},
    ),
]


@pytest.mark.parametrize(("change", "terms", "lines"), CHANGED)
def test_a_change_of_the_data_is_drift(log, ledger, baseline, change, terms, lines):
    changed = change(log)
    if "costs" not in terms:
        terms = {**terms, "costs": ledger}
    if changed["customer_id"].dtype != log["customer_id"].dtype:
        drivers = ledger["activity_drivers"]
        drivers = drivers.assign(customer_id=drivers["customer_id"].astype(str))
        terms["costs"] = {**ledger, "activity_drivers": drivers}
    now = cv.value_customers(changed, **terms)
    found = failed(check(now, baseline))
    assert lines <= set(found)
    assert not [line for line in found if line.startswith("reconciliation")]


def test_a_dearer_ledger_is_drift(log, ledger, baseline):
    resources = ledger["resources"].assign(cost=1.5 * ledger["resources"]["cost"])
    found = check(cv.value_customers(log, costs={**ledger, "resources": resources}), baseline)
    assert row(found, "totals.ledger")["drift"] == pytest.approx(0.5)
    assert {"totals.ledger", "totals.activity_cost"} <= set(failed(found))


def test_the_model_applied_without_fitting_is_no_drift(log, ledger, result, baseline):
    applied = cv.value_customers(log, costs=ledger, model=result.model)
    assert "parameters" not in applied.tables
    assert failed(check(applied, baseline)) == []
    assert failed(check(result, applied.baseline())) == []


def test_parameters_shift_in_standard_errors(tamper, result, baseline):
    error = baseline.standard_errors["MBGNBD.r"]
    shifted = result.model.purchases.r + 2.5 * error

    def shift(model):
        return dataclasses.replace(model, purchases=dataclasses.replace(model.purchases, r=shifted))

    moved = tamper("model", shift)
    assert row(check(moved, baseline), "parameter.MBGNBD.r")["drift"] == pytest.approx(2.5)
    assert row(check(moved, baseline), "parameter.MBGNBD.r")["passed"]
    found = check(moved, baseline, {"parameter.MBGNBD": 2})
    assert "parameter.MBGNBD.r" in failed(found)
    bare = dataclasses.replace(baseline, standard_errors={})
    assert row(check(moved, bare), "parameter.MBGNBD.r")["drift"] == pytest.approx(2.5)
    tables = {name: t for name, t in moved.tables.items() if name != "parameters"}
    nowhere = dataclasses.replace(moved, tables=tables)
    assert row(check(nowhere, bare), "parameter.MBGNBD.r")["drift"] == math.inf


def test_a_distribution_without_cuts_lets_nothing_pass(result, baseline):
    """Fails where bins so wide that they see nothing count as a baseline."""
    wide = {"cuts": (), "customers": (2357, 0)}
    coarse = dataclasses.replace(baseline, bins={**baseline.bins, "lifetime_value": wide})
    found = check(result, coarse)
    assert failed(found) == ["psi.lifetime_value"]
    assert row(found, "psi.lifetime_value")["got"] == "1 bin, where this result has 10"
    assert failed(check(result, coarse, {"psi.lifetime_value": math.inf})) == []


def test_wider_standard_errors_in_a_baseline_let_no_more_pass(tamper, result, baseline):
    """Fails where those of the result are not looked at."""
    error = baseline.standard_errors["MBGNBD.r"]
    shifted = dataclasses.replace(result.model.purchases, r=result.model.purchases.r + 60 * error)
    moved = tamper("model", lambda m: dataclasses.replace(m, purchases=shifted))
    wide = dataclasses.replace(
        baseline, standard_errors=dict.fromkeys(baseline.standard_errors, 1e9)
    )
    assert row(check(moved, wide), "parameter.MBGNBD.r")["drift"] == pytest.approx(6)


@pytest.mark.parametrize("table", OPTIONAL)
def test_a_table_that_is_gone_is_seen(result, baseline, table):
    if table not in result.tables:
        assert table in MOVED
        return
    tables = {name: t for name, t in result.tables.items() if name != table}
    found = check(dataclasses.replace(result, tables=tables), baseline)
    assert f"schema.{table}" in failed(found)
    assert row(found, f"schema.{table}")["got"] == "no table"


@pytest.mark.parametrize("table", ["cohorts", "gold_gap", "facts", "parameters", "rfm_grid"])
def test_so_is_a_column_of_any_table(tamper, baseline, table):
    found = check(tamper(table, lambda t: t.assign(extra=1)), baseline)
    assert failed(found) == [f"schema.{table}"]


def test_the_parameters_of_another_model_need_their_table(log, ledger, result, baseline):
    """Fails where every result without a holdout may come without them."""
    spend = dataclasses.replace(result.model.spend, p=result.model.spend.p + 1e-6)
    other = dataclasses.replace(result.model, spend=spend)
    applied = cv.value_customers(log, costs=ledger, model=other)
    assert failed(check(applied, baseline)) == ["schema.parameters"]


def in_axis(axis, **parts):
    def change(model):
        other = dataclasses.replace(getattr(model.rfm, axis), **parts)
        return dataclasses.replace(model, rfm=dataclasses.replace(model.rfm, **{axis: other}))

    return change


def other_segments(model):
    named = dataclasses.replace(model.rfm.segments, name="another")
    return dataclasses.replace(model, rfm=dataclasses.replace(model.rfm, segments=named))


def in_tiers(**parts):
    return lambda model: dataclasses.replace(model, tiers=dataclasses.replace(model.tiers, **parts))


def between_customers(model):
    cuts = model.rfm.monetary.cuts
    return in_axis("monetary", cuts=(cuts[0] + 1e-6, *cuts[1:]))(model)


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (in_tiers(gold_share=0.3), ["terms.gold_share", "reconciliation.tiers.fitted"]),
        (in_tiers(lead_share=0.4), ["terms.lead_share", "reconciliation.tiers.fitted"]),
        (in_axis("recency", customers=(1, 2, 3, 4, 5)), ["reconciliation.scores.fitted"]),
        (between_customers, ["reconciliation.scores.fitted"]),
        (other_segments, ["terms.segment_table", "reconciliation.scores.fitted"]),
    ],
)
def test_figures_of_the_model_that_move_nobody_are_held_too(tamper, baseline, change, lines):
    """Shares, counts of the fit, cuts between two customers, names."""
    assert failed(check(tamper("model", change), baseline)) == lines


def test_the_order_of_the_customers_is_held(tamper, baseline):
    """Fails where rows are compared by id alone."""
    turned = tamper("customers", lambda t: t.iloc[::-1].reset_index(drop=True))
    assert "reconciliation.order" in failed(check(turned, baseline))


def test_against_an_earlier_result_who_moved_is_seen(log, result):
    middle = log["date"].sort_values().iloc[len(log) // 2]
    earlier = cv.value_customers(log, as_of=middle)
    table = check(result, earlier)
    before, after = (
        frame.customers.set_index("customer_id")["tier"].astype(str) for frame in (earlier, result)
    )
    both = before.index.intersection(after.index)
    moved = (before[both] != after[both]).mean()
    assert row(table, "migration.changed")["got"] == pytest.approx(moved)
    assert row(table, "migration.lost")["got"] == 0
    assert moved > 0
    fewer = cv.value_customers(log[log["customer_id"] > 100])
    again = check(fewer, fewer.baseline(), previous=earlier)
    lost = (before.index <= 100).mean()
    assert row(again, "migration.lost")["got"] == pytest.approx(lost)
    assert failed(check(result, result)) == []


def test_tolerances_hold_for_a_line_or_a_family(tamper, baseline):
    moved = tamper("customers", put("n_purchases", lambda v: 2 * v))
    loose = {"reconciliation": math.inf}
    assert failed(check(moved, baseline, loose)) == ["counts.purchases"]
    assert failed(check(moved, baseline, {**loose, "counts": 1})) == []
    assert failed(check(moved, baseline, {**loose, "counts.purchases": math.inf})) == []
    stricter = {name for name in TOLERANCES if name.startswith("reconciliation.")}
    found = check(moved, baseline, loose).set_index("line")["tolerance"]
    assert (found[[line for line in found.index if line.startswith("reconciliation")]] > 1).all()
    assert stricter <= set(found.index)  # so a family given reaches them all
    found = check(moved, baseline, {"reconciliation.tiers": 7, "reconciliation.ages": 8, **loose})
    found = found.set_index("line")["tolerance"]
    assert found["reconciliation.tiers.threshold"] == 7
    assert found["reconciliation.ages"] == 8
    assert found["reconciliation.valuation"] == math.inf
    found = check(moved, baseline, {"reconciliation.tiers": 7}).set_index("line")["tolerance"]
    assert found["reconciliation.valuation"] == TOLERANCES["reconciliation.valuation"]
    assert failed(check(moved, baseline, {**loose, "counts": 1, "counts.purchases": 0.5})) == [
        "counts.purchases"
    ]


@pytest.mark.parametrize(
    ("tolerances", "words"),
    [
        ({"totel": 1}, ["'totel'", "totals", "psi"]),
        ({"totals.revenu": 1}, ["'totals.revenu'", "totals.revenue"]),
        ([("psi", 1)], ["must be a mapping", "list"]),
        (0.1, ["must be a mapping", "float"]),
        ({"psi": -1}, ["tolerances['psi']=-1", "at least 0"]),
        ({"psi": math.nan}, ["tolerances['psi']=nan"]),
        ({"psi": True, "nothing": 1}, ["tolerances['psi']=True", "'nothing'"]),
        ({"psi": "0.1"}, ["tolerances['psi']='0.1'"]),
    ],
)
def test_unknown_tolerances_are_refused(result, baseline, tolerances, words):
    with pytest.raises(InputError) as caught:
        check(result, baseline, tolerances)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, None), "result must be a CustomerValue"),
        ((None, 1), "baseline must be a Baseline"),
        (("nowhere", None), "there is no folder 'nowhere'"),
        ((None, "nowhere"), "there is no file 'nowhere'"),
    ],
)
def test_what_is_no_result_is_refused(result, baseline, arguments, words):
    current, reference = arguments
    with pytest.raises(InputError, match=words):
        check(result if current is None else current, baseline if reference is None else reference)


def test_the_stability_index():
    """Siddiqi (2006): the sum of (q - p) ln(q / p); ten thousand customers, so that a half is
    little beside it."""
    before, now = np.array([0.1, 0.2, 0.7]), np.array([0.2, 0.2, 0.6])
    plain = ((now - before) * np.log(now / before)).sum()
    assert stability_index(1e7 * before, 1e7 * now) == pytest.approx(plain, rel=1e-5)
    assert stability_index([5, 0, 0], [5, 0, 0]) == 0
    p, q = np.array([10.5, 0.5]) / 11, np.array([0.5, 10.5]) / 11
    assert stability_index([10, 0], [0, 10]) == pytest.approx(((q - p) * np.log(q / p)).sum())


def test_the_text_has_failures_first(tamper, baseline):
    table = check(tamper("customers", lambda t: t.iloc[20:]), baseline)
    lines = drift_text(table, all_lines=True).splitlines()
    assert lines[0] == f"{len(failed(table))} of {len(table)} lines have drifted"
    states = [line.split()[0] for line in lines[3:]]
    assert states == sorted(states)  # FAILED before passed
    assert len(states) == len(table)
    short = drift_text(table).splitlines()
    told = dict(line.split(": ") for line in short[len(failed(table)) + 4 :])
    same = slice(len(failed(table)) + 3)  # but for the width of the columns
    assert [line.split() for line in short[same]] == [line.split() for line in lines[same]]
    family = table["line"].str.split(".").str[0]
    assert list(told) == list(family.unique())
    for name, count in told.items():
        good = table.loc[family == name, "passed"]
        part = "" if good.all() else f" of {len(good)}"
        assert count == f"{good.sum()}{part} passed"
    only = drift_text(table, failed_only=True)
    assert "passed" not in only
    assert "reconciliation.revenue" in only
    assert drift_text(table[table["passed"]], failed_only=True).startswith("none of")


def random_log(seed, size, text):
    rng = np.random.default_rng(seed)
    rows = 5 * size
    ids = rng.integers(0, size, rows)
    amounts = rng.choice([0.0, 10.1, 20.2, -5.05, 33.333, 1e6], rows)
    days = pd.Timestamp("2023-01-02") + pd.to_timedelta(rng.integers(0, 500, rows), "D")
    named = np.array([f"=id-{i:05d}" for i in range(size)], dtype=object)
    return pd.DataFrame(
        {"customer_id": named[ids] if text else ids, "date": days.as_unit("us"), "amount": amounts}
    )


def attributes_of(log, seed):
    rng = np.random.default_rng(seed)
    ids = log["customer_id"].unique()
    return pd.DataFrame(
        {
            "customer_id": ids,
            "-region": rng.choice(["north", "south", None], len(ids)),
            "=visits": pd.array(rng.choice([1, 2, None], len(ids)), dtype="Int64"),
            "since": pd.Timestamp("2020-01-01"),
            "nothing": None,
            "trade": rng.choice([True, False], len(ids)),
        }
    )


LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


def valued(seed, size, text, costs, library, model):
    log = random_log(seed, size, text)
    out = LIBRARIES[library]
    ledger = {
        name: out(table) if isinstance(table, pd.DataFrame) else table
        for name, table in cv.datasets.demo_costs(log).items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # drawn logs may leave a fit open
        try:
            return cv.value_customers(
                out(log),
                costs=ledger if costs else None,
                attributes=out(attributes_of(log, seed)),
                model=model,
            )
        except InputError:
            assume(False)  # nobody bought twice, or nothing can be fitted


KINDS_OF_LOG = {
    "seed": st.integers(0, 10_000),
    "size": st.integers(1, 60),
    "text": st.booleans(),
    "costs": st.booleans(),
    "library": st.sampled_from(sorted(LIBRARIES)),
}


@settings(max_examples=10)
@given(**KINDS_OF_LOG)
def test_law_a_result_is_always_like_its_baseline(result, seed, size, text, costs, library):
    """Catches NaN taken for unequal: the Gini coefficient of a loss, profit without a ledger."""
    now = valued(seed, size, text, costs, library, result.model)
    kept = now.baseline()
    table = check(now, kept)
    assert failed(table) == [], drift_text(table, failed_only=True)
    assert type(kept).from_json(kept.to_json()) == kept
    assert failed(check(now, type(kept).from_json(kept.to_json()))) == []


@pytest.mark.parametrize(("size", "costs"), [(2, True), (12, False), (30, False)])
def test_so_is_one_fitted_to_little_data(size, costs):
    """Standard errors are unknown there, and parameters lie at limits."""
    now = valued(1, size, False, costs, "polars", None)
    assert failed(check(now, now.baseline())) == []


@settings(max_examples=3)
@given(**KINDS_OF_LOG)
def test_law_so_is_its_folder(result, seed, size, text, costs, library):
    """Catches names of columns that the CSV guards, compared with those that it does not."""
    now = valued(seed, size, text, costs, library, result.model)
    with tempfile.TemporaryDirectory() as folder, mock.patch("crmvalue.io.to_html"):
        out = write_result(now, Path(folder) / "out")
        assert (out / "baseline.json").read_text(encoding="utf-8") == now.baseline().to_json()
        for reference in (out / "baseline.json", now.baseline(), now, out):
            table = check(out, reference)
            assert failed(table) == [], drift_text(table, failed_only=True)
