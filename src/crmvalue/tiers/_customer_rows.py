"""One row per customer, or per unit of another kind, brought into the order of the ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table, enter, row_examples
from crmvalue._stats import IntArray
from crmvalue.errors import FaultList
from crmvalue.tiers._values import refuse_repeated


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
        wanted = list(dict.fromkeys([by, *columns]))
        self.table = Table(enter(frame, name, wanted).select(*wanted), name, faults=faults)
        if not len(self.table):
            faults.add("empty", column=name, expected="expected at least one row")
        self.ids = self.table.keys(by)
        cure = f"expected one row per {by}; add them up first"
        refuse_repeated(self.table, by, self.ids, cure)

    def fault(self, fault: str, column: str, bad: npt.NDArray[np.bool_], cure: str) -> None:
        """Note the rows with a fault, where there are any."""
        if bad.any():
            self.table.faults.add(
                fault,
                column=f"{self.table.name}.{column}",
                rows=int(bad.sum()),
                examples=row_examples(bad, self.table.frame[column])
                if column in self.table
                else "",
                expected=cure,
            )

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
