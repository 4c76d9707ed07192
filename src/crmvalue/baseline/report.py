"""A check as text for a terminal, a CI log or the message of a failed test."""

from __future__ import annotations

from typing import Any

import pandas as pd


def drift_text(table: pd.DataFrame, *, failed_only: bool = False) -> str:
    """Write what `check` found as aligned text, failed lines first.

    Parameters
    ----------
    table : pandas.DataFrame
        From `check`.
    failed_only : bool
        Leave out the lines that passed.

    Returns
    -------
    str
        A line that counts, and the table.

    Examples
    --------
    >>> table = pd.DataFrame({"line": ["totals.revenue"], "expected": [100.0], "got": [130.0],
    ...                       "drift": [0.3], "tolerance": [0.1], "passed": [False]})
    >>> print(drift_text(table))
    1 of 1 lines has drifted
    <BLANKLINE>
            line            expected  got  drift  tolerance
    FAILED  totals.revenue       100  130    0.3        0.1
    """
    shown = table.sort_values("passed", kind="stable")
    if failed_only:
        shown = shown[~shown["passed"]]
    rows = [("", "line", "expected", "got", "drift", "tolerance")]
    rows += [
        ("passed" if row["passed"] else "FAILED", row["line"], *map(_short, values))
        for row in shown.to_dict("records")
        for values in [(row["expected"], row["got"], row["drift"], row["tolerance"])]
    ]
    failed, verb = int((~table["passed"]).sum()), "have"
    if failed == 1:
        verb = "has"
    count = f"{failed or 'none'} of {len(table)} lines {verb} drifted"
    if len(rows) == 1:
        return count
    widths = [max(len(row[place]) for row in rows) for place in range(6)]
    aligned = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([count, "", *aligned])


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value != value:
        return "unknown"
    if abs(value) >= 1e5 and value not in (float("inf"), float("-inf")):
        return f"{value:,.0f}"
    return f"{value:.6g}"
