"""The small tables of words and headline figures that the report opens and closes with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from crmvalue._frame import Table
from crmvalue._stats import FloatArray, safe_sum
from crmvalue._table import Column, table
from crmvalue.customers.holdout import HoldoutCheck
from crmvalue.customers.model import ValueModel
from crmvalue.transactions import Log, LogCheck
from crmvalue.transactions.dates import to_date

Number = Callable[[str], FloatArray]

LIMITS = (
    "The log shows what was bought and when, not why: competitors, prices, weather and "
    "campaigns are outside it.",
    "A customer never says that they leave. Whether one is still alive is a probability, read "
    "from how long they have been silent compared with their own pace of buying.",
    "The model takes each customer's pace of buying as steady while they last; growth, seasons "
    "and trends of the whole market are not in it.",
    "Customers who have never bought, and customers still to be won, are not valued here.",
)


def headline(number: Number, tiers: Any, costs: Any, *, profit: bool) -> Any:
    """The figures that a director asks for first."""
    given = Table(tiers, "tiers")
    gold = 0
    share = given.numbers("share_of_lifetime_value", null=True)[gold]
    of_customers = given.numbers("share_of_customers")[gold]
    rows: list[tuple[str, str, float, str, str]] = [
        ("customers", "Customers", len(number("T")), "count", "with at least one purchase"),
        (
            "active",
            "Likely still active",
            safe_sum(number("probability_alive")),
            "count",
            "sum of the probabilities of being alive",
        ),
        ("revenue", "Revenue", safe_sum(number("total_spend")), "money", "in the log, net"),
    ]
    if profit:
        note = (
            "revenue less cost of goods, where given, and activity cost; before the cost that is "
            "traced to no customer"
        )
        rows.append(
            ("profit", "Contribution of customers", safe_sum(number("profit")), "money", note)
        )
        outside = safe_sum(costs.ledger) - safe_sum(number("activity_cost"))
        note = "of the ledger: idle, unassigned, or above the customer"
        rows.append(("untraced", "Cost traced to no customer", outside, "money", note))
    rows += [
        (
            "lifetime_value",
            "Customer lifetime value",
            safe_sum(number("lifetime_value")),
            "money",
            "what these customers are expected to bring from now on, discounted",
        ),
        ("gold", "Gold customers", of_customers, "share", "of all customers"),
        ("gold_value", "Value held by gold", share, "share", "of the lifetime value"),
    ]
    names = ("item", "label", "value", "kind", "note")
    columns: dict[str, Column] = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    columns["value"] = np.array([float(row[2]) for row in rows])
    return table(columns, given.frame)


def facts(
    log: Log,
    model: ValueModel,
    holdout: HoldoutCheck | None,
    messages: Sequence[str],
    extra: Mapping[str, str],
) -> Any:
    """What this run was told and what it used, as text."""
    found = {
        "as_of": str(to_date(log.as_of)),
        "first_date": str(to_date(int(log.days.min()))),
        "rows": f"{log.tally.rows:,}",
        **model_facts(model),
        "messages": " ".join(map(_sentence, messages)),
        **extra,
    }
    if holdout is not None:
        found["calibration_end"] = str(holdout.calibration_end)
        found["holdout_end"] = str(holdout.holdout_end)
    return table({"item": list(found), "value": list(found.values())}, log.frame)


def model_facts(model: ValueModel) -> dict[str, str]:
    """The facts that the model alone tells. Without a band there is no word of one."""
    horizon = "without end" if math.isinf(model.horizon) else f"{model.horizon:g}"
    unit = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}[model.purchases.unit]
    found = {
        "unit": unit,
        "horizon": horizon if math.isinf(model.horizon) else f"{horizon} {unit}",
        "annual_discount_rate": f"{model.annual_discount_rate:.4g}",
        "purchase_model": repr(model.purchases),
        "spend_model": repr(model.spend),
        "tier_by": model.tiers.by,
    }
    return {**found, "band": f"{model.band:.4g}"} if model.band else found


def quality_table(check: LogCheck, log: Log) -> Any:
    """The counts of the log check in two columns."""
    rows = {
        "rows": float(check.rows),
        "duplicates": float(check.duplicates),
        **{f"money_{name}": value for name, value in check.money.items()},
    }
    values = np.array([math.nan if value is None else value for value in rows.values()])
    return table({"item": list(rows), "value": values}, log.frame)


def limits(log: Log, messages: Sequence[str]) -> Any:
    """What the model can't see, and what this run has to say about its own figures."""
    return table({"text": [*map(_sentence, messages), *LIMITS]}, log.frame)


def _sentence(text: str) -> str:
    """A message as a sentence among others: those of a fit are written to follow a colon."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
