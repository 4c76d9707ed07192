"""The summary on a lazy engine, pushed down as one query."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from crmvalue._frame import Lazy
from crmvalue.summary.memory import LOG_GAPS
from crmvalue.transactions import LogOptions
from crmvalue.transactions.query import (
    AMOUNT,
    CUSTOMER,
    DATE,
    DAY,
    REASON,
    mark_log,
    tally_query,
)
from crmvalue.transactions.sums import NOISE, PARTS, grid_of, join_parts, split_parts, sum_parts


def summary_query(frame: Lazy, options: LogOptions, days_per_unit: float, *, gaps: bool) -> Lazy:
    """The query of `customer_summary`. Runs the check of the log first, and only that."""
    tally, _, gross = tally_query(frame, options, duplicates=False)
    marked = mark_log(frame, options, tally.as_of).filter(nw.col(REASON).is_null())
    amount = nw.col(AMOUNT) if options.amount is not None else nw.lit(0.0)
    days = (
        marked.with_columns(
            amount.alias("_spend"),
            amount.abs().alias("_gross"),
            (amount >= 0).cast(nw.Int64).alias("_bought"),
        )
        .with_columns(*split_parts(["_spend"], grid_of(gross)))
        .group_by(CUSTOMER, DAY)
        .agg(
            *sum_parts(["_spend"]),
            nw.col("_gross").sum(),
            nw.col("_bought").max(),
            nw.col(DATE).min(),
        )
    )
    bought = nw.col("_bought") == 1
    days = days.with_columns(
        nw.when(bought).then(nw.col(DAY)).alias("_day_bought"),
        nw.when(bought).then(nw.col(DATE)).alias("_date_bought"),
    ).with_columns(nw.col("_day_bought").min().over(CUSTOMER).alias("_first"))
    later = nw.col(DAY) != nw.col("_first")
    customers = (
        days.with_columns(
            *(
                nw.when(later).then(nw.col(f"_spend_{p}")).otherwise(0.0).alias(f"_repeat_{p}")
                for p in PARTS
            )
        )
        .group_by(CUSTOMER)
        .agg(
            nw.col("_bought").sum().cast(nw.Int64).alias("n_purchases"),
            nw.col("_day_bought").min().alias("_first"),
            nw.col("_day_bought").max().alias("_last"),
            nw.col("_date_bought").min().alias("first_purchase"),
            nw.col("_date_bought").max().alias("last_purchase"),
            *sum_parts(["_spend", "_repeat"]),
            nw.col("_gross").sum().alias("_gross"),
        )
        .filter(nw.col("n_purchases") > 0)
        .with_columns(*join_parts(["_spend", "_repeat"]))
    )
    if gaps:
        customers = _with_log_gaps(customers, days)
    # As a column: some engines divide by a constant by multiplying with its reciprocal.
    customers = customers.with_columns(nw.lit(days_per_unit).alias("_unit"))
    return customers.select(*_columns(options, tally.as_of, days_per_unit, gaps=gaps))


def _columns(options: LogOptions, as_of: int, days_per_unit: float, *, gaps: bool) -> list[nw.Expr]:
    repeats = nw.col("n_purchases") - 1

    def age(days: nw.Expr) -> nw.Expr:
        return days.cast(nw.Float64) / nw.col("_unit")

    def net(name: str) -> nw.Expr:
        noise = nw.col(name).abs() <= NOISE * nw.col("_gross")
        known = nw.when(noise).then(nw.lit(0.0)).otherwise(nw.col(name))
        return known if options.amount is not None else nw.lit(None, nw.Float64)

    columns: dict[str, Any] = {
        "customer_id": nw.col(CUSTOMER),
        "frequency": repeats,
        "recency": age(nw.col("_last") - nw.col("_first")),
        "T": age(as_of - nw.col("_first")),
        "inactive": age(as_of - nw.col("_last")),
        "n_purchases": nw.col("n_purchases"),
        "total_spend": net("_spend"),
        "monetary_value": nw.when(repeats > 0).then(net("_repeat") / repeats.cast(nw.Float64)),
        "first_purchase": nw.col("first_purchase"),
        "last_purchase": nw.col("last_purchase"),
    }
    if gaps:
        unit = nw.lit(days_per_unit).log() * repeats.cast(nw.Float64)
        columns["log_interval_sum"] = nw.when(repeats > 0).then(nw.col("_log_gaps") - unit)
        columns["log_interval_sum"] = columns["log_interval_sum"].fill_null(0.0)
    return [expression.alias(name) for name, expression in columns.items()]


def _with_log_gaps(customers: Lazy, days: Lazy) -> Lazy:
    previous = nw.col(DAY).shift(1).over(CUSTOMER, order_by=DAY)
    gaps = (
        days.filter(nw.col("_bought") == 1)
        .with_columns((nw.col(DAY) - previous).cast(nw.Float64).alias("_gap"))
        .with_columns(nw.col("_gap").log().alias("_log_gaps"))
        .with_columns(*split_parts(["_log_gaps"], LOG_GAPS))
        .group_by(CUSTOMER)
        .agg(*sum_parts(["_log_gaps"]))
        .with_columns(*join_parts(["_log_gaps"]))
    )
    return customers.join(gaps, on=CUSTOMER, how="left")
