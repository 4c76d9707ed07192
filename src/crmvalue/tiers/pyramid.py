"""The value pyramid: few customers at the top, many at the foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import safe_sum
from crmvalue.errors import InputError
from crmvalue.tiers._crossing import TOLERANCE
from crmvalue.tiers._thresholds import Step, ThresholdTiers, check_names
from crmvalue.tiers._values import amounts, read_columns

PYRAMID = ("VIP", "main", "ordinary", "small")


@dataclass(frozen=True, slots=False, eq=False, repr=False)
class ValuePyramid(ThresholdTiers):
    """VIP, main, ordinary and small: shares of the customers, from the most valuable down.

    Attributes
    ----------
    by : str
        The column by which customers are put into tiers.
    shares : tuple of float
        The share of customers in each tier but the lowest, which takes the rest.
    names : tuple of str
        Names of the tiers, the highest first.
    thresholds : tuple of float
        The least value of each tier but the lowest.

    Notes
    -----
    Each threshold is the largest value such that those with it or more are at least the tiers'
    cumulative share of all customers: of n customers, the k-th largest value, k the smallest whole
    number of at least share x n (relative tolerance 1e-12) and at least 1. Equal values never part:
    a tie at a boundary goes up together, so a tier can be larger than its share, and the next one
    smaller or empty. All equal, all are VIP. Losses and zeros are values like any other.

    Two conventions for the shares are in use: 1, 4, 15 and 80 % of customers (the default), and 1,
    19, 30 and 50 % (``shares=(.01, .19, .3)``).

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"customer_id": range(200), "profit": range(200)})
    >>> pyramid = ValuePyramid.fit(values, by="profit")
    >>> pyramid
    ValuePyramid(by='profit', VIP >= 198, main >= 190, ordinary >= 160)
    >>> pyramid.summary(values)["customers"].tolist()
    [2, 8, 30, 160]
    """

    by: str
    shares: tuple[float, ...]
    names: tuple[str, ...]
    thresholds: tuple[float, ...]

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, the highest first."""
        return self.names

    @classmethod
    def fit(
        cls,
        values: IntoFrame,
        by: str,
        shares: Sequence[float] = (0.01, 0.04, 0.15),
        names: Sequence[str] = PYRAMID,
    ) -> Self:
        """Find the thresholds between the tiers.

        Parameters
        ----------
        values : frame
            One row per customer; a frame that is lazy is collected once.
        by : str
            The column with their value: lifetime value, profit, revenue or any score.
        shares : sequence of float, each above 0, together at most 1
            The share of customers in each tier but the lowest, the highest first.
        names : sequence of str, one more than shares
            Names of the tiers, the highest first.

        Raises
        ------
        InputError
            Where there are no rows, a value is missing, not finite or not a number, or shares are
            no such shares.

        Examples
        --------
        >>> import pandas as pd
        >>> values = pd.DataFrame({"customer_id": list("abcde"), "profit": [70, 20, 10, 0, -15]})
        >>> names = "top", "middle", "low"
        >>> pyramid = ValuePyramid.fit(values, by="profit", shares=(0.2, 0.4), names=names)
        >>> pyramid.assign(values)["tier"].tolist()
        ['top', 'middle', 'middle', 'low', 'low']
        """
        given = np.asarray(shares)
        sound = given.ndim == 1 and given.dtype.kind in "iuf" and len(given) > 0
        if not sound or not (given > 0).all() or not safe_sum(given) <= 1 + TOLERANCE:
            raise InputError(
                "shares must be shares of customers above 0, together at most 1, the highest tier "
                f"first and without the lowest, which takes the rest; got {shares!r}"
            )
        tiers = check_names(names, len(given))
        data = read_columns(values, by)
        array = amounts(data, by)
        data.finish("values")
        size = len(array)
        cumulative = np.array([safe_sum(given[: i + 1]) for i in range(len(given))])
        ranks = np.ceil(cumulative * size * (1 - TOLERANCE)).astype(np.int64).clip(1, size)
        places = size - ranks
        found = np.partition(array, np.unique(places))[places]
        return cls(by, tuple(map(float, given)), tiers, tuple(map(float, found)))

    def _steps(self) -> tuple[Step, ...]:
        return tuple(Step(threshold) for threshold in self.thresholds)
