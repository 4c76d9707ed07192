"""Fixtures that tests of tiers share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(200)],
            "profit": np.where(np.arange(200) % 50 == 7, np.nan, np.round(rng.normal(20, 40, 200))),
            "revenue": rng.integers(1, 90, 200),
        }
    )
