"""Whether value has become more concentrated: two periods compared, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmvalue._frame import enter
from crmvalue._keys import ID, Keys
from crmvalue._stats import FloatArray, Random, check_draws, drawn, generator, is_number
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._values import (
    Negative,
    amounts,
    array_amounts,
    check_negative,
    clip_negative,
    customer_keys,
    read_columns,
    refuse_negative,
)
from crmvalue.tiers._weighted_indices import INDICES, TOP, WeightedIndices
from crmvalue.tiers.concentration import (
    effective_number,
    gini,
    herfindahl,
    pareto_point,
    top_share,
)


def compare_concentration(
    before: Any,
    after: Any,
    by: str | None = None,
    *,
    n: int = 1000,
    level: float = 0.95,
    rng: Random,
    negative: Negative = "refuse",
) -> pd.DataFrame:
    """Compare how concentrated value is in two periods, with an interval of each change.

    Customers are drawn with replacement, n times. Where both frames have ``customer_id``, customers
    of either period are drawn with what they have in both, so that a change is not blurred by what
    stays the same. Who is in one period only counts in that one only: they have no value in the
    other, not a value of 0. Without ids the periods are drawn apart.

    Parameters
    ----------
    before, after : frame or 1-d array
        One row per customer.
    by : str
        The column of values of frames.
    n : int, default 1000
        How often customers are drawn.
    level : float, above 0 and below 1
        Share of the draws that lies between lower and upper.
    rng : numpy.random.Generator or int
        Draws the customers. The same seed gives the same table, whatever the order of the rows.
    negative : {"refuse", "clip", "allow"}
        As in `gini`, for both periods.

    Returns
    -------
    pandas.DataFrame
        One row each for gini, herfindahl, effective_number, top_10_share, top_20_share and
        pareto_point: ``index, before, after, change`` (after less before), ``lower, upper`` (the
        percentiles of the change over the draws in which it exists). An index of a period whose
        total is not positive is NaN, and so are its change and limits.

    Raises
    ------
    InputError
        Where a period has no rows, a value is missing, not finite, not a number or, with
        ``negative="refuse"``, negative, a customer has more than one row, the ids are of two types,
        or `n`, `level`, `rng` or `negative` is none.

    Warns
    -----
    DataWarning
        Where ``negative="clip"`` counts values as 0.

    Notes
    -----
    Percentile intervals (Efron 1979) are too short where a handful of customers hold most of the
    value, for no resample knows those that were not seen. Measured on log-normal values (sigma 1
    before, 1.2 after, correlated by .8; 400 draws), how many of the 95 % intervals held the true
    change, of 400 samples of 300 customers: gini 93 %, top shares 92 %, pareto_point 96 %,
    effective_number 88 %, herfindahl 65 %; of 300 samples of 3,000: 95, 94, 94, 89 and 81 %. Trust
    the last two where no single customer weighs much.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.DataFrame({"customer_id": range(8), "profit": [9, 8, 7, 6, 5, 4, 3, 2]})
    >>> after = before.assign(profit=[30, 9, 6, 5, 4, 3, 2, 1])
    >>> compared = compare_concentration(before, after, by="profit", n=200, rng=1)
    >>> print(compared[["index", "before", "after", "change"]].round(3).to_string(index=False))
               index  before  after  change
                gini   0.239  0.517   0.278
          herfindahl   0.147  0.298   0.151
    effective_number   6.817  3.358  -3.459
        top_10_share   0.164  0.400   0.236
        top_20_share   0.314  0.590   0.276
        pareto_point   0.413  0.306  -0.107
    >>> bool((compared["upper"] >= compared["change"]).all())
    True
    """
    check_draws(n)
    if not (is_number(level) and 0 < level < 1):
        raise InputError(f"level must be a share above 0 and below 1; got {level!r}")
    check_negative(negative)
    random = generator(rng)
    faults = FaultList()
    first, second = _read(before, "before", by, faults), _read(after, "after", by, faults)
    for period in (first, second):
        refuse_negative(period.values, negative, faults, period.column)
    faults.raise_if_any("before and after")
    # One by one: a comprehension is a frame of the stack of its own, but not from Python 3.12 on.
    start = clip_negative(first.values, negative, first.column, stacklevel=3)
    end = clip_negative(second.values, negative, second.column, stacklevel=3)
    found = [np.array([index(each) for index in _FIGURES]) for each in (start, end)]
    draw = _drawing(first.ids, second.ids, start, end, random)
    change = found[1] - found[0]
    lower, upper = _percentiles(np.array([draw() for _ in range(n)]), level)
    exists = np.isfinite(change)
    return pd.DataFrame(
        {
            "index": INDICES,
            "before": found[0],
            "after": found[1],
            "change": change,
            "lower": np.where(exists, lower, np.nan),
            "upper": np.where(exists, upper, np.nan),
        }
    )


_FIGURES: tuple[Callable[[FloatArray], float], ...] = (
    lambda values: gini(values, negative="allow"),
    lambda values: herfindahl(values, negative="allow"),
    lambda values: effective_number(values, negative="allow"),
    lambda values: top_share(values, TOP[0], negative="allow"),
    lambda values: top_share(values, TOP[1], negative="allow"),
    lambda values: pareto_point(values, negative="allow"),
)
"""In the order of `INDICES`."""


class _Period(NamedTuple):
    column: str
    values: FloatArray
    ids: Keys | None


def _read(values: Any, name: str, by: str | None, faults: FaultList) -> _Period:
    if by is None:
        return _Period(name, array_amounts(values, name, faults), None)
    known = ID in enter(values, name, [by]).collect_schema().names()
    data = read_columns(values, by, *[ID] * known, name=name, faults=faults)
    array = amounts(data, by)
    return _Period(f"{name}.{by}", array, customer_keys(data) if known else None)


def _drawing(
    first_ids: Keys | None,
    second_ids: Keys | None,
    first: FloatArray,
    second: FloatArray,
    rng: np.random.Generator,
) -> Callable[[], FloatArray]:
    """What draws customers once, and gives the changes of the indices among them."""
    if first_ids is None or second_ids is None:
        # Sorted, so that a draw doesn't hang on the order of the rows.
        start, end = WeightedIndices(np.sort(first)), WeightedIndices(np.sort(second))
        return lambda: end(drawn(len(second), rng)) - start(drawn(len(first), rng))
    pairs = _matched(first_ids, second_ids, first, second)
    pairs = pairs[:, np.lexsort(pairs[::-1])]  # nor on the names of the customers
    start, end = (WeightedIndices(each) for each in pairs)

    def together() -> FloatArray:
        counts = drawn(pairs.shape[1], rng)
        return end(counts) - start(counts)

    return together


def _matched(
    first_ids: Keys, second_ids: Keys, first: FloatArray, second: FloatArray
) -> FloatArray:
    """The values of everybody in both periods, one below the other; NaN where they were not."""
    places = first_ids.find(second_ids.values)
    new = places < 0
    places[new] = len(first) + np.arange(int(new.sum()))
    pairs = np.full((2, len(first) + int(new.sum())), np.nan)
    pairs[0, first_ids.codes] = first
    pairs[1, places[second_ids.codes]] = second
    return pairs


def _percentiles(changes: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Percentiles of each column over the draws in which it exists."""
    lower, upper = np.full((2, changes.shape[1]), np.nan)
    for place, each in enumerate(changes.T):
        if (known := each[~np.isnan(each)]).size:
            lower[place], upper[place] = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return lower, upper
