"""The terms of a valuation: unit, horizon, discount rate, and the figure that decides the tier."""

from __future__ import annotations

import math
from typing import Any

from crmvalue.customers.model import ValueModel
from crmvalue.errors import FaultList, InputError
from crmvalue.summary import unit_days

TIER_BY = ("lifetime_value", "profit", "total_spend")


class Terms:
    """The terms of the valuation: as given, else those of the model, else the defaults."""

    def __init__(
        self,
        model: ValueModel | None,
        unit: str | None,
        horizon: float | None,
        annual_discount_rate: float | None,
        tier_by: str | None,
    ) -> None:
        if model is not None and not isinstance(model, ValueModel):
            raise InputError(
                f"model must be a ValueModel, as in result.model; got {type(model).__name__}"
            )
        faults = FaultList()
        known: dict[str, Any] = {}
        if model is not None:
            known = {
                "unit": model.purchases.unit,
                "horizon": model.horizon,
                "annual_discount_rate": model.annual_discount_rate,
                "tier_by": model.tiers.by,
            }

        def term(name: str, given: Any, default: Any) -> Any:
            if given is not None and known and given != known[name]:
                faults.add(
                    f"{name}={given!r}",
                    expected=f"the model was made with {known[name]!r}, and its tiers hold for "
                    "that alone; leave it out, or fit anew",
                )
            return known.get(name, default) if given is None else given

        self.unit: str = term("unit", unit, "W")
        self.horizon: float = term("horizon", horizon, math.inf)
        self.annual_discount_rate: float = term("annual_discount_rate", annual_discount_rate, 0.10)
        self.tier_by: str = term("tier_by", tier_by, "lifetime_value")
        if self.tier_by not in TIER_BY:
            faults.add(
                f"tier_by={self.tier_by!r}", expected=f"expected one of {', '.join(TIER_BY)}"
            )
        if not self.horizon > 0:
            faults.add(f"horizon={self.horizon!r}", expected="expected a time above 0")
        faults.raise_if_any("the terms of the valuation")
        unit_days(self.unit)
