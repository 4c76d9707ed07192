"""The gate: what a result was like when it was good, and whether another one still is."""

from crmvalue.baseline._source import Result
from crmvalue.baseline.check import Reference, check
from crmvalue.baseline.record import Baseline
from crmvalue.baseline.report import drift_text
from crmvalue.baseline.tolerances import TOLERANCES

__all__ = ["TOLERANCES", "Baseline", "Reference", "Result", "check", "drift_text"]
