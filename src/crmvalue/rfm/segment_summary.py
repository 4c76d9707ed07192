"""What each segment holds and is worth, what it means, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, Table, enter
from crmvalue._keys import ID, Keys, factorize, plain_ids
from crmvalue._numbers import row_examples
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    exact_group_sum,
    positive_total,
    safe_sum,
)
from crmvalue._table import Column, Labels, table
from crmvalue.errors import FaultList
from crmvalue.rfm.segment_tables import (
    NO_PURCHASE,
    NO_PURCHASE_NOTE,
    NO_SEGMENT,
    NO_SEGMENT_NOTE,
)
from crmvalue.rfm.segments import RECENCY_FREQUENCY_GRID, SegmentTable

SEGMENT = "segment"

FIGURES = {
    "orders": "n_purchases",
    "revenue": "total_spend",
    "inactive": "inactive",
    "value": "lifetime_value",
    "profit": "profit",
}
"""The figures of a customer, and the column in which each stands by default."""


def segment_summary(
    scored: IntoFrame,
    *tables: IntoFrame,
    segments: SegmentTable | None = RECENCY_FREQUENCY_GRID,
    orders: str = "n_purchases",
    revenue: str = "total_spend",
    inactive: str = "inactive",
    value: str = "lifetime_value",
    profit: str = "profit",
) -> Any:
    """Say what each segment holds and is worth, what it means, and what to do about it.

    Parameters
    ----------
    scored : frame
        One row per customer with ``customer_id`` and ``segment``: what `RFMScorer.score` gives, or
        the customers of a result, which have every figure already.
    *tables : frames
        Where else to look for figures: the summary, lifetime values, profits, each with one row
        per customer and ``customer_id``. Each figure is taken from the first table that has its
        column.
    segments : SegmentTable or None
        The table by which the customers were scored: it gives the order, the segments that nobody
        is in, and the words. None where they were scored without one.
    orders, revenue, inactive, value, profit : str
        The columns of the figures. One that no table has is null, unless you name it yourself.

    Returns
    -------
    frame
        In the library of `scored`, one row per segment in the order of its table, also for one
        that nobody is in; after them, where there are such customers, ``"No purchase"`` and
        ``"No segment"`` (null in `scored`), so that all add up to the total:

        - ``segment``, categorical;
        - ``customers``, ``share_of_customers``;
        - ``orders``, ``revenue``, ``share_of_revenue`` (null where the total is not positive),
          ``average_order`` (revenue of an order);
        - ``mean_inactive``: mean time since the last purchase, in the unit of the summary;
        - ``lifetime_value, profit``;
        - ``meaning, action``, text.

        Sums and means are over the customers whose figure is known. A sum is null where a segment
        has customers but none whose figure is known, or nobody's is; a mean over nobody, and a
        share of nobody, is null.

    Raises
    ------
    InputError
        Where a customer stands in a table twice or is not in `scored`, a segment is none of
        `segments`, a column is not of numbers, or one that was named is in no table.
    ConservationError
        Where the segments don't add up to the total.

    Examples
    --------
    >>> import pandas as pd
    >>> scored = pd.DataFrame({"customer_id": [1, 2, 3], "segment": ["New", "Champions", "New"]})
    >>> summary = pd.DataFrame({"customer_id": [3, 2, 1], "n_purchases": [1, 9, 1],
    ...                         "total_spend": [15.0, 270.0, 15.0], "inactive": [2.0, 1.0, 4.0]})
    >>> told = segment_summary(scored, summary)
    >>> told = told[told["customers"] > 0]
    >>> print(told[["segment", "customers", "revenue", "average_order"]].to_string(index=False))
      segment  customers  revenue  average_order
    Champions          1    270.0           30.0
          New          2     30.0           15.0
    >>> print(told["action"].iloc[1])
    Welcome them, see that the first purchase pleases, and make the second one easy.
    """
    columns = dict(zip(FIGURES, (orders, revenue, inactive, value, profit), strict=True))
    figures = _Figures(scored, tables, columns)
    base, faults = figures.base, figures.faults
    names = segments.segments if segments else ()
    groups = tuple(dict.fromkeys((*names, NO_PURCHASE, NO_SEGMENT)))
    codes = _codes(base.frame[SEGMENT], groups, segments, faults)
    faults.raise_if_any("segment_summary")
    size = len(groups)
    customers = np.bincount(codes, minlength=size)
    sums, known = {}, {}
    for figure, values in figures.values.items():
        known[figure] = np.bincount(codes[~np.isnan(values)], minlength=size)
        nothing = (known[figure] == 0) & ((customers > 0) | ~known[figure].any())
        sums[figure] = np.where(nothing, np.nan, _sums(figure, codes, values, size))
    # An average order is one of those customers whose orders and revenue are both known.
    spent, ordered = figures.values["revenue"], figures.values["orders"]
    both = np.where(np.isnan(spent) | np.isnan(ordered), np.nan, 1.0)
    average = _ratio(*(_sums("orders", codes, v * both, size) for v in (spent, ordered)))
    notes = [_note(group, segments) for group in groups]
    shown = np.flatnonzero((customers > 0) | (np.arange(len(groups)) < len(names)))
    result: dict[str, Column] = {
        "customers": customers,
        "share_of_customers": _ratio(customers, np.array(len(base))),
        "orders": sums["orders"],
        "revenue": sums["revenue"],
        "share_of_revenue": sums["revenue"] / positive_total(spent[~np.isnan(spent)]),
        "average_order": average,
        "mean_inactive": _ratio(sums["inactive"], known["inactive"]),
        "lifetime_value": sums["value"],
        "profit": sums["profit"],
    }
    return table(
        {
            "segment": Labels(shown, groups),
            **{name: np.asarray(column)[shown] for name, column in result.items()},
            "meaning": [notes[i][0] for i in shown],
            "action": [notes[i][1] for i in shown],
        },
        base.frame,
    )


class _Figures:
    """The figures of the scored customers, each from the first table that has its column."""

    def __init__(
        self, scored: IntoFrame, tables: Sequence[IntoFrame], columns: dict[str, str]
    ) -> None:
        self.faults = FaultList()
        self.base = self._read(scored, "scored", (ID, SEGMENT), columns)
        self.keys = self._keys(self.base)
        given = [self.base]
        for number, frame in enumerate(tables, 1):
            given.append(self._read(frame, f"table {number}", (ID,), columns))
        self.values = {figure: np.full(len(self.base), np.nan) for figure in columns}
        places = [self._places(one) for one in given]
        for figure, column in columns.items():
            holder = next((i for i, one in enumerate(given) if column in one), None)
            if holder is not None:
                least = 0.0 if figure == "orders" else None
                numbers = given[holder].numbers(column, null=True, minimum=least)
                if not self.faults:
                    self.values[figure][places[holder]] = numbers
            elif column != FIGURES[figure]:
                self.faults.add(
                    "no_such_column",
                    column=column,
                    expected=f"expected it in scored or in a further table; {figure}= names it",
                )

    def _read(
        self, frame: IntoFrame, name: str, needed: Sequence[str], columns: dict[str, str]
    ) -> Table:
        entered = enter(frame, name, needed)
        names = entered.collect_schema().names()
        wanted = [column for column in columns.values() if column in names]
        return Table(entered.select(*dict.fromkeys((*needed, *wanted))), name, (), self.faults)

    def _keys(self, one: Table) -> Keys:
        return one.unique_keys(ID)

    def _places(self, one: Table) -> IntArray:
        """The row in `scored` of each row of a table."""
        if one is self.base or self.faults:
            return np.arange(len(one))
        keys = self._keys(one)
        found = self.keys.find(one.frame[ID])
        if (found < 0).any():
            self.faults.add(
                "not_scored",
                column=f"{one.name}.{ID}",
                rows=int((found < 0).sum()),
                examples=row_examples(found < 0, one.frame[ID]),
                expected="expected customers of scored, so that no money is left out; score "
                "these too, or drop them",
            )
        if self.faults or not len(keys):
            return np.arange(len(one))
        row = np.empty(len(self.keys), dtype=np.int64)
        row[self.keys.codes] = np.arange(len(self.base))
        place: IntArray = row[found]
        return place


def _codes(
    column: nw.Series[Any],
    groups: Sequence[str],
    segments: SegmentTable | None,
    faults: FaultList,
) -> IntArray:
    """The place of each customer's segment among the groups."""
    codes = np.full(len(column), groups.index(NO_SEGMENT), dtype=np.int64)
    known = ~np.asarray(column.is_null().to_numpy(), dtype=bool)
    if not known.any():
        return codes
    keys = factorize(column if known.all() else column.filter(known.tolist()))
    names = plain_ids(keys.values).tolist()
    strange = [name for name in names if name not in groups]
    if strange:
        faults.add(
            "unknown_segment",
            column="scored.segment",
            examples=", ".join(map(repr, strange[:5])),
            expected=f"expected those of {segments!r}; pass the table by which the customers were "
            "scored as segments=",
        )
        return codes
    codes[known] = np.array([groups.index(name) for name in names])[keys.codes]
    return codes


def _sums(figure: str, codes: IntArray, values: FloatArray, size: int) -> FloatArray:
    """The sum of the values that are known for each code, the same in any order of the rows."""
    known = ~np.isnan(values)
    parts = exact_group_sum(codes[known], values[known], size)
    check_conserved(f"{figure} of segments", safe_sum(values[known]), parts)
    return parts


def _ratio(part: Any, whole: Any) -> FloatArray:
    """``part / whole``, NaN where the whole is 0."""
    return np.asarray(part, np.float64) / np.where(np.asarray(whole) == 0, np.nan, whole)


def _note(group: str, segments: SegmentTable | None) -> tuple[str | None, str | None]:
    if segments and group in segments.segments:
        return segments.notes.get(group, (None, None))
    return {NO_PURCHASE: NO_PURCHASE_NOTE, NO_SEGMENT: NO_SEGMENT_NOTE}[group]
