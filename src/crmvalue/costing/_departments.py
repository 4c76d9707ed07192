"""What `allocate_support` reads: departments, their services and the order in which they close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import Table
from crmvalue._keys import Keys, plain, plain_ids, take
from crmvalue._stats import FloatArray, IntArray
from crmvalue.costing._cells import Cells, cells
from crmvalue.costing._flags import numbers_or_flags
from crmvalue.errors import FaultList

BoolArray = npt.NDArray[np.bool_]


def read_departments(ledger: Table) -> tuple[Keys, FloatArray, BoolArray]:
    """Departments in rising order, with their own costs and whether they are support."""
    names = ledger.unique_keys("department")
    cost = ledger.numbers("cost", minimum=0.0)
    flag = numbers_or_flags(ledger, "support")
    odd = np.isfinite(flag) & (flag != 0) & (flag != 1)
    ledger.note("support", odd, "not_a_flag", "expected True or False")
    if not (flag == 0).any():
        cure = "expected a department with support False, to which costs can be passed on"
        ledger.faults.add("no_operating_department", column="costs.support", expected=cure)
    own, support = np.zeros(len(names)), np.zeros(len(names), dtype=bool)
    known = names.codes >= 0
    own[names.codes[known]] = cost[known]
    support[names.codes[known]] = flag[known] == 1
    return names, own, support


def read_services(given: Table, names: Keys, support: BoolArray) -> Cells:
    """Quantities by provider and receiver, without what a department does for itself."""
    quantity = given.numbers("quantity", minimum=0.0)
    ends = []
    for column in ("provider", "receiver"):
        found = given.keys(column)
        place = take(names.find(found.values), found.codes)
        strange = (place < 0) & (found.codes >= 0)
        cure = "expected departments of costs; add them there or mend the names"
        given.note(column, strange, "unknown_department", cure)
        ends.append(place)
    provider, receiver = ends
    used = (quantity > 0) & (provider >= 0) & (receiver >= 0) & (provider != receiver)
    given.note(
        "provider",
        used & ~take(support, provider, True),
        "provider_not_support",
        "only support departments pass cost on; set support to True for it, or drop these rows",
    )
    return cells(provider[used], receiver[used], quantity[used], (len(names), len(names)))


def read_order(
    order: Sequence[Any] | None, names: Keys, support: BoolArray, faults: FaultList
) -> IntArray:
    """When each department is closed: its place in `order`; never, for operating ones."""
    wanted = [] if order is None or isinstance(order, str) else list(order)
    place = names.index().get_indexer(pd.Index(wanted, dtype=object))
    closed = np.where(support, -1, len(wanted))
    for when, i in enumerate(place):
        if i >= 0 and support[i]:
            closed[i] = when
    strange = [w for w, i in zip(wanted, place, strict=True) if i < 0 or not support[i]]
    repeated = dict.fromkeys(w for i, w in enumerate(wanted) if w in wanted[:i])
    problems = {
        "not support departments": ", ".join(map(repr, strange)),
        "repeated": ", ".join(map(repr, repeated)),
        "missing": listed(names, closed < 0),
    }
    examples = "; ".join(f"{why}: {which}" for why, which in problems.items() if which)
    if examples:
        cure = "step_down needs every support department once, in the order in which they close"
        faults.add("bad_order", column="order", examples=examples, expected=cure)
    return closed


def listed(names: Keys, mask: BoolArray) -> str:
    """The names of some departments, for a message."""
    return ", ".join(repr(plain(value)) for value in plain_ids(names.values)[mask])
