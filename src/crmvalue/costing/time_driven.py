"""Time-driven activity-based costing: what each event costs by the time it takes.

With ``C`` the cost of a group of resources and ``T`` the time that it can practically work::

    rate_g = C_g / T_g                                          capacity cost rate
    t_eg   = quantity_e (b0 + b1 x1 + b2 x2 + b12 x1 x2 ...)    time equation of an event
    cost_e = sum over g of t_eg rate_g

Cost of the time that nobody needed is shown as unused and charged to no customer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import plain_ids, take
from crmvalue._value import Value
from crmvalue.costing._time_assignment import TimeDrivenAssignment
from crmvalue.costing._time_charges import Events, charge
from crmvalue.costing._time_equations import (
    CapacityGroup,
    TimeTerm,
    read_drivers,
    read_equations,
    read_groups,
)
from crmvalue.errors import FaultList


@dataclass(frozen=True, eq=False, init=False)
class TimeDrivenCosts(Value):
    """Capacity cost rates and time equations, ready to cost events.

    Parameters
    ----------
    groups : frame
        ``group`` (each once; resources that do the same work), ``cost`` (money of the period, not
        negative) and ``practical_time`` (time that the group can work in that period, in any unit),
        or ``theoretical_time`` and ``practical_share`` (fraction of it that is practical, usually
        .8 to .85).
    equations : frame
        ``group, activity, term, time``: an event of `activity` takes `time` of `group` (in the
        unit of practical_time) per unit of `term`. The term is ``""`` (or null) for the base time,
        the name of a driver column of the events, or several joined by ``":"`` for the product of
        their drivers. A time may be negative where a driver saves time. An activity may take time
        of several groups.

    Attributes
    ----------
    groups : tuple of CapacityGroup
        ``(group, cost, practical_time)``, by rising group.
    equations : tuple of TimeTerm
        ``(group, activity, term, time)``, by rising activity, group and term.

    Raises
    ------
    InputError
        Listing every fault of both tables: missing, unknown or repeated names, negative or missing
        numbers, no practical time, terms that can't be.

    References
    ----------
    R. S. Kaplan and S. R. Anderson (2004), "Time-driven activity-based costing", Harvard Business
    Review 82(11); time equations: the same (2007), Time-Driven Activity-Based Costing, chapter 2.

    Examples
    --------
    Packing takes half a minute, 6.5 more if the item is special and .2 more if it goes by air:

    >>> import pandas as pd
    >>> groups = pd.DataFrame({"group": ["packers"], "cost": [1000.0], "practical_time": [2000]})
    >>> equations = pd.DataFrame({"group": "packers", "activity": "packing",
    ...                           "term": ["", "special", "by_air"], "time": [0.5, 6.5, 0.2]})
    >>> events = pd.DataFrame({"customer_id": [1, 2, 2], "activity": "packing",
    ...                        "quantity": [100, 20, 30], "special": [False, True, True],
    ...                        "by_air": [True, False, True]})
    >>> packing = TimeDrivenCosts(groups, equations)
    >>> found = packing.assign(events)
    >>> print(found.events[["customer_id", "quantity", "time", "cost"]].to_string(index=False))
     customer_id  quantity  time  cost
               1     100.0  70.0  35.0
               2      20.0 140.0  70.0
               2      30.0 216.0 108.0
    >>> print(found.groups[["group", "rate", "used", "unused_cost"]].to_string(index=False))
      group  rate  used  unused_cost
    packers   0.5 426.0        787.0
    >>> TimeDrivenCosts.from_json(packing.to_json()) == packing
    True
    """

    groups: tuple[CapacityGroup, ...]
    equations: tuple[TimeTerm, ...]

    def __init__(self, groups: IntoFrame, equations: IntoFrame) -> None:
        faults = FaultList()
        known = read_groups(groups, faults)
        terms = read_equations(equations, known, faults)
        faults.raise_if_any("the groups and time equations")
        object.__setattr__(self, "groups", known)
        object.__setattr__(self, "equations", terms)

    def __repr__(self) -> str:
        names = ", ".join(str(group.group) for group in self.groups)
        activities = len({term.activity for term in self.equations})
        return (
            f"TimeDrivenCosts({names}: {len(self.equations)} terms of "
            f"{activities} {'activity' if activities == 1 else 'activities'})"
        )

    def assign(self, events: IntoFrame) -> TimeDrivenAssignment:
        """Cost events, and with them customers, by the time that they take.

        Parameters
        ----------
        events : frame
            ``customer_id``, ``activity``, the driver columns of its equations (numbers of at least
            0 or booleans, of one unit) and optionally ``quantity``, the number of such units in
            the event (default 1).

        Returns
        -------
        TimeDrivenAssignment
            Its tables come in the library of `events`.

        Raises
        ------
        InputError
            Listing every fault: missing ids, activities without an equation, negative or missing
            quantities and drivers, driver columns that aren't there, events that would take less
            than no time.
        ConservationError
            If the cost of a group isn't what is charged and unused within half a cent.

        Examples
        --------
        >>> import pandas as pd
        >>> packing = TimeDrivenCosts(
        ...     pd.DataFrame({"group": ["packers"], "cost": [1000.0], "practical_time": [2000]}),
        ...     pd.DataFrame({"group": ["packers"], "activity": ["packing"], "term": [""],
        ...                   "time": [0.5]}),
        ... )
        >>> events = pd.DataFrame({"customer_id": [1, 2], "activity": "packing",
        ...                        "quantity": [100, 60]})
        >>> packing.assign(events).events[["time", "cost"]].values.tolist()
        [[50.0, 25.0], [30.0, 15.0]]
        """
        source = Table(events, "events", ["customer_id", "activity"])
        customers = source.keys("customer_id")
        activities = list(dict.fromkeys(term.activity for term in self.equations))
        given = source.keys("activity")
        places = pd.Index(activities).get_indexer(pd.Index(plain_ids(given.values)))
        activity = take(places, given.codes)
        source.note(
            "activity",
            (activity < 0) & (given.codes >= 0),
            "no_equation",
            "expected activities with a time equation; add one, with time 0 if it costs nothing",
        )
        quantity = np.ones(len(source))
        if "quantity" in source:
            quantity = source.numbers("quantity", minimum=0.0)

        order = np.argsort(activity, kind="stable")
        starts = np.searchsorted(activity[order], np.arange(len(activities) + 1))
        rows = [order[i:j] for i, j in itertools.pairwise(starts)]
        drivers = read_drivers(source, self.equations, activities, rows)
        source.finish()
        read = Events(source.frame, customers, activities, rows, quantity, drivers)
        return TimeDrivenAssignment(self, read, charge(self, read))
