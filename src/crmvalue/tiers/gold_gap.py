"""The gap to gold: who is nearest to it and likeliest to close it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, IntoFrame
from crmvalue._stats import FloatArray, IntArray, is_number
from crmvalue._table import Labels, table
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._customer_rows import falling
from crmvalue.tiers._snapshot import Scale
from crmvalue.tiers._tiered import (
    FittedTiers,
    known_tiers,
    probabilities,
    read_tiered,
    value_column,
)
from crmvalue.tiers._values import amounts


def gold_gap(
    values: IntoFrame,
    tiers: str | FittedTiers = "tier",
    *,
    value: str | None = None,
    likelihood: str | None = "probability_alive",
    per_order: str | float | None = None,
    threshold: float | None = None,
    top: str = "gold",
    candidates: str | Sequence[str] = "steel",
) -> Any:
    """List the customers that could become gold, the nearest and likeliest first.

    Parameters
    ----------
    values : frame
        One row per customer: ``customer_id`` and the columns named below.
    tiers : str or ParetoTiers, ValuePyramid...
        The column of tiers, or the fitted tiers to put the customers into.
    value : str, optional
        The column of values (money); by default the one that fitted tiers were made by.
    likelihood : str or None
        The column with the probability that the customer closes the gap: that of being alive as a
        first guess, or that of buying so often. None where there is none.
    per_order : str or float, optional
        What an average order adds to the value, in the same money as the value: a column or one
        number for all.
    threshold : float, optional
        The value from which a customer is `top`; by default the one of fitted `ParetoTiers`, else
        the lowest value among the customers who are.
    top, candidates : str, str or sequence of str
        The tier to be reached, and the tier or tiers from which.

    Returns
    -------
    frame
        In the library of `values`, a row per candidate in the order of ``rank``:

        - customer_id, tier, value
        - gap: what the value lacks to the threshold (money; 0 for who reaches it already)
        - gap_share: the gap as a fraction of the value; null where the value is not positive
        - orders: orders of average size that close the gap, not rounded; null where ``per_order``
          is not known or not positive
        - likelihood
        - expected_gain: likelihood x gap (money)
        - nearness: the value as a fraction of the threshold, from 0 to 1
        - priority: nearness x likelihood
        - rank: 1 for the highest priority; equal ones by value, then by id. Where the likelihood is
          not known, after all others.

    Raises
    ------
    InputError
        Listing every fault: no rows, repeated customers, missing values or tiers, likelihoods
        outside 0 to 1, tiers that there are not.

    Notes
    -----
    Rank is by priority and not by expected gain, which is the larger the farther away a customer
    is. Where nobody is gold and no threshold is given there is no gap: what depends on it is null,
    and the rank is by value.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.tiers import ParetoTiers
    >>> values = pd.DataFrame({
    ...     "customer_id": list("abcde"), "profit": [700.0, 200.0, 150.0, 120.0, -5.0],
    ...     "probability_alive": [0.9, 0.9, 0.2, 0.8, 0.1], "order_profit": [70, 40, 25, 20, 10],
    ... })
    >>> tiers = ParetoTiers.fit(values, by="profit", gold_share=0.75)
    >>> listed = gold_gap(values, tiers, per_order="order_profit")
    >>> shown = ["customer_id", "gap", "orders", "likelihood", "expected_gain", "rank"]
    >>> print(listed[shown].to_string(index=False))
    customer_id  gap  orders  likelihood  expected_gain  rank
              d 80.0     4.0         0.8           64.0     1
              c 50.0     2.0         0.2           10.0     2
    """
    by = value_column(value, tiers)
    if not isinstance(tiers, str) and by != tiers.by:
        raise InputError(
            f"the tiers are by {tiers.by!r}, so that a gap in {by!r} leads nowhere; leave value= "
            "out, or fit tiers by it"
        )
    lower = [candidates] if isinstance(candidates, str) else list(candidates)
    read = _read(values, tiers, by, likelihood, per_order, threshold, [top, *lower])
    goal = _threshold(read, tiers, top) if threshold is None else float(threshold)
    places = [read.scale.names.index(name) for name in lower]
    rows = np.flatnonzero(np.isin(read.codes, places))
    worth, chance = read.worth[rows], read.chance[rows]
    gap = _gap(worth, goal)
    near = _nearness(worth, gap, goal)
    order = falling(near * chance, worth)
    result = {
        "value": worth,
        "gap": gap,
        "gap_share": _ratio(gap, worth),
        "orders": _ratio(gap, read.order_value[rows]),
        "likelihood": chance,
        "expected_gain": chance * gap,
        "nearness": near,
        "priority": near * chance,
    }
    return table(
        {
            "customer_id": read.ids[rows[order].tolist()],
            "tier": Labels(read.codes[rows[order]], read.scale.names),
            **{name: column[order] for name, column in result.items()},
            "rank": np.arange(1, len(rows) + 1),
        },
        like=read.like,
    )


class _Values(NamedTuple):
    """What is known of all customers, by rising id."""

    ids: nw.Series[Any]
    codes: IntArray
    scale: Scale
    worth: FloatArray
    chance: FloatArray
    order_value: FloatArray
    like: Eager


def _read(
    values: IntoFrame,
    tiers: str | FittedTiers,
    by: str,
    likelihood: str | None,
    per_order: str | float | None,
    threshold: float | None,
    named: Sequence[str],
) -> _Values:
    faults = FaultList()
    if not (threshold is None or is_number(threshold)):
        faults.add("threshold", examples=repr(threshold), expected="expected a finite amount")
    if not (per_order is None or isinstance(per_order, str) or is_number(per_order)):
        expected = "expected a finite amount or the name of a column"
        faults.add("per_order", examples=repr(per_order), expected=expected)
    columns = [by, *(c for c in (likelihood, per_order) if isinstance(c, str))]
    read, scale = read_tiered(values, tiers, faults, columns=columns)
    known_tiers(named[:1], scale, faults, "top")
    known_tiers(named[1:], scale, faults, "candidates")
    worth = amounts(read.table, by)
    missing = np.full(len(worth), np.nan)
    chance = missing if likelihood is None else probabilities(read.table, likelihood)
    if isinstance(per_order, str):
        order_value = amounts(read.table, per_order, null=True)
    else:
        order_value = np.full(len(worth), float(per_order) if is_number(per_order) else np.nan)
    faults.raise_if_any("values")
    worth, chance, order_value = (read.by_id(a) for a in (worth, chance, order_value))
    codes, like = read.tiers(scale), read.table.frame
    return _Values(read.ids.values, codes, scale, worth, chance, order_value, like)


def _threshold(read: _Values, tiers: str | FittedTiers, top: str) -> float:
    """The value from which a customer is in the top tier; NaN where nobody is."""
    fitted: float | None = getattr(tiers, "gold", None) if top == "gold" else None
    if fitted is not None:
        return fitted
    reached = read.worth[read.codes == read.scale.names.index(top)]
    return float(reached.min()) if len(reached) else np.nan


def _gap(worth: FloatArray, threshold: float) -> FloatArray:
    """What is lacking to the threshold, so that value + gap reaches it in floats too."""
    gap = np.maximum(threshold - worth, 0.0)
    # Half a unit in the last place may be lost in the difference; one unit more makes up for it.
    short = worth + gap < threshold
    return np.where(short, np.nextafter(gap, np.inf), gap)


def _nearness(worth: FloatArray, gap: FloatArray, threshold: float) -> FloatArray:
    way = np.maximum(worth, 0.0) / threshold if threshold > 0 else np.zeros(len(worth))
    near = np.where(gap == 0, 1.0, np.minimum(way, 1.0))
    return np.where(np.isnan(gap), np.nan, near)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part / whole; NaN where the whole is not positive or the ratio is beyond all numbers."""
    nothing = np.full(len(part), np.nan)
    with np.errstate(over="ignore"):
        ratio = np.divide(part, whole, out=nothing, where=whole > 0)
    return np.where(np.isinf(ratio), np.nan, ratio)
