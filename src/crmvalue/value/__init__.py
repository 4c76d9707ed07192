"""What each customer will bring: purchases x spend, less a line for each kind of cost."""

from crmvalue.value.cost_lines import COST_LINES, VALUE_LINES, MarginRates, margin_rates
from crmvalue.value.lifetime_value import customer_lifetime_value
from crmvalue.value.new_customer import new_customer_value

__all__ = [
    "COST_LINES",
    "VALUE_LINES",
    "MarginRates",
    "customer_lifetime_value",
    "margin_rates",
    "new_customer_value",
]
