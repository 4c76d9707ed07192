"""crmvalue: what each customer is worth, what each one costs, and what to do about it.

.. code-block:: text

    transactions -> summary -+-> rfm ------+
          |                  +-> lifetime -+-> value -> tiers -> evaluation -> customers -> report
          +-- cost ledger ---+-> costing --+
"""

from crmvalue import datasets, errors, plot
from crmvalue.costing import (
    ActivityCosts,
    TimeDrivenCosts,
    activity_costs,
    allocate_support,
    break_even,
    compare_costing,
    customer_statement,
    statement_totals,
    support_flows,
    transaction_drivers,
    volume_costs,
    waterfall,
)
from crmvalue.customers import CustomerValue, ValueModel, value_customers
from crmvalue.evaluation import calibration_by_decile, calibration_by_frequency, compare_models
from crmvalue.lifetime import (
    BGBB,
    BGCNBD,
    BGNBD,
    MBGCNBD,
    MBGNBD,
    NBD,
    Fit,
    GammaGamma,
    GGompertzNBD,
    NormalSpend,
    ParetoNBD,
    ShiftedBetaGeometric,
    alive_path,
    fit_groups,
    frequency_table,
    from_lifetimes,
    history_grid,
    likelihood_ratio_test,
    spend_independence,
    tracking,
)
from crmvalue.rfm import RFMScorer, SegmentTable
from crmvalue.summary import (
    customer_summary,
    distinct_histories,
    opportunity_summary,
    split_holdout,
)
from crmvalue.tiers import (
    ParetoTiers,
    TwoAxisMatrix,
    cost_to_serve_map,
    gini,
    herfindahl,
    lorenz_curve,
    pareto_point,
    top_share,
    whale_curve,
    whale_peak,
)
from crmvalue.transactions import LogCheck, check_transactions
from crmvalue.value import customer_lifetime_value, new_customer_value

__version__ = "0.1.0"

__all__ = [
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "ActivityCosts",
    "CustomerValue",
    "Fit",
    "GGompertzNBD",
    "GammaGamma",
    "LogCheck",
    "NormalSpend",
    "ParetoNBD",
    "ParetoTiers",
    "RFMScorer",
    "SegmentTable",
    "ShiftedBetaGeometric",
    "TimeDrivenCosts",
    "TwoAxisMatrix",
    "ValueModel",
    "activity_costs",
    "alive_path",
    "allocate_support",
    "break_even",
    "calibration_by_decile",
    "calibration_by_frequency",
    "check_transactions",
    "compare_costing",
    "compare_models",
    "cost_to_serve_map",
    "customer_lifetime_value",
    "customer_statement",
    "customer_summary",
    "datasets",
    "distinct_histories",
    "errors",
    "fit_groups",
    "frequency_table",
    "from_lifetimes",
    "gini",
    "herfindahl",
    "history_grid",
    "likelihood_ratio_test",
    "lorenz_curve",
    "new_customer_value",
    "opportunity_summary",
    "pareto_point",
    "plot",
    "spend_independence",
    "split_holdout",
    "statement_totals",
    "support_flows",
    "top_share",
    "tracking",
    "transaction_drivers",
    "value_customers",
    "volume_costs",
    "waterfall",
    "whale_curve",
    "whale_peak",
]
