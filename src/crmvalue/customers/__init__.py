"""The whole: every customer's value, cost and tier, with the way each figure came."""

from crmvalue.customers.bundle import ValueModel
from crmvalue.customers.flow import value_customers
from crmvalue.customers.holdout import HoldoutCheck
from crmvalue.customers.result import CustomerValue

__all__ = ["CustomerValue", "HoldoutCheck", "ValueModel", "value_customers"]
