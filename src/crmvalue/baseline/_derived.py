"""Whether the tables drawn from the customers are still theirs: whale curve, cohorts, moves.

What was made at another time, or of lines of the log that are in no table, can't be made again; it
is held by its totals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue.baseline._cells import made_again, same_cells
from crmvalue.baseline._lines import ROUNDING, Line, unknown_line, worst_line, wrong_line
from crmvalue.baseline.source import EARLIER, MOVED, Source
from crmvalue.customers.previous import watch_gold
from crmvalue.tiers import migration, whale_curve
from crmvalue.tiers._causes import CAUSES, Effects, History, likely_causes
from crmvalue.tiers.pareto import TIERS

WATCHED = (
    *("customer_id", "from_tier", "to_tier", "tiers_dropped"),
    *("value_before", "value_after", "change", "share_lost"),
    *("dropped", "dropped_twice", "value_fell", "lost"),
)
"""What the earlier and the present tiers tell of the watch list; effects are read from the log."""

CENT = 0.005
"""Money that parts may miss to their sum: an effect of rounding alone is taken for none."""


def derived_lines(source: Source) -> list[Line]:
    """A line for each table that the result has."""
    lines = []
    if "whale_curve" in source:
        lines.append(_whale_curve(source))
    if "cohorts" in source:
        lines += _cohorts(source)
    if any(name in source for name in MOVED):
        lines += _moves(source)
    return lines


def _whale_curve(source: Source) -> Line:
    """The curve is that of the customers' profit, or of their lifetime value without a ledger."""
    name = "whale_curve"
    profit = source.number("customers", "profit")
    by = "lifetime_value" if np.isnan(profit).all() else "profit"
    frame = pd.DataFrame({"customer_id": source.ids("customers")})
    frame[by] = source.number("customers", by)
    again = made_again(f"reconciliation.{name}", lambda: whale_curve(frame, by=by))
    return again if isinstance(again, Line) else same_cells(source, name, again)


