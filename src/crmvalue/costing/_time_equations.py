"""Groups of resources and time equations: reading them, and the time that they give each event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._keys import is_null, plain
from crmvalue._stats import FloatArray, IntArray, snap_zero
from crmvalue.costing._flags import numbers_or_flags
from crmvalue.errors import FaultList, InputError

RESERVED = ("customer_id", "activity", "quantity", "time", "cost")
"""Columns of events that have a meaning of their own, and so can't be drivers."""


class CapacityGroup(NamedTuple):
    """A group of resources that work as one: its cost and the time it could work, per period."""

    group: Any
    cost: float
    practical_time: float


class TimeTerm(NamedTuple):
    """One term of a time equation: time per unit of the product of its drivers ("" for none)."""

    group: Any
    activity: Any
    term: str
    time: float

    @property
    def drivers(self) -> tuple[str, ...]:
        """The driver columns that the time is multiplied by."""
        return tuple(self.term.split(":")) if self.term else ()


class Equation(NamedTuple):
    """The terms by which one group serves one activity."""

    group: int
    activity: int
    terms: tuple[TimeTerm, ...]


def read_groups(groups: IntoFrame, faults: FaultList) -> tuple[CapacityGroup, ...]:
    """The groups, by rising name."""
    source = Table(_frame(groups, CapacityGroup._fields), "groups", ["group", "cost"], faults)
    names = source.unique_keys("group")
    cost = source.numbers("cost", minimum=0.0)
    time = _practical_time(source)
    if not len(source):
        faults.add("empty", column="groups", expected="expected at least one group")
    source.note(
        "group",
        ~(time > 0),
        "no_practical_time",
        "expected a practical_time above 0, or a theoretical_time above 0 with a practical_share "
        "above 0 and at most 1",
    )
    values = [plain(value) for value in names.values.to_list()]
    found = [
        CapacityGroup(values[code], float(c), float(t))
        for code, c, t in zip(names.codes, cost, time, strict=True)
        if code >= 0
    ]
    return tuple(sorted(found, key=lambda group: group.group))


def _practical_time(source: Table) -> FloatArray:
    """Practical time of each row: as stated, else the practical share of the theoretical one."""
    time = np.full(len(source), np.nan)
    if "practical_time" in source:
        time = source.numbers("practical_time", null=True)
    if "theoretical_time" in source and "practical_share" in source:
        share = source.numbers("practical_share", null=True)
        derived = source.numbers("theoretical_time", null=True) * share
        time = np.where(np.isnan(time) & (share > 0) & (share <= 1), derived, time)
    elif "practical_time" not in source:
        raise InputError(
            "groups needs the column 'practical_time', or both 'theoretical_time' and "
            f"'practical_share'; it has {', '.join(source.frame.columns)}"
        )
    return time


def read_equations(
    equations: IntoFrame, groups: Sequence[CapacityGroup], faults: FaultList
) -> tuple[TimeTerm, ...]:
    """The terms, by rising activity, group and drivers."""
    source = Table(_frame(equations, TimeTerm._fields), "equations", TimeTerm._fields, faults)
    owner, activity = source.keys("group"), source.keys("activity")
    time = source.numbers("time")
    known = {group.group for group in groups}
    names = [plain(value) for value in owner.values.to_list()]
    strange = np.array([name not in known for name in names] + [False])
    cure = "expected groups of groups; add them there or mend the names"
    source.note("group", strange[owner.codes], "unknown_group", cure)
    activities = [plain(value) for value in activity.values.to_list()]

    given = source.frame["term"].to_list()
    terms = [read_term(value) for value in given]
    wrong = np.array([term is None for term in terms], dtype=bool)
    cure = (
        'expected "" for the base time, a driver column, or several joined by ":"; '
        f"{', '.join(RESERVED)} are no drivers: rename such a column of events"
    )
    source.note("term", wrong, "bad_term", cure)
    found = [
        TimeTerm(names[g], activities[a], term, float(t))
        for g, a, term, t in zip(owner.codes, activity.codes, terms, time, strict=True)
        if g >= 0 and a >= 0 and term is not None
    ]
    counts = Counter(term[:3] for term in found)
    if twice := [key for key, count in counts.items() if count > 1]:
        faults.add(
            "repeated_term",
            column="equations",
            rows=sum(counts[key] for key in twice),
            examples=", ".join(map(repr, twice)),
            expected="expected each term of a group and an activity once",
        )
    return tuple(sorted(found, key=lambda term: (term.activity, term.group, term.term)))


def read_term(value: Any) -> str | None:
    """A term with its drivers in rising order, or None where it can't be one."""
    if is_null(value):
        return ""  # an empty cell of a CSV file
    if not isinstance(value, str):
        return None
    drivers = sorted(driver.strip() for driver in value.split(":"))
    if drivers == [""]:
        return ""
    return ":".join(drivers) if all(drivers) and not {*drivers} & {*RESERVED} else None


def _frame(given: IntoFrame, columns: Sequence[str]) -> IntoFrame:
    """A frame as it is; the rows of another value's groups or equations as one."""
    if not isinstance(given, tuple):
        return given
    return pd.DataFrame(list(given), columns=list(columns))


def group_terms(
    terms: Sequence[TimeTerm], groups: Sequence[Any], activities: Sequence[Any]
) -> list[Equation]:
    """Equations, by activity and then by group, of terms in that order."""
    found: dict[tuple[Any, Any], list[TimeTerm]] = {}
    for term in terms:
        found.setdefault((term.activity, term.group), []).append(term)
    return [
        Equation(groups.index(group), activities.index(activity), tuple(mine))
        for (activity, group), mine in found.items()
    ]


def read_drivers(
    events: Table, terms: Sequence[TimeTerm], activities: Sequence[Any], rows: Sequence[IntArray]
) -> dict[str, FloatArray]:
    """The driver columns that the equations of the events need; `rows` are those of each activity.

    An event may be empty in the drivers of other activities.
    """
    users: dict[str, set[int]] = {}
    for term in terms:
        place = activities.index(term.activity)
        for driver in term.drivers if len(rows[place]) else ():
            users.setdefault(driver, set()).add(place)
    drivers = {}
    for driver, places in sorted(users.items()):
        if driver not in events:
            events.faults.add(
                "missing_driver_column",
                column=f"events.{driver}",
                expected="the equations have a term of that name; add the column or mend the term",
            )
            continue
        drivers[driver] = numbers_or_flags(events, driver, null=True)
        empty = np.zeros(len(events), dtype=bool)
        for place in places:
            empty[rows[place]] = np.isnan(drivers[driver][rows[place]])
        events.note(
            driver,
            empty,
            "missing_driver",
            "expected a number or a flag in every event whose equation has this term; fill them",
        )
    return drivers


def unit_times(equation: Equation, drivers: dict[str, FloatArray], rows: IntArray) -> FloatArray:
    """Time of one unit of each of the events `rows`: the sum of the terms."""
    total, gross = np.zeros(len(rows)), np.zeros(len(rows))
    for term in equation.terms if len(rows) else ():  # drivers that no event needs aren't read
        time = np.full(len(rows), term.time)
        for driver in term.drivers:
            time *= drivers[driver][rows]
        total += time
        gross += np.abs(time)
    return snap_zero(total, gross)
