"""The tables of activity-based costing, read: what is stated of activities, and their drivers."""

from __future__ import annotations

import numpy as np

from crmvalue._frame import Table
from crmvalue._keys import Keys, is_null, take
from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue.costing._cells import Cells, cells
from crmvalue.errors import InputError

LEVELS = ("unit", "order", "customer", "channel", "facility")
"""The cost hierarchy (Cooper and Kaplan 1991), from below; customers bear it up to their own."""

CUSTOMER_LEVEL = LEVELS.index("customer")

DRIVERS = ("transaction", "duration", "intensity")
"""Kinds of activity driver (Kaplan and Cooper 1998): times, time, and money charged directly."""

INTENSITY = DRIVERS.index("intensity")


def read_activities(
    stated: Table, pools: IntArray, size: int
) -> tuple[FloatArray, IntArray, IntArray]:
    """Practical volume (NaN where not stated), level and kind of driver of each activity."""
    practical = np.full(size, np.nan)
    known = pools >= 0
    level = _choices(stated, "level", LEVELS, CUSTOMER_LEVEL)
    driver = _choices(stated, "driver", DRIVERS, -1)
    if "practical_volume" in stated:
        volume = stated.numbers("practical_volume", null=True)
        stated.note(
            "practical_volume",
            volume <= 0,
            "no_practical_volume",
            "expected a volume above 0; leave it empty where it isn't known",
        )
        stated.note(
            "practical_volume",
            (driver == INTENSITY) & ~np.isnan(volume),
            "volume_of_money",
            "an intensity driver can trace what the activity cost; leave it empty",
        )
        practical[pools[known]] = volume[known]
    places = np.full((2, size), [[CUSTOMER_LEVEL], [-1]])
    places[:, pools[known]] = level[known], driver[known]
    return practical, places[0], places[1]


def _choices(stated: Table, column: str, names: tuple[str, ...], default: int) -> IntArray:
    """Positions of a column's values among `names`; nulls are the default, others a fault."""
    if column not in stated:
        return np.full(len(stated), default)
    given = stated.frame[column].to_list()
    found = np.array(
        [default if is_null(v) else names.index(v) if v in names else -2 for v in given], np.int64
    )
    cure = f"expected one of {', '.join(names)}, or null" + ("" if default < 0 else " for customer")
    stated.note(column, found == -2, f"unknown_{column}", cure)
    return found


def read_resource_drivers(
    table: Table, names: Keys, pools: IntArray, shape: tuple[int, int]
) -> tuple[Cells, bool]:
    """Cells (resource, activity) of the drivers, and whether they are fixed shares."""
    given = [column for column in ("quantity", "share") if column in table]
    if len(given) != 1:
        raise InputError(
            "resource_drivers needs one of the columns 'quantity' (scaled to shares of each "
            f"resource) and 'share' (fractions of 1); it has {' and '.join(given) or 'neither'}"
        )
    weights = table.numbers(given[0], minimum=0.0)
    fixed = given == ["share"]
    drivers = table.keys("resource")
    owners = take(names.find(drivers.values), drivers.codes)
    table.note(
        "resource",
        (owners < 0) & (drivers.codes >= 0),
        "unknown_resource",
        "expected resources of the ledger; add them to resources or mend the names",
    )
    known = (owners >= 0) & (pools >= 0)
    if fixed:
        sums = group_sum(owners[known], np.nan_to_num(weights[known]), shape[0])
        table.note(
            "resource",
            take(sums > 1.0 + 1e-9, owners, False),
            "shares_above_one",
            "expected the shares of a resource to add up to 1 at most; to have them scaled, call "
            "the column 'quantity'",
        )
    return cells(owners[known], pools[known], weights[known], shape), fixed
