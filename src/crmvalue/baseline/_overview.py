"""Whether the tables around the customers are those that the rooms make of them now.

Each is made again by the function that made it, from the customers, the statement and the model,
and held cell by cell: so a column that a room adds is held without a word here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from crmvalue._frame import Table
from crmvalue.baseline import _figures
from crmvalue.baseline._cells import made_again, same_cells
from crmvalue.baseline._lines import ROUNDING, Line
from crmvalue.baseline.source import Source
from crmvalue.customers import headline, overview
from crmvalue.customers.follow_up import follow_up_tables
from crmvalue.lifetime.frequency import frequency_table
from crmvalue.rfm import segment_summary
from crmvalue.tiers import whale_peak

SHARES = tuple(f"share_of_{name}" for name in ("customers", *overview.FIGURES))
"""Columns of the table of tiers that no other line holds."""

FOLLOW_UP = ("gold_gap", "gold_at_risk", "tier_policy", "data_gates")


def overview_lines(source: Source) -> list[Line]:
    """A line for each table that the result has."""
    again = _Again(source)
    lines = [
        _line(source, "tiers", again.tiers, "tiers.shares", only=SHARES),
        _line(source, "segments", again.segments, "segments.figures"),
        _line(source, "concentration", again.concentration),
        _line(source, "headline", again.headline, "headline.figures", slack=again.untraced()),
        _line(source, "statement_by_tier", again.shares, "statement_by_tier.shares"),
    ]
    # What is expected of many purchases is the difference to all customers.
    rest = {"expected": 1e-9 * len(again.frame)}
    optional: list[tuple[str, Callable[[], Any], dict[str, Any]]] = [
        ("rfm_grid", again.rfm_grid, {}),
        ("frequency", again.frequency, rest),
        ("whale_peak", again.whale_peak, {}),
    ]
    lines += [_line(source, n, make, slack=slack) for n, make, slack in optional if n in source]
    if not any(name in source for name in FOLLOW_UP):
        return lines
    follow_up: Any = made_again("", again.follow_up)
    for name in FOLLOW_UP:
        if name not in source:
            continue
        if isinstance(follow_up, Line):
            lines.append(follow_up._replace(line=f"reconciliation.{name}"))
        else:
            lines.append(same_cells(source, name, follow_up[name]))
    return lines


def _line(
    source: Source, name: str, make: Callable[[], Any], line: str = "", **keywords: Any
) -> Line:
    again = made_again(f"reconciliation.{line or name}", make)
    if isinstance(again, Line):
        return again
    return same_cells(source, name, again, line, **keywords)


class _Again:
    """The tables made again, of one result."""

    def __init__(self, source: Source) -> None:
        self.source, self.model = source, source.model
        self.frame = source.tables["customers"]
        self.like: Any = None  # tables in pandas
        self.profit = "profit" in source.text("concentration", "figure")

    def number(self, column: str) -> Any:
        return self.source.number("customers", column)

    def tiers(self) -> Any:
        tier = _figures.groups(self.source, "tier")
        return overview.tier_table(self.number, tier, self.model, self.like, profit=self.profit)

    def segments(self) -> Any:
        return segment_summary(self.frame, segments=self.model.rfm.segments)

    def concentration(self) -> Any:
        return overview.concentration_table(self.number, self.like, profit=self.profit)

    def headline(self) -> Any:
        costs = SimpleNamespace(ledger=self._ledger())
        return headline.headline(self.number, self.tiers(), costs, profit=self.profit)

    def _ledger(self) -> Any:
        """The cost of each resource."""
        if "reconciliation" not in self.source:
            return np.full(1, np.nan)
        stage = self.source.text("reconciliation", "stage")
        return self.source.number("reconciliation", "amount")[stage == "ledger"]

    def untraced(self) -> dict[str, Any]:
        """Cost that is traced to nobody is a difference of large sums."""
        rows = self.source.text("headline", "item") == "untraced"
        ledger = np.abs(self._ledger()).sum()
        return {"value": np.where(rows, ROUNDING * np.nan_to_num(ledger), 0.0)}

    def shares(self) -> pd.DataFrame:
        """Every amount of the statement by tier is a share of the revenue of its tier at list."""
        name = "statement_by_tier"
        tier, line = (self.source.text(name, column) for column in ("tier", "line"))
        amount = self.source.number(name, "amount")
        at_list = line == "list_revenue"
        revenue = pd.Series(amount[at_list], tier[at_list]).reindex(tier).to_numpy()
        known = np.where(revenue == 0, np.nan, revenue)
        return pd.DataFrame({"share_of_revenue": amount / known})

    def rfm_grid(self) -> Any:
        bins = self.model.rfm.recency.bins
        for score in ("r_score", "f_score"):
            found = self.number(score)
            if not np.isin(found, np.arange(bins + 1)).all():
                raise ValueError(f"{score} is no score")
        segments = [text or None for text in self.source.text("customers", "segment")]
        return overview.rfm_grid(self.number, segments, bins, self.like)

    def frequency(self) -> Any:
        return frequency_table(self.model.purchases, self.frame)

    def whale_peak(self) -> Any:
        return whale_peak(self.number("profit")).table()

    def follow_up(self) -> Any:
        # Arrow and files know only the tiers that somebody has.
        tiers = pd.Index(self.model.tiers.tiers)
        codes = tiers.get_indexer(pd.Index(self.source.text("customers", "tier")))
        tier = pd.Categorical.from_codes(codes, tiers, ordered=True)
        return follow_up_tables(Table(self.frame.assign(tier=tier), "customers"), self.model)
