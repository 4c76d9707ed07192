"""What a caller knows of customers beside the log, joined to their summary."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._table import Column, table


def with_attributes(
    summary: Any, attributes: IntoFrame | None, reserved: Collection[str] = ()
) -> tuple[Any, list[str]]:
    """Join what the caller knows of customers, by id; each customer at most once.

    Columns of the summary and `reserved` names can't be used. The second part of the result says
    how many customers are not in the summary, where there are any.
    """
    if attributes is None:
        return summary, []
    base = Table(summary, "summary")
    given = Table(attributes, "attributes", ["customer_id"])
    keys = given.unique_keys("customer_id")
    names = [name for name in given.frame.columns if name != "customer_id"]
    taken = [name for name in names if name in reserved or name in base]
    if taken:
        given.faults.add(
            "name_taken",
            column=", ".join(taken),
            expected="these are columns of the result; rename them",
        )
    given.finish()
    position = np.empty(len(keys), dtype=np.int64)
    position[keys.codes] = np.arange(len(given))
    found = keys.find(base.frame["customer_id"])
    columns: dict[str, Column] = {name: base.frame[name] for name in base.frame.columns}
    for name in names:
        values = np.array([*given.frame[name].to_list(), None], dtype=object)
        row = np.append(position, len(given))[found]
        columns[name] = values[row].tolist()
    unknown = len(keys) - int((found >= 0).sum())
    note = f"{unknown:,} customers of the attributes have no purchase in the log."
    return table(columns, base.frame), [note] if unknown else []
