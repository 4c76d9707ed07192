"""Two costings of the same customers: who is over-costed, who pays for whom, whose sign flips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from crmvalue._frame import Eager, IntoFrame, Table
from crmvalue._stats import FloatArray, IntArray, check_conserved, group_sum, safe_sum, snap_zero
from crmvalue._table import Column, Labels, table

BoolArray = npt.NDArray[np.bool_]

COSTED = ("under", "equal", "over")
FLIPS = ("loss", "profit")


@dataclass(frozen=True, eq=False, repr=False)
class CostComparison:
    """Two costings of the same customers side by side, as `compare_costing` found them.

    A difference is the cost by volume less the cost by activity: above 0 the customer is
    over-costed by volume and pays for others, below 0 others pay for them. What differs by rounding
    only (1e-12 of itself) is equal.

    Attributes
    ----------
    customers : table
        One row per customer of any of the tables: ``customer_id, volume_cost, activity_cost,
        difference, ratio`` (cost by volume over that by activity; null where the latter is 0),
        ``costed`` (by volume: under, equal or over), ``volume_profit, activity_profit`` (margin
        less cost), ``sign_flip`` (profitable by volume and a loss by activity), ``flips_to`` (the
        sign by activity where it is the opposite one: loss or profit), ``volume_rank,
        activity_rank, rank_change`` by cost and ``volume_profit_rank, activity_profit_rank,
        profit_rank_change`` by profit. The highest has rank 1, equals share the mean of their
        ranks, and a change above 0 is a rise by activity. What needs margins is null without them.
    misallocated_share : float
        Half the sum of the absolute differences over the total: from 0 (both agree) to 1. Where
        the totals differ, over the larger one; 0 where there is no cost.
    cross_subsidy : table
        Who pays for whom: ``customer_id, pays, receives, unmatched``, one row per customer whose
        costs differ. Both columns add up to the same; pays - receives + unmatched = difference.
    summary : table
        ``line, customers, amount``.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.costing import compare_costing
    >>> by_volume = pd.DataFrame({"customer_id": ["a", "b"], "cost": [750.0, 250.0]})
    >>> by_activity = pd.DataFrame({"customer_id": ["a", "b"], "cost": [600.0, 400.0]})
    >>> compared = compare_costing(by_volume, by_activity)
    >>> compared.customers["costed"].tolist()
    ['over', 'under']
    >>> compared.misallocated_share
    0.15
    """

    customer_ids: nw.Series[Any]
    volume_cost: FloatArray
    activity_cost: FloatArray
    margin: FloatArray | None
    in_volume: BoolArray
    in_activity: BoolArray
    in_margin: BoolArray
    like: Eager

    @property
    def customers(self) -> Any:
        """Each customer's cost, profit and ranks in both costings."""
        size = len(self.customer_ids)
        columns: dict[str, Column] = {
            "customer_id": self.customer_ids,
            "volume_cost": self.volume_cost,
            "activity_cost": self.activity_cost,
            "difference": self._difference,
            "ratio": self._ratio,
            "costed": Labels(np.sign(self._difference) + 1, COSTED),
        }
        by_volume = by_activity = np.full(size, np.nan)
        flip: Column = [None] * size
        if self.margin is not None:
            by_volume, by_activity = self._profits
            flip = self._flips == 0
        columns |= {
            "volume_profit": by_volume,
            "activity_profit": by_activity,
            "sign_flip": flip,
            "flips_to": Labels(self._flips, FLIPS),
            **_ranks("", self.volume_cost, self.activity_cost),
            **_ranks("profit_", by_volume, by_activity),
        }
        return table(columns, like=self.like)

    @property
    def misallocated_share(self) -> float:
        """What part of the cost one costing charges to other customers than the other does."""
        whole = max(safe_sum(self.volume_cost), safe_sum(self.activity_cost))
        return safe_sum(np.abs(self._difference)) / 2 / whole if whole > 0 else 0.0

    @property
    def cross_subsidy(self) -> Any:
        """What each customer pays for others, or others for them."""
        rows = np.flatnonzero(self._difference)
        columns: dict[str, Column] = {"customer_id": self.customer_ids[rows]}
        flows = zip(("pays", "receives", "unmatched"), self._flows, strict=True)
        columns |= {name: amounts[rows] for name, amounts in flows}
        return table(columns, like=self.like)

    def cross_subsidy_by(self, groups: IntoFrame, by: str) -> Any:
        """Who pays for whom, from group to group.

        Parameters
        ----------
        groups : frame
            ``customer_id`` (each once) and the column `by`, for every customer whose costs differ.
        by : str
            The column of groups: tier, segment, region...

        Returns
        -------
        table
            ``payer, receiver, amount``: each receiver is paid by all payers in proportion to what
            they pay, also by those of its own group. The receiver is null for what is spread by
            volume and charged to nobody by activity (idle cost, say); the payer is null for the
            reverse. A payer's amounts add up to what its members are over-costed, a receiver's to
            what its members are under-costed. At most (groups + 1)^2 rows.

        Raises
        ------
        InputError
            Listing every fault: repeated customers, missing groups.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.costing import compare_costing
        >>> by_volume = pd.DataFrame({"customer_id": [1, 2, 3], "cost": [650.0, 300.0, 100.0]})
        >>> by_activity = pd.DataFrame({"customer_id": [1, 2, 3], "cost": [400.0, 350.0, 150.0]})
        >>> tiers = pd.DataFrame({"customer_id": [1, 2, 3], "tier": ["gold", "lead", "lead"]})
        >>> compared = compare_costing(by_volume, by_activity)
        >>> subsidy = compared.cross_subsidy_by(tiers, "tier").fillna({"receiver": "nobody"})
        >>> print(subsidy.to_string(index=False))
        payer receiver  amount
         gold     lead   100.0
         gold   nobody   150.0
        """
        source = Table(groups, "groups", ["customer_id", by])
        customers = source.unique_keys("customer_id")
        found = source.keys(by)
        group = np.full(len(customers), -1)
        known = customers.codes >= 0
        group[customers.codes[known]] = found.codes[known]
        places = customers.find(self.customer_ids)
        rows = np.flatnonzero(self._difference)
        if lost := int((places[rows] < 0).sum()):
            few = self.customer_ids[rows[places[rows] < 0][:3]].to_list()
            source.faults.add(
                "no_group",
                column="groups.customer_id",
                examples=f"{lost:,} customers: {', '.join(map(repr, few))}",
                expected="expected every customer whose costs differ; give them a group",
            )
        source.finish()
        codes = group[places[rows]]
        pays, receives, rest = (group_sum(codes, flow[rows], len(found)) for flow in self._flows)
        payer, receiver = np.flatnonzero(pays > 0), np.flatnonzero(receives > 0)
        share = receives[receiver] / max(safe_sum(receives), np.finfo(np.float64).tiny)
        above, below = np.flatnonzero(rest > 0), np.flatnonzero(rest < 0)
        none = len(found)
        senders = [np.repeat(payer, len(receiver)), above, np.full(len(below), none)]
        takers = [np.tile(receiver, len(payer)), np.full(len(above), none), below]
        amounts = [np.outer(pays[payer], share).ravel(), rest[above], -rest[below]]
        amount = np.concatenate(amounts)
        differences = self._difference
        whole = max(safe_sum(differences[differences > 0]), -safe_sum(differences[differences < 0]))
        check_conserved("cross-subsidy of groups", whole, amount)
        # Rising payers and receivers, each with nobody last.
        sender, taker = np.concatenate(senders), np.concatenate(takers)
        order = np.lexsort((taker, sender))
        names = np.empty(none + 1, dtype=object)
        names[:none] = found.values.to_list()
        columns: dict[str, Column] = {
            "payer": names[sender[order]].tolist(),
            "receiver": names[taker[order]].tolist(),
            "amount": amount[order],
        }
        return table(columns, like=self.like)

    @property
    def summary(self) -> Any:
        """How many customers, and how much money, the costings disagree on."""
        volume, activity, difference = self.volume_cost, self.activity_cost, self._difference
        totals = safe_sum(volume), safe_sum(activity)
        everyone = np.ones(len(volume), dtype=bool)
        rows: list[tuple[str, BoolArray, float]] = [
            ("volume_total", self.in_volume, totals[0]),
            ("activity_total", self.in_activity, totals[1]),
            ("total_difference", everyone, totals[0] - totals[1]),
            ("over_costed", difference > 0, safe_sum(difference[difference > 0])),
            ("under_costed", difference < 0, safe_sum(difference[difference < 0])),
            ("equal", difference == 0, 0.0),
            ("misallocated", difference != 0, safe_sum(np.abs(difference)) / 2),
        ]
        for line, mine, amounts in [
            ("volume_only", self.in_volume & ~self.in_activity, volume),
            ("activity_only", self.in_activity & ~self.in_volume, activity),
        ]:
            rows.append((line, mine, safe_sum(amounts[mine])))
        if self.margin is not None:
            profit = self._profits[1]
            costed = self.in_volume | self.in_activity
            rows += [
                ("flips_to_loss", self._flips == 0, safe_sum(profit[self._flips == 0])),
                ("flips_to_profit", self._flips == 1, safe_sum(profit[self._flips == 1])),
                ("without_margin", ~self.in_margin, 0.0),
                ("margin_only", ~costed, safe_sum(self.margin[~costed])),
            ]
        columns: dict[str, Column] = {
            "line": [line for line, _, _ in rows],
            "customers": np.array([int(mine.sum()) for _, mine, _ in rows]),
            "amount": np.array([amount for _, _, amount in rows]),
        }
        return table(columns, like=self.like)

    def __repr__(self) -> str:
        size = len(self.customer_ids)
        return (
            f"CostComparison({size:,} customer{'' if size == 1 else 's'}: "
            f"{safe_sum(self.volume_cost):,.2f} by volume, "
            f"{safe_sum(self.activity_cost):,.2f} by activity, "
            f"{self.misallocated_share:.1%} misallocated)"
        )

    @cached_property
    def _difference(self) -> FloatArray:
        return snap_zero(
            self.volume_cost - self.activity_cost, self.volume_cost + self.activity_cost
        )

    @cached_property
    def _ratio(self) -> FloatArray:
        nothing = np.full(len(self.customer_ids), np.nan)
        with np.errstate(over="ignore"):
            ratio = np.divide(
                self.volume_cost, self.activity_cost, out=nothing, where=self.activity_cost > 0
            )
        return np.where(np.isinf(ratio), np.nan, ratio)

    @cached_property
    def _profits(self) -> tuple[FloatArray, FloatArray]:
        """Margin less cost, by volume and by activity."""
        margin = np.zeros(len(self.customer_ids)) if self.margin is None else self.margin
        by_volume, by_activity = (
            snap_zero(margin - cost, np.abs(margin) + cost)
            for cost in (self.volume_cost, self.activity_cost)
        )
        return by_volume, by_activity

    @cached_property
    def _flips(self) -> IntArray:
        """Place in `FLIPS`, -1 where the sign of the profit stays."""
        flips = np.full(len(self.customer_ids), -1)
        if self.margin is not None:
            by_volume, by_activity = self._profits
            flips[(by_volume > 0) & (by_activity < 0)] = 0
            flips[(by_volume < 0) & (by_activity > 0)] = 1
        return flips

    @cached_property
    def _flows(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What each customer pays for others, receives from them, and what is left unmatched.

        Where more is over-costed than under-costed, or less, the larger side is cut down in
        proportion: the rest is the difference of the totals, which no customer pays to another.
        """
        over = np.maximum(self._difference, 0.0)
        under = np.maximum(-self._difference, 0.0)
        paid, received = safe_sum(over), safe_sum(under)
        matched = min(paid, received)
        pays = over * (matched / paid if paid > 0 else 0.0)
        receives = under * (matched / received if received > 0 else 0.0)
        # 0 on the side that is matched whole; by rounding only, where the totals agree.
        rest = snap_zero((over - pays) - (under - receives), over + under)
        check_conserved("cross-subsidy paid", matched, pays)
        check_conserved("cross-subsidy received", matched, receives)
        return pays, receives, rest


def _ranks(prefix: str, volume: FloatArray, activity: FloatArray) -> dict[str, Column]:
    """Ranks from the highest, by both costings, and the places that activities raise one by."""
    if np.isnan(volume).any():
        first = second = volume
    else:
        first, second = rankdata(-volume), rankdata(-activity)
    return {
        f"volume_{prefix}rank": first,
        f"activity_{prefix}rank": second,
        f"{prefix}rank_change": first - second,
    }
