"""One row per customer: what was bought, when, and for how much."""

from crmvalue.summary.distinct import distinct_histories
from crmvalue.summary.holdout import split_holdout
from crmvalue.summary.memory import Histories, histories
from crmvalue.summary.opportunities import opportunity_summary
from crmvalue.summary.table import customer_summary, unit_days

__all__ = [
    "Histories",
    "customer_summary",
    "distinct_histories",
    "histories",
    "opportunity_summary",
    "split_holdout",
    "unit_days",
]
