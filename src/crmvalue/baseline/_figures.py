"""The figures of a result that a baseline keeps: all of groups of customers, none of one."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue import tiers as tiering
from crmvalue._stats import FloatArray, IntArray, is_number, safe_sum
from crmvalue.baseline.source import NEEDED, OPTIONAL, Source, kind
from crmvalue.rfm.segment_tables import NO_SEGMENT

FEWEST = 10
"""Figures of fewer customers than this are not kept: they would tell of single ones."""

BINS = 10
DIGITS = 2
"""Cut points are deciles, to two significant digits: no customer's own figure is among them."""

MONEY = {
    "revenue": "total_spend",
    "cost_of_goods": "cost_of_goods_sold",
    "activity_cost": "activity_cost",
    "profit": "profit",
    "lifetime_value": "lifetime_value",
}
"""Totals, and the customers' column of each."""

CONCENTRATED = ("revenue", "profit", "lifetime_value")
"""Those of them that tiers, headline and concentration are about."""

TOP = (1, 10, 20)

SPREAD = (
    "frequency",
    "inactive",
    "total_spend",
    "probability_alive",
    "profit",
    "lifetime_value",
)
"""Columns of customers whose distribution is kept."""


class Bins(NamedTuple):
    """A distribution: cut points, and the customers up to each, above the last, and unknown."""

    cuts: FloatArray
    customers: IntArray


def schema(source: Source) -> dict[str, dict[str, str]]:
    """Columns of each table; those of customers with their kinds, which a CSV does not keep."""
    return {
        name: {
            str(column): kind(frame[column]) if name == "customers" else "column"
            for column in frame.columns
        }
        for name, frame in source.tables.items()
        if name in (*NEEDED, *OPTIONAL)
    }


def terms(source: Source) -> dict[str, str]:
    """What the figures hang on besides the data, as text."""
    model, segments = source.model, source.model.rfm.segments
    return {
        "unit": str(model.purchases.unit),
        "horizon": f"{model.horizon!r}",
        "annual_discount_rate": f"{model.annual_discount_rate!r}",
        "tier_by": str(model.tiers.by),
        "gold_share": f"{model.tiers.gold_share!r}",
        "lead_share": f"{model.tiers.lead_share!r}",
        "segment_table": "none" if segments is None else segments.name,
        "purchase_model": type(model.purchases).__name__,
        "spend_model": type(model.spend).__name__,
    }


def figures(source: Source) -> dict[str, float]:
    """Counts, totals, shares, concentration and parameters, by the name of their line."""
    size = len(source.tables["customers"])
    found = {"counts.customers": float(size)}
    found["counts.purchases"] = safe_sum(source.number("customers", "n_purchases"))
    quality = labelled(source, "quality", "item", "value")
    rows = quality.get("rows", np.nan)
    found["counts.rows"] = rows
    left_out = safe_sum(source.number("left_out", "rows"))
    found["left_out.rows"] = left_out / rows if rows else np.nan
    found["left_out.duplicates"] = quality.get("duplicates", np.nan) / rows if rows else np.nan
    for name, total in totals(source).items():
        found[f"totals.{name}"] = total
    for name, column in (("tier_share", "tier"), ("segment_share", "segment")):
        labels, counts = np.unique(groups(source, column), return_counts=True)
        for label, count in zip(labels, counts, strict=True):
            found[f"{name}.{label}"] = float(count / size)
    for name, figure in concentration(source).items():
        found[f"concentration.{name}"] = figure
    for name, estimate in parameters(source).items():
        found[f"parameter.{name}"] = estimate
    return found


def totals(source: Source) -> dict[str, float]:
    """Sums over the customers, and that of the ledger."""
    found = {name: safe_sum(source.number("customers", c)) for name, c in MONEY.items()}
    if "reconciliation" in source:
        ledger = source.text("reconciliation", "stage") == "ledger"
        found["ledger"] = safe_sum(source.number("reconciliation", "amount")[ledger])
    return found


