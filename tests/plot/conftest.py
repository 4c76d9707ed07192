"""Small tables to draw, one for each picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def drawn_tables() -> dict[str, pd.DataFrame]:
    """One table for each function of `crmvalue.plot`, by its name."""
    values = np.array([90.0, 50.0, 10.0, 5.0, -35.0])
    days = pd.date_range("2024-01-07", periods=6, freq="7D")
    return {
        "whale_curve": pd.DataFrame(
            {
                "customer_id": list("abcde"),
                "value": values,
                "cumulative_value": values.cumsum(),
                "share_of_customers": np.arange(1, 6) / 5,
                "cumulative_share": values.cumsum() / values.sum(),
            }
        ),
        "tier_bars": pd.DataFrame(
            {
                "tier": pd.Categorical(["gold", "steel", "lead"], ["gold", "steel", "lead"]),
                "share_of_customers": [0.2, 0.3, 0.5],
                "share_of_revenue": [0.6, 0.3, 0.1],
                "share_of_profit": [1.1, 0.2, -0.3],
                "share_of_lifetime_value": [np.nan] * 3,
            }
        ),
        "lorenz_curve": pd.DataFrame(
            {
                "share_of_customers": np.arange(6) / 5,
                "cumulative_share": np.append(0.0, values[::-1].cumsum() / values.sum()),
            }
        ),
        "pyramid": pd.DataFrame(
            {
                "tier": pd.Categorical(["VIP", "main", "small"], ["VIP", "main", "small"]),
                "customers": [1, 9, 90],
                "share_of_value": [0.7, 0.5, -0.2],
            }
        ),
        "waterfall": pd.DataFrame(
            {
                "line": ["list_revenue", "pocket_revenue", "orders", "idle", "contribution"],
                "amount": [90.0, 90.0, -70.0, 0.0, 20.0],
                "running": [90.0, 90.0, 20.0, 20.0, 20.0],
                "subtotal": [False, True, False, False, True],
            }
        ),
        "cost_to_serve": pd.DataFrame(
            {
                "quadrant": ["bargain basement", "passive", "aggressive", "carriage trade"],
                "x_band": ["low", "low", "high", "high"],
                "y_band": ["low", "high", "low", "high"],
                "customers": [40, 3, 0, 7],
                "share_of_customers": [0.8, 0.06, 0.0, 0.14],
                "x_sum": [10.0, 2.0, 0.0, 30.0],
                "y_sum": [5.0, 40.0, 0.0, 90.0],
            }
        ),
        "rfm_grid": pd.DataFrame(
            {
                "r_score": [1, 1, 2, 2],
                "f_score": [1, 2, 1, 2],
                "customers": [40, 0, 10, 7],
                "revenue": [100.0, 0.0, 80.0, np.nan],
                "segment": ["Hibernating", None, "New", "Champions"],
            }
        ),
        "score_bars": pd.DataFrame(
            {
                "r_score": [1, 1, 2, 2],
                "f_score": [1, 2, 1, 2],
                "revenue": [100.0, -10.0, 80.0, np.nan],
                "customers": [40, 0, 10, 7],
            }
        ),
        "segment_bars": pd.DataFrame(
            {
                "segment": ["Champions", "New", None],
                "profit": [60.0, 50.0, -10.0],
                "share_of_revenue": [0.5, 0.4, 0.1],
                "revenue": [500.0, 400.0, 100.0],
                "customers": [10, 30, 60],
            }
        ),
        "migration_flow": pd.DataFrame(
            {
                "from_tier": ["gold", "gold", "gold", "lead", "lead", "lead", "new", "returned"],
                "to_tier": ["gold", "lead", "lost", "gold", "lead", "lost", "lead", "gold"],
                "value_after": [900.0, 50.0, 0.0, 300.0, -40.0, 0.0, 60.0, np.nan],
                "customers": [30, 10, 2, 5, 80, 60, 20, 0],
            }
        ),
        "cohort_triangle": pd.DataFrame(
            {
                "cohort": pd.to_datetime(
                    [
                        "2024-01-01",
                        "2024-01-01",
                        "2024-01-01",
                        "2024-02-01",
                        "2024-02-01",
                        "2024-03-01",
                    ]
                ),
                "age": [0, 1, 2, 0, 1, 0],
                "complete": [True, True, False, True, False, False],
                "revenue": [90.0, 30.0, -5.0, 80.0, 20.0, np.nan],
                "share_kept": [1.0, 0.5, 0.25, 1.0, 0.3, 1.0],
            }
        ),
        "tracking": pd.DataFrame(
            {
                "end_date": days,
                "actual": [5, 7, 4, 6, 3, 2],
                "expected": [4.5, 6.2, 5.1, 4.4, 3.6, 3.0],
                "cumulative_actual": np.cumsum([5, 7, 4, 6, 3, 2]),
                "cumulative_expected": np.cumsum([4.5, 6.2, 5.1, 4.4, 3.6, 3.0]),
                "holdout": [False, False, False, True, True, True],
            }
        ),
        "frequency": pd.DataFrame(
            {"purchases": ["0", "1", "2+"], "actual": [60, 25, 15], "expected": [58.4, 27.0, 14.6]}
        ),
        "calibration_by_frequency": pd.DataFrame(
            {
                "frequency": ["0", "1", "2+"],
                "customers": [1411, 439, 507],
                "actual": [0.24, 0.7, 2.4],
                "expected": [0.22, 0.5, 2.2],
            }
        ),
        "calibration_by_decile": pd.DataFrame(
            {
                "decile": [1, 2, 3],
                "customers": [230, 0, 240],
                "actual": [0.3, np.nan, 0.9],
                "expected": [0.2, np.nan, 0.8],
            }
        ),
        "history_grid": pd.DataFrame(
            {
                "frequency": [0, 1, 1, 2],
                "recency": [0.0, 19.5, 39.0, 39.0],
                "T": 39.0,
                "horizon": 52.0,
                "probability_alive": [0.9, 0.5, 0.8, 0.95],
                "expected_purchases": [0.2, 0.6, 0.9, 2.1],
            }
        ),
        "alive_path": pd.DataFrame(
            {
                "date": days,
                "purchase": [True, False, True, False, False, False],
                "probability_alive": [0.6, 0.55, 0.8, 0.7, 0.65, 0.6],
            }
        ),
    }
