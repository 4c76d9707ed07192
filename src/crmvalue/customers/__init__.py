"""The whole: every customer's value, cost and tier, with the way each figure came."""

from crmvalue.customers.holdout import HoldoutCheck
from crmvalue.customers.model import ValueModel
from crmvalue.customers.result import CustomerValue
from crmvalue.customers.value_customers import value_customers

__all__ = ["CustomerValue", "HoldoutCheck", "ValueModel", "value_customers"]
