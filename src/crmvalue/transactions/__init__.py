"""What a transaction log must be, what is wrong with one, and what is left out of it."""

from crmvalue.transactions.check import LogCheck, check_transactions, report_log
from crmvalue.transactions.memory import Log, read_log
from crmvalue.transactions.options import LogKeywords, LogOptions

__all__ = [
    "Log",
    "LogCheck",
    "LogKeywords",
    "LogOptions",
    "check_transactions",
    "read_log",
    "report_log",
]
