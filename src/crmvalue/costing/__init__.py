"""What each customer costs: from the ledger through activities to the customer statement."""

from crmvalue.costing._activity_costs import ActivityCosts
from crmvalue.costing.activity import activity_costs
from crmvalue.costing.drivers import transaction_drivers
from crmvalue.costing.statement import customer_statement

__all__ = ["ActivityCosts", "activity_costs", "customer_statement", "transaction_drivers"]
