"""Sentences on what customers cost, made of figures that stand in the tables."""

from __future__ import annotations

import pandas as pd

from crmvalue.report._format import column_floats, number
from crmvalue.report.labels import LEVERS


def totals(frame: pd.DataFrame) -> str:
    """What is left of the revenue, and what of the contribution."""
    amounts = dict(zip(frame["line"].astype(str), column_floats(frame["amount"]), strict=True))
    revenue, profit = amounts["list_revenue"], amounts["operating_profit"]
    share = f" ({number(profit / revenue, 'share')} of revenue)" if revenue > 0 else ""
    return (
        f"Customers contribute {number(amounts['contribution'], 'money')}; the operating profit "
        f"is {number(profit, 'money')}{share}."
    )


def distortion(frame: pd.DataFrame) -> str:
    """How much is misallocated, and who only seems to be profitable."""
    rows = {str(row["line"]): row for row in frame.to_dict("records")}
    whole = max(float(rows["volume_total"]["amount"]), float(rows["activity_total"]["amount"]))
    wrong = float(rows["misallocated"]["amount"])
    flips = int(rows["flips_to_loss"]["customers"])
    return (
        f"Spread by revenue, {number(wrong / whole if whole else float('nan'), 'share')} of the "
        f"cost would stand at the wrong customers, and {flips:,} customers would look profitable "
        "who are not."
    )


def levers(frame: pd.DataFrame) -> list[str]:
    """For how many of the losing customers each lever alone is enough, and what all would bring."""
    losing = frame.drop_duplicates(str(frame.columns[0]))
    told = [
        f"{len(losing):,} customers cost more than they bring, "
        f"{number(float(losing['loss'].sum()), 'money')} together."
    ]
    for lever, words in LEVERS.items():
        rows = frame[frame["lever"].astype(str) == lever]
        enough = rows["enough"].astype(bool)
        if enough.any():
            told.append(
                f"{words.capitalize()} alone would bring {int(enough.sum()):,} of them to "
                f"break-even ({number(float(rows['money'].sum()), 'money')} in all)."
            )
    return told
