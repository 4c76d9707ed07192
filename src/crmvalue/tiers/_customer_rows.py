"""One row per customer, or per unit of another kind, brought into the order of the ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table, enter
from crmvalue._stats import IntArray
from crmvalue.errors import FaultList


class CustomerRows:
    """Some columns of a frame with one row per id.

    Attributes
    ----------
    table : Table
        The columns that were asked for.
    ids : Keys
        Rising.
    """

    def __init__(
        self,
        frame: IntoFrame,
        name: str,
        by: str,
        faults: FaultList,
        columns: Sequence[str] = (),
    ) -> None:
        entered = enter(frame, name, [by, *columns])
        self.table = Table(entered.select(*dict.fromkeys([by, *columns])), name, faults=faults)
        if not len(self.table):
            faults.add("empty", column=name, expected="expected at least one row")
        self.ids = self.table.unique_keys(by, f"expected one row per {by}; add them up first")

    def by_id(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the rows in the order of rising ids."""
        ordered = np.empty_like(values)
        ordered[self.ids.codes] = values
        return ordered


def falling(*keys: npt.NDArray[Any]) -> IntArray:
    """Places in falling order of the first key, then the next; what is missing last, ties by id.

    The arrays stand by rising id.
    """
    order: IntArray = np.lexsort([np.where(np.isnan(k), np.inf, -k) for k in reversed(keys)])
    return order
