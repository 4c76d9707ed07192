"""Account managers: how many pay, and which customers they look after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, IntoFrame
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    is_number,
    is_whole,
    running_sum,
    safe_sum,
)
from crmvalue._table import table
from crmvalue.errors import FaultList
from crmvalue.tiers._customer_rows import CustomerRows, falling
from crmvalue.tiers._values import amounts


@dataclass(frozen=True, eq=False, repr=False)
class AccountManagers:
    """How many account managers pay, as `account_managers` found it.

    The customers most at risk come first; each manager in turn takes as many as one can look
    after, so that every further manager protects less. A manager pays who protects more than is
    paid for one.

    Attributes
    ----------
    managers : table
        One row per manager that there is work for: ``manager`` (1, 2, 3...), ``customers,
        value_at_risk, value_protected, cost, net, cumulative_net`` (money),
        ``break_even_share`` (the protected share at which this manager costs what one protects;
        above 1: never; null where it is beyond all numbers), ``pays``.
    customers : table
        All customers, the most at risk first: ``customer_id, value_at_risk, rank, manager`` (null
        for who has none, at the best number of managers), ``value_protected``. Who has no value at
        risk, or an unknown one, gets no manager; the unknown come last.
    best : int
        The number of managers with the highest net: all those who pay.
    value_protected, cost, net : float
        What the best number of managers protects, costs and leaves (money).
    break_even_share : float or None
        The protected share above which the first manager pays; above 1, none ever does. None where
        (next to) nothing is at risk.

    Examples
    --------
    >>> import pandas as pd
    >>> risk = pd.DataFrame({"customer_id": list("abc"), "value_at_risk": [90e3, 20e3, 300e3]})
    >>> staff = account_managers(risk, capacity=1, cost=20e3, protected_share=0.3)
    >>> staff.best, staff.net
    (2, 77000.0)
    >>> print(staff.customers[["customer_id", "rank", "value_protected"]].to_string(index=False))
    customer_id  rank  value_protected
              c     1          90000.0
              a     2          27000.0
              b     3              0.0
    """

    customer_ids: nw.Series[Any]
    value_at_risk: FloatArray
    capacity: int
    cost_each: float
    protected_share: float
    like: Eager

    @property
    def managers(self) -> Any:
        """What each manager would protect, cost and leave."""
        protected, pays = self._protected, self._pays
        net = protected - self.cost_each
        size = len(net)
        sizes = np.full(size, self.capacity)
        if size:
            sizes[-1] = self._exposed - self.capacity * (size - 1)
        return table(
            {
                "manager": np.arange(1, size + 1),
                "customers": sizes,
                "value_at_risk": self._books,
                "value_protected": protected,
                "cost": np.full(size, self.cost_each),
                "net": net,
                "cumulative_net": running_sum(net),
                "break_even_share": self._break_even_shares,
                "pays": pays,
            },
            like=self.like,
        )

    @property
    def customers(self) -> Any:
        """All customers, the most at risk first, with their manager."""
        at_risk = self.value_at_risk[self._order]
        rank = np.arange(1, len(at_risk) + 1)
        manager = (rank - 1) // self.capacity + 1
        managed = (rank <= self._exposed) & (manager <= self.best)
        return table(
            {
                "customer_id": self.customer_ids[self._order.tolist()],
                "value_at_risk": at_risk,
                "rank": rank,
                "manager": np.ma.masked_array(manager, mask=~managed),
                "value_protected": np.where(managed, at_risk * self.protected_share, 0.0),
            },
            like=self.like,
        )

    @property
    def best(self) -> int:
        """How many managers pay."""
        return int(self._pays.sum())

    @property
    def value_protected(self) -> float:
        """What the best number of managers protects (money)."""
        return safe_sum(self._protected[self._pays])

    @property
    def cost(self) -> float:
        """What the best number of managers costs (money)."""
        return self.best * self.cost_each

    @property
    def net(self) -> float:
        """What the best number of managers leaves (money)."""
        return self.value_protected - self.cost

    @property
    def break_even_share(self) -> float | None:
        """The protected share above which the first manager pays."""
        shares = self._break_even_shares[:1]
        return float(shares[0]) if np.isfinite(shares).any() else None

    def __repr__(self) -> str:
        managed = min(self.best * self.capacity, self._exposed)
        return (
            f"AccountManagers({self.best:,} pay{'s' if self.best == 1 else ''} for {managed:,} "
            f"customer{'' if managed == 1 else 's'}: {self.value_protected:,.2f} protected, "
            f"{self.net:,.2f} net)"
        )

    @cached_property
    def _order(self) -> IntArray:
        return falling(self.value_at_risk)

    @property
    def _exposed(self) -> int:
        """How many customers have something at risk; they come first."""
        return int((self.value_at_risk > 0).sum())

    @cached_property
    def _books(self) -> FloatArray:
        """The value at risk of each manager's customers."""
        at_risk = self.value_at_risk[self._order[: self._exposed]]
        starts = np.arange(0, len(at_risk), self.capacity)
        books = np.add.reduceat(at_risk, starts) if len(starts) else np.empty(0)
        check_conserved("value at risk by manager", safe_sum(at_risk), books)
        return books

    @property
    def _break_even_shares(self) -> FloatArray:
        with np.errstate(over="ignore"):
            shares = self.cost_each / self._books
        return np.where(np.isinf(shares), np.nan, shares)

    @property
    def _protected(self) -> FloatArray:
        return self._books * self.protected_share

    @property
    def _pays(self) -> Any:
        return self._protected > self.cost_each


