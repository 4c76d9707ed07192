"""crmvalue: what each customer is worth, what each one costs, and what to do about it.

.. code-block:: text

    transactions -> summary -+-> rfm ------+
          |                  +-> lifetime -+-> value -> tiers -> customers -> report, cli
          +-- cost ledger ---+-> costing --+
"""

from crmvalue import datasets, errors
from crmvalue.summary import customer_summary, distinct_histories, split_holdout
from crmvalue.transactions import LogCheck, check_transactions

__version__ = "0.1.0"

__all__ = [
    "LogCheck",
    "check_transactions",
    "customer_summary",
    "datasets",
    "distinct_histories",
    "errors",
    "split_holdout",
]
