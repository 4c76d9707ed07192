"""The peak of the whale curve: how much value customers create before others destroy it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from crmvalue._stats import check_conserved, positive_total, safe_sum
from crmvalue._table import table
from crmvalue._value import Value
from crmvalue.tiers._values import read_amounts


@dataclass(frozen=True, slots=False, eq=False)
class WhalePeak(Value):
    """Where the whale curve is highest, and who lifts and lowers it.

    Customers with a value above 0 create, those below 0 destroy, and those at 0 are neutral. The
    curve of falling values is highest after the last of the creators, at the sum of their values,
    or at its origin where there are none.

    Attributes
    ----------
    customers : int
        How many customers there are.
    total : float
        The sum of all values (money); ``value_created + value_destroyed``.
    peak_value : float
        The height of the peak (money), the same as ``value_created``.
    peak_share : float or None
        The peak over the total (1.5: 150 %); None where the total is not positive.
    peak_customers : int
        How many customers stand before the peak, the same as ``creators``.
    peak_share_of_customers : float
        These as a fraction of all customers.
    creators, neutral, destroyers : int
        How many customers have a value above, at and below 0.
    value_created : float
        The sum of the values above 0 (money).
    value_destroyed : float
        The sum of the values below 0 (money, not above 0).

    Examples
    --------
    >>> peak = whale_peak([50.0, 100.0, 0.0, -30.0])
    >>> peak.total, peak.peak_value, peak.peak_share
    (120.0, 150.0, 1.25)
    >>> peak.creators, peak.neutral, peak.destroyers
    (2, 1, 1)
    """

    customers: int
    total: float
    peak_value: float
    peak_share: float | None
    peak_customers: int
    peak_share_of_customers: float
    creators: int
    neutral: int
    destroyers: int
    value_created: float
    value_destroyed: float

    def __repr__(self) -> str:
        share = "" if self.peak_share is None else f", {self.peak_share:.0%} of the total"
        return (
            f"WhalePeak({self.peak_value:,.2f} after {self.peak_customers:,} of "
            f"{self.customers:,} customers{share})"
        )

    def table(self) -> pd.DataFrame:
        """Return the figures as a table of one row, a column for each attribute.

        Examples
        --------
        >>> peak = whale_peak([50.0, 100.0, 0.0, -30.0])
        >>> peak.table()[["total", "value_created", "value_destroyed"]].to_numpy().tolist()
        [[120.0, 150.0, -30.0]]
        """
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        built: pd.DataFrame = table(
            {name: np.array([np.nan if v is None else v]) for name, v in figures.items()}
        )
        return built


def whale_peak(values: Any, by: str | None = None) -> WhalePeak:
    """Find the peak of the whale curve, its position, and who creates and destroys value.

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer, of any sign.
    by : str
        The column of values of a frame.

    Returns
    -------
    WhalePeak
        Figures of money hold for any total; shares of the total only for a positive one.

    Raises
    ------
    InputError
        Where there are no rows, or a value is missing, not finite or not a number.

    References
    ----------
    R. S. Kaplan and V. G. Narayanan (2001), "Measuring and managing customer profitability",
    Journal of Cost Management 15(5).

    Examples
    --------
    >>> peak = whale_peak([50.0, 100.0, 0.0, -30.0])
    >>> peak
    WhalePeak(150.00 after 2 of 4 customers, 125% of the total)
    >>> peak.peak_share_of_customers, peak.neutral, peak.destroyers, peak.value_destroyed
    (0.5, 1, 1, -30.0)
    >>> whale_peak([50.0, -80.0])
    WhalePeak(50.00 after 1 of 2 customers)
    """
    array, _ = read_amounts(values, by)
    above, below = array[array > 0], array[array < 0]
    total, created, destroyed = safe_sum(array), safe_sum(above), safe_sum(below)
    check_conserved("value created and destroyed", total, [created, destroyed])
    share = created / positive_total(array, total)
    return WhalePeak(
        customers=len(array),
        total=total,
        peak_value=created,
        peak_share=None if np.isnan(share) else float(share),
        peak_customers=len(above),
        peak_share_of_customers=len(above) / len(array),
        creators=len(above),
        neutral=len(array) - len(above) - len(below),
        destroyers=len(below),
        value_created=created,
        value_destroyed=destroyed,
    )
