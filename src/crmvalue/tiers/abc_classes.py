"""A, B and C by cumulative value, at given limits or at limits that the data show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, running_sum
from crmvalue.errors import InputError
from crmvalue.tiers._crossing import TOLERANCE, reaching
from crmvalue.tiers._thresholds import Step, ThresholdTiers
from crmvalue.tiers._values import amounts, read_columns

CLASSES = ("A", "B", "C")

SAME_DISTANCE = 1e-15
"""Two points whose squared distances differ by no more are equally near: rounding of shares."""


@dataclass(frozen=True, slots=False, eq=False, repr=False)
class ABCClasses(ThresholdTiers):
    """A, B and C: who makes most of the value, who the next part, who the rest.

    Attributes
    ----------
    by : str
        The column by which customers are put into classes.
    limits : tuple of two floats
        The shares of all positive value that A, and that A and B together, make at least. Where
        they were computed: the shares that they make; NaN where nobody had a positive value.
    thresholds : tuple of two floats or None
        The least value of A and of B; None where nobody had a positive value: then all are C.

    Notes
    -----
    Let V be the sum of the positive values. A is who has at least the largest value a such that
    those with a or more make ``limits[0]`` V, so A is the fewest customers who do (relative
    tolerance 1e-12); likewise A and B together and ``limits[1]``. Who is worth nothing or makes a
    loss is C. Equal values never part.

    **Computed limits** (Ultsch and Lötsch 2015) are read off the curve of yield, the share of V
    that the most valuable customers make, over effort, their share of all customers. On it, the
    *Pareto point* is nearest to the ideal, all the yield without effort, (0, 1); up to the
    *break-even point*, where the slope is 1, each customer brings at least the mean. A ends at the
    one of the two with less effort. B ends at the *submarginal point*, nearest to (x, 1), where x
    is the effort of the other one. As customers can't be divided nor ties be parted, the points are
    those of the curve between one value and the next, without the origin; of equally near ones that
    with the fewest customers. As in the authors' own software a negative value counts as 0: such
    customers are effort without yield.

    References
    ----------
    A. Ultsch and J. Lötsch (2015), "Computed ABC analysis for rational selection of most
    informative variables in multivariate data", PLoS ONE 10(6), e0129767.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"customer_id": list("abcdef"), "revenue": [50, 30, 10, 6, 4, 0]})
    >>> classes = ABCClasses.fit(values, by="revenue")
    >>> classes
    ABCClasses(by='revenue', A >= 30, B >= 6)
    >>> classes.assign(values)["tier"].tolist()
    ['A', 'A', 'B', 'B', 'C', 'C']

    The Pareto point is (2/6, .8), the break-even point as well, for the mean is 16.7; the
    submarginal point is the nearest to (2/6, 1):

    >>> computed = ABCClasses.fit(values, by="revenue", limits="computed")
    >>> computed, computed.limits
    (ABCClasses(by='revenue', A >= 30, B >= 10), (0.8, 0.9))
    """

    by: str
    limits: tuple[float, float]
    thresholds: tuple[float | None, float | None]

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the classes, the highest first."""
        return CLASSES

    @classmethod
    def fit(
        cls,
        values: IntoFrame,
        by: str,
        limits: Sequence[float] | Literal["computed"] = (0.8, 0.95),
    ) -> Self:
        """Find the thresholds between the classes.

        Parameters
        ----------
        values : frame
            One row per customer; a frame that is lazy is collected once.
        by : str
            The column with their value: revenue, profit, lifetime value or any score.
        limits : two floats, 0 < first <= second <= 1, or "computed"
            The shares of all positive value at which A and B end; ``"computed"`` reads them off the
            data.

        Raises
        ------
        InputError
            Where there are no rows, a value is missing, not finite or not a number, or limits are
            no such shares.

        Examples
        --------
        >>> import pandas as pd
        >>> values = pd.DataFrame({"customer_id": list("abcde"), "profit": [70, 20, 10, 0, -15]})
        >>> ABCClasses.fit(values, by="profit", limits=(0.7, 0.9))
        ABCClasses(by='profit', A >= 70, B >= 20)
        """
        computed = isinstance(limits, str) and limits == "computed"
        pair = None if computed else _check_limits(limits)
        data = read_columns(values, by)
        array = amounts(data, by)
        data.finish("values")
        positive = array[array > 0]
        if pair is None:
            return cls(by, *_computed(positive, len(array)))
        return cls(by, pair, (reaching(positive, pair[0]), reaching(positive, pair[1])))

    def _steps(self) -> tuple[Step, ...]:
        return tuple(Step(threshold) for threshold in self.thresholds)


def _check_limits(limits: Sequence[float] | str) -> tuple[float, float]:
    given = np.asarray(limits)
    if given.shape != (2,) or given.dtype.kind not in "iuf" or not 0 < given[0] <= given[1] <= 1:
        raise InputError(
            "limits must be two shares of the value, above 0 and rising to at most 1, such as "
            f"(.8, .95), or 'computed'; got {limits!r}"
        )
    return float(given[0]), float(given[1])


def _computed(
    positive: FloatArray, customers: int
) -> tuple[tuple[float, float], tuple[float | None, float | None]]:
    """Limits and thresholds by Ultsch and Lötsch (2015), from the positive values."""
    if not len(positive):
        return (np.nan, np.nan), (None, None)
    falling = np.sort(positive)[::-1]
    total = running_sum(falling)
    last = np.append(np.flatnonzero(falling[1:] < falling[:-1]), len(falling) - 1)
    value, effort, yielded = falling[last], (last + 1) / customers, total[last] / total[-1]
    pareto = _nearest(effort, yielded, 0.0)
    mean = float(total[-1]) / customers * (1 - TOLERANCE)
    break_even = max(int((value >= mean).sum()) - 1, 0)
    first, second = sorted((pareto, break_even))
    end = _nearest(effort, yielded, float(effort[second]))
    limits = float(yielded[first]), float(yielded[end])
    return limits, (float(value[first]), float(value[end]))


def _nearest(effort: FloatArray, yielded: FloatArray, x: float) -> int:
    """The point of the curve nearest to (x, 1)."""
    squared = (effort - x) ** 2 + (1 - yielded) ** 2
    return int(np.argmax(squared <= squared.min() + SAME_DISTANCE))