def account_managers(
    values: IntoFrame,
    *,
    capacity: int,
    cost: float,
    protected_share: float,
    at_risk: str = "value_at_risk",
) -> AccountManagers:
    """Find how many account managers pay for themselves, and for which customers.

    Parameters
    ----------
    values : frame
        One row per customer: ``customer_id`` and the value at risk, such as the customers of
        `gold_at_risk`.
    capacity : int
        How many customers one manager can look after, at least 1.
    cost : float
        What one manager costs (money, not negative), over the time in which the value is at risk:
        a year's cost against the profit of a year.
    protected_share : float, from 0 to 1
        The share of the value at risk that a manager keeps from leaving. It is an assumption: a
        trial on some customers tells it, and ``break_even_share`` what it must be at least. One
        share for all, also for who is most likely gone already: leave those out, as in the Notes.
    at_risk : str, default "value_at_risk"
        The column of value at risk (money, not negative); null where it is not known.

    Returns
    -------
    AccountManagers
        Its tables come in the library of `values`.

    Raises
    ------
    InputError
        Listing every fault: no rows, repeated customers, negative or infinite values at risk, a
        capacity, cost or share out of range.
    ConservationError
        If the managers' customers don't add up to the value at risk.

    Notes
    -----
    With n managers it is best to give them the n x capacity customers with most at risk, whose sum
    rises ever more slowly with n; so the best n counts the managers whose own customers leave more
    than the cost. One who brings exactly the cost isn't added. A manager who isn't fully busy costs
    as much as one who is.

    Value at risk by the probability of being alive is highest for valuable customers who have most
    likely left already, and nobody keeps those. Give the customers who can still be kept alone, by
    a limit of your own: ``risk.customers.query("probability_of_leaving <= 0.8")`` on pandas.

    Examples
    --------
    >>> import pandas as pd
    >>> risk = pd.DataFrame({"customer_id": list("abcde"),
    ...                      "value_at_risk": [90e3, 20e3, 300e3, 210e3, 0.0]})
    >>> staff = account_managers(risk, capacity=2, cost=60e3, protected_share=0.3)
    >>> staff
    AccountManagers(1 pays for 2 customers: 153,000.00 protected, 93,000.00 net)
    >>> shown = ["manager", "customers", "value_protected", "net", "break_even_share", "pays"]
    >>> print(staff.managers[shown].round(3).to_string(index=False))
     manager  customers  value_protected      net  break_even_share  pays
           1          2         153000.0  93000.0             0.118  True
           2          2          33000.0 -27000.0             0.545 False
    """
    faults = FaultList()
    if not is_whole(capacity, 1):
        faults.add(
            "capacity", examples=repr(capacity), expected="expected a whole number of at least 1"
        )
    if not is_number(cost, 0):
        faults.add("cost", examples=repr(cost), expected="expected money, at least 0")
    if not is_number(protected_share, 0, 1):
        faults.add("protected_share", examples=repr(protected_share), expected="expected 0 to 1")
    rows = CustomerRows(values, "values", "customer_id", faults, [at_risk])
    exposed = amounts(rows.table, at_risk, null=True, minimum=0.0)
    faults.raise_if_any("the account managers")
    return AccountManagers(
        customer_ids=rows.ids.values,
        value_at_risk=rows.by_id(exposed),
        capacity=int(capacity),
        cost_each=float(cost),
        protected_share=float(protected_share),
        like=rows.table.frame,
    )
