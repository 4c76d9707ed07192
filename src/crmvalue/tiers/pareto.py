"""Tiers by cumulative value: thresholds found once, kept, and applied by comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, enter, number_expr
from crmvalue._stats import FloatArray, check_conserved, safe_sum
from crmvalue._table import Labels, label_dtype, table
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._values import amounts, positive_total, read_columns

TIERS = ("gold", "steel", "lead")

TOLERANCE = 1e-12
"""Relative tolerance by which a sum of values reaches a share of their total."""


@dataclass(frozen=True, slots=False, eq=False)
class ParetoTiers(Value):
    """Gold, steel and lead: who makes most of the value, who makes the rest, who makes none.

    Attributes
    ----------
    by : str
        The column by which customers are put into tiers.
    gold_share : float
        The share of all positive value that gold makes at least.
    lead_share : float
        The share of all positive value that the earning part of lead makes at most.
    gold : float or None
        Gold is who has at least this value; None where nobody had a positive value.
    lead : float
        Lead is who has at most this value and is not gold.

    Notes
    -----
    Let V be the sum of the positive values. ``gold`` is the largest value g such that those with
    g or more make at least ``gold_share`` V, so gold is the fewest customers who do. ``lead`` is
    the largest positive value l such that all positive values up to l make at most ``lead_share``
    V, or 0 where there is none: then lead is who earns nothing or loses. Sums are compared with
    relative tolerance 1e-12. As tiers are found by comparison, equal values never part.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"customer_id": list("abcde"), "profit": [70, 20, 10, 0, -15]})
    >>> tiers = ParetoTiers.fit(values, by="profit")
    >>> tiers.gold, tiers.lead
    (20.0, 0.0)
    >>> tiers.assign(values)["tier"].tolist()
    ['gold', 'gold', 'steel', 'lead', 'lead']
    >>> tiers.summary(values)["customers"].tolist()
    [2, 1, 2]
    """

    by: str
    gold_share: float
    lead_share: float
    gold: float | None
    lead: float

    def __repr__(self) -> str:
        gold = "none" if self.gold is None else f">= {self.gold:g}"
        return f"ParetoTiers(by={self.by!r}, gold {gold}, lead <= {self.lead:g})"

    @classmethod
    def fit(
        cls, values: IntoFrame, by: str, gold_share: float = 0.8, lead_share: float = 0.0
    ) -> Self:
        """Find the thresholds between the tiers.

        Parameters
        ----------
        values : frame
            One row per customer; a frame that is lazy is collected once.
        by : str
            The column with their value: profit, revenue, lifetime value or any score.
        gold_share : float, above 0 and at most 1
            The share of all positive value that gold makes.
        lead_share : float, from 0 to 1
            The share of all positive value up to which those with the least of it are lead too.
            Gold wins where both hold.

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.
        """
        _check_share("gold_share", gold_share, gold_share > 0, "above 0 and at most 1")
        _check_share("lead_share", lead_share, lead_share >= 0, "from 0 to 1")
        table = read_columns(values, by)
        array = amounts(table, by)
        table.finish("values")
        positive = array[array > 0]
        total = float(positive.sum())
        gold, lead = None, 0.0
        if len(positive):
            gold = _crossing(positive, gold_share * total * (1 - TOLERANCE), top=True)
        if len(positive) and lead_share > 0:
            bound = lead_share * total * (1 + TOLERANCE)
            # The first value that breaks the bound is out with all its equals.
            first_out = _crossing(positive, float(np.nextafter(bound, np.inf)), top=False)
            kept = positive if total <= bound else positive[positive < first_out]
            lead = float(kept.max(initial=0.0))
        return cls(by, float(gold_share), float(lead_share), gold, lead)

    def assign(self, values: IntoFrame) -> Any:
        """Add the column ``tier``; a query in gives a query out.

        Parameters
        ----------
        values : frame
            Any frame with the column `by`.

        Returns
        -------
        frame
            `values` with ``tier`` added (or replaced): a categorical of gold, steel and lead, null
            where the value is missing. Row order and the other columns are as they were.
        """
        frame = enter(values, "values", [self.by])
        faults = FaultList()
        value = number_expr(frame, "values", self.by, faults)
        faults.raise_if_any("values")
        dtype = label_dtype(frame, TIERS)
        labels = [nw.lit(tier).cast(dtype) for tier in TIERS]
        return frame.with_columns(self._tier(value, labels).alias("tier")).to_native()

    def summary(self, values: IntoFrame, of: str | None = None) -> Any:
        """Count each tier's customers and add up their value.

        Parameters
        ----------
        values : frame
            One row per customer, with the column `by`.
        of : str, optional
            The column to add up, for example revenue in tiers by profit; `by` by default.

        Returns
        -------
        frame
            In the library of `values`, one row per tier, also for one without customers: ``tier``,
            ``customers``, ``share_of_customers``, ``value``, ``share_of_value`` (fractions of 1;
            null where the total is not positive).

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.
        """
        of = self.by if of is None else of
        data = read_columns(values, self.by, of)
        summed = [amounts(data, column) for column in dict.fromkeys((self.by, of))][-1]
        data.finish("values")
        codes = self._tier(nw.col(self.by).cast(nw.Float64), [nw.lit(i) for i in (0.0, 1.0, 2.0)])
        tiers = data.frame.select(codes.alias("tier"))["tier"].to_numpy().astype(np.int64)
        customers = np.bincount(tiers, minlength=len(TIERS))
        value = np.array([safe_sum(summed[tiers == i]) for i in range(len(TIERS))])
        check_conserved(f"tiers by {self.by}", safe_sum(summed), value)
        total = positive_total(safe_sum(value), float(np.abs(summed).sum()))
        return table(
            {
                "tier": Labels(np.arange(len(TIERS)), TIERS),
                "customers": customers,
                "share_of_customers": customers / len(data),
                "value": value,
                "share_of_value": value / total,
            },
            like=data.frame,
        )

    def _tier(self, value: nw.Expr, labels: Sequence[nw.Expr]) -> nw.Expr:
        """Pick gold's, steel's or lead's label by comparison with the thresholds."""
        gold, steel, lead = labels
        tier = (
            nw.when(value <= self.lead).then(lead).otherwise(nw.when(value > self.lead).then(steel))
        )
        return tier if self.gold is None else nw.when(value >= self.gold).then(gold).otherwise(tier)


def _check_share(name: str, share: float, low_enough: bool, expected: str) -> None:
    if not (low_enough and share <= 1):
        raise InputError(f"{name} must be a share {expected}; got {share!r}")


def _crossing(values: FloatArray, target: float, *, top: bool) -> float:
    """The value with which the sum, taken from the top or from the bottom, reaches `target`.

    The last value where all of them don't. Halving by selection needs no sort of all values, and
    its pairwise sums stay far within the tolerance where a running sum would not.
    """
    before = 0.0
    while len(values) > 1:
        half = len(values) // 2
        parts = np.split(np.partition(values, half), [half])
        first, rest = reversed(parts) if top else parts
        held = before + float(first.sum())
        before, values = (before, first) if held >= target else (held, rest)
    return float(values[0])
