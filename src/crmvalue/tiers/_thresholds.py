"""The one mechanism of every tiering: thresholds that are kept and applied by comparison."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, enter, is_lazy
from crmvalue._numbers import number_expr
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    exact_group_sum,
    is_number,
    positive_total,
    safe_sum,
)
from crmvalue._table import Labels, label_dtype, table
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._axis import MatrixAxis
from crmvalue.tiers._hysteresis import Earlier, check_band, earlier_tiers
from crmvalue.tiers._values import amounts, read_columns, with_labels


class Step(NamedTuple):
    """The threshold between two neighbouring tiers.

    ``value`` None is out of everybody's reach. Who has exactly the value is above it where it is
    ``closed``, below it otherwise.
    """

    value: float | None
    closed: bool = True

    def reached(self, value: Any, bound: Any) -> Any:
        """Whether values, an array or an expression, are above `bound` in the sense of the step."""
        return value >= bound if self.closed else value > bound

    def missed(self, value: nw.Expr, bound: Any) -> Any:
        """The opposite for an expression; null where the value is."""
        return value < bound if self.closed else value <= bound


class ThresholdTiers(Value):
    """Tiers in order, with a threshold between each two: what all tierings have in common."""

    by: str

    @property
    @abstractmethod
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, the highest first."""

    @abstractmethod
    def _steps(self) -> tuple[Step, ...]:
        """The thresholds from the highest to the lowest, one fewer than tiers."""

    def __repr__(self) -> str:
        shown = (
            f"{tier} {'none' if step.value is None else f'>= {step.value:g}'}"
            for tier, step in zip(self.tiers, self._steps(), strict=False)
        )
        return f"{type(self).__name__}({', '.join([f'by={self.by!r}', *shown])})"

    def assign(
        self, values: IntoFrame, previous: IntoFrame | str | None = None, band: float = 0.0
    ) -> Any:
        """Add the column ``tier``; a query in gives a query out.

        Parameters
        ----------
        values : frame
            Any frame with the column `by`.
        previous : frame or str, optional
            The tier that each customer had: a frame of any library with ``customer_id`` and
            ``tier``, one row per customer (`values` then needs ``customer_id`` too), or the name of
            a column of `values`. Who has no earlier tier gets the plain one.
        band : float, from 0 to below 1
            The share of a threshold t by which a customer must pass it to change tiers: to rise, a
            value of t + band abs(t) or more; to fall, one below t - band abs(t). (A value at the
            upper limit of lead is lead: there, one above to rise, one at or below to fall.) A
            threshold of 0 has no band. Without `previous` it does nothing.

        Returns
        -------
        frame
            `values` with ``tier`` added (or replaced): a categorical of `tiers`, null where the
            value is missing. Row order and the other columns are as they were; only a query of an
            SQL engine, joined with a frame `previous`, promises no order.

        Raises
        ------
        InputError
            Where a column is missing or of the wrong type, `band` is out of range, or `previous`
            has an id twice or a tier that is none of `tiers`. In a query, a column of earlier tiers
            can't be looked into: there an unknown tier counts as none.

        Notes
        -----
        Without an earlier tier, a higher value never gets a lower tier, and equal values never
        part. With one, no tier differs from the plain one unless the value lies inside the band of
        a threshold between the two.

        A frame `previous` is collected once, to be checked. `values` stays a query where it is one
        of polars, or where both are queries of one engine; any other is collected too.

        Examples
        --------
        Both b and c are within 10 % of the threshold: b stays gold, and c steel.

        >>> import pandas as pd
        >>> from crmvalue.tiers import FixedTiers
        >>> tiers = FixedTiers("profit", ("gold", "steel"), (1000.0,))
        >>> now = pd.DataFrame({"customer_id": list("abcd"), "profit": [1200.0, 950, 1050, 850],
        ...                     "before": ["steel", "gold", "steel", "gold"]})
        >>> tiers.assign(now)["tier"].tolist()
        ['gold', 'steel', 'gold', 'steel']
        >>> tiers.assign(now, previous="before", band=0.1)["tier"].tolist()
        ['gold', 'gold', 'steel', 'steel']
        """
        check_band(band)
        columns = [self.by, previous] if isinstance(previous, str) else [self.by]
        frame = enter(values, "values", columns)
        faults = FaultList()
        value = number_expr(frame, "values", self.by, faults)
        if not is_lazy(frame) and not len(frame):
            faults.raise_if_any("values")
            return with_labels(frame, "tier", value, self.tiers).to_native()
        earlier = None
        if previous is not None:
            earlier = earlier_tiers(frame, previous, self.tiers, faults)
            frame = earlier.frame
        faults.raise_if_any("values")
        tier = self._tier(frame, value, earlier, float(band)).alias("tier")
        labelled = frame.with_columns(tier)
        return (labelled.drop(*earlier.helpers) if earlier else labelled).to_native()

    def summary(self, values: IntoFrame, of: str | None = None) -> Any:
        """Count each tier's customers and add up their value.

        Parameters
        ----------
        values : frame
            One row per customer, with the column `by`.
        of : str, optional
            The column to add up, for example revenue in tiers by profit; `by` by default.

        Returns
        -------
        frame
            In the library of `values`, one row per tier, also for one without customers: ``tier``,
            ``customers``, ``share_of_customers``, ``value``, ``share_of_value`` (fractions of 1;
            null where the total is not positive).

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.
        """
        of = self.by if of is None else of
        data = read_columns(values, self.by, of)
        arrays = {column: amounts(data, column) for column in dict.fromkeys((self.by, of))}
        data.finish("values")
        summed, size = arrays[of], len(self.tiers)
        ranks = self._ranks(arrays[self.by])
        customers = np.bincount(ranks, minlength=size)
        value = exact_group_sum(ranks, summed, size)
        check_conserved(f"tiers by {self.by}", safe_sum(summed), value)
        return table(
            {
                "tier": Labels(np.arange(size), self.tiers),
                "customers": customers,
                "share_of_customers": customers / len(data),
                "value": value,
                "share_of_value": value / positive_total(summed),
            },
            like=data.frame,
        )

    def as_axis(self) -> MatrixAxis:
        """The same thresholds as an axis of a `TwoAxisMatrix`, the lowest tier first."""
        cuts = []
        for step in self._steps():
            cut = np.inf if step.value is None else step.value
            if not step.closed:
                # The next number up: an axis takes a value at its cut to be above it. Numbers
                # smaller than normal ones are left out, as some processors take them for 0.
                up = float(np.nextafter(cut, np.inf))
                cut = max(up, float(np.finfo(np.float64).tiny)) if cut == 0 else up
            cuts.append(cut)
        return MatrixAxis(self.by, tuple(reversed(cuts)), tuple(reversed(self.tiers)))

    def _tier(self, frame: Any, value: nw.Expr, earlier: Earlier | None, band: float) -> nw.Expr:
        """Pick each row's label: that of the highest threshold it reaches."""
        dtype = label_dtype(frame, self.tiers)
        *labels, last = (nw.lit(tier).cast(dtype) for tier in self.tiers)
        tier: Any = None
        for rank, step in reversed(list(enumerate(self._steps()))):
            if step.value is None:
                continue
            bound: Any = step.value
            if earlier is not None and band and bound:
                bound = earlier.bound(rank, bound, band * abs(bound))
            if tier is None:
                tier = nw.when(step.missed(value, bound)).then(last)
            here = nw.when(step.reached(value, bound)).then(labels[rank])
            tier = here.otherwise(tier)
        return nw.when(~value.is_null()).then(last) if tier is None else tier

    def _ranks(self, values: FloatArray) -> IntArray:
        """The place of each value's tier, 0 the highest."""
        ranks = np.zeros(len(values), dtype=np.int64)
        for step in self._steps():
            ranks += 1 if step.value is None else ~step.reached(values, step.value)
        return ranks


def check_share(name: str, share: float, *, zero: bool = False) -> None:
    """Refuse what is not a share."""
    if not (is_number(share, 0, 1) and (zero or share > 0)):
        expected = "from 0 to 1" if zero else "above 0 and at most 1"
        raise InputError(f"{name} must be a share {expected}; got {share!r}")


def check_names(names: Sequence[str], thresholds: int) -> tuple[str, ...]:
    """Names of tiers: different texts, one more than there are thresholds."""
    found = (names,) if isinstance(names, str) else tuple(names)
    texts = all(isinstance(name, str) and name for name in found)
    if not texts or len(set(found)) != len(found) or len(found) != thresholds + 1:
        raise InputError(
            f"{thresholds} thresholds make {thresholds + 1} tiers with different names, the "
            f"highest first (the lowest takes the rest); got the names {names!r}"
        )
    return found
