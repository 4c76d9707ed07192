"""Whether the rows of a result agree with themselves, with the statement, and with their copies."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._files import unguard
from crmvalue._stats import FloatArray
from crmvalue.baseline._lines import ROUNDING, Line, row_line, unknown_line, wrong_line
from crmvalue.baseline.source import CUSTOMERS_CSV, Source


def row_lines(source: Source) -> list[Line]:
    """A line for each thing that every row must hold."""
    frequency, recency, age, inactive, purchases, alive = (
        source.number("customers", c)
        for c in ("frequency", "recency", "T", "inactive", "n_purchases", "probability_alive")
    )
    first, last = (source.days("customers", c) for c in ("first_purchase", "last_purchase"))
    lines = [
        row_line("reconciliation.purchases", purchases, [frequency, np.ones(len(frequency))]),
        row_line("reconciliation.ages", age, [recency, inactive]),
        row_line("reconciliation.dates", last - first, [recency * source.unit]),
        wrong_line("reconciliation.probability_alive", ~((alive >= 0) & (alive <= 1))),
        wrong_line("reconciliation.order", _out_of_order(source)),
        *_statement(source),
    ]
    if CUSTOMERS_CSV in source:
        lines.append(_copy(source))
    return lines


def _out_of_order(source: Source) -> npt.NDArray[np.bool_]:
    """Customers come by rising id, those on the watch list by falling loss, then by rising id."""
    ids = source.ids("customers")
    wrong = [ids[1:] < ids[:-1]]
    if "watch_list" in source:
        ids, change = source.ids("watch_list"), source.number("watch_list", "change")
        rise = np.diff(change)
        gross = np.abs(change[1:]) + np.abs(change[:-1])
        wrong.append((rise < -ROUNDING * gross) | ((rise == 0) & (ids[1:] < ids[:-1])))
    return np.concatenate(wrong).astype(bool)


def _statement(source: Source) -> list[Line]:
    """Each customer's statement is that of the customer, found by id."""
    ids, named = source.text("customers", "customer_id"), source.text("statement", "customer_id")
    rows = pd.Index(ids)
    lost = np.count_nonzero(~np.isin(ids.astype(str), named.astype(str)))
    twice = len(named) - len(np.unique(named.astype(str)))
    revenue, contribution = (
        source.number("statement", c) for c in ("pocket_revenue", "contribution")
    )
    spend, margin = source.number("customers", "total_spend"), margin_of(source)
    line = "reconciliation.statement"
    missing = float(lost + twice)
    lines = [Line(f"{line}.customers", 0.0, missing, missing)]
    if not rows.is_unique:
        return [*lines, unknown_line(f"{line}.revenue"), unknown_line(f"{line}.contribution")]
    place = rows.get_indexer(pd.Index(named))
    known = place >= 0
    # Who is in the ledger alone has bought nothing, and may have cost something.
    sold = np.append(spend, 0.0)[place]
    return [
        *lines,
        row_line(f"{line}.revenue", revenue, [sold]),
        row_line(f"{line}.contribution", contribution[known], [margin[place[known]]]),
    ]


def margin_parts(source: Source) -> list[FloatArray]:
    """What profit is made of: spend, less cost of goods, where it is known, less activity cost."""
    spend, goods, cost = (
        source.number("customers", c)
        for c in ("total_spend", "cost_of_goods_sold", "activity_cost")
    )
    return [spend, -np.nan_to_num(goods), -cost]


def margin_of(source: Source) -> FloatArray:
    """What each customer left, as far as known: without a ledger no cost is taken off."""
    spend, goods, cost = margin_parts(source)
    return spend + goods + np.nan_to_num(cost)


def _copy(source: Source) -> Line:
    """The customers as CSV are the customers as Parquet, cell by cell; drift = cells that differ.

    Both are compared as the text that a CSV holds of them, and numbers within rounding.
    """
    kept, copy = _as_text(source.tables["customers"]), source.tables[CUSTOMERS_CSV]
    name, cells = "reconciliation.customers_csv", float(kept.size)
    if "customer_id" not in kept or "customer_id" not in copy:
        return unknown_line(name)
    columns = kept.columns.union(copy.columns, sort=False)
    sides = [side.assign(customer_id=side["customer_id"].map(_plain)) for side in (kept, copy)]
    first = [side.drop_duplicates("customer_id").set_index("customer_id") for side in sides]
    repeated = abs(len(kept) - len(first[0]) - (len(copy) - len(first[1])))
    rows = first[0].index.union(first[1].index, sort=False)
    alone = len(rows) - len(first[0].index.intersection(first[1].index))
    both = rows[rows.isin(first[0].index) & rows.isin(first[1].index)]
    left, right = (side.loc[both] for side in first)
    differing = (alone + repeated) * len(columns)
    for column in columns.drop("customer_id"):
        if column not in left or column not in right:
            differing += max(len(both), 1)
        else:
            differing += int(_apart(left[column], right[column]).sum())
    return Line(name, cells, cells - differing, float(differing))


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A table as a CSV of it is read, all cells text."""
    held = io.StringIO(frame.to_csv(index=False, lineterminator="\n"))
    return pd.read_csv(held, dtype="object", keep_default_na=False)


def _apart(left: pd.Series[str], right: pd.Series[str]) -> npt.NDArray[np.bool_]:
    """Cells that differ, but for rounding and the guard before a formula."""
    apart = np.asarray(left.to_numpy() != right.to_numpy(), dtype=bool)
    if not apart.any():
        return apart
    a, b = left[apart], right[apart]
    x, y = (pd.to_numeric(side, errors="coerce").to_numpy(dtype=np.float64) for side in (a, b))
    same = np.isclose(x, y, rtol=ROUNDING, atol=0)
    same |= a.map(_plain).to_numpy() == b.map(_plain).to_numpy()
    apart[apart] = ~same
    return apart


def _plain(value: object) -> str:
    return unguard(str(value))
