"""`Migration`: what was found between two dates, as tables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from crmvalue._frame import Eager
from crmvalue._stats import FloatArray, IntArray, is_whole, wilson_interval
from crmvalue._table import Column, Labels, table
from crmvalue.errors import InputError
from crmvalue.tiers._chain import mobility, shares_of_rows, steady_state, steps_ahead
from crmvalue.tiers._moves import Moves
from crmvalue.tiers._snapshot import LOST, NEW, RETURNED

What: TypeAlias = Literal["counts", "shares", "value_flow", "value_before", "value_after"]


@dataclass(frozen=True, eq=False, repr=False)
class Migration:
    """Where customers went between two dates, as `migration` found it.

    A customer comes *from* a tier, or is ``new`` or ``returned`` (not in `before`), and goes *to* a
    tier, or is ``lost`` (not in `after`).

    Attributes
    ----------
    tiers : tuple of str, length n
        The tiers, the best first where `ranked`.
    ranked : bool
        Whether the order of the tiers is their rank.
    customers : ndarray of int64, shape (n + 2, n + 1)
        Customers from each tier, new and returned (rows) to each tier and lost (columns).
    before_value, after_value : ndarray of float64, shape (n + 2, n + 1)
        Their value at each date (money); NaN where the frames had none.
    by : str or None
        The column of value.
    period_start : date or None
        The day from which on a first purchase is new and not a return; None where not known.
    level : float
        The level of the intervals.
    like : narwhals DataFrame
        An empty frame of the library in which tables leave.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmvalue.tiers import migration
    >>> before = pd.DataFrame({"customer_id": range(6), "tier": list("AAABBB"),
    ...                        "value": [50.0, 40.0, 40.0, 9.0, 8.0, 7.0]})
    >>> after = pd.DataFrame({"customer_id": [0, 1, 2, 3, 4, 9], "tier": list("AABABB"),
    ...                       "value": [55.0, 40.0, 10.0, 30.0, 8.0, 6.0]})
    >>> moved = migration(before, after)
    >>> print(moved.shares.round(3).to_string(index=False))
    from_tier to_tier  customers  share  lower  upper
            A       A          2  0.667  0.208  0.939
            A       B          1  0.333  0.061  0.792
            A    lost          0  0.000  0.000  0.561
            B       A          1  0.333  0.061  0.792
            B       B          1  0.333  0.061  0.792
            B    lost          1  0.333  0.061  0.792
    >>> float(moved.value_flow["change"].sum())
    -5.0
    >>> moved.movements[["tier", "expected_stay"]].values.tolist()
    [['A', 3.0], ['B', 1.5]]
    >>> moved.steady_state["share"].round(3).tolist()
    [0.6, 0.4]
    """

    tiers: tuple[str, ...]
    ranked: bool
    customers: IntArray
    before_value: FloatArray
    after_value: FloatArray
    by: str | None
    period_start: dt.date | None
    level: float
    like: Eager

    @property
    def counts(self) -> Any:
        """Customers of every move, those that nobody made too: ``from_tier, to_tier, customers``.

        Rows come by ``from_tier`` (the tiers, new, returned), then ``to_tier`` (the tiers, and lost
        for who was there). They sum to all customers of both frames, each counted once.
        """
        rows, columns = self._moves.cells()
        return self._table(rows, columns, {"customers": self.customers[rows, columns]})

    @property
    def shares(self) -> Any:
        """Where the customers of each tier went, as shares of those who were in it.

        ``from_tier, to_tier, customers, share, lower, upper``: the shares of a tier, lost among
        them, sum to one, with Wilson (1927) intervals at `level`; null where nobody was in it.
        """
        counts = self._moves.known
        rows, columns = (axis.ravel() for axis in np.indices(counts.shape))
        totals = self._moves.before[rows]
        lower, upper = wilson_interval(counts.ravel(), totals, self.level)
        figures: dict[str, Column] = {
            "customers": counts.ravel(),
            "share": shares_of_rows(counts).ravel(),
            "lower": lower,
            "upper": upper,
        }
        return self._table(rows, columns, figures)

    @property
    def value_flow(self) -> Any:
        """The value of every move's customers at both dates.

        ``from_tier, to_tier, customers, value_before, value_after, change``. Value before sums to
        the total of `before`, value after to that of `after`, and change to the difference: new
        and returned customers bring theirs, lost ones take it away.
        """
        rows, columns = self._moves.cells()
        before, after = self.before_value[rows, columns], self.after_value[rows, columns]
        figures: dict[str, Column] = {
            "customers": self.customers[rows, columns],
            "value_before": before,
            "value_after": after,
            "change": after - before,
        }
        return self._table(rows, columns, figures)

    @property
    def mobility(self) -> float:
        """Shorrocks' index of the customers in both frames: (n - trace P)/(n - 1).

        0 where nobody changed tier, 1 where the next tier does not hang on the last one, and up to
        n/(n - 1) where everybody left theirs. P holds the shares among those who stayed customers,
        n counts the tiers that one of them was in at either date; for a tier that none of them came
        from, the mean of the others stands in. NaN where nobody is in both frames.

        References
        ----------
        A. F. Shorrocks (1978), "The measurement of mobility", Econometrica 46(5).
        """
        return mobility(self._moves.stayed)

    @property
    def movements(self) -> Any:
        """One row per tier, from its customers before to those after.

        ``tier, customers_before, unchanged, upgraded, downgraded, lost, moved_in, new, returned,
        customers_after, expected_stay``. Before = unchanged + upgraded + downgraded + lost; after =
        unchanged + moved_in + new + returned. ``expected_stay`` is in periods, 1/(1 - p) with p the
        share that stayed in the tier (lost customers left it): infinite where nobody left, null
        where nobody was in it. Without ranks upgraded and downgraded are null.
        """
        moves, unknown = self._moves, np.full(len(self.tiers), np.nan)
        before, unchanged = moves.before, moves.unchanged
        with np.errstate(divide="ignore", invalid="ignore"):
            stay = np.where(before > 0, before / (before - unchanged), np.nan)
        return table(
            {
                "tier": Labels(np.arange(len(self.tiers)), self.tiers),
                "customers_before": before,
                "unchanged": unchanged,
                "upgraded": moves.upgraded if self.ranked else unknown,
                "downgraded": moves.downgraded if self.ranked else unknown,
                LOST: moves.lost,
                "moved_in": moves.stayed.sum(axis=0) - unchanged,
                NEW: moves.entered[0],
                RETURNED: moves.entered[1],
                "customers_after": moves.after,
                "expected_stay": stay,
            },
            like=self.like,
        )

    @property
    def steady_state(self) -> Any:
        """The shares of the tiers (``tier, share``) that customers who stay tend to, or None.

        None where it does not exist; `steady_state_reason` says why. It is what these moves would
        lead to if they went on for ever, not a forecast.
        """
        shares, _ = steady_state(self._moves.stayed, self.tiers)
        if shares is None:
            return None
        tiers = Labels(np.arange(len(self.tiers)), self.tiers)
        return table({"tier": tiers, "share": shares}, like=self.like)

    @property
    def steady_state_reason(self) -> str:
        """Why there is no steady state; empty where there is one."""
        return steady_state(self._moves.stayed, self.tiers)[1]

    def forecast(self, periods: int = 1, *, arrivals: bool = False) -> Any:
        """Forecast how many customers each tier will have if the same shares go on moving.

        Parameters
        ----------
        periods : int, default 1
            How many periods ahead, each as long as that between the two dates.
        arrivals : bool, default False
            Whether as many customers as were new or returned this time arrive in each period too.
            Otherwise the forecast is of today's customers only, and their number stays the same.

        Returns
        -------
        frame
            ``period`` (0 is `after`), ``tier`` and ``customers`` (expected, not whole numbers).
            Lost customers add up under ``lost``, from 0 on: nobody leaves it, since those who
            return are among the arrivals.

        Raises
        ------
        InputError
            Where `periods` is not a whole number of at least 0, or where a tier has customers now
            and had none before, so that its moves are not known.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.tiers import migration
        >>> before = pd.DataFrame({"customer_id": [1, 2, 3, 4], "tier": ["A", "A", "B", "B"]})
        >>> after = pd.DataFrame({"customer_id": [1, 2, 3], "tier": ["A", "B", "B"]})
        >>> ahead = migration(before, after).forecast(2)
        >>> print(ahead.query("period == 2").to_string(index=False))
         period tier  customers
              2    A       0.25
              2    B       1.00
              2 lost       1.75
        """
        if not is_whole(periods, 0):
            raise InputError(f"periods must be a whole number of at least 0; got {periods!r}")
        moves = self._moves
        unknown = (moves.before == 0) & (moves.after > 0)
        if unknown.any() and periods > 0:
            names = ", ".join(repr(t) for t, bad in zip(self.tiers, unknown, strict=True) if bad)
            raise InputError(
                f"nobody was in {names} before, so it isn't known where its customers go; "
                "join it with the tier beside it, or forecast from two later dates"
            )
        now, shares = moves.after.astype(np.float64), shares_of_rows(moves.known)
        ahead = steps_ahead(now, shares, moves.entered.sum(axis=0) * bool(arrivals), int(periods))
        period, state = (axis.ravel() for axis in np.indices(ahead.shape))
        tier = Labels(state, (*self.tiers, LOST))
        return table({"period": period, "tier": tier, "customers": ahead.ravel()}, like=self.like)

    def matrix(self, what: What = "counts") -> Any:
        """Return one figure as a matrix: a row per ``from_tier``, a column for each tier and lost.

        Parameters
        ----------
        what : {"counts", "shares", "value_flow", "value_before", "value_after"}
            The figure; of the value flow it is the change. Shares have rows for the tiers only.

        Returns
        -------
        frame
            ``from_tier``, and a column for each tier and ``lost``.

        Raises
        ------
        InputError
            Where `what` is no such figure.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.tiers import migration
        >>> before = pd.DataFrame({"customer_id": [1, 2, 3, 4], "tier": ["A", "A", "B", "B"]})
        >>> after = pd.DataFrame({"customer_id": [1, 2, 3], "tier": ["A", "B", "B"]})
        >>> print(migration(before, after).matrix("shares").to_string(index=False))
        from_tier   A   B  lost
                A 0.5 0.5   0.0
                B 0.0 0.5   0.5
        """
        figures: dict[str, npt.NDArray[Any]] = {
            "counts": self.customers,
            "shares": shares_of_rows(self._moves.known),
            "value_flow": self.after_value - self.before_value,
            "value_before": self.before_value,
            "value_after": self.after_value,
        }
        if what not in tuple(figures):  # what can't be hashed is no figure either
            raise InputError(f"matrix gives {', '.join(map(repr, figures))}; got {what!r}")
        found = figures[what]
        columns: dict[str, Column] = {
            "from_tier": Labels(np.arange(len(found)), (*self.tiers, NEW, RETURNED))
        }
        columns |= {name: found[:, i] for i, name in enumerate((*self.tiers, LOST))}
        return table(columns, like=self.like)

    def __repr__(self) -> str:
        moves = self._moves
        up, down = moves.upgraded.sum(), moves.downgraded.sum()
        changed = f"{up:,} upgraded, {down:,} downgraded" if self.ranked else f"{up + down:,} moved"
        new, back = moves.entered.sum(axis=1)
        return (
            f"Migration({moves.before.sum():,} customers before, {moves.after.sum():,} after: "
            f"{moves.unchanged.sum():,} stayed, {changed}, {moves.lost.sum():,} lost, {new:,} new"
            + (f", {back:,} returned)" if back else ")")
        )

    @property
    def _moves(self) -> Moves:
        return Moves(self.customers)

    def _table(self, rows: IntArray, columns: IntArray, figures: dict[str, Column]) -> Any:
        states: dict[str, Column] = {
            "from_tier": Labels(rows, (*self.tiers, NEW, RETURNED)),
            "to_tier": Labels(columns, (*self.tiers, LOST)),
        }
        return table(states | figures, like=self.like)
