"""`ValueModel`: all that was learned from a log, saved as one JSON file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from crmvalue._table import table
from crmvalue._value import Value
from crmvalue.rfm import RFMScorer
from crmvalue.tiers import ParetoTiers


@dataclass(frozen=True, eq=False, repr=False)
class ValueModel(Value):
    """What `value_customers` learned, to value a new log without fitting.

    Attributes
    ----------
    purchases : Value
        Model of purchases, such as `MBGNBD`.
    spend : Value
        Model of spend, `GammaGamma`.
    rfm : RFMScorer
        Cut points of the scores.
    tiers : ParetoTiers
        Thresholds between the tiers.
    horizon : float
        In the unit of `purchases`; may be infinite.
    annual_discount_rate : float
        A year's cost of capital.
    cost_lines : tuple of (line, basis, rate)
        Those of `customer_lifetime_value`.
    messages : tuple of str
        What the fits said of themselves.
    """

    purchases: Any
    spend: Any
    rfm: RFMScorer
    tiers: ParetoTiers
    horizon: float
    annual_discount_rate: float
    cost_lines: tuple[tuple[str, str, float | str], ...]
    messages: tuple[str, ...]

    def __repr__(self) -> str:
        horizon = "all time" if math.isinf(self.horizon) else f"{self.horizon:g}"
        return (
            f"ValueModel({self.purchases!r}, {self.spend!r}, {self.tiers!r}, horizon={horizon}, "
            f"annual_discount_rate={self.annual_discount_rate:g})"
        )

    @property
    def cost_line_table(self) -> Any:
        """The cost lines as the table that `customer_lifetime_value` takes."""
        line, basis, rate = zip(*self.cost_lines, strict=True) if self.cost_lines else ((), (), ())
        return table({"line": line, "basis": basis, "rate": [str(r) for r in rate]})
