"""A log on a lazy engine: the rules of `memory`, pushed down as one query."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, Lazy, collect
from crmvalue.errors import Fault, FaultList, InputError
from crmvalue.transactions import dates
from crmvalue.transactions.options import LogOptions
from crmvalue.transactions.sums import PARTS, split_parts, sum_parts
from crmvalue.transactions.tally import (
    AFTER_AS_OF,
    FAULTS,
    INFINITE,
    LARGEST,
    MISSING_AMOUNT,
    MISSING_CUSTOMER,
    REFUND,
    REFUND_REFUSED,
    REFUNDS_ONLY,
    LeftOut,
    Tally,
    in_order,
    refuse_empty,
)

CUSTOMER, DAY, DATE, AMOUNT = "_customer", "_day", "_date", "_amount"
REASON, AS_OF, COPIES = "_reason", "_as_of", "_crmvalue_copies"
"""Columns of a marked log. A null reason stands for a row that counts."""

MONEY, FRACTION, GROSS = "_money", "_money_fine", "_gross"
"""Columns of money: in whole units its sum is exact, and that of its fraction in parts."""


def count_duplicates(frame: Eager) -> int:
    """Rows that repeat an earlier one in every column."""
    return len(frame) - len(frame.unique())


class LogCount(NamedTuple):
    """What one aggregate query says of a log.

    `duplicates` are rows that repeat another one, 0 unless they were asked for; `gross` is the sum
    of the sizes of all amounts.
    """

    tally: Tally
    duplicates: int
    gross: float


def tally_query(frame: Lazy, options: LogOptions, *, duplicates: bool) -> LogCount:
    """Run the one aggregate query that finds the faults and counts what is left out.

    To count `duplicates` costs a grouping by every column. Raises for faults as the options say.
    """
    try:
        return _run_tally(frame, options, duplicates=duplicates)
    except NotImplementedError as error:  # DuckDB keeps its zone in the connection
        raise InputError(
            f"this engine can't convert to time_zone={options.time_zone!r}; set the zone in its "
            f"connection (SET TimeZone = ...) or collect the frame first ({error})"
        ) from error


def _run_tally(frame: Lazy, options: LogOptions, *, duplicates: bool) -> LogCount:
    if duplicates:
        frame = frame.group_by(*frame.collect_schema().names()).agg(nw.len().alias(COPIES))
    marked = _with_refunds_only(mark_log(frame, options), options)
    copies = nw.col(COPIES) if duplicates else nw.lit(1)
    amount = nw.lit(0.0) if options.amount is None else nw.col(AMOUNT)
    names = _fault_names(marked)
    query = (
        marked.with_columns(copies.cast(nw.Int64).alias("_n"))
        .with_columns((amount * nw.col("_n")).alias(MONEY))
        .with_columns(
            nw.col(MONEY).abs().alias(GROSS),
            *(
                (nw.col(f"_is_{n}").cast(nw.Int64) * nw.col("_n")).alias(f"_rows_{n}")
                for n in names
            ),
        )
        .with_columns(*split_parts([MONEY], 1.0))
        .with_columns(*split_parts([FRACTION], 2.0**-30))
        .group_by(REASON)
        .agg(
            nw.col("_n").sum().alias("rows"),
            nw.len().alias("distinct_rows"),
            nw.col(CUSTOMER).n_unique().alias("customers"),
            nw.col(CUSTOMER).is_null().any().alias("no_customer"),
            nw.col(AS_OF).max().alias("as_of"),
            nw.col(f"{MONEY}_coarse").sum(),
            *sum_parts([FRACTION]),
            nw.col(GROSS).sum(),
            *(nw.col(f"_rows_{n}").sum().alias(f"rows_{n}") for n in names),
            *(nw.col(f"_text_{n}").min().alias(f"text_{n}") for n in names),
        )
    )
    groups = collect(query).rows(named=True)
    return LogCount(
        _tally(groups, names, options),
        int(sum(g["rows"] - g["distinct_rows"] for g in groups)),
        float(sum(g[GROSS] for g in groups)),
    )


def mark_log(frame: Lazy, options: LogOptions, as_of: int | None = None) -> Lazy:
    """Give each row its customer, day, date and amount, its faults, and the reason to leave it out.

    `as_of` is a day number; the last day of the rows that count where it is not given.
    """
    schema = frame.collect_schema()
    _check_types(schema, options)
    found = dates.day_expressions(options.date, schema[options.date], options.time_zone)
    given = nw.lit(None, nw.String)
    if options.left_out is not None:
        given = nw.col(options.left_out).cast(nw.String)
    flags = _flags(schema, options, found)
    # In steps, since an expression that is used twice inside another is built twice.
    marked = frame.select(
        nw.col(options.customer).alias(CUSTOMER),
        found.day.alias(DAY),
        found.date.alias(DATE),
        given.alias(REASON),
        *([] if options.amount is None else [_clean_amount(options).alias(AMOUNT)]),
        *([nw.col(COPIES)] if COPIES in schema.names() else []),
        *(flag.alias(f"_is_{name}") for name, flag in flags.items()),
        *(nw.col(_column(name, options)).cast(nw.String).alias(f"_text_{name}") for name in flags),
    )
    marked = marked.with_columns(
        *((nw.col(f"_is_{name}") & nw.col(REASON).is_null()).alias(f"_is_{name}") for name in flags)
    )
    marked = marked.with_columns(
        nw.coalesce(
            REASON, *(nw.when(nw.col(f"_is_{name}")).then(nw.lit(name)) for name in flags)
        ).alias(REASON),
        *(
            nw.when(nw.col(f"_is_{name}")).then(nw.col(f"_text_{name}")).alias(f"_text_{name}")
            for name in flags
        ),
    )
    counts = nw.col(REASON).is_null()
    day = as_of if as_of is not None else options.as_of_day
    last = nw.when(counts).then(nw.col(DAY)).max() if day is None else nw.lit(day)
    marked = marked.with_columns(last.cast(nw.Int64).alias(AS_OF))
    late = counts & (nw.col(DAY) > nw.col(AS_OF))
    later = nw.when(late).then(nw.lit(AFTER_AS_OF)).otherwise(nw.col(REASON))
    marked = marked.with_columns(later.alias(REASON))
    if options.refunds == "drop" and options.amount is not None:
        refund = nw.col(REASON).is_null() & (nw.col(AMOUNT) < 0)
        marked = marked.with_columns(
            nw.when(refund).then(nw.lit(REFUND)).otherwise(nw.col(REASON)).alias(REASON)
        )
    return marked


def _with_refunds_only(marked: Lazy, options: LogOptions) -> Lazy:
    if options.amount is None:
        return marked
    counts = nw.col(REASON).is_null()
    purchase = (counts & (nw.col(AMOUNT) >= 0)).cast(nw.Int64)
    purchases = purchase.alias("_purchase").sum().over(CUSTOMER)
    never = counts & (purchases == 0)
    return marked.with_columns(
        nw.when(never).then(nw.lit(REFUNDS_ONLY)).otherwise(nw.col(REASON)).alias(REASON)
    )


def _flags(schema: Any, options: LogOptions, found: dates.DayExpressions) -> dict[str, nw.Expr]:
    customer = nw.col(options.customer)
    missing = customer.is_null()
    if schema[options.customer].is_float():
        missing = missing | customer.is_nan().fill_null(value=False)
    flags = {MISSING_CUSTOMER: missing}
    if options.amount is not None:
        amount = nw.col(options.amount).cast(nw.Float64)
        nan = amount.is_nan().fill_null(value=False)
        flags[MISSING_AMOUNT] = amount.is_null() | nan
        flags[INFINITE] = ~nan & (amount.abs() >= LARGEST).fill_null(value=False)
        if options.refunds == "refuse":
            flags[REFUND_REFUSED] = (amount < 0).fill_null(value=False)
    return {**flags, **found.faults}


def _clean_amount(options: LogOptions) -> nw.Expr:
    """The amount, 0 where it is missing or infinite: such a row counts for no money."""
    amount = nw.col(str(options.amount)).cast(nw.Float64)
    sound = (amount.abs() < LARGEST).fill_null(value=False) & ~amount.is_nan().fill_null(value=True)
    return nw.when(sound).then(amount).otherwise(nw.lit(0.0))


def _check_types(schema: Any, options: LogOptions) -> None:
    wrong = FaultList()
    kind = schema[options.customer]
    if not (kind.is_integer() or kind.is_float() or kind in (nw.String, nw.Categorical, nw.Enum)):
        wrong.add(
            "not_an_id",
            column=options.customer,
            examples=f"dtype {kind}",
            expected="expected whole numbers or text of one kind; convert the column",
        )
    if options.amount is not None and not schema[options.amount].is_numeric():
        wrong.add(
            "not_a_number",
            column=options.amount,
            examples=f"dtype {schema[options.amount]}",
            expected="expected numbers; convert the column",
        )
    wrong.raise_if_any("the transactions")


def _fault_names(marked: Lazy) -> list[str]:
    return [c.removeprefix("_is_") for c in marked.collect_schema().names() if c[:4] == "_is_"]


def _column(fault: str, options: LogOptions) -> str:
    return str(getattr(options, FAULTS[fault].option))


def _tally(groups: list[dict[str, Any]], names: list[str], options: LogOptions) -> Tally:
    refuse_empty(sum(g["rows"] for g in groups), "the log has no rows")
    found = FaultList()
    for name in names:
        rows = sum(g[f"rows_{name}"] for g in groups)
        if rows:
            texts = sorted(t for g in groups if (t := g[f"text_{name}"]) is not None)
            found.append(
                Fault(
                    name,
                    _column(name, options),
                    int(rows),
                    f"for example {texts[0]!r}" if texts else "",
                    FAULTS[name].expected,
                )
            )
    if options.faults == "raise":
        found.raise_if_any("the transactions")
    groups.sort(key=lambda g: (g[REASON] is not None, str(g[REASON])))
    parts = [
        LeftOut(
            g[REASON],
            int(g["rows"]),
            int(g["customers"]) - bool(g["no_customer"]),
            _money(g, options),
        )
        for g in groups
        if g[REASON] is not None
    ]
    days = [g["as_of"] for g in groups if g["as_of"] is not None]
    refuse_empty(len(days), "every row has a fault or was left out")
    if groups[0][REASON] is not None:
        refuse_empty(0, f"no purchase is left at as_of {dates.to_date(days[0])}")
    valued = _money(groups[0], options)
    return Tally(
        rows=int(sum(g["rows"] for g in groups)),
        as_of=int(days[0]),
        faults=tuple(found),
        left_out=in_order(parts),
        money_in=None if valued is None else float(np.sum([valued, *(p.money for p in parts)])),
        money_valued=valued,
    )


def _money(group: dict[str, Any], options: LogOptions) -> float | None:
    if options.amount is None:
        return None
    return math.fsum(group[c] for c in (f"{MONEY}_coarse", *(f"{FRACTION}_{p}" for p in PARTS)))
