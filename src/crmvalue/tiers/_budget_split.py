"""`BudgetSplit`: the best split of a budget beside the present one, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager
from crmvalue._stats import FloatArray, safe_sum
from crmvalue._table import Column, table
from crmvalue.tiers._crossing import TOLERANCE
from crmvalue.tiers._water_filling import Responses


@dataclass(frozen=True, eq=False, repr=False)
class BudgetSplit:
    """The best split of a budget beside the present one, as `split_budget` found it.

    Attributes
    ----------
    units : table
        One row per unit, tiers by rank and others by rising id: the id, ``ceiling, steepness,
        present, optimal, change`` (optimal - present), ``gain_present, gain_optimal,
        marginal_return_present, marginal_return`` (what the next money would bring, per money).
        What hangs on the present split is null where it isn't known.
    summary : table
        ``line, amount``: budget, spent, unspent, present, gain_optimal, gain_present, gain_change.
        spent + unspent = budget.
    budget, spent, unspent : float
        The budget, what of it is spent, and what is left: money that no unit may get, or that would
        bring less than the least return.
    gain, gain_present : float
        What the best and the present split bring; NaN for a present split that isn't known.
    marginal_return : float
        What the next money of budget would bring at best: the highest marginal return of units
        below their maximum; 0 where all are at it.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.tiers import split_budget
    >>> units = pd.DataFrame({"customer_id": [1, 2], "ceiling": [900.0, 100.0],
    ...                       "steepness": [0.01, 0.01], "spent": [50.0, 50.0]})
    >>> split = split_budget(units, present="spent")
    >>> split.units["change"].tolist()
    [50.0, -50.0]
    >>> print(split.summary.tail(3).round(2).to_string(index=False))
            line  amount
    gain_optimal  568.91
    gain_present  393.47
     gain_change  175.44
    """

    by: str
    unit_ids: nw.Series[Any]
    responses: Responses
    optimal: FloatArray
    present: FloatArray
    maximum: FloatArray
    budget: float
    like: Eager

    @property
    def units(self) -> Any:
        """What each unit gets and brings, in both splits."""
        columns: dict[str, Column] = {
            self.by: self.unit_ids,
            "ceiling": self.responses.ceiling,
            "steepness": self.responses.steepness,
            "present": self.present,
            "optimal": self.optimal,
            "change": self.optimal - self.present,
            "gain_present": self.responses.gain(self.present),
            "gain_optimal": self.responses.gain(self.optimal),
            "marginal_return_present": self.responses.marginal_return(self.present),
            "marginal_return": self.responses.marginal_return(self.optimal),
        }
        return table(columns, like=self.like)

    @property
    def summary(self) -> Any:
        """The budget and what it brings."""
        lines = {
            "budget": self.budget,
            "spent": self.spent,
            "unspent": self.unspent,
            "present": safe_sum(self.present),
            "gain_optimal": self.gain,
            "gain_present": self.gain_present,
            "gain_change": self.gain - self.gain_present,
        }
        return table(
            {"line": list(lines), "amount": np.array(list(lines.values()))}, like=self.like
        )

    @property
    def spent(self) -> float:
        """What of the budget is spent (money)."""
        return safe_sum(self.optimal)

    @property
    def unspent(self) -> float:
        """What is left of the budget (money)."""
        left = safe_sum([self.budget, *-self.optimal])
        return left if abs(left) > TOLERANCE * self.spent else 0.0

    @property
    def gain(self) -> float:
        """What the best split brings."""
        return safe_sum(self.responses.gain(self.optimal))

    @property
    def gain_present(self) -> float:
        """What the present split brings; NaN where that is not known."""
        return safe_sum(self.responses.gain(self.present))

    @property
    def marginal_return(self) -> float:
        """What the next money of budget would bring at best."""
        free = self.optimal < self.maximum
        return float(self.responses.marginal_return(self.optimal)[free].max(initial=0.0))

    def __repr__(self) -> str:
        size = len(self.optimal)
        before = "" if np.isnan(self.gain_present) else f" instead of {self.gain_present:,.2f}"
        return (
            f"BudgetSplit({self.spent:,.2f} over {size:,} unit{'' if size == 1 else 's'} by "
            f"{self.by} brings {self.gain:,.2f}{before})"
        )
