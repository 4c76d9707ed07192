"""A check as text for a terminal, a CI log or the message of a failed test."""

from __future__ import annotations

from typing import Any

import pandas as pd

WIDEST = 50
"""A longer cell, with the names of many columns, makes its own row longer, and no other."""


def drift_text(table: pd.DataFrame, *, failed_only: bool = False, all_lines: bool = False) -> str:
    """Write what `check` found as text: each line that failed, and how many passed by family.

    Parameters
    ----------
    table : pandas.DataFrame
        From `check`.
    failed_only : bool
        Leave out how many passed.
    all_lines : bool
        Write the lines that passed too, after those that failed, instead of their number.

    Returns
    -------
    str
        A line that counts all of them; the failed ones as an aligned table; the families.

    Examples
    --------
    >>> table = pd.DataFrame({"line": ["totals.revenue", "totals.profit"],
    ...                       "expected": [100.0, 20.0], "got": [130.0, 20.0],
    ...                       "drift": [0.3, 0.0], "tolerance": 0.1, "passed": [False, True]})
    >>> print(drift_text(table))
    1 of 2 lines has drifted
    <BLANKLINE>
            line            expected  got  drift  tolerance
    FAILED  totals.revenue       100  130    0.3        0.1
    <BLANKLINE>
    totals: 1 of 2 passed
    """
    shown = table.sort_values("passed", kind="stable")
    if failed_only or not all_lines:
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
    families = [] if failed_only or all_lines else ["", *_families(table)]
    if len(rows) == 1:
        return "\n".join([count, *families])
    widths = [
        max(len(row[place]) for row in rows if len(row[place]) <= WIDEST) for place in range(6)
    ]
    aligned = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([count, "", *aligned, *families])


def _families(table: pd.DataFrame) -> list[str]:
    """How many lines of each family have passed."""
    family = table["line"].str.partition(".")[0]
    counts = table["passed"].groupby(family, sort=False).agg(["sum", "size"])
    return [
        f"{name}: {passed if passed == size else f'{passed} of {size}'} passed"
        for name, passed, size in counts.itertuples()
    ]


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value != value:
        return "unknown"
    if abs(value) >= 1e5 and value not in (float("inf"), float("-inf")):
        return f"{value:,.0f}"
    return f"{value:.6g}"
