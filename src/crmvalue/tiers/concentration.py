"""How concentrated value is: figures read off the whale and the Lorenz curve.

Every function takes a frame with ``by=``, or a 1-d array. Negative values need ``negative=``, and a
total that is not positive has no shares: the figure is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._stats import FloatArray, is_number, positive_total, running_sum
from crmvalue.errors import InputError
from crmvalue.tiers._values import Negative, read_amounts


def gini(values: Any, by: str | None = None, *, negative: Negative = "refuse") -> float:
    """Gini coefficient: 0 where all have the same, (n - 1)/n where one of n has everything.

    G = sum over i of (2 i - n - 1) x_i / (n sum of x), values rising (Gini 1914): that of these
    customers, not the estimate n/(n - 1) G for a population that they were drawn from.

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer.
    by : str
        The column of values of a frame.
    negative : {"refuse", "clip", "allow"}
        Negative values are an error, count as 0 with a `DataWarning` that says how many and how
        much, or enter as they are (G may then exceed 1).

    Returns
    -------
    float
        NaN where the total is 0, or below it with ``negative="allow"``.

    Raises
    ------
    InputError
        Where there are no rows, or a value is missing, not finite, not a number or, with
        ``negative="refuse"``, negative.

    Examples
    --------
    >>> gini([1, 2, 3, 4])
    0.25
    """
    rising = np.sort(_scaled(values, by, negative))
    n, half = len(rising), len(rising) // 2
    # Summed from both ends in pairs, no term is negative and equal values give exactly 0.
    gaps = (rising[::-1] - rising)[:half]
    weighted = float((np.arange(n - 1, 0, -2)[:half] * gaps).sum())
    return weighted / (n * positive_total(rising, rising.sum()))


def herfindahl(values: Any, by: str | None = None, *, negative: Negative = "refuse") -> float:
    """Herfindahl-Hirschman index: the sum of squared shares, from 1/n to 1 (one has everything).

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer.
    by : str
        The column of values of a frame.
    negative : {"refuse", "clip", "allow"}
        As in `gini`.

    Returns
    -------
    float
        The index; NaN where the total is not positive.

    Raises
    ------
    InputError
        As `gini`.

    Examples
    --------
    >>> herfindahl([1, 2, 3, 4])
    0.3
    """
    # In rising order, so that the sums are the same whatever the order of the rows.
    return _herfindahl(np.sort(_scaled(values, by, negative)))


def effective_number(values: Any, by: str | None = None, *, negative: Negative = "refuse") -> float:
    """Effective number of customers: how many equal ones would be as concentrated, 1/HHI.

    From 1 (one has everything) to n (all have the same): a business with 500 customers and an
    effective number of 12 lives as if from 12 of equal size (Laakso and Taagepera 1979, for
    parties; Hill's (1973) number of order 2).

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer.
    by : str
        The column of values of a frame.
    negative : {"refuse", "clip", "allow"}
        As in `gini`; with "allow" the number may be below 1.

    Returns
    -------
    float
        One over `herfindahl`; NaN where the total is not positive.

    Raises
    ------
    InputError
        As `gini`.

    Examples
    --------
    >>> effective_number([1, 1, 1, 1]), effective_number([1, 0, 0, 0])
    (4.0, 1.0)
    >>> round(effective_number([1, 2, 3, 4]), 4)
    3.3333
    """
    rising = np.sort(_scaled(values, by, negative))
    return 1 / _herfindahl(rising)


def top_share(
    values: Any, share: float, by: str | None = None, *, negative: Negative = "refuse"
) -> float:
    """Share of the value that the most valuable customers hold.

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer.
    share : float, from 0 to 1
        The share of customers; the last of them counts by its fraction (of 5 customers, the top
        0.3 are the first and half of the second).
    by : str
        The column of values of a frame.
    negative : {"refuse", "clip", "allow"}
        As in `gini`.

    Returns
    -------
    float
        A fraction of 1; NaN where the total is not positive.

    Raises
    ------
    InputError
        As `gini`, and where `share` is not from 0 to 1.

    Examples
    --------
    >>> top_share([4, 3, 2, 1], 0.5)
    0.7
    >>> top_share([4, 3, 2, 1], 0.125)
    0.2
    """
    if not is_number(share, 0, 1):
        raise InputError(f"share must be a share of customers from 0 to 1; got {share!r}")
    falling = -np.sort(-_scaled(values, by, negative))
    whole = int(share * len(falling))
    part = share * len(falling) - whole
    held = float(falling[:whole].sum())
    if part:
        held += part * float(falling[whole])
    return held / positive_total(falling, falling.sum())


def pareto_point(values: Any, by: str | None = None, *, negative: Negative = "refuse") -> float:
    """The share p of customers who hold the share 1 - p of the value: 0.2 where "80/20" holds.

    The p at which ``top_share(values, p)`` is 1 - p; 0.5 where all have the same. 1 - p is the
    Kolkata index (Ghosh, Chattopadhyay and Chakrabarti 2014).

    Parameters
    ----------
    values : frame or 1-d array
        One row per customer.
    by : str
        The column of values of a frame.
    negative : {"refuse", "clip", "allow"}
        As in `gini`.

    Returns
    -------
    float
        A fraction of the customers; NaN where the total is not positive.

    Raises
    ------
    InputError
        As `gini`.

    Examples
    --------
    >>> pareto_point([8, 1, 0.5, 0.25, 0.25])
    0.2
    """
    falling = -np.sort(-_scaled(values, by, negative))
    n, cumulative = len(falling), running_sum(falling)
    shares = cumulative / positive_total(falling, cumulative[-1])
    if np.isnan(shares[-1]):
        return float("nan")
    # Customers and value together rise from 0 to 2 along the curve, and pass 1 once.
    together = np.append(0.0, np.arange(1, n + 1) / n + shares)
    after = int(np.argmax(together >= 1.0))
    before = after - 1
    part = (1.0 - together[before]) / (together[after] - together[before])
    return float((before + part) / n)


def _scaled(values: Any, by: str | None, negative: Negative) -> FloatArray:
    """Values over the largest of them: every figure is a ratio, and none may overflow."""
    array, _ = read_amounts(values, by, negative=negative)
    largest = float(np.abs(array).max())
    return array / largest if largest > 0 else array


def _herfindahl(rising: FloatArray) -> float:
    return float((rising**2).sum()) / positive_total(rising, rising.sum()) ** 2