def _moves(source: Source) -> list[Line]:
    """Who moved between the tiers is told by the earlier tiers and those of now."""
    names, by = [name for name in MOVED if name != EARLIER], source.model.tiers.by
    lines = [f"reconciliation.{name}" for name in names]
    if EARLIER not in source:
        return [unknown_line(line, f"no table {EARLIER}") for line in lines]
    before, after = (
        pd.DataFrame(
            {
                "customer_id": source.ids(table),
                "tier": source.text(table, "tier"),
                by: source.number(table, by),
            }
        )
        for table in (EARLIER, "customers")
    )

    def make() -> dict[str, Any]:
        moved = migration(before, after, by=by, order=TIERS)
        watched = watch_gold(before, after, by=by)
        tables = (moved.value_flow, moved.movements, moved.shares, watched)
        return dict(zip(names, tables, strict=True))

    made = made_again("", make)
    if isinstance(made, Line):
        return [made._replace(line=line) for line in lines]
    made["watch_list"] = made["watch_list"][list(WATCHED)].sort_values("customer_id")
    found = []
    for name, table in made.items():
        if name not in source:
            found.append(unknown_line(f"reconciliation.{name}", f"no table {name}"))
            continue
        slack = {}
        if "change" in table:  # rounded as the figures that it is the difference of
            terms = [table[f"value_{when}"].abs().to_numpy() for when in ("before", "after")]
            slack["change"] = ROUNDING * np.nansum(terms, axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                slack["share_lost"] = np.nan_to_num(slack["change"] / terms[0])
        given = _sorted(source) if name == "watch_list" else source
        found.append(same_cells(given, name, table, slack=slack))
    if "watch_list" in source:
        found.append(wrong_line("reconciliation.watch_list.causes", ~_explained(source)))
    return found


def _explained(source: Source) -> npt.NDArray[np.bool_]:
    """Rows whose effects sum to the change that they explain, and whose cause is the worst one.

    Where no column tells of the history it is the change of value that is explained.
    """

    def number(column: str) -> FloatArray:
        return source.number("watch_list", column)

    change, explained = number("change"), number("explained_change")
    parts = [number(f"{name}_effect") for name in ("orders", "order_value", "cost", "other")]
    before, after = number("orders_before"), number("orders_after")
    then, now = (
        History(change, orders, None, None, number(f"products_{when}"))
        for when, orders in (("before", before), ("after", after))
    )
    held = (change >= 0) & (source.text("watch_list", "lost") != "True")
    codes = likely_causes(Effects(explained, *parts), then, now, held)
    causes = np.array(CAUSES, dtype=object)[codes]
    gross = np.nansum(np.abs(parts), axis=0)
    unread = np.isnan(parts[:3]).all(axis=0) & np.isnan(before)
    right: npt.NDArray[np.bool_] = (
        (np.abs(np.nansum(parts, axis=0) - explained) <= CENT + 1e-9 * gross)
        & (~unread | (np.abs(explained - change) <= CENT + 1e-9 * np.abs(change)))
        & (causes == source.text("watch_list", "cause"))
    )
    return right


def _sorted(source: Source) -> Source:
    """The watch list by rising id: equal losses come in the order of ids, which may be text."""
    order = np.argsort(source.ids("watch_list"), kind="stable")
    return source._replace(
        tables={**source.tables, "watch_list": source.tables["watch_list"].iloc[order]}
    )


def _cohorts(source: Source) -> list[Line]:
    """Cohorts hold all customers and their revenue, each by the first purchase; rows follow.

    A cohort begins on its first day, so that a customer is in the last one that had begun.
    """
    starts, age = source.days("cohorts", "cohort"), source.number("cohorts", "age")
    first = source.days("customers", "first_purchase")
    spend = source.number("customers", "total_spend")
    begins = np.unique(starts[~np.isnan(starts)])
    if not len(begins) or np.isnan(first).any():
        lines = ("customers", "revenue", "rows")
        return [unknown_line(f"reconciliation.cohorts.{line}") for line in lines]
    customer = np.searchsorted(begins, first, side="right")  # 0: before all of them
    row = np.where(np.isnan(starts), 0, np.searchsorted(begins, starts, side="right"))
    size, revenue = source.number("cohorts", "customers"), source.number("cohorts", "revenue")
    new = np.where(age == 0, size, 0.0)
    return [
        _by_cohort("customers", begins, row, new, customer, np.ones(len(first))),
        _by_cohort("revenue", begins, row, revenue, customer, spend),
        wrong_line("reconciliation.cohorts.rows", ~_follow(source, row, new)),
    ]


def _by_cohort(
    name: str,
    begins: FloatArray,
    row: IntArray,
    given: FloatArray,
    customer: IntArray,
    found: FloatArray,
) -> Line:
    """Rows and customers, added up by cohort."""
    sides = [
        group_sum(group, values, len(begins) + 1)
        for group, values in ((row, given), (customer, found))
    ]
    names = ["none", *(str(day) for day in begins.astype("datetime64[D]"))]
    stored, held = (dict(zip(names, side.tolist(), strict=True)) for side in sides)
    return worst_line(f"reconciliation.cohorts.{name}", stored, held)


def _follow(source: Source, row: IntArray, new: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows whose shares and running sums are those of the rows before them."""
    age, size, kept, share = (
        source.number("cohorts", column) for column in ("age", "customers", "kept", "share_kept")
    )
    period = source.days("cohorts", "period")
    known = np.unique(period[~np.isnan(period)])
    number = np.searchsorted(known, period)
    whole = source.text("cohorts", "complete") == "True"
    last = number == len(known) - 1
    start = np.maximum.accumulate(np.where(age == 0, np.arange(len(age)), 0))
    follows: npt.NDArray[np.bool_] = (
        (age == np.arange(len(age)) - start)
        & (row == row[start])
        & (number == number[start] + age)
        & (period[start] == source.days("cohorts", "cohort"))
        & (whole == ~last | (last & whole[-1]))
        & (size == new[start])
        & (kept <= size)
        & ((age > 0) | (kept == size))
        & np.isclose(share * size, kept, rtol=1e-9)
        & _runs(source, "revenue", age, size)
        & _runs(source, "profit", age, size)
    )
    return follows


def _runs(source: Source, name: str, age: FloatArray, size: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows whose running sum, and that per customer, follow; none of them is known without money.

    Only profit may be unknown.
    """
    money, total, mean = (
        source.number("cohorts", column)
        for column in (name, f"cumulative_{name}", f"cumulative_{name}_per_customer")
    )
    before = np.where(age == 0, 0.0, np.append(0.0, total[:-1]))
    gross = np.abs(before) + np.abs(money)
    known: npt.NDArray[np.bool_] = (np.abs(before + money - total) <= 1e-9 * gross) & np.isclose(
        mean * size, total, rtol=1e-9
    )
    if name == "profit":
        known |= np.isnan([money, total, mean]).all(axis=0)
    return known
