"""Sentences on the tiers and what becomes of them, made of figures that stand in the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue.report._format import column_floats, column_texts, join, number, text
from crmvalue.report.labels import FIGURES, period_name


def tiers(frame: pd.DataFrame) -> list[str]:
    """One sentence a tier."""
    sentences = []
    for i, tier in enumerate(frame["tier"]):
        held = [
            f"{number(value, 'share')} of {words}"
            for figure, words in FIGURES.items()
            if (column := f"share_of_{figure}") in frame
            and np.isfinite(value := column_floats(frame[column])[i])
        ]
        of_customers = number(column_floats(frame["share_of_customers"])[i], "share")
        brings = f", who bring {join(held)}" if held else ""
        sentences.append(f"{text(tier).capitalize()}: {of_customers} of customers{brings}.")
    return sentences


def net(frame: pd.DataFrame, by: str) -> str:
    """Why gold holds more than its threshold was made for; nothing where losses are tiny.

    Nor where the total is not positive, as it has no shares.
    """
    column = "revenue" if by == "total_spend" else by
    values = column_floats(frame[column]) if column in frame else np.zeros(1)
    if not -values[values < 0].sum() > 0.005 * values.sum() > 0:
        return ""
    return (
        "Gold is found by its share of the positive value alone; the shares of the table are of "
        "the total, from which losses are taken off, so that gold holds more of it."
    )


def banded(tiers: pd.DataFrame, band: str | None) -> str:
    """What a band does to the thresholds of the table of tiers; nothing where none was used."""
    limits = _limits(tiers, band)
    if limits is None:
        return ""
    share, up, down = limits
    return (
        f"A band of {share} was used: who had a tier in the earlier result has to pass its "
        f"threshold by that share to leave it, so that steel rises to gold from {up} and gold "
        f"falls below {down}."
    )


def movement(moved: pd.DataFrame, flow: pd.DataFrame | None, figure: str) -> str:
    """How many rose, fell, left and came, and what that did to the figure that decides tiers."""
    totals = {
        str(column): column_floats(moved[column]).sum() for column in moved if column != "tier"
    }

    def told(names: dict[str, str]) -> list[str]:
        shown = {column: words for column, words in names.items() if totals[column] > 0}
        return [f"{number(totals[column], 'count')} {words}" for column, words in shown.items()]

    stayed = {"upgraded": "moved up", "downgraded": "moved down", "lost": "left"}
    came = told({"new": "joined", "returned": "came back"})
    moves = join(told(stayed)) or "none moved"
    sentence = f"Of {number(totals['customers_before'], 'count')} customers then, {moves}"
    sentence += f"; {join(came)}." if came else "."
    if flow is None:
        return sentence
    before, after = (float(column_floats(flow[c]).sum()) for c in ("value_before", "value_after"))
    if not (np.isfinite(before) and np.isfinite(after)):
        return sentence
    then, now = column_texts(pd.Series([before, after]), "money")
    return f"{sentence} The {figure} of all was {then} and is {now} now."


def flow(frame: pd.DataFrame) -> str:
    """The moves that anybody made, from tier to tier."""
    some = frame[column_floats(frame["customers"]) > 0]
    return join(
        [
            f"{text(source)} to {text(target)} {number(customers, 'count')}"
            for source, target, customers in zip(
                some["from_tier"], some["to_tier"], column_floats(some["customers"]), strict=True
            )
        ]
    )


def cohorts(frame: pd.DataFrame) -> str:
    """How many came back in the period after their first, and what the first cohort brought."""
    age, complete = column_floats(frame["age"]), frame["complete"].to_numpy(dtype=bool)
    next_ones = (age == 1) & complete
    told = []
    if next_ones.any():
        kept, customers = (column_floats(frame[c])[next_ones].sum() for c in ("kept", "customers"))
        told.append(
            f"{number(kept / customers, 'share')} of customers bought in the {_period(frame)} "
            "after that of their first purchase."
        )
    brought = column_floats(frame["cumulative_revenue_per_customer"])
    first = np.flatnonzero(age == 0)
    last = first[1] - 1 if len(first) > 1 else len(age) - 1
    if np.isfinite(brought[last]):
        told.append(
            f"The first cohort has brought {number(brought[last], 'cents')} a customer so far, "
            f"{number(brought[0], 'cents')} of it in its first {_period(frame)}."
        )
    return " ".join(told)


def _period(frame: pd.DataFrame) -> str:
    """What a period is called, by the days from one to the next."""
    when = np.sort(pd.to_datetime(frame["period"]).dt.normalize().unique())
    if len(when) < 2:
        return "period"
    return period_name((when[1] - when[0]) / np.timedelta64(1, "D"))


def at_risk(frame: pd.DataFrame) -> str:
    """What gold may take away."""
    row = frame[frame["tier"].astype(str) == "gold"]
    share = column_floats(row["share_at_risk"])
    if not len(row) or not np.isfinite(share[0]):
        return "Nobody is gold, so that nothing of gold is at risk."
    year, risk = column_texts(row[["value", "value_at_risk"]].iloc[0], "money")
    return (
        f"Were all gold customers still active, they would bring {year} next year; with the "
        f"probability that some have left, {risk} of it ({number(float(share[0]), 'share')}) is at "
        "risk."
    )


def rising(tiers: pd.DataFrame | None, band: str | None) -> str:
    """How far it is to gold with a band, for those who stand above its threshold already."""
    limits = None if tiers is None else _limits(tiers, band)
    if limits is None:
        return ""
    share, up, _ = limits
    return (
        f"What lacks to gold is counted to {up}, the threshold of gold and the band of {share}: "
        "some stand above the threshold itself and are still steel."
    )


def _limits(tiers: pd.DataFrame, band: str | None) -> tuple[str, str, str] | None:
    """The band, and the values from which steel rises and below which gold falls, as texts."""
    gold = column_floats(tiers["threshold"])[tiers["tier"].astype(str) == "gold"]
    if band is None or not len(gold) or not np.isfinite(gold[0]):
        return None
    width = float(band) * abs(float(gold[0]))
    up, down = column_texts(pd.Series([gold[0] + width, gold[0] - width]), "cents")
    return number(float(band), "share"), up, down
