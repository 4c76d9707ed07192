"""Tables long enough for blocks, samples and threads are scored as short ones are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmvalue import _sample
from crmvalue._threads import BLOCK
from crmvalue.rfm import RFMScorer

N = 2 * BLOCK + 1000


@pytest.fixture(scope="module")
def customers() -> pl.DataFrame:
    rng = np.random.default_rng(8)
    frequency = rng.geometric(0.3, N) - 1
    spend = np.round(rng.lognormal(4, 1, N), 2)
    return pl.DataFrame(
        {
            "customer_id": np.arange(N),
            "frequency": frequency,
            "inactive": rng.integers(0, 700, N) / 7,
            "n_purchases": np.where(rng.random(N) < 0.1, 0, frequency + 1),
            "total_spend": np.where(rng.random(N) < 0.1, np.nan, spend),
        }
    ).with_columns(pl.col("total_spend").fill_nan(None))


def test_a_long_fit_is_that_of_numpy_and_counts_everybody(customers, monkeypatch) -> None:
    """Catches counts that leave out those who lie on a cut: ``between < cut``."""
    monkeypatch.setattr(_sample, "SIZE", 1 << 14)
    scorer = RFMScorer.fit(customers)
    buyers = customers.filter(pl.col("n_purchases") > 0)
    for axis in scorer.axes:
        values = buyers[axis.column].drop_nulls().to_numpy().astype(float)
        assert _sample.is_worth_it(values)
        values = -values if axis.less_is_better else values
        cuts = np.quantile(values, np.arange(1, 5) / 5)
        assert axis.cuts == tuple(cuts.tolist())
        scores = 1 + np.searchsorted(cuts, values, side="left")
        assert axis.customers == tuple(np.bincount(scores, minlength=6)[1:].tolist())


@pytest.mark.parametrize("method", ["independent", "nested"])
def test_in_memory_and_as_a_query_they_are_scored_alike(customers, method) -> None:
    scorer = RFMScorer.fit(
        customers, method=method, extra={"orders": "n_purchases"}, weights=(1, 2, 1)
    )
    found = scorer.score(customers)
    asked = scorer.score(customers.lazy()).collect()
    assert found.equals(asked.select(found.columns))
    native = scorer.score(customers.to_pandas())
    expected = found.to_pandas()
    for column in found.columns:
        pd.testing.assert_series_equal(
            native[column], expected[column], check_dtype=False, check_categorical=False
        )
