"""Real data as published, simulated data as declared, and the demo's ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import crmvalue as cv
from crmvalue import datasets
from crmvalue.errors import InputError, MissingExtraError


def test_cdnow_is_the_published_log():
    """Fader and Hardie (2001): 69,659 transactions of 23,570 customers; the 1/10 sample 6,919."""
    log = datasets.load_cdnow()
    assert list(log.columns) == ["customer_id", "date", "discs", "amount"]
    assert (len(log), log["customer_id"].nunique()) == (69_659, 23_570)
    assert (log["amount"] == 0).sum() == 80
    assert log["amount"].sum() == pytest.approx(2_500_315.63, abs=0.005)
    sample = datasets.load_cdnow(sample=True)
    assert sample["customer_id"].unique().tolist() == list(range(1, 2358))
    assert len(sample) == 6919
    assert (sample["date"].min(), log["date"].max()) == (
        pd.Timestamp("1997-01-01"),
        pd.Timestamp("1998-06-30"),
    )


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"crmvalue\[lifetimes\]"):
        datasets.load_cdnow()


def test_a_simulation_is_repeated_by_its_seed_alone():
    one = datasets.simulate_transactions(50, rng=np.random.default_rng(3))
    two = datasets.simulate_transactions(50, rng=np.random.default_rng(3))
    pd.testing.assert_frame_equal(one, two)
    other = datasets.simulate_transactions(50, rng=np.random.default_rng(4))
    assert not one.equals(other)


def test_simulated_customers_are_those_of_the_parameters():
    rng = np.random.default_rng(8)
    parameters = {"r": 0.8, "alpha": 40.0, "a": 1.2, "b": 3.0, "p": 5.0, "q": 4.0, "gamma": 20.0}
    log = datasets.simulate_transactions(20_000, rng=rng, **parameters)
    summary = cv.customer_summary(log, amount="amount", unit="D")
    fit = cv.MBGNBD.fit(summary, unit="D")
    for name in ("r", "alpha", "a", "b"):
        row = fit.params().set_index("parameter").loc[name]
        slack = 5 * row["std_error"] + 0.03 * row["estimate"]  # days are counted, not seconds
        assert abs(row["estimate"] - parameters[name]) < slack
    spend = cv.GammaGamma.fit(summary).model
    mean = parameters["p"] * parameters["gamma"] / (parameters["q"] - 1)
    assert spend.p * spend.gamma / (spend.q - 1) == pytest.approx(mean, rel=0.03)


def test_refunds_are_of_amounts_that_were_paid():
    log = datasets.simulate_transactions(300, rng=np.random.default_rng(1), refund_share=0.3)
    refunds = log[log["amount"] < 0]
    paid = set(zip(log["customer_id"], log["amount"], strict=True))
    assert 0.15 < len(refunds) / (log["amount"] > 0).sum() < 0.45
    back = zip(refunds["customer_id"], -refunds["amount"], strict=True)
    assert set(back) <= paid


@pytest.mark.parametrize(("customers", "days"), [(0, 10), (5, 1)])
def test_a_log_needs_somebody_and_some_time(customers, days):
    with pytest.raises(InputError, match="a log needs a customer and two days"):
        datasets.simulate_transactions(customers, days=days, rng=np.random.default_rng(1))


def test_the_demo_ledger_states_a_years_cost_of_each_pool():
    log = datasets.load_cdnow()
    ledger = datasets.demo_costs(log)
    years = 546 / 365.25
    cost = ledger["resources"].set_index("resource")["cost"]
    for pool, (yearly, shares) in datasets.DEMO_POOLS.items():
        assert cost[pool] == pytest.approx(yearly * years)
        assert sum(shares.values()) == pytest.approx(1)
    lines = ledger["cost_lines"].set_index("line")
    assert lines.loc["cost_of_goods", "rate"] == 0.6
    assert set(lines["basis"]) == {"revenue", "order", "active_year"}
    names = ("resources", "resource_drivers", "activity_drivers", "activities")
    costs = cv.activity_costs(*(ledger[name] for name in names))
    idle = costs.activities.set_index("activity")["idle"]
    assert (idle > 0).sum() == 1, "one pool has idle capacity"
    assert "illustrative" in ledger["note"]


def test_the_demo_ledger_is_made_in_the_library_of_the_log():
    log = datasets.load_cdnow(sample=True).drop(columns="discs")
    ledger = datasets.demo_costs(pl.from_pandas(log))
    assert all(isinstance(t, pl.DataFrame) for name, t in ledger.items() if name != "note")
    plain = datasets.demo_costs(log)
    assert ledger["cost_lines"]["rate"].to_list() == plain["cost_lines"]["rate"].tolist()


def test_donations_are_those_of_the_paper():
    """Fader, Hardie and Shang (2010): 11,104 donors in 22 cells, 6 years after the first gift."""
    donations = datasets.load_donations()
    assert list(donations.columns) == ["frequency", "recency", "n", "weight"]
    assert (len(donations), donations["weight"].sum()) == (22, 11_104)
    assert (donations["n"] == 6).all()
    assert donations.loc[donations["frequency"] == 0, "weight"].item() == 3464
