"""The trace: for every customer its rows add up to that customer's figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue.errors import InputError

STEPS = [
    *("ledger", "activity_cost", "total_spend", "profit", "expectation", "lifetime_value", "tier")
]


@pytest.fixture(scope="module")
def trace(demo):
    return demo.explain()


def test_every_step_of_every_customer_adds_up_to_the_column_of_its_name(demo, trace):
    sums = trace.pivot_table(
        index="customer_id", columns="step", values="amount", aggfunc="sum", observed=True
    )
    customers = demo.customers.set_index("customer_id")
    assert len(sums) == len(customers)
    for step in ("activity_cost", "total_spend", "profit", "lifetime_value"):
        difference = (sums[step] - customers[step]).abs()
        assert difference.max() <= 0.01, step
    assert (sums["tier"] - customers["lifetime_value"]).abs().max() <= 0.01


def test_quantity_times_rate_is_the_amount(trace):
    made = trace.dropna(subset=["quantity", "rate", "amount"])
    np.testing.assert_allclose(made["quantity"] * made["rate"], made["amount"], atol=1e-9)
    assert set(made["step"]) == {"activity_cost", "total_spend", "lifetime_value"}


def test_the_first_rows_are_lines_of_the_ledger(demo, ledger, trace):
    cost = ledger["resources"].set_index("resource")["cost"]
    lines = trace[trace["step"] == "ledger"]
    assert (lines["amount"] == lines["item"].map(cost)).all()
    first = demo.explain(3)
    reached = first[first["step"] == "ledger"]
    assert first["step"].iloc[: len(reached)].eq("ledger").all()
    assert reached["item"].tolist() == sorted(cost.index)


def test_the_lines_of_the_log_are_found_again(cdnow, trace):
    lines = trace[trace["step"] == "total_spend"]
    assert len(lines) == len(cdnow)
    row = lines["source"].str.removeprefix("transactions row ").astype(int)
    original = cdnow.loc[row]
    assert (original["customer_id"].to_numpy() == lines["customer_id"].to_numpy()).all()
    assert (original["amount"].to_numpy() == lines["amount"].to_numpy()).all()
    assert (original["date"].dt.strftime("%Y-%m-%d").to_numpy() == lines["item"].to_numpy()).all()


def test_one_customer_is_a_selection_of_the_whole(demo, trace):
    for customer in (1, 3, 7592, 23_570):
        alone = demo.explain(customer)
        assert list(alone.columns) == ["step", "item", "quantity", "rate", "amount", "source"]
        assert list(dict.fromkeys(alone["step"])) == STEPS
        rows = trace[trace["customer_id"] == customer].drop(columns="customer_id")
        pd.testing.assert_frame_equal(alone, rows.reset_index(drop=True))


def test_the_tier_is_read_off_its_threshold(demo, trace):
    last = trace[trace["step"] == "tier"]
    value = last[last["item"] == "lifetime_value"].set_index("customer_id")
    gold = last[last["item"] == "gold from"].set_index("customer_id")["rate"]
    assert ((value["amount"] >= gold) == (value["source"] == "gold")).all()
    assert (gold == demo.model.tiers.gold).all()


def test_without_a_ledger_the_trace_begins_with_the_log():
    log = cv.datasets.load_cdnow(sample=True)
    result = cv.value_customers(log)
    steps = list(dict.fromkeys(result.explain(4)["step"]))
    assert steps == ["total_spend", "expectation", "lifetime_value", "tier"]


def test_an_unknown_customer_is_named(demo):
    with pytest.raises(InputError, match="there is no customer 'x'; the 23,570 ids are of type"):
        demo.explain("x")
    with pytest.raises(InputError, match="there is no customer 0"):
        demo.explain(0)
