"""Whether the standard errors and limits of the table of parameters are those of its customers.

They are the yardstick of the lines of parameters: wider ones would let more pass. The model does
not keep them, but the fit that gave them can be made again, from the customers as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmvalue.baseline import _figures
from crmvalue.baseline._cells import made_again
from crmvalue.baseline._lines import Line
from crmvalue.baseline.source import Source
from crmvalue.lifetime import MBGNBD, GammaGamma

ERRORS = "reconciliation.standard_errors"
HELD = ("std_error", "lower", "upper")


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
