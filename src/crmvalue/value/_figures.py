"""What values of customers share: what models expect, and the signed lines that follow."""

from __future__ import annotations

import decimal
import math
import numbers
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from crmvalue._stats import UNITS, FloatArray, check_conserved
from crmvalue.errors import FaultList, InputError
from crmvalue.value.cost_lines import YEAR, signed_lines


@runtime_checkable
class PurchaseModel(Protocol):
    """What this room needs of a model of purchases; every one of `lifetime` has it."""

    unit: str

    def expected_purchases(
        self, frequency: Any, recency: Any, T: Any, *, horizon: Any
    ) -> FloatArray:
        """Expected purchases from T to T + horizon."""
        ...

    def discounted_expected_transactions(
        self, frequency: Any, recency: Any, T: Any, *, annual_discount_rate: Any, horizon: Any
    ) -> FloatArray:
        """Those purchases, each discounted to T."""
        ...

    def expected_active_time(
        self,
        frequency: Any,
        recency: Any,
        T: Any,
        *,
        horizon: Any,
        annual_discount_rate: Any,
    ) -> FloatArray:
        """Expected time alive from T to T + horizon, discounted."""
        ...


@runtime_checkable
class SpendModel(Protocol):
    """What this room needs of a model of spend."""

    def expected_spend(self, frequency: Any, monetary_value: Any) -> FloatArray:
        """Expected spend per purchase of each customer."""
        ...


def model_of(given: Any, kind: type[Any], what: str) -> Any:
    """The model of a fit, or the model itself."""
    model = getattr(given, "model", given)
    if not isinstance(model, kind):
        raise InputError(
            f"{what} must be a fit or a model of the right kind (such as MBGNBD for purchases, "
            f"GammaGamma for spend); got {type(given).__name__}"
        )
    return model


def number_of(given: Any) -> float | None:
    """The number that a caller gave, or None for a model or a name."""
    if isinstance(given, numbers.Real | decimal.Decimal) and not isinstance(given, bool):
        return float(given)
    return None


def check_terms(horizon: float, annual_discount_rate: float) -> None:
    """Raise one error for a horizon and a rate under which there is no value."""
    faults = FaultList()
    if not annual_discount_rate > -1 or math.isinf(annual_discount_rate):
        faults.add(
            f"annual_discount_rate={annual_discount_rate!r}",
            expected="expected a finite rate above -1, such as 0.10 for 10 % a year",
        )
    if not horizon >= 0:
        faults.add(f"horizon={horizon!r}", expected="expected a time of 0 or more")
    if math.isinf(horizon) and not annual_discount_rate > 0:
        faults.add(
            "an infinite horizon without a discount",
            expected="it has no finite value; give a horizon, or a positive annual_discount_rate",
        )
    faults.raise_if_any("the terms of the lifetime value")


class Ahead(NamedTuple):
    """What a model expects of each customer from today to the horizon."""

    purchases: FloatArray
    discounted_purchases: FloatArray
    years: FloatArray
    discounted_years: FloatArray


def look_ahead(
    model: PurchaseModel,
    history: tuple[FloatArray, FloatArray, FloatArray],
    horizon: float,
    annual_rate: float,
) -> Ahead:
    """Purchases and years alive; undiscounted ones are NaN for an infinite horizon."""
    year = years(model, 1.0)
    terms = {"horizon": horizon, "annual_discount_rate": annual_rate}
    discounted = model.discounted_expected_transactions(*history, **terms)
    active = model.expected_active_time(*history, **terms) * year
    if math.isinf(horizon):
        endless = np.full(len(discounted), np.nan)
        return Ahead(endless, discounted, endless, active)
    alive = model.expected_active_time(*history, horizon=horizon, annual_discount_rate=0.0)
    purchases = model.expected_purchases(*history, horizon=horizon)
    return Ahead(purchases, discounted, alive * year, active)


def years(model: PurchaseModel, time: Any) -> Any:
    """Time in the unit of a model, in years."""
    return time * UNITS[model.unit] / YEAR


Rates = list[tuple[str, str, FloatArray]]
"""Line, basis, and the rate of each customer."""


def value_figures(
    ahead: Ahead, spend: FloatArray, rates: Rates, annual_rate: float
) -> dict[str, FloatArray]:
    """The columns from expected purchases to `lifetime_value`, the sum of the signed lines."""
    orders = ahead.discounted_purchases
    signed = signed_lines(rates, orders * spend, orders, ahead.discounted_years, annual_rate)
    total = np.sum(list(signed.values()), axis=0)
    check_conserved("lifetime value", float(np.sum(total)), [np.sum(v) for v in signed.values()])
    return {
        "expected_purchases": ahead.purchases,
        "discounted_purchases": orders,
        "expected_spend": spend,
        "expected_active_years": ahead.years,
        "discounted_active_years": ahead.discounted_years,
        **signed,
        "lifetime_value": total,
    }


def unrecovered(
    acquisition: FloatArray,
    rates: Rates,
    spent: FloatArray,
    orders: FloatArray,
    years: FloatArray,
    annual_rate: float,
) -> FloatArray:
    """Acquisition cost less the margin of what was bought, at least 0 and at most itself."""
    past = signed_lines(rates, spent, orders, years, annual_rate)
    open_cost: FloatArray = acquisition - np.sum(list(past.values()), axis=0)
    return np.clip(open_cost, 0.0, acquisition)
