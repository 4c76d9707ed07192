"""crmvalue: what each customer is worth, what each one costs, and what to do about it.

.. code-block:: text

    transactions -> summary -+-> rfm ------+
          |                  +-> lifetime -+-> value -> tiers -> customers -> report, cli
          +-- cost ledger ---+-> costing --+
"""

from crmvalue import datasets, errors, plot
from crmvalue.costing import (
    ActivityCosts,
    activity_costs,
    customer_statement,
    transaction_drivers,
)
from crmvalue.customers import CustomerValue, ValueModel, value_customers
from crmvalue.lifetime import BGNBD, MBGNBD, Fit, GammaGamma, tracking
from crmvalue.rfm import RFMScorer, SegmentTable
from crmvalue.summary import customer_summary, distinct_histories, split_holdout
from crmvalue.tiers import (
    ParetoTiers,
    gini,
    herfindahl,
    lorenz_curve,
    pareto_point,
    top_share,
    whale_curve,
)
from crmvalue.transactions import LogCheck, check_transactions
from crmvalue.value import customer_lifetime_value

__version__ = "0.1.0"

__all__ = [
    "BGNBD",
    "MBGNBD",
    "ActivityCosts",
    "CustomerValue",
    "Fit",
    "GammaGamma",
    "LogCheck",
    "ParetoTiers",
    "RFMScorer",
    "SegmentTable",
    "ValueModel",
    "activity_costs",
    "check_transactions",
    "customer_lifetime_value",
    "customer_statement",
    "customer_summary",
    "datasets",
    "distinct_histories",
    "errors",
    "gini",
    "herfindahl",
    "lorenz_curve",
    "pareto_point",
    "plot",
    "split_holdout",
    "top_share",
    "tracking",
    "transaction_drivers",
    "value_customers",
    "whale_curve",
]
