"""How figures and the lines of a statement are written, on pictures and on the page alike."""

from __future__ import annotations

import math

import numpy as np

from crmvalue._stats import FloatArray

SPACE = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

MOST = 100.0
"""The largest share, of either sign, that is written as it is."""

LARGE = 10_000.0
"""Money of this size is written without cents."""

LINES = {
    "list_revenue": "Revenue at list price",
    "on_invoice_discount": "Discounts on the invoice",
    "pocket_revenue": "Net revenue",
    "cost_of_goods": "Cost of goods",
    "gross_margin": "Gross margin",
    "customer_sustaining": "Cost of keeping the customer",
    "credit_loss": "Credit losses",
    "contribution": "Contribution",
    "capital_charge": "Cost of capital",
    "economic_profit": "Economic profit",
    "channel": "Cost of channels",
    "facility": "Cost of the facility",
    "idle": "Idle capacity",
    "unassigned": "Unassigned cost",
    "operating_profit": "Operating profit",
}
"""What the lines of a statement are called."""


def plain(value: float, digits: int) -> str:
    """A number with thousands separators and so many decimals; a dash where it is not known."""
    if not math.isfinite(value):
        return DASH
    value = round(value, digits) + 0.0  # no minus zero
    return f"{value:,.{digits}f}".replace("-", MINUS)


def percent(value: float) -> str:
    """A share as per cent, a small one with decimals; a dash where it is not known.

    Beyond a hundred times the whole, which happens where the whole is next to nothing, a share
    tells only that.
    """
    size = abs(value)
    if math.isfinite(value) and size > MOST:
        return f"{'>' if value > 0 else '<'}{SPACE}{percent(math.copysign(MOST, value))}"
    digits = 0 if size >= 0.0995 or size == 0 else 1 if size >= 0.00995 else 2
    return plain(100 * value, digits) + (f"{SPACE}%" if math.isfinite(value) else "")


def money_digits(amounts: FloatArray) -> int:
    """Decimals for money that stands together: none where the largest is large."""
    known = np.abs(amounts[np.isfinite(amounts)])
    return 0 if known.size and known.max() >= LARGE else 2
