"""The customer table as JSON inside the page: column by column, rounded, and escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from crmvalue._stats import IntArray
from crmvalue.report._blocks import is_numeric
from crmvalue.report._format import column_floats
from crmvalue.report.labels import CUSTOMER_COLUMNS, kind_of, label_of

MOST = 25_000
"""Customers up to whom all are on the page."""
HIGHEST, LOWEST = 10_000, 2_000
"""Else so many with the highest and with the lowest lifetime value."""
BUDGET = 6_500_000
"""Bytes of JSON: with the rest, the page stays below 8 MB."""

DIGITS = {"share": 4, "decimal": 2, "cents": 2, "money": 2, "count": 0}

_UNSAFE = re.compile("[<>&\u2028\u2029]")


class CustomerData(NamedTuple):
    """What the page holds of the customers.

    Attributes
    ----------
    headings : list of (str, bool)
        Label of each column, and whether it is of figures.
    data : Markup
        JSON, safe inside a script element.
    highest, lowest : int
        How many with the highest and with the lowest lifetime value it holds; `lowest` is 0 where
        it holds everybody.
    """

    headings: list[tuple[str, bool]]
    data: Markup
    highest: int
    lowest: int


def customer_data(customers: pd.DataFrame, tiers: Sequence[str] = ()) -> CustomerData:
    """Columns of the customer table, rows as they come, as many as the page can hold.

    Labels sort by their letters, but the tiers in the order of `tiers`.
    """
    names = [c for c in CUSTOMER_COLUMNS if c in customers and customers[c].notna().any()]
    falling, total = _falling(customers), len(customers)
    for highest, lowest in _sizes(total):
        kept = np.sort(np.append(falling[:highest], falling[total - lowest :]))
        part = customers.iloc[kept]
        columns = [_column(name, part[name], tiers if name == "tier" else ()) for name in names]
        text = _json(columns)
        if len(text.encode("utf-8", "backslashreplace")) <= BUDGET:
            break
    headings = [(label_of(c["name"]), "levels" not in c and c["kind"] != "id") for c in columns]
    return CustomerData(headings, Markup(text), highest, lowest)


def _sizes(total: int) -> Iterator[tuple[int, int]]:
    """How many to hold with the highest and the lowest value: first choice, then ever fewer."""
    if total <= MOST:
        yield total, 0
    highest, lowest = HIGHEST, LOWEST
    while highest:
        if highest + lowest < total:
            yield highest, lowest
        highest, lowest = highest // 2, lowest // 2
    yield 0, 0


def _falling(customers: pd.DataFrame) -> IntArray:
    """Rows by falling lifetime value, those without one last."""
    if "lifetime_value" not in customers:
        return np.arange(len(customers))
    return np.argsort(-column_floats(customers["lifetime_value"]), kind="stable")


def _column(name: str, values: pd.Series[Any], order: Sequence[str]) -> dict[str, Any]:
    """A column as figures, or as labels with codes: what repeats is written once."""
    if name == "customer_id":
        # As text: JavaScript's numbers lose the last digits of long ids.
        return {"name": name, "kind": "id", "values": [str(v) for v in values.tolist()]}
    if pd.api.types.is_datetime64_any_dtype(values):
        days = values.to_numpy(dtype="datetime64[D]")
        known = np.unique(days[~np.isnat(days)])
        codes = np.where(np.isnat(days), -1, np.searchsorted(known, days))
        levels = known.astype(str).tolist()
    elif is_numeric(values):
        kind = kind_of(name, numeric=True)
        numbers = np.round(column_floats(values), DIGITS.get(kind, 4)) + 0.0
        kind = "cents" if kind == "money" else kind
        return {"name": name, "kind": kind, "values": _shortest(numbers)}
    else:
        texts = [None if v is None or v != v else str(v) for v in values.tolist()]
        found = sorted({v for v in texts if v is not None})
        levels = [*(v for v in order if v in found), *(v for v in found if v not in order)]
        place = {v: i for i, v in enumerate(levels)}
        codes = np.array([place.get(v, -1) for v in texts])
    return {
        "name": name,
        "kind": "text",
        "levels": levels,
        "values": [None if code < 0 else code for code in codes.tolist()],
    }


def _shortest(numbers: Any) -> list[float | int | None]:
    finite = np.isfinite(numbers)
    whole = finite & (numbers == np.rint(numbers))
    return [
        (int(v) if w else v) if f else None
        for v, w, f in zip(numbers.tolist(), whole.tolist(), finite.tolist(), strict=True)
    ]


def _json(columns: list[dict[str, Any]]) -> str:
    text = json.dumps(columns, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
