"""What activities cost, as the lines and bases of the lifetime value."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from crmvalue._table import Column
from crmvalue.errors import FaultList

RATE_LINES = {"order": "service_cost", "active_year": "maintenance_cost", "revenue": "selling_cost"}
"""What a cost that accrues with each basis is, unless the caller says otherwise."""

BASES = {line: basis for basis, line in RATE_LINES.items()} | {"cost_of_goods": "revenue"}
"""What each line accrues with, unless the caller says otherwise."""


def line_and_basis(activity: Any, target: Any, faults: FaultList) -> tuple[str, str]:
    """What a basis, a line or a pair of both stands for; anything else is a fault."""
    line, basis = "", ""
    if isinstance(target, str):
        line = target if target in BASES else RATE_LINES.get(target, "")
        basis = BASES.get(target, target)
    elif isinstance(target, tuple | list) and len(target) == 2:
        line, basis = map(str, target)
    if line not in BASES or basis not in RATE_LINES:
        faults.add(
            "unknown_target",
            column="activities",
            examples=f"activity {activity!r} is mapped to {target!r}",
            expected=f"expected a basis of {', '.join(RATE_LINES)}, a line of {', '.join(BASES)}, "
            "or (line, basis)",
        )
    return line, basis


def check_totals(totals: Mapping[str, float], faults: FaultList) -> None:
    """Note totals that are of no basis, or can't be divided by."""
    for basis, total in totals.items():
        sound = isinstance(total, Real) and np.isfinite(total) and total > 0
        if basis not in RATE_LINES or not sound:
            faults.add(
                "no_total",
                column="totals",
                examples=f"{basis!r}: {total!r}",
                expected=f"expected finite numbers above 0 for some of {', '.join(RATE_LINES)}",
            )


def rate_columns(rates: Mapping[tuple[str, str], float]) -> dict[str, Column]:
    """Columns of a table of cost lines, by line and then by basis."""
    keys = sorted(rates)
    return {
        "line": [line for line, _ in keys],
        "basis": [basis for _, basis in keys],
        "rate": np.array([rates[key] for key in keys]),
    }
