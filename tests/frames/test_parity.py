"""One contract for every DataFrame library: the same log gives the same summary."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas

COLUMNS = [
    *("customer_id", "frequency", "recency", "T", "inactive", "n_purchases", "total_spend"),
    *("monetary_value", "first_purchase", "last_purchase", "log_interval_sum"),
]


def generated(seed: int) -> pd.DataFrame:
    log = cv.datasets.simulate_transactions(400, rng=np.random.default_rng(seed), refund_share=0.2)
    return log.assign(note=pd.Series(["keep", None] * (len(log) // 2 + 1))[: len(log)])


def text_ids() -> pd.DataFrame:
    log = generated(1)
    return log.assign(customer_id="É" + log["customer_id"].astype(str))


def text_dates() -> pd.DataFrame:
    log = generated(2)
    return log.assign(date=log["date"].dt.strftime("%Y-%m-%dT%H:%M:%S"))


def aware_dates() -> pd.DataFrame:
    log = generated(3)
    hours = pd.to_timedelta(np.arange(len(log)) % 24, unit="h")
    return log.assign(date=(log["date"] + hours).dt.tz_localize("UTC"))


def with_nulls() -> pd.DataFrame:
    log = generated(4)
    log.loc[::17, "amount"] = np.nan
    log.loc[::23, "date"] = pd.NaT
    return log.assign(customer_id=log["customer_id"].astype(float).where(log.index % 19 > 0))


LOGS = {
    "cdnow": cv.datasets.load_cdnow,
    "text ids": text_ids,
    "text dates": text_dates,
    "aware dates": aware_dates,
    "nulls": with_nulls,
}


def keywords(name: str) -> dict:
    found = {"amount": "amount", "regularity": True}
    return found | ({"faults": "leave_out"} if name == "nulls" else {})


@pytest.mark.parametrize("name", LOGS)
def test_every_library_gives_the_same_summary(library, name):
    log = LOGS[name]()
    expected = cv.customer_summary(log, **keywords(name))
    assert list(expected.columns) == COLUMNS
    native = library(log)
    found = cv.customer_summary(native, **keywords(name))
    assert type(found) is type(native), "the library of the caller"
    found = to_pandas(found).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", ["text ids", "nulls"])
def test_every_library_gives_the_same_holdout_and_histories(library, name):
    log = LOGS[name]()
    options = {**keywords(name), "calibration_end": "2023-12-31"}
    expected = cv.split_holdout(log, **options)
    split = cv.split_holdout(library(log), **options)
    found = to_pandas(split)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12, atol=1e-9)
    pd.testing.assert_frame_equal(
        to_pandas(cv.distinct_histories(split)), cv.distinct_histories(expected), check_dtype=False
    )


def test_categorical_ids_stay_categorical_and_are_sorted_as_text():
    log = text_ids()
    expected = cv.customer_summary(log, amount="amount")
    categories = sorted(log["customer_id"].unique(), reverse=True)
    in_pandas = log.assign(customer_id=pd.Categorical(log["customer_id"], categories))
    found = cv.customer_summary(in_pandas, amount="amount")
    assert isinstance(found["customer_id"].dtype, pd.CategoricalDtype)
    assert found["customer_id"].astype(str).tolist() == expected["customer_id"].tolist()
    in_polars = pl.from_pandas(log).with_columns(pl.col("customer_id").cast(pl.Categorical))
    found = cv.customer_summary(in_polars, amount="amount")
    assert found["customer_id"].dtype == pl.Categorical
    assert found["customer_id"].cast(pl.String).to_list() == expected["customer_id"].tolist()


def test_the_types_of_the_columns():
    log = cv.datasets.load_cdnow().head(1000)
    polars = cv.customer_summary(pl.from_pandas(log), amount="amount")
    assert polars.schema == pl.Schema(
        {
            "customer_id": pl.Int64,
            "frequency": pl.Int64,
            "recency": pl.Float64,
            "T": pl.Float64,
            "inactive": pl.Float64,
            "n_purchases": pl.Int64,
            "total_spend": pl.Float64,
            "monetary_value": pl.Float64,
            "first_purchase": pl.Date,
            "last_purchase": pl.Date,
        }
    )
    assert polars["monetary_value"].null_count() == (polars["frequency"] == 0).sum()
    lazy = cv.customer_summary(pl.from_pandas(log).lazy(), amount="amount")
    assert lazy.collect_schema() == polars.schema
    arrow = cv.customer_summary(pa.Table.from_pandas(log), amount="amount")
    assert arrow.schema.field("first_purchase").type == pa.date32()
    assert arrow.column("monetary_value").null_count == polars["monetary_value"].null_count()


def test_a_lazy_frame_is_not_run_but_for_its_check():
    log = pl.from_pandas(cv.datasets.load_cdnow().head(100))
    calls = []

    def watch(batch: pl.DataFrame) -> pl.DataFrame:
        calls.append(len(batch))
        return batch

    lazy = log.lazy().map_batches(watch)
    found = cv.customer_summary(lazy, amount="amount")
    assert isinstance(found, pl.LazyFrame)
    assert len(calls) == 1, "one pass, the aggregate query of the check"
    assert len(found.collect()) == log["customer_id"].n_unique()


@pytest.mark.parametrize("engine", ["pandas", "in-memory", "streaming", "duckdb"])
def test_money_is_the_same_to_the_last_digit_at_every_run(engine):
    """Catches plain sums: in a query their last digits change from run to run."""
    rng = np.random.default_rng(5)
    rows = 150_000
    days = np.datetime64("2023-01-01") + rng.integers(0, 700, rows)
    amounts = np.round(rng.lognormal(3, 1, rows), 2)
    log = pd.DataFrame({"customer_id": rng.integers(0, 5_000, rows), "date": days, "x": amounts})

    def summary(rows):
        if engine == "pandas":
            found = pl.from_pandas(cv.customer_summary(rows, amount="x", regularity=True))
        elif engine == "duckdb":
            found = cv.customer_summary(duckdb.from_df(rows), amount="x", regularity=True).pl()
        else:
            query = cv.customer_summary(pl.from_pandas(rows).lazy(), amount="x", regularity=True)
            found = query.collect(engine=engine)
        return found.sort("customer_id")

    first = summary(log)
    assert summary(log).equals(first)
    assert summary(log.sample(frac=1, random_state=6)).equals(first)
    exact = log.groupby("customer_id")["x"].agg(math.fsum)
    assert first["total_spend"].to_list() == exact.tolist()
    in_memory = cv.customer_summary(log, amount="x")["monetary_value"].dropna()
    assert first["monetary_value"].drop_nulls().to_list() == in_memory.tolist()


def test_dates_of_an_sql_engine_are_dates():
    log = duckdb.sql("select 1 as customer_id, date '2024-01-01' as date, 2.5::decimal as amount")
    [row] = cv.customer_summary(log, amount="amount").fetchall()
    assert row[-2:] == (dt.date(2024, 1, 1), dt.date(2024, 1, 1))


def test_large_money_is_added_up_alike_in_any_order(library):
    """Catches a grid that stays at 2**-20: five totals for the same lines in other orders."""
    rng = np.random.default_rng(0)
    lines = np.round(rng.uniform(1e9, 4e9, 12), 2)
    log = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(30), len(lines)),
            "date": dt.date(2024, 1, 1),
            "amount": np.concatenate([rng.permutation(lines) for _ in range(30)]),
        }
    )
    spend = to_pandas(cv.customer_summary(library(log), amount="amount"))["total_spend"]
    assert set(spend) == {math.fsum(lines)}


def test_what_is_left_of_large_amounts_is_money(library):
    """Catches a share of 1e-12 of all amounts taken for rounding: 1.99 is then 0."""
    days = [dt.date(2024, 1, day) for day in (1, 2, 3)]
    for amounts, left in (([1e12, -1e12, 1.99], 1.99), ([10.1, 20.2, -30.3], 0.0)):
        log = library(pd.DataFrame({"customer_id": 1, "date": days, "amount": amounts}))
        assert to_pandas(cv.customer_summary(log, amount="amount"))["total_spend"].tolist() == [
            left
        ]


def test_whole_numbers_of_any_size_are_numbers(library):
    """Catches Arrow's own cast, which refuses what a float can't hold to the last digit."""
    frame = library(pd.DataFrame({"customer_id": [1, 2], "points": [2**53 + 1, 5]}))
    tiers = cv.FixedTiers("points", ("high", "low"), (10.0,))
    assert to_pandas(tiers.assign(frame))["tier"].astype(str).tolist() == ["high", "low"]
    assert cv.ParetoTiers.fit(frame, by="points").gold == 2.0**53
