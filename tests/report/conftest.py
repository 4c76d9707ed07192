"""A made-up result, table by table, in the shape in which the page takes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

Tables = dict[str, Any]

SEGMENTS = [
    *["Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose"],
    *["Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose"],
    *["About To Sleep", "About To Sleep", "Need Attention", "Loyal", "Loyal"],
    *["Promising", "Potential Loyalist", "Potential Loyalist", "Loyal", "Loyal"],
    *["New", "Potential Loyalist", "Potential Loyalist", "Champions", "Champions"],
]


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., Tables]:
    """Build the tables of a result about so many customers, as pandas frames."""
    return _make_tables


@pytest.fixture
def tables() -> Tables:
    """The tables of a result about 300 customers."""
    return _make_tables(300)


def _make_tables(customers: int) -> Tables:
    rng = np.random.default_rng(1)
    frame = _customers(rng, customers)
    whale = frame.sort_values("profit", ascending=False, kind="stable")
    cumulative = whale["profit"].cumsum().to_numpy()
    tiers = pd.DataFrame(
        {
            "tier": ["gold", "steel", "lead"],
            "threshold": [61.4, None, -0.0],
            "customers": [60, 90, 150],
            "share_of_customers": [0.2, 0.3, 0.5],
            "revenue": [60_000.335, 30_000.335, 10_000.335],
            "share_of_revenue": [0.6, 0.3, 0.1],
            "profit": [20_000.0, 4_000.0, -3_000.0],
            "share_of_profit": [20 / 21, 4 / 21, -3 / 21],
            "lifetime_value": [40_000.0, 8_000.0, 0.0],
            "share_of_lifetime_value": [40 / 48, 8 / 48, 0.0],
        }
    )
    return {
        "statement_totals": pd.DataFrame(
            {
                "line": [
                    "list_revenue",
                    "pocket_revenue",
                    "orders",
                    "contribution",
                    "idle",
                    "operating_profit",
                ],
                "amount": [900.0, 900.0, -700.0, 200.0, -50.0, 150.0],
                "running": [900.0, 900.0, 200.0, 200.0, 150.0, 150.0],
                "subtotal": [False, True, False, True, False, True],
            }
        ),
        "distortion": pd.DataFrame(
            {
                "line": [
                    "volume_total",
                    "activity_total",
                    "over_costed",
                    "under_costed",
                    "misallocated",
                    "flips_to_loss",
                    "flips_to_profit",
                ],
                "customers": [300, 300, 100, 200, 300, 40, 0],
                "amount": [700.0, 700.0, 175.0, -175.0, 175.0, -90.0, 0.0],
            }
        ),
        "cost_to_serve": pd.DataFrame(
            {
                "quadrant": ["bargain basement", "passive", "aggressive", "carriage trade"],
                "x_band": ["low", "low", "high", "high"],
                "y_band": ["low", "high", "low", "high"],
                "customers": [140, 10, 10, 140],
                "share_of_customers": [0.466, 0.033, 0.033, 0.466],
                "x_sum": [10.0, 2.0, 10.0, 30.0],
                "y_sum": [5.0, 40.0, 3.0, 90.0],
            }
        ),
        "levers": pd.DataFrame(
            {
                "customer_id": [1, 1, 2, 2],
                "loss": [10.0, 10.0, 5.0, 5.0],
                "lever": ["price", "order size"] * 2,
                "before": [np.nan, 4.0, np.nan, 1.0],
                "after": [np.nan, 2.0, np.nan, 1.0],
                "change": [0.1, -0.5, 0.2, 0.0],
                "money": [10.0, 10.0, 5.0, 0.0],
                "enough": [True, True, True, False],
            }
        ),
        "headline": pd.DataFrame(
            {
                "item": ["customers", "revenue", "gold_share", "horizon", "unknown"],
                "label": ["Customers", "Revenue", "Made by gold", "Mean age", "Not known"],
                "value": [float(customers), 2_500_315.63, 0.8123, 1.25, None],
                "kind": ["count", "money", "share", "years", "money"],
                "note": ["in the log", "net of refunds", "of the profit", "", "no costs given"],
            }
        ),
        "facts": _facts(),
        "tiers": tiers,
        "concentration": pd.DataFrame(
            {
                "figure": ["revenue", "profit", "lifetime_value"],
                "total": [100_000.0, 21_000.0, 48_000.0],
                "customers": [customers] * 3,
                "gini": [0.6, None, 0.8],
                "herfindahl": [0.001, None, 0.002],
                "effective_number": [1000.0, None, 500.0],
                "top_1_share": [0.12, 0.2, 0.15],
                "top_10_share": [0.4, 0.8, 0.6],
                "top_20_share": [0.6, 1.1, 0.83],
                "pareto_point": [0.28, 0.15, 0.19],
            }
        ),
        "whale_curve": pd.DataFrame(
            {
                "customer_id": whale["customer_id"],
                "value": whale["profit"],
                "cumulative_value": cumulative,
                "share_of_customers": np.arange(1, customers + 1) / customers,
                "cumulative_share": cumulative / cumulative[-1],
            }
        ),
        "rfm_grid": pd.DataFrame(
            {
                "r_score": np.repeat(np.arange(1, 6), 5),
                "f_score": np.tile(np.arange(1, 6), 5),
                "customers": np.arange(25) * 12,
                "revenue": np.arange(25) * 100.0,
                "lifetime_value": np.arange(25) * 40.0,
                "segment": SEGMENTS,
            }
        ),
        "segments": pd.DataFrame(
            {
                "segment": ["Champions", "Loyal", "At Risk"],
                "customers": [100, 120, 80],
                "share_of_customers": [1 / 3, 0.4, 0.8 / 3],
                "revenue": [60_000.0, 30_000.0, 10_000.0],
                "lifetime_value": [40_000.0, 8_000.0, 0.0],
                "mean_inactive": [1.5, 12.0, 41.25],
            }
        ),
        **_tier_tables(),
        **_fit_tables(),
        **_cost_tables(),
        **_data_tables(),
        "customers": frame,
    }


def _tier_tables() -> Tables:
    """Who moved, cohorts, and what follows."""
    tiers = ["gold", "steel", "lead"]
    moves = [(a, b) for a in [*tiers, "new", "returned"] for b in [*tiers, "lost"]]
    moves = [move for move in moves if move not in (("new", "lost"), ("returned", "lost"))]
    counts = [40, 20, 0, 3, 15, 60, 5, 7, 0, 8, 130, 2, 5, 4, 12, 0, 1, 0]
    value = np.array(counts) * 10.0
    age = np.concatenate([np.arange(n) for n in (4, 3, 2, 1)])
    cohort = np.repeat(np.arange(4), (4, 3, 2, 1))
    month = np.datetime64("2024-01", "M")
    kept = np.array([100, 40, 30, 20, 80, 20, 16, 60, 30, 40])
    size = np.array([100, 80, 60, 40])[cohort]
    revenue = np.cumsum(kept) * 10.0
    return {
        "migration": pd.DataFrame(
            {
                "from_tier": [a for a, _ in moves],
                "to_tier": [b for _, b in moves],
                "customers": counts,
                "value_before": value,
                "value_after": value * 1.5,
                "change": value * 0.5,
            }
        ),
        "movements": pd.DataFrame(
            {
                "tier": tiers,
                "customers_before": [63, 87, 140],
                "unchanged": [40, 60, 130],
                "upgraded": [0, 15, 8],
                "downgraded": [20, 5, 0],
                "lost": [3, 7, 2],
                "moved_in": [15, 28, 5],
                "new": [5, 4, 12],
                "returned": [0, 1, 0],
                "customers_after": [60, 93, 147],
                "expected_stay": [2.74, 3.22, np.inf],
            }
        ),
        "watch_list": pd.DataFrame(
            {
                "customer_id": [f"W{i}" for i in range(30)],
                "from_tier": ["gold"] * 30,
                "to_tier": ["steel"] * 30,
                "value_before": np.linspace(900.0, 600.0, 30),
                "value_after": 100.0,
                "change": np.linspace(-800.0, -500.0, 30),
                "cause": ["fewer orders"] * 29 + ["other"],
                "orders_before": 9.0,
                "orders_after": 2.0,
            }
        ),
        "cohorts": pd.DataFrame(
            {
                "cohort": (month + cohort).astype("datetime64[ns]"),
                "age": age,
                "period": (month + cohort + age).astype("datetime64[ns]"),
                "customers": size,
                "kept": kept,
                "share_kept": kept / size,
                "revenue": kept * 10.0,
                "profit": np.nan,
                "cumulative_revenue": revenue,
                "cumulative_revenue_per_customer": revenue / size,
                "complete": cohort + age < 3,
            }
        ),
        "gold_gap": pd.DataFrame(
            {
                "customer_id": [f"G{i}" for i in range(25)],
                "tier": ["steel"] * 25,
                "value": np.linspace(60.0, 30.0, 25),
                "gap": np.linspace(1.4, 31.4, 25),
                "gap_share": np.linspace(0.02, 1.0, 25),
                "orders": np.nan,
                "likelihood": 0.9,
                "rank": np.arange(1, 26),
            }
        ),
        "gold_at_risk": pd.DataFrame(
            {
                "tier": tiers,
                "customers": [60, 93, 147],
                "value": [40_000.0, 9_000.0, 0.0],
                "value_at_risk": [8_000.0, 5_000.0, 0.0],
                "share_at_risk": [0.2, 5 / 9, np.nan],
            }
        ),
        "tier_policy": pd.DataFrame(
            {
                "tier": tiers,
                "service_level": ["account manager", "inside sales", None],
                "discount_cap": [0.15, 0.08, 0.0],
                "credit_days": [60.0, 30.0, 14.0],
                "contacts_per_year": [24.0, 8.0, np.nan],
            }
        ),
        "data_gates": pd.DataFrame(
            {
                "gate": ["buyers", "recent_days"],
                "meaning": ["customers who have bought", "days since the last purchase"],
                "rule": ["at least", "at most"],
                "required": [500.0, 30.0],
                "got": [300.0, 14.0],
                "passed": [False, True],
            }
        ),
    }


def _facts() -> pd.DataFrame:
    facts = {
        "as_of": "1998-06-30",
        "first_date": "1997-01-01",
        "rows": "69,659",
        "unit": "W",
        "horizon": "inf",
        "annual_discount_rate": "0.1",
        "purchase_model": "MBG/NBD",
        "spend_model": "gamma-gamma",
        "calibration_end": "1997-09-30",
        "holdout_end": "1998-06-30",
        "tier_by": "lifetime_value",
        "whale_by": "profit",
        "currency_note": "Money is in the currency of the log.",
        "ledger_note": "The cost ledger is illustrative.",
        "crmvalue_version": "0.1.0",
        "messages": "",
    }
    return pd.DataFrame({"item": list(facts), "value": list(facts.values())})


def _fit_tables() -> Tables:
    ends = [dt.date(1997, 1, 7) + dt.timedelta(7 * i) for i in range(78)]
    weeks = np.arange(78)
    actual = 400 + 200 * np.sin(weeks / 6.0)
    expected = 430 + 100 * np.exp(-weeks / 40.0)
    return {
        "tracking": pd.DataFrame(
            {
                "period": weeks + 1,
                "end_date": pd.to_datetime(ends),
                "actual": actual.round(),
                "expected": expected,
                "cumulative_actual": actual.round().cumsum(),
                "cumulative_expected": expected.cumsum(),
                "holdout": weeks >= 39,
            }
        ),
        "frequency": pd.DataFrame(
            {
                "purchases": ["0", "1", "2", "3", "4", "5", "6", "7+"],
                "actual": [180, 60, 25, 12, 8, 6, 4, 5],
                "expected": [176.2, 63.4, 26.1, 13.0, 7.7, 5.1, 3.3, 5.2],
            }
        ),
        "holdout": pd.DataFrame(
            {
                "measure": ["purchases in the holdout", "active customers", "error per customer"],
                "actual": [15_000.0, 120.0, None],
                "expected": [16_800.0, 114.0, 0.61],
                "error": [0.12, -0.05, None],
            }
        ),
        "parameters": pd.DataFrame(
            {
                "model": ["MBG/NBD"] * 4 + ["gamma-gamma"] * 3,
                "parameter": ["r", "alpha", "a", "b", "p", "q", "gamma"],
                "estimate": [0.525, 6.183, 0.891, 1.614, 6.25, 3.74, 15.4],
                "std_error": [0.012, 0.1, 0.05, 0.1, 0.2, 0.1, None],
                "lower": [0.5, 6.0, 0.8, 1.4, 5.8, 3.5, None],
                "upper": [0.55, 6.4, 1.0, 1.8, 6.7, 3.9, None],
            }
        ),
    }


def _cost_tables() -> Tables:
    lines = ["net_revenue", "cost_of_goods", "activity: orders", "contribution"]
    amounts = {
        "gold": [60_000.335, -36_000.2, -4_000.135, 20_000.0],
        "steel": [30_000.335, -18_000.2, -8_000.135, 4_000.0],
        "lead": [10_000.335, -6_000.2, -7_000.135, -3_000.0],
        "all": [100_001.005, -60_000.6, -19_000.405, 21_000.0],
    }
    statement = pd.DataFrame(
        [
            {"tier": tier, "line": line, "amount": amount, "share_of_revenue": amount / column[0]}
            for tier, column in amounts.items()
            for line, amount in zip(lines, column, strict=True)
        ]
    )
    return {
        "statement_by_tier": statement,
        "activities": pd.DataFrame(
            {
                "activity": ["orders", "service"],
                "cost": [15_000.0, 8_000.0],
                "driver_volume": [900.0, 300.0],
                "practical_volume": [1_200.0, None],
                "rate": [12.5, 26.67],
                "assigned": [11_250.0, 7_750.0],
                "idle": [3_750.0, 250.0],
                "level": ["order", None],
            }
        ),
        "reconciliation": pd.DataFrame(
            {
                "stage": ["activities"] * 3,
                "line": ["in", "out", "out"],
                "item": ["cost", "assigned", "idle"],
                "amount": [23_000.0, 19_000.0, 4_000.0],
            }
        ),
    }


def _data_tables() -> Tables:
    return {
        "left_out": pd.DataFrame(
            {
                "reason": ["after as_of", "carriage"],
                "rows": [12, 3],
                "customers": [9, 2],
                "money": [345.6, -12.0],
            }
        ),
        "faults": pd.DataFrame(
            {
                "fault": ["missing_amount"],
                "column": ["amount"],
                "rows": [4],
                "examples": ["row 7: nan"],
            }
        ),
        "quality": pd.DataFrame({"item": ["rows", "money_in"], "value": [69_659.0, 2_500_661.23]}),
        "limits": pd.DataFrame(
            {"text": ["It does not see seasons or campaigns.", "It does not see competitors."]}
        ),
    }


def _customers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    value = rng.gamma(0.3, 120.0, n)
    first = pd.Timestamp("1997-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    orders = rng.integers(1, 9, n)
    scores = rng.integers(1, 6, (3, n))
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:06d}" for i in range(n)],
            "frequency": orders - 1,
            "recency": rng.uniform(0, 78, n),
            "T": rng.uniform(66, 78, n),
            "inactive": rng.uniform(0, 78, n),
            "n_purchases": orders,
            "total_spend": rng.gamma(1, 106.0, n),
            "monetary_value": np.where(orders > 1, 35.4, np.nan),
            "first_purchase": first,
            "last_purchase": first + pd.to_timedelta(rng.integers(0, 400, n), unit="D"),
            "r_score": scores[0],
            "f_score": scores[1],
            "m_score": scores[2],
            "rfm_score": [f"{r}{f}{m}" for r, f, m in scores.T],
            "segment": pd.Categorical(rng.choice(["Champions", "Loyal", "At Risk"], n)),
            "probability_alive": rng.uniform(0, 1, n),
            "expected_purchases_year": rng.gamma(1, 1.0, n),
            "expected_spend": rng.gamma(6, 6.0, n),
            "discounted_purchases": rng.gamma(1, 2.0, n),
            "lifetime_value": value,
            "activity_cost": rng.gamma(2, 9.0, n),
            "profit": value - 30.0,
            "tier": pd.Categorical(
                np.where(value > 60, "gold", np.where(value > 2, "steel", "lead")),
                categories=["gold", "steel", "lead"],
                ordered=True,
            ),
        }
    )
