"""Sentences on value and on customers, made of figures that stand in the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue._print import SPACE
from crmvalue.report._format import column_floats, join, number
from crmvalue.report.labels import VALUE_LINES


def whale(curve: pd.DataFrame, concentration: pd.DataFrame | None, figure: str, words: str) -> str:
    """Who makes the value, and whether some of it is lost again."""
    sentences = []
    if concentration is not None:
        row = concentration[concentration["figure"].astype(str) == figure]
        names = {f"top_{n}_share": f"{n}{SPACE}%" for n in (1, 10, 20)}
        held = [
            f"the best {share} hold {number(value, 'share')}"
            for column, share in names.items()
            if column in row and len(row) and np.isfinite(value := column_floats(row[column])[0])
        ]
        if held:
            sentences.append(f"Of all {words}, {join(held)}.")
    height, customers = (
        column_floats(curve["cumulative_share"]),
        column_floats(curve["share_of_customers"]),
    )
    if not np.isfinite(height).all():
        return " ".join([*sentences, f"The total {words} is not positive, so it has no shares."])
    peak = int(np.argmax(height))
    if number(height[peak], "share") != number(height[-1], "share"):
        sentences.append(
            f"The best {number(customers[peak], 'share')} of customers together make "
            f"{number(height[peak], 'share')} of the total; those after them lose part of it again."
        )
    return " ".join(sentences)


def missing_lines(customers: pd.DataFrame) -> str | None:
    """Which lines of the lifetime value nobody has, so that it isn't taken for more than it is."""
    missing = [
        words
        for line, words in VALUE_LINES.items()
        if line in customers and not column_floats(customers[line]).any()
    ]
    if not missing:
        return None
    bare = ": it is discounted revenue, not profit" if len(missing) == len(VALUE_LINES) else ""
    return f"The lifetime value counts no {join(missing, 'or')}, for none was given{bare}."


def held(customers: int, highest: int, lowest: int) -> str:
    """Which customers the page holds where it can't hold all."""
    low = f" and the {lowest:,} with the lowest" if lowest else ""
    return (
        f"Of {customers:,} customers this page holds the {highest:,} with the highest lifetime "
        f"value{low}; the result's own table of customers has them all."
    )
