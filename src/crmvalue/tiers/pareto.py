"""Gold, steel and lead: tiers by cumulative value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue.tiers._crossing import TOLERANCE, crossing, reaching
from crmvalue.tiers._thresholds import Step, ThresholdTiers, check_share
from crmvalue.tiers._values import amounts, read_columns

TIERS = ("gold", "steel", "lead")


@dataclass(frozen=True, slots=False, eq=False)
class ParetoTiers(ThresholdTiers):
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
        lead = f"< {self.gold:g}" if self._covered else f"<= {self.lead:g}"
        return f"ParetoTiers(by={self.by!r}, gold {gold}, lead {lead})"

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
            Gold wins where both hold. Where the two shares sum to more than 1, nobody may be steel.

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> values = pd.DataFrame({"customer_id": list("abcde"), "profit": [70, 20, 10, 0, -15]})
        >>> ParetoTiers.fit(values, by="profit", gold_share=0.7, lead_share=0.1)
        ParetoTiers(by='profit', gold >= 70, lead <= 10)
        """
        check_share("gold_share", gold_share)
        check_share("lead_share", lead_share, zero=True)
        data = read_columns(values, by)
        array = amounts(data, by)
        data.finish("values")
        above = array > 0
        positive = array if above.all() else array[above]
        gold, lead = reaching(positive, gold_share), 0.0
        if len(positive) and lead_share > 0:
            total = float(positive.sum())
            bound = lead_share * total * (1 + TOLERANCE)
            # The first value that breaks the bound is out with all its equals.
            first_out = crossing(positive, float(np.nextafter(bound, np.inf)), top=False)
            kept = positive if total <= bound else positive[positive < first_out]
            lead = float(kept.max(initial=0.0))
        return cls(by, float(gold_share), float(lead_share), gold, lead)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, the highest first."""
        return TIERS

    def _steps(self) -> tuple[Step, ...]:
        gold = Step(self.gold)
        return gold, gold if self._covered else Step(self.lead, closed=False)

    @property
    def _covered(self) -> bool:
        """Whether gold and lead meet: gold wins where both hold, and nobody is steel."""
        return self.gold is not None and self.gold <= self.lead
