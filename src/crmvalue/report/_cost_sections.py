"""The sections on what customers cost: profit and loss, distortion, cost to serve, activities."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmvalue import plot
from crmvalue.report import _cost_words
from crmvalue.report._blocks import Block, Grid, Items, Tables, Text, facts_of, grid, picture
from crmvalue.report._format import column_texts, text
from crmvalue.report.labels import ACTIVITIES, DISTORTION, SUBTOTALS, label_of


def statement(tables: Tables) -> list[Block]:
    frame = tables.get("statement_by_tier")
    if frame is None:
        return []
    tiers, lines = list(dict.fromkeys(frame["tier"])), list(dict.fromkeys(frame["line"]))
    cells = frame.set_index(["line", "tier"])
    amounts = {line: cells["amount"].xs(line).reindex(tiers) for line in lines}
    kept: list[Any] = []
    for line, amount in amounts.items():
        repeats = line in SUBTOTALS and bool(kept) and amount.equals(amounts[kept[-1]])
        if not repeats and (amount != 0).any():
            kept.append(line)
    if not any(line not in SUBTOTALS for line in kept[1:]):
        return []  # revenue alone is not a profit and loss
    columns = [[label_of(str(line)) for line in kept]]
    columns += [
        column_texts(pd.Series([amounts[line][tier] for line in kept]), "money") for tier in tiers
    ]
    shares = cells["share_of_revenue"].xs(tiers[-1], level="tier").reindex(kept)
    columns.append(column_texts(shares, "share"))
    headings = [("Line", False), *((text(tier).capitalize(), True) for tier in tiers)]
    headings.append(("of revenue", True))
    strong = frozenset(i for i, line in enumerate(kept) if line in SUBTOTALS)
    rows = list(zip(*columns, strict=True))
    return [
        Grid("Profit and loss by tier", headings, rows, strong),
        Text("Each figure is rounded by itself, so the last digits of a sum may differ."),
    ]


def totals(tables: Tables) -> list[Block]:
    frame = tables.get("statement_totals")
    if frame is None:
        return []
    labels = {str(line): label_of(str(line)) for line in frame["line"]}
    figure = plot.waterfall(frame, labels=labels)
    sentence = _cost_words.totals(frame)
    return [
        Text(sentence),
        picture(figure, "waterfall", f"Bars from revenue to profit. {sentence}", "All customers."),
    ]


def distortion(tables: Tables) -> list[Block]:
    frame = tables.get("distortion")
    if frame is None:
        return []
    known = frame[frame["line"].isin(list(DISTORTION))]
    shown = known.assign(line=[DISTORTION[str(line)] for line in known["line"]])
    blocks = [Text(_cost_words.distortion(frame)), *grid(shown, "By volume against by activity")]
    changes = tables.get("tier_changes")
    if changes is not None:
        caption = "Tiers by contribution, as each way of costing has it"
        blocks += grid(changes[changes["customers"] > 0], caption, add_up=("profit",))
    return blocks


def cost_to_serve(tables: Tables) -> list[Block]:
    frame, levers = tables.get("cost_to_serve"), tables.get("levers")
    blocks: list[Block] = []
    if frame is not None:
        label = "Tiles of customers by net margin and cost to serve."
        caption = (
            "The darker a tile, the more customers; what is left is margin less cost to serve."
        )
        blocks.append(picture(plot.cost_to_serve(frame), "cost-to-serve", label, caption))
    if levers is not None:
        blocks.append(Items(_cost_words.levers(levers)))
    return blocks


def activities(tables: Tables) -> list[Block]:
    frame, check = tables.get("activities"), tables.get("reconciliation")
    blocks: list[Block] = []
    if frame is not None:
        note = facts_of(tables).get("ledger_note")
        blocks += [Text(note, note=True)] if note else []
        columns = (
            "activity", "level", "cost", "driver_volume", "practical_volume", "rate", "assigned",
            "idle", "at_level",
        )  # fmt: skip
        sums = ("cost", "assigned", "idle", "at_level")
        blocks += grid(frame, "Cost of activities", columns=columns, add_up=sums)
        if "at_level" in frame:
            blocks.append(Text(ACTIVITIES))
    if check is not None:
        kinds = {"amount": "cents"}
        blocks += grid(check, "Does the ledger add up? Stage by stage", kinds=kinds, folded=True)
    return blocks
