"""Customers held against the policy of their tier."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager
from crmvalue._stats import FloatArray, IntArray, group_sum, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue.errors import DataWarning

KINDS: Mapping[str, str] = {
    "discount_cap": "discount of a year",
    "credit_days": "receivables",
    "contacts_per_year": "cost of a year",
}
"""What the money beyond each limit is: two flows of a year, and a balance between them."""


@dataclass(frozen=True, eq=False, repr=False)
class PolicyCheck:
    """Who is outside the policy of their tier, as `check_policy` found it.

    A customer is outside of a rule whose figure lies above the limit of the tier. The money of it
    is what lies above: discount beyond the cap x list revenue; days of credit beyond the terms x
    revenue / 365.25 (capital tied up, on average); contacts beyond the limit x cost per contact.
    These are of three kinds, so that nothing here adds up one rule and another: the discount and
    the contacts are what a year costs, the capital tied up is a balance, which costs its interest.

    Attributes
    ----------
    summary : table
        A row per tier and rule: ``tier, rule, limit`` (null: none), ``customers, outside,
        share_outside`` (of those whose figure is known; null where there are none), ``unknown``
        (customers without the figure), ``revenue`` and ``money`` of those outside (null where
        one of them has no revenue, or there is no cost per contact).
    totals : table
        A row per rule: ``rule, outside, unknown`` (customers), ``money`` of those outside (null as
        in the summary), ``kind`` of that money: "discount of a year", "receivables" (a balance) or
        "cost of a year".
    customers : table
        A row per customer and rule that is broken, by rising id: ``customer_id, tier, rule, limit,
        actual, money``.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.tiers import check_policy, tier_policy
    >>> customers = pd.DataFrame({"customer_id": [1, 2], "tier": ["lead", "lead"],
    ...                           "revenue": [8e3, 5e3], "discount_rate": [0.10, 0.0]})
    >>> check = check_policy(customers, tier_policy()[["tier", "discount_cap"]])
    >>> check.customers[["customer_id", "actual", "money"]].values.tolist()
    [[1.0, 0.1, 800.0]]
    >>> check.summary.query("tier == 'lead'")[["outside", "share_outside"]].values.tolist()
    [[1.0, 0.5]]
    >>> print(check.totals.to_string(index=False))
            rule  outside  unknown  money               kind
    discount_cap        1        0  800.0 discount of a year

    Who is not known to be outside may be: the line says for how many customers a figure is missing.

    >>> customers.loc[1, "discount_rate"] = None
    >>> check_policy(customers, tier_policy()[["tier", "discount_cap"]])
    PolicyCheck(1 of 2 customers outside, 1 unknown; discount_cap 800.00)
    """

    customer_ids: nw.Series[Any]
    tier: IntArray
    scale: tuple[str, ...]
    limits: Mapping[str, FloatArray]
    actual: Mapping[str, FloatArray]
    revenue: FloatArray
    prices: Mapping[str, FloatArray]
    like: Eager

    @property
    def summary(self) -> Any:
        """How many customers of each tier are outside of each rule, and the money of it."""
        size, rules = len(self.scale), tuple(self.limits)
        tiers = np.arange(size)
        parts = []
        for rule in rules:
            outside, known = self._outside(rule), ~np.isnan(self.actual[rule])
            parts.append(
                {
                    "limit": self.limits[rule],
                    "customers": np.bincount(self.tier, minlength=size),
                    "outside": np.bincount(self.tier[outside], minlength=size),
                    "known": np.bincount(self.tier[known], minlength=size),
                    "unknown": np.bincount(self.tier[~known], minlength=size),
                    "revenue": group_sum(self.tier[outside], self.revenue[outside], size),
                    "money": group_sum(self.tier[outside], self._money(rule)[outside], size),
                }
            )
        # By tier and then by rule, as one reads it.
        stacked = {k: np.stack([part[k] for part in parts], axis=1).ravel() for k in parts[0]}
        known = stacked.pop("known")
        share = np.full(len(known), np.nan)
        np.divide(stacked["outside"], known, out=share, where=known > 0)
        limit, customers = stacked.pop("limit"), stacked.pop("customers")
        columns: dict[str, Column] = {
            "tier": Labels(np.repeat(tiers, len(rules)), self.scale),
            "rule": list(rules) * size,
            "limit": limit,
            "customers": customers,
            "outside": stacked.pop("outside"),
            "share_outside": share,
            **stacked,
        }
        return table(columns, like=self.like)

    @property
    def totals(self) -> Any:
        """How many customers are outside of each rule, and the money of it."""
        outside = {rule: self._outside(rule) for rule in self.limits}
        columns: dict[str, Column] = {
            "rule": list(outside),
            "outside": np.array([int(rows.sum()) for rows in outside.values()]),
            "unknown": np.array([int(np.isnan(self.actual[rule]).sum()) for rule in outside]),
            "money": np.array([self._total(rule) for rule in outside]),
            "kind": [KINDS[rule] for rule in outside],
        }
        return table(columns, like=self.like)

    @property
    def customers(self) -> Any:
        """Every customer and rule that is broken."""
        rules = tuple(self.limits)
        found = [np.flatnonzero(self._outside(rule)) for rule in rules]
        rule = np.repeat(np.arange(len(rules)), [len(rows) for rows in found])
        rows = np.concatenate(found)
        order = np.lexsort((rule, rows))
        per_rule = {
            "limit": [self.limits[r][self.tier[at]] for r, at in zip(rules, found, strict=True)],
            "actual": [self.actual[r][at] for r, at in zip(rules, found, strict=True)],
            "money": [self._money(r)[at] for r, at in zip(rules, found, strict=True)],
        }
        return table(
            {
                "customer_id": self.customer_ids[rows[order].tolist()],
                "tier": Labels(self.tier[rows[order]], self.scale),
                "rule": Labels(rule[order], rules),
                **{name: np.concatenate(part)[order] for name, part in per_rule.items()},
            },
            like=self.like,
        )

    def __repr__(self) -> str:
        outside = {rule: self._outside(rule) for rule in self.limits}
        anyone = np.any(list(outside.values()), axis=0)
        # Unknown is who might be outside of a rule that their tier has, and of none is known to be.
        lacking = [
            np.isnan(a) & ~np.isnan(self.limits[r][self.tier]) for r, a in self.actual.items()
        ]
        unknown = int((np.any(lacking, axis=0) & ~anyone).sum())
        money = {rule: self._total(rule) for rule, rows in outside.items() if rows.any()}
        shown = ", ".join(
            f"{rule} {'money unknown' if np.isnan(total) else format(total, ',.2f')}"
            for rule, total in money.items()
        )
        return (
            f"PolicyCheck({int(anyone.sum()):,} of {len(self.tier):,} customers outside"
            + (f", {unknown:,} unknown" if unknown else "")
            + (f"; {shown})" if shown else ")")
        )

    def _outside(self, rule: str) -> Any:
        return self.actual[rule] > self.limits[rule][self.tier]  # false where either is unknown

    def _money(self, rule: str) -> FloatArray:
        excess: FloatArray = self.actual[rule] - self.limits[rule][self.tier]
        return excess * self.prices[rule]

    def _total(self, rule: str) -> float:
        return safe_sum(self._money(rule)[self._outside(rule)])


def say_unknown(rules: Sequence[str], at: Mapping[str, str], customers: int) -> None:
    """Warn of rules that nobody can be held against."""
    columns = ", ".join(f"{at[rule]!r} (for {rule})" for rule in rules)
    warnings.warn(
        f"values has no column {columns}, so that all {customers:,} customers are unknown there, "
        "neither within nor outside. Add it, name another with columns=, or leave the rule out of "
        "the policy",
        DataWarning,
        stacklevel=3,
    )
