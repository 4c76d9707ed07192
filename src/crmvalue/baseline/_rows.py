"""Whether the rows of a result agree: with themselves, with the model, and with their copies."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._files import unguard
from crmvalue._stats import UNITS, FloatArray
from crmvalue.baseline import _figures
from crmvalue.baseline._lines import ROUNDING, Line, row_line
from crmvalue.baseline._source import CUSTOMERS_CSV, EARLIER, Source, kind
from crmvalue.errors import InputError
from crmvalue.tiers.pareto import TIERS

BoolArray = npt.NDArray[np.bool_]


def row_lines(source: Source) -> list[Line]:
    """A line for each thing that every row must hold."""
    frequency, recency, age, inactive, purchases, alive = (
        source.number("customers", c)
        for c in ("frequency", "recency", "T", "inactive", "n_purchases", "probability_alive")
    )
    first, last = (_days(source, c) for c in ("first_purchase", "last_purchase"))
    lines = [
        row_line("reconciliation.purchases", purchases, [frequency, np.ones(len(frequency))]),
        row_line("reconciliation.ages", age, [recency, inactive]),
        row_line("reconciliation.dates", last, [first, recency * _unit(source)]),
        _wrong("reconciliation.probability_alive", ~((alive >= 0) & (alive <= 1))),
        _scores(source),
        _labels(source),
        _expectations(source),
        *_statement(source),
    ]
    if CUSTOMERS_CSV in source:
        lines.append(_copy(source))
    return lines


def _wrong(line: str, rows: BoolArray) -> Line:
    """A line that drifts by the number of rows that are wrong."""
    found = float(np.count_nonzero(rows))
    return Line(line, 0.0, found, found)


def _unknown(line: str) -> Line:
    """A line for rows from which it can't be told: it fails."""
    return Line(line, 0.0, np.nan, np.nan)


def _unit(source: Source) -> float:
    return UNITS.get(str(source.model.purchases.unit), np.nan)


def _days(source: Source, column: str) -> FloatArray:
    """Dates as days since 1970, NaN where there is none."""
    frame = source.tables["customers"]
    if column not in frame or kind(frame[column]) != "date":
        return np.full(len(frame), np.nan)
    dates = pd.to_datetime(frame[column], errors="coerce")
    days = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return np.asarray(days, dtype=np.float64)


def _scores(source: Source) -> Line:
    """Scores and segments are those that the cut points of the model give."""
    name, frame = "reconciliation.scores", source.tables["customers"]
    try:
        scored = source.model.rfm.score(frame)
    except InputError:
        return _unknown(name)
    again = source._replace(tables={"customers": scored})
    wrong = np.zeros(len(frame), dtype=bool)
    for column in scored.columns.drop("customer_id"):
        if kind(scored[column]) == "number":
            stored, found = (s.number("customers", column) for s in (source, again))
            wrong |= ~np.isclose(stored, found, rtol=ROUNDING, atol=0, equal_nan=True)
        else:
            wrong |= source.text("customers", column) != again.text("customers", column)
    return _wrong(name, wrong)


def _labels(source: Source) -> Line:
    """Every tier is that of the thresholds.

    A result that was compared with an earlier one may have kept customers in their tier within a
    band around a threshold. How wide it was isn't kept; it was below the threshold itself, so that
    only values further away tell that a tier is wrong.
    """
    tiers, tier = source.model.tiers, _figures.groups(source, "tier")
    value = source.number("customers", tiers.by)
    gold = np.inf if tiers.gold is None else tiers.gold
    gold_wrong = (value >= gold) != (tier == TIERS[0])
    lead_wrong = (value <= tiers.lead) != (tier == TIERS[2])
    if EARLIER in source:
        gold_wrong &= np.abs(value - gold) >= abs(gold)
        lead_wrong &= np.abs(value - tiers.lead) >= abs(tiers.lead)
    named = np.isin(tier.astype(str), TIERS)
    return _wrong("reconciliation.labels", gold_wrong | lead_wrong | np.isnan(value) | ~named)


def _expectations(source: Source) -> Line:
    """What is expected of customers is what the model gives for their history.

    The drift is relative to the larger of both.
    """
    name, model = "reconciliation.expectations", source.model.purchases
    history = [source.number("customers", c) for c in ("frequency", "recency", "T")]
    year = UNITS["Y"] / _unit(source)
    try:
        found = {
            "probability_alive": model.probability_alive(*history),
            "expected_purchases_year": model.expected_purchases(*history, horizon=year),
        }
    except InputError:
        return _unknown(name)
    drift = 0.0
    for column, values in found.items():
        stored = source.number("customers", column)
        scale = np.maximum(np.abs(stored), np.abs(values))
        apart = np.abs(stored - values) / np.where(scale > 0, scale, 1.0)
        drift = float(np.max(apart, initial=drift))  # NaN where a figure is missing
    return Line(name, 0.0, drift, drift)


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
        return [*lines, _unknown(f"{line}.revenue"), _unknown(f"{line}.contribution")]
    place = rows.get_indexer(pd.Index(named))
    known = place >= 0
    # Who is in the ledger alone has bought nothing, and may have cost something.
    sold = np.append(spend, 0.0)[place]
    return [
        *lines,
        row_line(f"{line}.revenue", revenue, [sold]),
        row_line(f"{line}.contribution", contribution[known], [margin[place[known]]]),
    ]


def margin_of(source: Source) -> FloatArray:
    """What each customer left: spend less cost of goods and activity cost, as far as known."""
    goods, cost = (
        np.nan_to_num(source.number("customers", c))
        for c in ("cost_of_goods_sold", "activity_cost")
    )
    return source.number("customers", "total_spend") - goods - cost


def _copy(source: Source) -> Line:
    """The customers as CSV are the customers as Parquet, cell by cell; drift = cells that differ.

    Both are compared as the text that a CSV holds of them, and numbers within rounding.
    """
    kept, copy = _as_text(source.tables["customers"]), source.tables[CUSTOMERS_CSV]
    name, cells = "reconciliation.customers_csv", float(kept.size)
    if "customer_id" not in kept or "customer_id" not in copy:
        return _unknown(name)
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


def _apart(left: pd.Series[str], right: pd.Series[str]) -> BoolArray:
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
