"""Whether every customer's scores, tier and figures are those that the stored model gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._stats import UNITS, FloatArray
from crmvalue.baseline import _figures
from crmvalue.baseline._cells import made_again
from crmvalue.baseline._lines import ROUNDING, Line, wrong_line
from crmvalue.baseline.source import EARLIER, MIGRATION, Source, kind
from crmvalue.customers.headline import model_facts
from crmvalue.tiers.pareto import TIERS
from crmvalue.transactions.dates import to_date
from crmvalue.value import VALUE_LINES, customer_lifetime_value

GROSS = (*VALUE_LINES, "lifetime_value")
"""Columns of which some are small differences of large ones: their rounding goes with all lines."""


def model_lines(source: Source) -> list[Line]:
    """A line for each thing that the model says of a customer."""
    lines = [_scores(source), _labels(source), _expectations(source), _valuation(source)]
    return [*lines, _facts(source)] if "facts" in source else lines


def _scores(source: Source) -> Line:
    """Scores and segments are those that the cut points of the model give."""
    name, frame = "reconciliation.scores", source.tables["customers"]
    scored = made_again(name, lambda: source.model.rfm.score(frame))
    if isinstance(scored, Line):
        return scored
    again = source._replace(tables={"customers": scored})
    wrong = np.zeros(len(frame), dtype=bool)
    for column in scored.columns.drop("customer_id"):
        if kind(scored[column]) == "number":
            stored, found = (s.number("customers", column) for s in (source, again))
            wrong |= ~np.isclose(stored, found, rtol=ROUNDING, atol=0, equal_nan=True)
        else:
            wrong |= source.text("customers", column) != again.text("customers", column)
    return wrong_line(name, wrong)


def _labels(source: Source) -> Line:
    """Every tier is that of the thresholds, or one that the band has kept from an earlier one."""
    name, tier = "reconciliation.labels", _figures.groups(source, "tier")
    value = source.number("customers", source.model.tiers.by)
    given = made_again(name, lambda: [_tiers(source, value, b) for b in _possible_earlier(source)])
    if isinstance(given, Line):
        return given
    right = np.any([tiers == tier for tiers in given], axis=0)
    return wrong_line(name, ~right | np.isnan(value))


def _tiers(
    source: Source, value: FloatArray, before: npt.NDArray[np.object_] | None
) -> npt.NDArray[np.object_]:
    """The tiers that the thresholds give, with the earlier ones that the band starts from."""
    by, band = source.model.tiers.by, source.model.band
    frame = pd.DataFrame({by: value})
    if before is None:
        given = source.model.tiers.assign(frame)
    else:
        frame = frame.assign(before=pd.Series(before, dtype="object"))
        given = source.model.tiers.assign(frame, previous="before", band=band)
    found: npt.NDArray[np.object_] = given["tier"].astype("object").to_numpy(dtype=object)
    return found


def _possible_earlier(source: Source) -> list[npt.NDArray[np.object_] | None]:
    """What each customer's earlier tier may have been: one answer where a table of them tells.

    Without it any tier may have been, so that only values outside the band tell a wrong one.
    Without an earlier result there is no band.
    """
    if MIGRATION not in source and EARLIER not in source:
        return [None]
    if EARLIER in source:
        tier = source.text(EARLIER, "tier")
        tier[tier == ""] = None
        known = pd.Series(tier, source.ids(EARLIER), dtype="object")
        known = known[~known.index.duplicated()]
        found = known.reindex(source.ids("customers"))
        return [found.where(found.notna(), None).to_numpy(dtype=object)]
    size = len(source.tables["customers"])
    return [None, *(np.full(size, tier, dtype=object) for tier in TIERS)]


def _expectations(source: Source) -> Line:
    """Who is alive, and what they buy in a year, is what the model gives for their history."""
    name, model = "reconciliation.expectations", source.model.purchases
    history = [source.number("customers", c) for c in ("frequency", "recency", "T")]
    year = UNITS["Y"] / source.unit
    found = made_again(
        name,
        lambda: {
            "probability_alive": model.probability_alive(*history),
            "expected_purchases_year": model.expected_purchases(*history, horizon=year),
        },
    )
    return found if isinstance(found, Line) else _again(name, source, found)


def _valuation(source: Source) -> Line:
    """Purchases, spend and every line of lifetime value are what the model makes of the history."""
    name, model = "reconciliation.valuation", source.model
    customers = source.tables["customers"]
    values = made_again(
        name,
        lambda: customer_lifetime_value(
            # In the order of the rows; who they are is the matter of other lines.
            customers.assign(customer_id=np.arange(len(customers))),
            purchases=model.purchases,
            spend=model.spend,
            horizon=model.horizon,
            annual_discount_rate=model.annual_discount_rate,
            cost_lines=model.cost_line_table,
        ),
    )
    if isinstance(values, Line):
        return values
    figures = values.drop(columns="customer_id")
    return _again(name, source, {str(c): figures[c].to_numpy() for c in figures})


def _again(name: str, source: Source, found: dict[str, FloatArray]) -> Line:
    """Stored figures against those that the model gives now; where they differ, by column.

    The drift is the largest relative one of a row. A figure that is missing on one side is not
    known to be the same.
    """
    lines = [np.abs(found[line]) for line in VALUE_LINES if line in found]
    gross = np.sum(lines, axis=0) if lines else 0.0
    tables, drifts, told = source.tables["customers"], [0.0], []
    for column, values in found.items():
        if column not in tables:
            drifts.append(np.nan)
            told.append(f"no {column}")
            continue
        stored = source.number("customers", column)
        both = np.isnan(stored) & np.isnan(values)
        scale = np.maximum(np.maximum(np.abs(stored), np.abs(values)), gross * (column in GROSS))
        apart = np.where(both, 0.0, np.abs(stored - values) / np.where(scale > 0, scale, 1.0))
        wrong = np.count_nonzero(~(apart <= ROUNDING))
        if wrong:
            drifts.append(float(np.max(apart)))  # NaN where a figure is missing
            told.append(f"{column} in {wrong:,} row{'s' if wrong > 1 else ''}")
    return Line(name, "as modelled", "; ".join(told) or "as modelled", float(np.max(drifts)))


def _facts(source: Source) -> Line:
    """The terms that the report tells are those of the model; its day is that of the customers."""
    expected = model_facts(source.model)
    if source.as_of is not None:
        expected["as_of"] = str(to_date(source.as_of))
    profit = "profit" in source.text("concentration", "figure")
    expected["whale_by"] = "profit" if profit else "lifetime_value"
    items, values = (source.text("facts", column) for column in ("item", "value"))
    told = dict(zip(items.tolist(), values.tolist(), strict=True))
    told = {name: value for name, value in told.items() if name in (*expected, "band")}
    apart = [n for n in dict.fromkeys((*expected, *told)) if told.get(n) != expected.get(n)]
    got = "; ".join(f"another {name}" for name in apart) or f"{len(told)} facts"
    return Line("reconciliation.facts", f"{len(expected)} facts", got, float(len(apart)))
