"""Whether a result still adds up: every table against the customers, every whole against its parts.

No baseline is needed for this. It is what tells a figure that was changed by hand from a business
that changed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue._stats import FloatArray, safe_sum
from crmvalue.baseline import _figures
from crmvalue.baseline._derived import derived_lines
from crmvalue.baseline._fits import fit_lines
from crmvalue.baseline._lines import Line, absolute_line, row_line, worst_line
from crmvalue.baseline._model_rows import model_lines
from crmvalue.baseline._overview import overview_lines
from crmvalue.baseline._rows import margin_of, margin_parts, row_lines
from crmvalue.baseline.source import Source
from crmvalue.costing.statement import CHARGE, SALES_LINES, SUBTOTALS
from crmvalue.customers.overview import NOT_IN_LOG
from crmvalue.value import VALUE_LINES

LABELS = {
    "tiers": ("tier",),
    "segments": ("segment",),
    "concentration": ("figure",),
    "headline": ("item",),
    "quality": ("item",),
    "statement_by_tier": ("tier", "line"),
    "parameters": ("model", "parameter"),
    "facts": ("item",),
}
"""What names a row of each table of figures."""

ALL = "all"
"""The rows of the statement by tier that hold everybody."""


def reconcile(source: Source) -> list[Line]:
    """A line for each thing that must add up; `drift` is what is missing."""
    lines = [
        *_log(source),
        _distinct(source),
        _repeated(source),
        _profit(source),
        row_line(
            "reconciliation.lifetime_value",
            source.number("customers", "lifetime_value"),
            [source.number("customers", line) for line in VALUE_LINES],
        ),
        *_tiers(source),
        worst_line(
            "reconciliation.segments",
            _figures.labelled(source, "segments", "segment", "customers"),
            _sizes(source, "segment"),
        ),
        *_segments(source),
        *_statement(source),
        _headline(source),
    ]
    if "reconciliation" in source:
        lines += _ledger(source)
    if "parameters" in source:
        lines.append(
            worst_line(
                "reconciliation.parameters",
                _figures.estimates(source),
                _figures.parameters(source),
                "parameters",
            )
        )
        lines += fit_lines(source)
    return [
        *lines,
        *overview_lines(source),
        *row_lines(source),
        *model_lines(source),
        *derived_lines(source),
    ]


def _log(source: Source) -> list[Line]:
    """Money in = valued + left out, and what was valued is what the customers spent."""
    quality = _figures.labelled(source, "quality", "item", "value")
    money = {part: quality.get(f"money_{part}", np.nan) for part in ("in", "valued", "left_out")}
    left_out = source.number("left_out", "money")
    spend = source.number("customers", "total_spend")
    lines = []
    if "facts" in source:
        told = dict(zip(source.text("facts", "item"), source.text("facts", "value"), strict=True))
        rows = pd.to_numeric(told.get("rows", "").replace(",", ""), errors="coerce")
        lines.append(absolute_line("reconciliation.rows", float(rows), quality.get("rows", np.nan)))
    return [
        *lines,
        absolute_line("reconciliation.money_in", money["in"], money["valued"] + money["left_out"]),
        absolute_line(
            "reconciliation.left_out", money["left_out"], safe_sum(left_out), _gross(left_out)
        ),
        absolute_line("reconciliation.revenue", money["valued"], safe_sum(spend), _gross(spend)),
    ]


def _distinct(source: Source) -> Line:
    """Every row of the customers is another customer."""
    customers = source.tables["customers"]
    distinct = customers["customer_id"].nunique() if "customer_id" in customers else np.nan
    return absolute_line("reconciliation.distinct_customers", float(len(customers)), distinct)


def _repeated(source: Source) -> Line:
    """No table has two rows of one name."""
    rows = 0
    for table, names in LABELS.items():
        if table in source:
            labels = pd.DataFrame({name: source.text(table, name) for name in names})
            rows += int(labels.duplicated().sum())
    return absolute_line("reconciliation.repeated_rows", 0.0, float(rows))


def _profit(source: Source) -> Line:
    """Profit = spend - cost of goods, where it is known, - activity cost."""
    profit = source.number("customers", "profit")
    return row_line("reconciliation.profit", profit, margin_parts(source))


def _sizes(source: Source, column: str) -> dict[str, float]:
    labels, counts = np.unique(_figures.groups(source, column), return_counts=True)
    return {str(label): float(count) for label, count in zip(labels, counts, strict=True)}


def _sums(source: Source, values: FloatArray, column: str = "tier") -> dict[str, float]:
    """Sum of `values`, a row per customer, over each tier or segment."""
    groups = _figures.groups(source, column)
    return {str(label): safe_sum(values[groups == label]) for label in np.unique(groups)}


def _segments(source: Source) -> list[Line]:
    """Orders, revenue and lifetime value of the segments are those of the customers in each."""
    lines = []
    for name, column in (
        ("orders", "n_purchases"),
        ("revenue", "total_spend"),
        ("lifetime_value", "lifetime_value"),
    ):
        given = _figures.labelled(source, "segments", "segment", name)
        found = _sums(source, source.number("customers", column), "segment")
        lines.append(worst_line(f"reconciliation.segments.{name}", given, found))
    return lines


def _tiers(source: Source) -> list[Line]:
    """The table of tiers is the sum of the customers in each."""
    given = {
        name: _figures.labelled(source, "tiers", "tier", name)
        for name in ("customers", *_figures.CONCENTRATED)
    }
    lines = [
        worst_line("reconciliation.tiers.customers", given["customers"], _sizes(source, "tier"))
    ]
    for name in _figures.CONCENTRATED:
        found = _sums(source, source.number("customers", _figures.MONEY[name]))
        # Without a ledger there is no profit; then a tier that nobody is in has none either.
        nobody = np.nan if all(map(np.isnan, found.values())) else 0.0
        found = {**dict.fromkeys(given[name], nobody), **found}
        lines.append(worst_line(f"reconciliation.tiers.{name}", given[name], found))
    model = source.model.tiers
    thresholds = {"gold": np.nan if model.gold is None else model.gold, "steel": model.lead}
    told = _figures.labelled(source, "tiers", "tier", "threshold")
    told = {tier: told.get(tier, np.nan) for tier in thresholds}
    return [*lines, worst_line("reconciliation.tiers.threshold", told, thresholds, "thresholds")]


def _statement(source: Source) -> list[Line]:
    """The statement by tier is the sum of the statements of the customers in each."""
    tiers, names = (source.text("statement_by_tier", c).tolist() for c in ("tier", "line"))
    pairs = [f"{tier}, {name}" for tier, name in zip(tiers, names, strict=True)]
    given = _figures.by_name(pairs, source.number("statement_by_tier", "amount"))
    tier_of = pd.Series(
        _figures.groups(source, "tier"), index=source.text("customers", "customer_id")
    )
    tier_of = tier_of[~tier_of.index.duplicated()]
    held = tier_of.reindex(source.text("statement", "customer_id")).fillna(NOT_IN_LOG).to_numpy()
    found: dict[str, float] = {}
    for line in (str(c) for c in source.tables["statement"].columns if c != "customer_id"):
        amounts = source.number("statement", line)
        found[f"{ALL}, {line}"] = safe_sum(amounts)
        for tier in pd.unique(held):
            found[f"{tier}, {line}"] = safe_sum(amounts[held == tier])
    totals = {tier: given.get(f"{tier}, contribution", np.nan) for tier in dict.fromkeys(tiers)}
    sums = _sums(source, margin_of(source))
    parts = [amount for tier, amount in totals.items() if tier != ALL]
    return [
        worst_line("reconciliation.statement", given, found, "amounts"),
        worst_line(
            "reconciliation.contribution", {t: a for t, a in totals.items() if t in sums}, sums
        ),
        absolute_line(
            "reconciliation.statement_by_tier", totals.get(ALL, np.nan), safe_sum(parts or [np.nan])
        ),
    ]


def _headline(source: Source) -> Line:
    """What the report begins with is what the customers add up to."""
    given = _figures.labelled(source, "headline", "item", "value")
    found = {
        name: safe_sum(source.number("customers", _figures.MONEY[name]))
        for name in _figures.CONCENTRATED
        if name in given or name != "profit"
    }
    found["customers"] = float(len(source.tables["customers"]))
    return worst_line(
        "reconciliation.headline",
        {name: given.get(name, np.nan) for name in found},
        found,
        "figures",
    )


def _ledger(source: Source) -> list[Line]:
    """Every stage of the costs holds the whole ledger; what customers are charged is their cost."""
    stages, names = (source.text("reconciliation", c) for c in ("stage", "line"))
    amounts = source.number("reconciliation", "amount")
    sums = {str(stage): safe_sum(amounts[stages == stage]) for stage in np.unique(stages)}
    whole = sums.get("ledger", np.nan)
    charged = amounts[(stages == "customers") & (names == "customers")]
    columns = [str(c) for c in source.tables["statement"].columns if c != "customer_id"]
    activities = [c for c in columns if c not in (*SALES_LINES, *SUBTOTALS, CHARGE)]
    borne = np.concatenate([np.zeros(1), *(source.number("statement", c) for c in activities)])
    return [
        worst_line("reconciliation.ledger", dict.fromkeys(sums, whole), sums, "stages"),
        absolute_line(
            "reconciliation.activity_cost", safe_sum(charged), -safe_sum(borne), _gross(borne)
        ),
    ]


def _gross(values: FloatArray) -> float:
    return safe_sum(np.abs(values))
