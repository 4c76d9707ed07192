"""Sentences that say what a table shows, made of figures that stand in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue.plot._style import SPACE
from crmvalue.report._format import error, floats, join, number, text
from crmvalue.report.labels import LEVERS, VALUE_LINES


def whale(curve: pd.DataFrame, concentration: pd.DataFrame | None, figure: str, words: str) -> str:
    """Who makes the value, and whether some of it is lost again."""
    sentences = []
    if concentration is not None:
        row = concentration[concentration["figure"].astype(str) == figure]
        names = {f"top_{n}_share": f"{n}{SPACE}%" for n in (1, 10, 20)}
        held = [
            f"the best {share} hold {number(value, 'share')}"
            for column, share in names.items()
            if column in row and len(row) and np.isfinite(value := floats(row[column])[0])
        ]
        if held:
            sentences.append(f"Of all {words}, {join(held)}.")
    height, customers = floats(curve["cumulative_share"]), floats(curve["share_of_customers"])
    if not np.isfinite(height).all():
        return " ".join([*sentences, f"The total {words} is not positive, so it has no shares."])
    peak = int(np.argmax(height))
    if number(height[peak], "share") != number(height[-1], "share"):
        sentences.append(
            f"The best {number(customers[peak], 'share')} of customers together make "
            f"{number(height[peak], 'share')} of the total; those after them lose part of it again."
        )
    return " ".join(sentences)


def tiers(frame: pd.DataFrame) -> list[str]:
    """One sentence a tier."""
    names = {"share_of_revenue": "revenue", "share_of_profit": "profit"}
    names["share_of_lifetime_value"] = "lifetime value"
    sentences = []
    for i, tier in enumerate(frame["tier"]):
        held = [
            f"{number(value, 'share')} of {words}"
            for column, words in names.items()
            if column in frame and np.isfinite(value := floats(frame[column])[i])
        ]
        of_customers = number(floats(frame["share_of_customers"])[i], "share")
        brings = f", who bring {join(held)}" if held else ""
        sentences.append(f"{text(tier).capitalize()}: {of_customers} of customers{brings}.")
    return sentences


def holdout(frame: pd.DataFrame | None) -> list[str]:
    """What the model expected of the holdout, what happened, and how far off it was."""
    if frame is None:
        return []
    sentences = []
    for measure, actual, expected, off in zip(
        frame["measure"], *(floats(frame[c]) for c in ("actual", "expected", "error")), strict=True
    ):
        name = text(measure)
        name = name[:1].upper() + name[1:]
        if np.isfinite(off):
            sentences.append(
                f"{name}: {number(expected, 'number')} expected, {number(actual, 'number')} "
                f"happened. The model {error(off)}."
            )
        elif np.isfinite(expected):
            sentences.append(f"{name}: {number(expected, 'number')}.")
    return sentences


def frequency(frame: pd.DataFrame) -> str:
    """The two ends of the table: who never came back, and who came back most."""
    actual, expected = floats(frame["actual"]), floats(frame["expected"])
    ends = [
        f"{number(actual[row], 'count')} customers made {_times(frame['purchases'].iloc[row])} "
        f"repeat purchases, where the model expects {number(expected[row], 'count')}"
        for row in dict.fromkeys((0, len(frame) - 1))
    ]
    return f"{'; '.join(ends)}."


def _times(purchases: object) -> str:
    """A number of purchases as a word: "no", "7 or more"."""
    written = text(purchases)
    return "no" if written == "0" else written.replace("+", " or more")


def missing_lines(customers: pd.DataFrame) -> str | None:
    """Which lines of the lifetime value nobody has, so that it isn't taken for more than it is."""
    missing = [
        words
        for line, words in VALUE_LINES.items()
        if line in customers and not floats(customers[line]).any()
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


def totals(frame: pd.DataFrame) -> str:
    """What is left of the revenue, and what of the contribution."""
    amounts = dict(zip(frame["line"].astype(str), floats(frame["amount"]), strict=True))
    revenue, profit = amounts["list_revenue"], amounts["operating_profit"]
    share = f" ({number(profit / revenue, 'share')} of revenue)" if revenue > 0 else ""
    return (
        f"Customers contribute {number(amounts['contribution'], 'money')}; the profit is "
        f"{number(profit, 'money')}{share}."
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
