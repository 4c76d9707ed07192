"""Effort against value: whether visits, hours and money go where the value is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._frame import Eager, IntoFrame, enter
from crmvalue._keys import ID
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    exact_group_sum,
    positive_total,
    running_sum,
    safe_sum,
)
from crmvalue._table import Column, table
from crmvalue.errors import InputError
from crmvalue.tiers._values import (
    Negative,
    amounts,
    check_negative,
    clip_negative,
    customer_keys,
    read_columns,
    refuse_negative,
)

TENTHS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Misallocation:
    """Shares of effort beside shares of value, as `misallocation` found them.

    Attributes
    ----------
    value : ndarray, shape (customers,)
        What counted as their value.
    efforts : dict of str to ndarray of shape (customers,)
        What they got of each kind of effort, in its own unit.
    codes : ndarray of int, shape (customers,)
        The group of each, a place in `labels`.
    labels : array or Series
        The groups, by falling mean value.
    like : frame
        A frame of the library in which the tables leave.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": [1, 2, 3], "profit": [70, 20, 10],
    ...                           "tier": ["gold", "lead", "lead"], "visits": [3, 4, 3]})
    >>> found = misallocation(customers, "profit", "visits", by_group="tier")
    >>> shown = ["group", "share_of_value", "share_of_effort", "difference"]
    >>> print(found.groups[shown].round(2).to_string(index=False))
    group  share_of_value  share_of_effort  difference
     gold             0.7              0.3        -0.4
     lead             0.3              0.7         0.4
    >>> found.summary["misallocated_share"].round(2).tolist()
    [0.4]
    """

    value: FloatArray
    efforts: dict[str, FloatArray]
    codes: IntArray
    labels: nw.Series[Any] | IntArray
    like: Eager

    def __repr__(self) -> str:
        wrong = zip(self.efforts, self.summary["misallocated_share"], strict=True)
        shown = ", ".join(f"{name} {share:.1%} misallocated" for name, share in wrong)
        size = len(self.value)
        return f"Misallocation({size:,} customer{'' if size == 1 else 's'}: {shown})"

    @property
    def groups(self) -> Any:
        """Shares of effort and of value by group.

        Returns
        -------
        frame
            In the caller's library, one row per kind of effort and group, groups by falling mean
            value (equal ones by name): ``effort, group, customers, share_of_customers, value,
            share_of_value, amount`` (of the effort, in its unit), ``share_of_effort, ratio`` (share
            of effort over share of value: above 1 the group gets more than in proportion; null
            where it has no positive share of value), ``difference`` (share of effort less share of
            value). Shares are fractions of 1, null where the total is not positive.
        """
        size, kinds = len(self.labels), len(self.efforts)
        customers = np.bincount(self.codes, minlength=size)
        value = self._by_group("value", self.value)
        shares = value / positive_total(self.value)
        amount = np.array([self._by_group(n, e) for n, e in self.efforts.items()])
        totals = np.array([positive_total(effort) for effort in self.efforts.values()])
        effort_shares = amount / totals[:, np.newaxis]
        ratio = effort_shares / np.where(shares > 0, shares, np.nan)
        rows = np.tile(np.arange(size), kinds)
        columns: dict[str, Column] = {
            "effort": [name for name in self.efforts for _ in range(size)],
            "group": self.labels[rows],
            "customers": customers[rows],
            "share_of_customers": customers[rows] / len(self.value),
            "value": value[rows],
            "share_of_value": shares[rows],
            "amount": amount.ravel(),
            "share_of_effort": effort_shares.ravel(),
            "ratio": ratio.ravel(),
            "difference": (effort_shares - shares).ravel(),
        }
        return table(columns, like=self.like)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """How much of each kind of effort is misallocated.

        Returns
        -------
        pandas.DataFrame
            One row per kind of effort: ``effort, total, misallocated_share`` (half the sum of the
            absolute differences of the shares over all customers: what part of the effort would
            have to move so that effort follows value, from 0 to 1; NaN where either total is not
            positive), ``misallocated`` (that part, in the unit of the effort) and
            ``misallocated_between_groups`` (the share that would have to move from group to group,
            which is never more).
        """
        shares = self.value / positive_total(self.value)
        value = self._by_group("value", self.value) / positive_total(self.value)
        everyone, between = [], []
        for name, effort in self.efforts.items():
            whole = positive_total(effort)
            everyone.append(_half_of_differences(effort / whole, shares))
            between.append(_half_of_differences(self._by_group(name, effort) / whole, value))
        total = np.array([safe_sum(effort) for effort in self.efforts.values()])
        return pd.DataFrame(
            {
                "effort": list(self.efforts),
                "total": total,
                "misallocated_share": everyone,
                "misallocated": np.array(everyone) * total,
                "misallocated_between_groups": between,
            }
        )

    @property
    def curve(self) -> Any:
        """The concentration curve of effort: who has most value first, and what they get.

        Returns
        -------
        frame
            In the caller's library, for each kind of effort the origin and a row for each distinct
            value, falling: ``effort, share_of_customers, cumulative_share_of_value,
            cumulative_share_of_effort`` (null where the total is not positive). Effort follows
            value where both curves are one; it is spread evenly where its curve is the diagonal.
        """
        order = np.argsort(-self.value, kind="stable")
        falling = self.value[order]
        # Equals enter together, so that the curve doesn't hang on the order of the rows.
        last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))

        def risen(values: FloatArray) -> FloatArray:
            ends = running_sum(values[order])[last]
            return np.append(0.0, ends / positive_total(values))

        size, kinds = len(last) + 1, len(self.efforts)
        columns: dict[str, Column] = {
            "effort": [name for name in self.efforts for _ in range(size)],
            "share_of_customers": np.tile(np.append(0, last + 1) / len(falling), kinds),
            "cumulative_share_of_value": np.tile(risen(self.value), kinds),
            "cumulative_share_of_effort": np.concatenate(
                [risen(effort) for effort in self.efforts.values()]
            ),
        }
        return table(columns, like=self.like)

    def _by_group(self, name: str, values: FloatArray) -> FloatArray:
        sums = exact_group_sum(self.codes, values, len(self.labels))
        check_conserved(f"{name} by group", safe_sum(values), sums)
        return sums


def misallocation(
    frame: IntoFrame,
    value: str,
    effort: str | Sequence[str],
    by_group: str | None = None,
    *,
    negative: Negative = "refuse",
) -> Misallocation:
    """Compare who gets the effort with who has the value.

    Parameters
    ----------
    frame : frame
        One row per customer.
    value : str
        The column of their value: profit, margin, lifetime value.
    effort : str or sequence of str
        Columns of what is spent on them: visits, hours, money. Each must be at least 0.
    by_group : str, optional
        A column of tiers, segments, regions. By default tenths of the customers by value, 1 the
        most valuable: cut at the deciles (linear quantiles), above which a value must lie, so that
        equals stay together and a tenth may be empty.
    negative : {"refuse", "clip", "allow"}
        Negative values are an error; count as 0 with a `DataWarning` that says how many and how
        much, so that all effort for losses is misallocated; or enter as they are: then shares of
        value may be negative and above 1, and so may the misallocated share.

    Returns
    -------
    Misallocation
        With the tables ``.groups``, ``.summary`` and ``.curve``.

    Raises
    ------
    InputError
        Where there are no rows, a value or an effort is missing, not finite or not a number, an
        effort is negative, a value is with ``negative="refuse"``, a group is missing, or a customer
        has more than one row (where the frame has customer_id).

    Warns
    -----
    DataWarning
        Where ``negative="clip"`` counts values as 0.

    Notes
    -----
    "Misallocated" is what it is in `compare_costing`: half the sum of the absolute differences over
    the total, there of two costings of a customer, here of the effort they get and the effort in
    proportion to their value. That effort should be in proportion to value is a yardstick, not a
    law: the next visit belongs where it adds most, which need not be where most is.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "profit": [60, 20, 15, 5],
    ...                           "tier": ["gold", "steel", "steel", "lead"], "visits": 5})
    >>> found = misallocation(customers, value="profit", effort="visits", by_group="tier")
    >>> found
    Misallocation(4 customers: visits 35.0% misallocated)
    >>> found.groups[["group", "share_of_value", "share_of_effort"]].round(2).values.tolist()
    [['gold', 0.6, 0.25], ['steel', 0.35, 0.5], ['lead', 0.05, 0.25]]
    >>> found.summary["misallocated"].tolist()
    [7.0]
    """
    check_negative(negative)
    names = [effort] if isinstance(effort, str) else list(effort)
    if not names or len(set(names)) < len(names):
        raise InputError(f"effort must name one or more different columns; got {effort!r}")
    known = ID in enter(frame, "frame").collect_schema().names()
    more = [name for name in (by_group, ID if known else None) if name is not None]
    data = read_columns(frame, value, *names, *more, name="frame")
    array = amounts(data, value)
    refuse_negative(array, negative, data.faults, f"frame.{value}")
    efforts = {name: data.numbers(name, minimum=0.0) for name in names}
    if known:
        customer_keys(data)
    labels: Any = np.arange(1, TENTHS + 1)
    codes, groups = None, None if by_group is None else data.keys(by_group)
    data.finish("frame")
    array = clip_negative(array, negative, f"frame.{value}", stacklevel=3)
    if groups is None:
        codes = _tenths(array)
    else:
        sizes = np.bincount(groups.codes, minlength=len(groups))
        means = exact_group_sum(groups.codes, array, len(groups)) / sizes
        order = np.argsort(-means, kind="stable")
        labels, codes = groups.values[order.tolist()], np.argsort(order)[groups.codes]
    return Misallocation(array, efforts, codes, labels, data.frame)


def _tenths(values: FloatArray) -> IntArray:
    """0 for the highest tenth; equals all count as the lowest of them."""
    cuts = np.quantile(values, np.arange(1, TENTHS) / TENTHS)
    return TENTHS - 1 - np.searchsorted(cuts, values, side="left").astype(np.int64)


def _half_of_differences(effort: FloatArray, value: FloatArray) -> float:
    return safe_sum(np.abs(effort - value)) / 2
