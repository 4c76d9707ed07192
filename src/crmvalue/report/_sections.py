"""The sections of the page: each takes its tables and gives its blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pandas as pd

from crmvalue import plot
from crmvalue.report import _cost_sections, _model_sections, _tier_sections, _words
from crmvalue.report._blocks import (
    Block,
    Cards,
    Finder,
    Grid,
    Items,
    Tables,
    Text,
    facts_of,
    grid,
    picture,
)
from crmvalue.report._customers import customer_data
from crmvalue.report._format import number, text
from crmvalue.report.labels import (
    CONCENTRATION,
    FACTS,
    FIGURES,
    QUALITY,
    SEGMENTS,
    UNITS,
    figure_name,
    label_of,
)


def _headline(tables: Tables) -> list[Block]:
    frame = tables.get("headline")
    if frame is None:
        return []
    cards = [
        (text(label), number(float(value) if value == value else None, kind), "" if note != note
         else str(note or ""))
        for label, value, kind, note in zip(
            frame["label"], pd.to_numeric(frame["value"]), frame["kind"], frame["note"], strict=True
        )
    ]  # fmt: skip
    customers = tables.get("customers")
    missing = None if customers is None else _words.missing_lines(customers)
    return [Cards(cards), *([Text(missing, note=True)] if missing else [])]


def _concentration(tables: Tables) -> list[Block]:
    blocks: list[Block] = []
    whale, frame = tables.get("whale_curve"), tables.get("concentration")
    what = facts_of(tables).get("whale_by", "value")
    words = figure_name(what)
    if whale is not None:
        sentence = _words.whale(whale, frame, what, words)
        blocks.append(Text(sentence))
        figure = plot.whale_curve(whale, what=words)
        label = f"Whale curve of {words}. {sentence}"
        caption = (
            "The dotted line is how the curve would run if every customer were worth the same."
        )
        blocks.append(picture(figure, "whale-curve", label, caption))
    if frame is not None:
        named = frame.assign(figure=[label_of(str(f)) for f in frame["figure"]])
        blocks += grid(named, "How concentrated revenue and value are")
        blocks.append(Text(CONCENTRATION))
    return blocks


def _rfm(tables: Tables) -> list[Block]:
    blocks: list[Block] = []
    cells, segments = tables.get("rfm_grid"), tables.get("segments")
    if cells is not None:
        valued = "lifetime_value" in cells and bool(cells["lifetime_value"].notna().any())
        by = "lifetime_value" if valued else "customers"
        figure = plot.rfm_grid(cells, by=by)
        label = "Grid of recency and frequency scores with segments and numbers of customers."
        caption = f"Segment and number of customers; the darker a cell, the more {figure_name(by)}."
        blocks.append(picture(figure, "rfm-grid", label, caption))
    if segments is not None:
        bars = next((c for c in ("lifetime_value", "revenue") if c in segments), "customers")
        words = figure_name(bars)
        label = f"Bars: each segment's share of customers and of {words}."
        caption = f"Each segment's share of all customers and of all {words}."
        blocks.append(picture(plot.segment_bars(segments, by=bars), "segment-bars", label, caption))
        labels = {"mean_inactive": f"Mean {_unit(tables)} since the last purchase"}
        told = [c for c in ("meaning", "action") if c in segments and segments[c].notna().any()]
        figures = [str(c) for c in segments if c not in told]
        add_up = ("revenue", "lifetime_value", "profit")
        blocks += grid(segments, "Segments", columns=figures, labels=labels, add_up=add_up)
        if told:
            some = segments[segments["customers"] > 0]
            blocks += grid(some, "What to do about them", columns=["segment", *told])
            blocks.append(Text(SEGMENTS))
    return blocks


def _limits(tables: Tables) -> list[Block]:
    frame = tables.get("limits")
    return [] if frame is None else [Items([text(v) for v in frame["text"]])]


def _data(tables: Tables) -> list[Block]:
    blocks: list[Block] = []
    quality, left_out, faults = (tables.get(n) for n in ("quality", "left_out", "faults"))
    if quality is not None:
        rows = []
        for item, value in zip(quality["item"], pd.to_numeric(quality["value"]), strict=True):
            label, kind = QUALITY.get(str(item), (label_of(str(item)), "number"))
            rows.append((label, number(float(value), kind)))
        blocks.append(Grid("The log", [("", False), ("", True)], rows))
    if left_out is not None:
        blocks += grid(left_out, "Left out of the log, by reason")
    elif "left_out" in tables:
        blocks.append(Text("Nothing was left out of the log."))
    if faults is not None:
        blocks += grid(faults, "Faults found in the log")
    elif "faults" in tables:
        blocks.append(Text("No faults were found in the log."))
    return blocks + _tier_sections.gates(tables)


def _customers(tables: Tables) -> list[Block]:
    frame = tables.get("customers")
    if frame is None:
        return []
    tiers = tables.get("tiers")
    held = customer_data(frame, () if tiers is None else [str(t) for t in tiers["tier"]])
    blocks: list[Block] = []
    if held.highest + held.lowest < len(frame):
        blocks.append(Text(_words.held(len(frame), held.highest, held.lowest), note=True))
    blocks.append(Finder(held.headings, held.data, min(held.highest + held.lowest, len(frame))))
    return blocks


def _parameters(tables: Tables) -> list[Block]:
    frame = tables.get("parameters")
    return [] if frame is None else grid(frame, "Parameters of the models")


def _facts(tables: Tables) -> list[Block]:
    facts = facts_of(tables)
    order = [*(item for item in FACTS if item in facts), *(i for i in facts if i not in FACTS)]
    rows = [(FACTS.get(item, label_of(item)), _fact(item, facts[item])) for item in order]
    return [Grid("Terms of this valuation", [("", False), ("", False)], rows)] if rows else []


def _fact(item: str, value: str) -> str:
    if item in ("annual_discount_rate", "band"):
        with contextlib.suppress(ValueError):
            return number(float(value), "share")
    return text({**UNITS, **FIGURES}.get(value, value))


def _unit(tables: Tables) -> str:
    unit = facts_of(tables).get("unit", "periods")
    return UNITS.get(unit, unit)


BLOCKS: dict[str, Callable[[Tables], list[Block]]] = {
    "headline": _headline,
    "concentration": _concentration,
    "tiers": _tier_sections.tiers,
    "movement": _tier_sections.movement,
    "rfm": _rfm,
    "cohorts": _tier_sections.cohorts,
    "follow_up": _tier_sections.follow_up,
    "tracking": _model_sections.tracking,
    "fit": _model_sections.fit,
    "limits": _limits,
    "data": _data,
    "statement": _cost_sections.statement,
    "totals": _cost_sections.totals,
    "distortion": _cost_sections.distortion,
    "cost_to_serve": _cost_sections.cost_to_serve,
    "activities": _cost_sections.activities,
    "customers": _customers,
    "parameters": _parameters,
    "facts": _facts,
}
"""How each section of `contents.SECTIONS` is made; no blocks where its tables are absent."""
