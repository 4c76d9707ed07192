"""Value at risk: what gold is worth, times the probability that it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, IntoFrame
from crmvalue._stats import FloatArray, IntArray, check_conserved, exact_group_sum, safe_sum
from crmvalue._table import Labels, table
from crmvalue.errors import FaultList
from crmvalue.tiers._customer_rows import falling
from crmvalue.tiers._tiered import (
    FittedTiers,
    known_tiers,
    probabilities,
    read_tiered,
    value_column,
)
from crmvalue.tiers._values import amounts


@dataclass(frozen=True, eq=False, repr=False)
class GoldAtRisk:
    """What gold customers are worth and may take away, as `gold_at_risk` found it.

    Value at risk is the value times the probability of leaving, and 0 for a value below 0: who
    costs money takes none away.

    Attributes
    ----------
    customers : table
        The customers of the top tier, most at risk first: ``customer_id, tier, value,
        probability_of_leaving, value_at_risk, rank``. Equal ones come by probability of leaving,
        then by id; those whose probability is not known (null) come last.
    tiers : table
        One row per tier, also for one without customers: ``tier, customers, value, value_at_risk,
        share_at_risk`` (of the positive values whose risk is known; null where there are none),
        ``customers_unknown, value_unknown`` (those without a probability, whose risk is not in
        value_at_risk).
    total : float
        The value at risk of the top tier (money).

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({
    ...     "customer_id": [1, 2, 3], "tier": ["gold", "gold", "steel"],
    ...     "profit": [900.0, 600.0, 100.0], "probability_alive": [0.9, 0.5, 0.25],
    ... })
    >>> risk = gold_at_risk(values, value="profit")
    >>> round(risk.total, 2)
    390.0
    >>> risk.tiers["share_at_risk"].round(2).tolist()[:2]
    [0.26, 0.75]
    """

    customer_ids: nw.Series[Any]
    tier: IntArray
    value: FloatArray
    probability_of_leaving: FloatArray
    scale: tuple[str, ...]
    top: str
    like: Eager

    @property
    def customers(self) -> Any:
        """The customers of the top tier, most at risk first."""
        rows = np.flatnonzero(self.tier == self.scale.index(self.top))
        rows = rows[falling(self._at_risk[rows], self.probability_of_leaving[rows])]
        return table(
            {
                "customer_id": self.customer_ids[rows.tolist()],
                "tier": Labels(self.tier[rows], self.scale),
                "value": self.value[rows],
                "probability_of_leaving": self.probability_of_leaving[rows],
                "value_at_risk": self._at_risk[rows],
                "rank": np.arange(1, len(rows) + 1),
            },
            like=self.like,
        )

    @property
    def tiers(self) -> Any:
        """What each tier is worth and has at risk."""
        unknown = np.isnan(self._at_risk)
        value = self._by_tier(self.value)
        check_conserved("value by tier", safe_sum(self.value), value)
        at_risk = self._by_tier(np.nan_to_num(self._at_risk))
        positive = self._by_tier(np.where(unknown, 0.0, np.maximum(self.value, 0.0)))
        share = np.divide(at_risk, positive, out=np.full(len(value), np.nan), where=positive > 0)
        size = len(self.scale)
        return table(
            {
                "tier": Labels(np.arange(size), self.scale),
                "customers": np.bincount(self.tier, minlength=size),
                "value": value,
                "value_at_risk": at_risk,
                "share_at_risk": share,
                "customers_unknown": np.bincount(self.tier[unknown], minlength=size),
                "value_unknown": self._by_tier(np.where(unknown, self.value, 0.0)),
            },
            like=self.like,
        )

    @property
    def total(self) -> float:
        """The value at risk of the top tier (money)."""
        mine = self._at_risk[self.tier == self.scale.index(self.top)]
        return safe_sum(mine[~np.isnan(mine)])

    def __repr__(self) -> str:
        size = int((self.tier == self.scale.index(self.top)).sum())
        return (
            f"GoldAtRisk({self.total:,.2f} at risk with {size:,} {self.top} "
            f"customer{'' if size == 1 else 's'})"
        )

    @property
    def _at_risk(self) -> FloatArray:
        return np.maximum(self.value, 0.0) * self.probability_of_leaving

    def _by_tier(self, money: FloatArray) -> FloatArray:
        return exact_group_sum(self.tier, money, len(self.scale))


def gold_at_risk(
    values: IntoFrame,
    tiers: str | FittedTiers = "tier",
    *,
    value: str | None = None,
    alive: str = "probability_alive",
    top: str = "gold",
) -> GoldAtRisk:
    """Find how much of gold's value may leave, and with whom.

    Parameters
    ----------
    values : frame
        One row per customer: ``customer_id`` and the columns named below.
    tiers : str or ParetoTiers, ValuePyramid...
        The column of tiers, or the fitted tiers to put the customers into.
    value : str, optional
        The column of values (money); by default the one that fitted tiers were made by. A lifetime
        value that is already weighted with the probability of staying counts the risk twice:
        revenue or profit of a year does not.
    alive : str, default "probability_alive"
        The column with the probability that the customer stays, from 0 to 1; null where it is not
        known. One minus the probability of being alive is that of having left already: see Notes.
    top : str, default "gold"
        The tier that is listed.

    Returns
    -------
    GoldAtRisk
        Its tables come in the library of `values`.

    Raises
    ------
    InputError
        Listing every fault: no rows, repeated customers, missing values or tiers, probabilities
        outside 0 to 1, tiers that there are not.
    ConservationError
        If the values of the tiers don't add up to the whole.

    Notes
    -----
    With ``probability_alive`` value at risk is what next year is expected to lack, from customers
    who left unseen. Those near a probability of 1 come first with it, and there is little left to
    keep of them: leave them out of the list by a limit of your own, such as
    ``risk.customers.query("probability_of_leaving <= 0.8")`` on pandas.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({
    ...     "customer_id": [1, 2, 3], "tier": ["gold", "gold", "steel"],
    ...     "profit": [900.0, 600.0, 100.0], "probability_alive": [0.9, 0.5, 0.25],
    ... })
    >>> risk = gold_at_risk(values, value="profit")
    >>> risk
    GoldAtRisk(390.00 at risk with 2 gold customers)
    >>> shown = ["customer_id", "value_at_risk", "rank"]
    >>> print(risk.customers[shown].round(2).to_string(index=False))
     customer_id  value_at_risk  rank
               2          300.0     1
               1           90.0     2
    """
    by = value_column(value, tiers)
    faults = FaultList()
    read, scale = read_tiered(values, tiers, faults, columns=[by, alive])
    known_tiers([top], scale, faults, "top")
    worth, staying = amounts(read.table, by), probabilities(read.table, alive)
    faults.raise_if_any("values")
    return GoldAtRisk(
        customer_ids=read.ids.values,
        tier=read.tiers(scale),
        value=read.by_id(worth),
        probability_of_leaving=1.0 - read.by_id(staying),
        scale=scale.names,
        top=top,
        like=read.table.frame,
    )
