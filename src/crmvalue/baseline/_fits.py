"""Whether what was fitted is what a fit to the customers gives: standard errors, tiers, scores.

Standard errors are the yardstick of the lines of parameters: wider ones would let more pass. The
model does not keep them, but the fit that gave them can be made again, from the customers as they
are. So can those of the tiers and the scores, of which some figures move no customer.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from crmvalue.baseline import _figures
from crmvalue.baseline._cells import made_again
from crmvalue.baseline._lines import ROUNDING, Line
from crmvalue.baseline.source import Source
from crmvalue.lifetime import MBGNBD, GammaGamma
from crmvalue.rfm import RFMScorer
from crmvalue.tiers import ParetoTiers

ERRORS = "reconciliation.standard_errors"
HELD = ("std_error", "lower", "upper")


def fit_lines(source: Source) -> list[Line]:
    """A line for each thing that was fitted to the customers."""
    return [error_line(source), _tiers(source), _scores(source)]


def error_line(source: Source, line: str = ERRORS) -> Line:
    """Standard errors and limits against those of a fit to the customers.

    The drift is the largest relative difference: a search that ends a hair's breadth beside on
    another machine is no other fit.
    """
    fitted = made_again(line, lambda: _fitted(source))
    if isinstance(fitted, Line):
        return fitted
    names = _figures.parameter_names(source)
    drifts, told = [0.0], []
    for column in HELD:
        given = _figures.by_name(names, source.number("parameters", column))
        # A limit without end is not known, as `Source.number` has it.
        limits = fitted[column].replace([np.inf, -np.inf], np.nan)
        found = dict(zip(fitted["name"], limits, strict=True))
        for name in dict.fromkeys((*found, *given)):
            pair = np.array([found.get(name, np.inf), given.get(name, np.inf)])
            if np.isnan(pair).all():
                continue
            scale = np.abs(pair).max()
            apart = np.ptp(pair) / scale if scale > 0 and np.isfinite(scale) else np.ptp(pair)
            drifts.append(float(apart))
            if not apart <= 1e-9:
                told.append(f"{column} of {name}")
    return Line(line, "as fitted", "; ".join(told) or "as fitted", float(np.max(drifts)))


def _tiers(source: Source) -> Line:
    """Shares and thresholds are those of the tiers that the customers give."""
    name, given = "reconciliation.tiers.fitted", source.model.tiers
    fitted = made_again(name, lambda: ParetoTiers.fit(source.tables["customers"], by=given.by))
    if isinstance(fitted, Line):
        return fitted
    figures = [field.name for field in dataclasses.fields(given) if field.name != "by"]
    return _as_fitted(
        name,
        [
            figure
            for figure in figures
            if not _same(getattr(given, figure), getattr(fitted, figure))
        ],
    )


def _scores(source: Source) -> Line:
    """Cut points, the customers of each score, and the table of segments are those of a fit."""
    name, given = "reconciliation.scores.fitted", source.model.rfm
    fitted = made_again(name, lambda: RFMScorer.fit(source.tables["customers"]))
    if isinstance(fitted, Line):
        return fitted
    parts = ("segments", "extra", "weights")
    apart = [part for part in parts if getattr(given, part) != getattr(fitted, part)]
    for old, new in zip(given.axes, fitted.axes, strict=True):
        if not _same(old.cuts, new.cuts):
            apart.append(f"{new.name}.cuts")
        if dataclasses.replace(old, cuts=new.cuts) != new:
            apart.append(new.name)
    return _as_fitted(name, apart)


def _same(given: Any, fitted: Any) -> bool:
    """Whether figures are the same but for rounding; None is the same as None alone."""
    if given is None or fitted is None:
        return given is fitted
    a, b = np.asarray(given, dtype=np.float64), np.asarray(fitted, dtype=np.float64)
    return a.shape == b.shape and bool(np.isclose(a, b, rtol=ROUNDING, atol=0).all())


def _as_fitted(name: str, apart: list[str]) -> Line:
    got = "; ".join(f"another {part}" for part in apart) or "as fitted"
    return Line(name, "as fitted", got, float(len(apart)))


def _fitted(source: Source) -> pd.DataFrame:
    customers, unit = source.tables["customers"], source.model.purchases.unit
    fits: list[Any] = [  # without warnings, as the result has told them already
        MBGNBD._fitted(customers, unit=unit, weights=None, stacklevel=None),
        GammaGamma._fitted(customers, weights=None, stacklevel=None),
    ]
    tables = [fit.params() for fit in fits]
    for fit, table in zip(fits, tables, strict=True):
        table["name"] = [f"{type(fit.model).__name__}.{name}" for name in table["parameter"]]
    found: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return found
