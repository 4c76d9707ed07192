"""Time the summary of a log beside lifetimes, polars and DuckDB, on the same data in one run.

Kind data: integer ids and dates. Unkind: text ids and timestamps.

    python benchmarks/bench_summary.py --rows 1000000 10000000
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl

import crmvalue as cv


def make_log(rows: int, *, kind: bool) -> pl.DataFrame:
    """Rows of customers who buy on days of two years, each about ten times."""
    rng = np.random.default_rng(7)
    ids = rng.integers(0, max(rows // 10, 1), rows)
    days = rng.integers(0, 730, rows)
    amount = np.round(rng.gamma(2.0, 15.0, rows), 2)
    if kind:
        date = pl.Series("date", (days + 19_000).astype(np.int32)).cast(pl.Date)
        return pl.DataFrame({"customer_id": ids, "date": date, "amount": amount})
    seconds = (days + 19_000) * 86_400 + rng.integers(0, 86_400, rows)
    date = pl.Series("date", seconds * 1_000_000).cast(pl.Datetime("us"))
    names = pl.Series("customer_id", ids).cast(pl.String)
    return pl.DataFrame({"customer_id": "C-" + names, "date": date, "amount": amount})


def polars_two_groups(log: pl.DataFrame) -> pl.DataFrame:
    """Group by customer and day, then by customer."""
    days = (
        log.lazy()
        .group_by("customer_id", pl.col("date").cast(pl.Date).alias("day"))
        .agg(pl.col("amount").sum())
    )
    return _polars_finish(
        days.group_by("customer_id").agg(
            pl.len().cast(pl.Int64).alias("n_purchases"),
            pl.col("day").min().alias("first_purchase"),
            pl.col("day").max().alias("last_purchase"),
            pl.col("amount").sum().alias("total_spend"),
            pl.col("amount").filter(pl.col("day") == pl.col("day").min()).sum().alias("first"),
        )
    )


def polars_one_group(log: pl.DataFrame) -> pl.DataFrame:
    """Group by customer once, and count distinct days inside."""
    day = pl.col("day")
    return _polars_finish(
        log.lazy()
        .with_columns(pl.col("date").cast(pl.Date).alias("day"))
        .group_by("customer_id")
        .agg(
            day.n_unique().cast(pl.Int64).alias("n_purchases"),
            day.min().alias("first_purchase"),
            day.max().alias("last_purchase"),
            pl.col("amount").sum().alias("total_spend"),
            pl.col("amount").filter(day == day.min()).sum().alias("first"),
        )
    )


def polars_join(log: pl.DataFrame) -> pl.DataFrame:
    """Find the first day by a group of its own, then join it to leave its amounts out."""
    dated = log.lazy().with_columns(pl.col("date").cast(pl.Date).alias("day"))
    first = dated.group_by("customer_id").agg(pl.col("day").min().alias("first_purchase"))
    days = dated.group_by("customer_id", "day").agg(pl.col("amount").sum())
    start = pl.col("day") == pl.col("first_purchase")
    joined = days.join(first, on="customer_id").with_columns(
        pl.when(start).then("amount").otherwise(0.0).alias("first")
    )
    return _polars_finish(
        joined.group_by("customer_id").agg(
            pl.len().cast(pl.Int64).alias("n_purchases"),
            pl.col("first_purchase").min(),
            pl.col("day").max().alias("last_purchase"),
            pl.col("amount").sum().alias("total_spend"),
            pl.col("first").sum(),
        )
    )


def _polars_finish(customers: pl.LazyFrame) -> pl.DataFrame:
    end = pl.col("last_purchase").max()
    repeats = pl.col("n_purchases") - 1

    def weeks(span: pl.Expr) -> pl.Expr:
        return span.dt.total_days() / 7.0

    mean = (pl.col("total_spend") - pl.col("first")) / repeats
    return customers.select(
        "customer_id",
        repeats.alias("frequency"),
        weeks(pl.col("last_purchase") - pl.col("first_purchase")).alias("recency"),
        weeks(end - pl.col("first_purchase")).alias("T"),
        weeks(end - pl.col("last_purchase")).alias("inactive"),
        "n_purchases",
        "total_spend",
        pl.when(repeats > 0).then(mean).alias("monetary_value"),
        "first_purchase",
        "last_purchase",
    ).collect()


def duckdb_query(log: pl.DataFrame) -> Any:
    """Group by customer and day, then by customer, in SQL."""
    days = duckdb.sql("""
        select customer_id, date::date as day, sum(amount) as amount
        from log group by customer_id, day
    """)
    customers = duckdb.sql("""
        select customer_id, count(*) as n_purchases, min(day) as first, max(day) as last,
               sum(amount) as spend, arg_min(amount, day) as first_spend
        from days group by customer_id
    """)
    found = duckdb.sql("""
        select customer_id, n_purchases - 1 as frequency, (last - first) / 7.0 as recency,
               (max(last) over () - first) / 7.0 as T, (max(last) over () - last) / 7.0 as inactive,
               n_purchases, spend as total_spend,
               case when n_purchases > 1 then (spend - first_spend) / (n_purchases - 1) end
                   as monetary_value,
               first as first_purchase, last as last_purchase
        from customers
    """)
    del days, customers, log  # read by name inside the queries
    return found.to_arrow_table()


def lifetimes_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """The peer's own summary, on pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        return summary_data_from_transaction_data(
            frame, "customer_id", "date", monetary_value_col="amount", freq="D"
        )


def ours(log: Any) -> Any:
    """The summary of this package."""
    return cv.customer_summary(log, amount="amount")


def once(run: Callable[[], Any]) -> float:
    """Seconds of a run that another one has just warmed up."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-rows", type=int, default=1_000_000, help="most rows for lifetimes")
    arguments = parser.parse_args()
    print(f"{'rows':>11} {'data':7} {'what':22} {'seconds':>8} {'peer / ours':>12}")
    for rows in arguments.rows:
        for kind in (True, False):
            log = make_log(rows, kind=kind)
            frame = log.to_pandas()
            runs: dict[str, Callable[[], Any]] = {
                "ours (polars frame)": lambda log=log: ours(log),
                "ours (pandas frame)": lambda frame=frame: ours(frame),
                "polars, two groups": lambda log=log: polars_two_groups(log),
                "polars, one group": lambda log=log: polars_one_group(log),
                "polars, join": lambda log=log: polars_join(log),
                "duckdb": lambda log=log: duckdb_query(log),
            }
            if rows <= arguments.peer_rows:
                runs["lifetimes"] = lambda frame=frame: lifetimes_summary(frame)
            times: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(arguments.runs):  # in turn, so that all meet the same noise
                for name, run in runs.items():
                    times[name].append(once(run))
            median = {name: statistics.median(found) for name, found in times.items()}
            for name, seconds in median.items():
                ratio = seconds / median["ours (polars frame)"]
                data = "kind" if kind else "unkind"
                print(f"{rows:>11,} {data:7} {name:22} {seconds:8.3f} {ratio:12.2f}", flush=True)


if __name__ == "__main__":
    main()
