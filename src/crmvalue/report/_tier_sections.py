"""The sections on tiers and what becomes of them: who moved, cohorts, and what follows."""

from __future__ import annotations

import pandas as pd

from crmvalue import plot
from crmvalue.report import _tier_words
from crmvalue.report._blocks import Block, Items, Tables, Text, facts_of, grid, picture
from crmvalue.report._format import number
from crmvalue.report.labels import (
    FIRST_ROWS,
    FOLLOW_UP,
    MOVEMENTS,
    POLICY,
    WATCH_LIST,
    WATCH_LIST_CAUSES,
    figure_name,
)


def tiers(tables: Tables) -> list[Block]:
    frame = tables.get("tiers")
    if frame is None:
        return []
    facts = facts_of(tables)
    by = facts.get("tier_by", "value")
    words = figure_name(by)
    figure = plot.tier_bars(frame.rename(columns={"share_of_profit": "share_of_contribution"}))
    caption = f"Tiers by {words}. Bars of one group add up to 100 %."
    blocks: list[Block] = [
        Items(_tier_words.tiers(frame)),
        picture(figure, "tier-bars", "Bars: " + " ".join(_tier_words.tiers(frame)), caption),
    ]
    sums = [c for c in ("revenue", "profit", "lifetime_value") if c in frame]
    blocks += grid(frame, f"Tiers by {words}", add_up=sums)
    told = (_tier_words.net(frame, by), _tier_words.banded(frame, facts.get("band")))
    return [*blocks, *map(Text, filter(None, told))]


def movement(tables: Tables) -> list[Block]:
    flow, moved = tables.get("migration"), tables.get("movements")
    by = facts_of(tables).get("tier_by", "value")
    figure = figure_name(by)
    blocks: list[Block] = []
    if moved is not None:
        blocks.append(Text(_tier_words.movement(moved, flow, figure)))
    if flow is not None:
        label = f"Flow of customers between the tiers. {_tier_words.flow(flow)}"
        caption = "On the left the tiers of the earlier result, on the right those of this one."
        blocks.append(picture(plot.migration_flow(flow), "migration-flow", label, caption))
    if moved is not None:
        blocks += grid(moved, "Customers of each tier, then and now")
        blocks.append(Text(MOVEMENTS))
    if "watch_list" in tables:
        blocks += _watch_list(tables.get("watch_list"), figure)
    return blocks


def _watch_list(frame: pd.DataFrame | None, figure: str) -> list[Block]:
    if frame is None:
        return [Text("Nobody stepped down from gold or lost much of their value there.")]
    known = bool((frame["cause"].astype(str) != "unknown").any())
    columns = ["customer_id", "from_tier", "to_tier", "value_before", "value_after", "change"]
    if known:
        columns += ["cause", "orders_before", "orders_after"]
    return [
        Text(WATCH_LIST.format(figure=figure)),
        *_first(
            frame,
            "Who stepped down",
            columns,
            labels={
                "value_before": f"{figure.capitalize()} then",
                "value_after": f"{figure.capitalize()} now",
            },
        ),
        *([Text(WATCH_LIST_CAUSES)] if known else []),
    ]


def cohorts(tables: Tables) -> list[Block]:
    frame = tables.get("cohorts")
    if frame is None:
        return []
    told = _tier_words.cohorts(frame)
    now = frame.drop_duplicates("cohort", keep="last")
    columns = ["cohort", "customers", "cumulative_revenue", "cumulative_revenue_per_customer"]
    return [
        *([Text(told)] if told else []),
        picture(
            plot.cohort_triangle(frame, by="share_kept"),
            "cohort-triangle",
            f"Triangle of cohorts by age: the share of customers who bought. {told}",
            "A row for the customers who bought first in the same period, a column for each period "
            "since: the share of them who bought in it.",
        ),
        *grid(now, "What each cohort has brought so far", columns=columns, folded=True),
    ]


def follow_up(tables: Tables) -> list[Block]:
    gap, risk, policy = (tables.get(n) for n in ("gold_gap", "gold_at_risk", "tier_policy"))
    facts = facts_of(tables)
    by, band = facts.get("tier_by", "value"), facts.get("band")
    blocks: list[Block] = []
    if gap is not None:
        words = figure_name(by)
        columns = ["customer_id", "value", "gap", "gap_share", "orders", "likelihood"]
        labels = {"value": words.capitalize(), "orders": "Orders that close it"}
        kinds = {"value": "money", "orders": "decimal"}
        blocks.append(Text(FOLLOW_UP))
        blocks += _first(gap, "Nearest to gold", columns, labels=labels, kinds=kinds)
        blocks += [Text(told)] if (told := _tier_words.rising(tables.get("tiers"), band)) else []
    if risk is not None:
        blocks.append(Text(_tier_words.at_risk(risk)))
        columns = ["tier", "customers", "value", "value_at_risk", "share_at_risk"]
        labels = {"value": "Next year's revenue, if all were active"}
        blocks += grid(
            risk, "Revenue at risk", columns=columns, labels=labels, kinds={"value": "money"}
        )
    if policy is not None:
        blocks += [Text(POLICY), *grid(policy, "What each tier may be entitled to")]
    return blocks


def gates(tables: Tables) -> list[Block]:
    frame = tables.get("data_gates")
    if frame is None:
        return []
    needed = [
        f"{rule} {number(float(value), 'number')}"
        for rule, value in zip(frame["rule"], frame["required"], strict=True)
    ]
    passed = ["yes" if value else "no" for value in frame["passed"].astype(bool)]
    shown = pd.DataFrame(
        {"meaning": frame["meaning"], "required": needed, "got": frame["got"], "passed": passed}
    )
    labels = {"meaning": "What scores need"}
    return grid(shown, "Are the data enough for scores?", labels=labels)


def _first(
    frame: pd.DataFrame,
    caption: str,
    columns: list[str],
    *,
    labels: dict[str, str] | None = None,
    kinds: dict[str, str] | None = None,
) -> list[Block]:
    """The first rows of a long table, and how many there are."""
    blocks = grid(frame.head(FIRST_ROWS), caption, columns=columns, labels=labels, kinds=kinds)
    if len(frame) > FIRST_ROWS:
        blocks.append(Text(f"The first {FIRST_ROWS} of {len(frame):,}; the table has them all."))
    return blocks
