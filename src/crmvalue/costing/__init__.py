"""What each customer costs: from the ledger through activities to the customer statement."""

from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing._break_even_points import BreakEven
from crmvalue.costing._cost_comparison import CostComparison
from crmvalue.costing.activity import activity_costs
from crmvalue.costing.break_even import break_even
from crmvalue.costing.comparison import compare_costing
from crmvalue.costing.drivers import transaction_drivers
from crmvalue.costing.statement import customer_statement
from crmvalue.costing.support import allocate_support, support_flows
from crmvalue.costing.time_driven import TimeDrivenCosts
from crmvalue.costing.volume import volume_costs
from crmvalue.costing.waterfall import statement_totals, waterfall

__all__ = [
    "ActivityCosts",
    "BreakEven",
    "CostComparison",
    "TimeDrivenCosts",
    "activity_costs",
    "allocate_support",
    "break_even",
    "compare_costing",
    "customer_statement",
    "statement_totals",
    "support_flows",
    "transaction_drivers",
    "volume_costs",
    "waterfall",
]