def groups(source: Source, column: str) -> npt.NDArray[np.object_]:
    """Each customer's tier or segment, as the tables around the customers call it."""
    labels = source.text("customers", column)
    labels[labels == ""] = NO_SEGMENT if column == "segment" else "none"
    return labels


def concentration(source: Source) -> dict[str, float]:
    """Gini coefficient and top shares of each figure; NaN where the total is not positive."""
    found: dict[str, float] = {}
    for name in CONCENTRATED:
        values = source.number("customers", MONEY[name])
        known = len(values) > 0 and not np.isnan(values).any()
        found[f"{name}.gini"] = tiering.gini(values, negative="allow") if known else np.nan
        for percent in TOP:
            found[f"{name}.top_{percent}_share"] = (
                tiering.top_share(values, percent / 100, negative="allow") if known else np.nan
            )
    return found


def parameters(source: Source) -> dict[str, float]:
    """The parameters of the models, fitted or given."""
    return {
        f"{type(model).__name__}.{field.name}": float(getattr(model, field.name))
        for model in (source.model.purchases, source.model.spend)
        if dataclasses.is_dataclass(model)
        for field in dataclasses.fields(model)
        if is_number(getattr(model, field.name))
    }


def standard_errors(source: Source) -> dict[str, float]:
    """The standard error of each parameter that has one."""
    if "parameters" not in source:
        return {}
    names = parameter_names(source)
    errors = source.number("parameters", "std_error")
    return {
        name: float(error)
        for name, error in zip(names, errors, strict=True)
        if np.isfinite(error) and error > 0
    }


def estimates(source: Source) -> dict[str, float]:
    """The estimates of the table of parameters."""
    return by_name(parameter_names(source), source.number("parameters", "estimate"))


def parameter_names(source: Source) -> list[str]:
    """Model and parameter of each row of the table of parameters."""
    models, names = source.text("parameters", "model"), source.text("parameters", "parameter")
    return [f"{model}.{name}" for model, name in zip(models, names, strict=True)]


def labelled(source: Source, table: str, label: str, column: str) -> dict[str, float]:
    """A table of names and figures as a mapping."""
    return by_name(source.text(table, label).tolist(), source.number(table, column))


def by_name(names: list[str], values: FloatArray) -> dict[str, float]:
    """Figures by name; one whose name stands there twice is not known."""
    found: dict[str, float] = {}
    for name, value in zip(names, values.tolist(), strict=True):
        found[name] = np.nan if name in found else value
    return found


def bins(source: Source, column: str) -> Bins:
    """The distribution of a figure by cut points of its own."""
    values = source.number("customers", column)
    known = values[~np.isnan(values)]
    some = known if len(known) else np.zeros(1)
    quantiles = np.quantile(some, np.arange(1, BINS) / BINS)
    rounded = np.unique([float(f"{cut:.{DIGITS - 1}e}") for cut in quantiles])
    up_to = np.searchsorted(np.sort(known), rounded, side="right")
    kept: list[float] = []
    below = 0
    for cut, count in zip(rounded.tolist(), up_to.tolist(), strict=True):
        if count - below >= FEWEST and len(known) - count >= FEWEST:
            kept.append(cut)
            below = count
    cuts: FloatArray = np.array(kept, dtype=np.float64)
    return Bins(cuts, bin_counts(values, cuts))


def bin_counts(values: FloatArray, cuts: FloatArray) -> IntArray:
    """Customers with (previous cut, cut], above the last cut, and with no value at all."""
    missing = np.isnan(values)
    cell = np.where(missing, len(cuts) + 1, np.searchsorted(cuts, values, side="left"))
    return np.bincount(cell, minlength=len(cuts) + 2).astype(np.int64)


def may_be_kept(line: str, customers: int) -> bool:
    """Whether a figure is one of at least `FEWEST` customers."""
    if line.startswith("totals."):
        return customers >= FEWEST
    if line.startswith("concentration."):
        top = line.rpartition("top_")[2].removesuffix("_share") if "top_" in line else "100"
        return customers * int(top) / 100 >= FEWEST
    return True
