"""`ValueModel`: all that was learned from a log, saved as one JSON file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmvalue._stats import is_number
from crmvalue._table import table
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.rfm import RFMScorer
from crmvalue.tiers import ParetoTiers
from crmvalue.value._figures import PurchaseModel, SpendModel


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
    band : float
        The band that kept customers in their earlier tier when this was made, for whoever checks
        its tiers; a new log is valued with a band of its own.

    Raises
    ------
    InputError
        Where an attribute is not what it should be; all such are named.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> model = cv.value_customers(log).model
    >>> model.horizon, model.annual_discount_rate
    (inf, 0.1)
    >>> loaded = ValueModel.from_json(model.to_json())
    >>> later = cv.value_customers(log, model=loaded)  # nothing is fitted
    >>> len(later.fits), later.model.tiers == model.tiers
    (0, True)
    """

    purchases: Any
    spend: Any
    rfm: RFMScorer
    tiers: ParetoTiers
    horizon: float
    annual_discount_rate: float
    cost_lines: tuple[tuple[str, str, float | str], ...]
    messages: tuple[str, ...]
    band: float = 0.0

    def __post_init__(self) -> None:
        sound = {
            "purchases": isinstance(self.purchases, PurchaseModel),
            "spend": isinstance(self.spend, SpendModel),
            "rfm": isinstance(self.rfm, RFMScorer),
            "tiers": isinstance(self.tiers, ParetoTiers),
            "horizon": is_number(self.horizon, 0) or self.horizon == math.inf,
            "annual_discount_rate": is_number(self.annual_discount_rate),
            "cost_lines": _are_rows(self.cost_lines, 3),
            "messages": _are_rows(self.messages, None),
            "band": is_number(self.band, 0) and self.band < 1,
        }
        odd = [name for name, is_so in sound.items() if not is_so]
        if odd:
            raise InputError(
                f"this ValueModel has no sound {', '.join(odd)}; take the one of a result, as it "
                "was written"
            )

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


def read_model(path: Path) -> ValueModel:
    """Read a model.json; an error names the file."""
    try:
        return ValueModel.from_json(path.read_bytes())
    except InputError as error:
        raise InputError(f"{str(path)!r} is no model of a result: {error}") from error


def _are_rows(given: object, length: int | None) -> bool:
    """Whether this is a tuple of tuples of that length, or of text."""
    if not isinstance(given, tuple):
        return False
    if length is None:
        return all(isinstance(row, str) for row in given)
    return all(isinstance(row, tuple) and len(row) == length for row in given)
