"""How well models and baselines foretell what they have not seen."""

from crmvalue.evaluation.calibration import calibration_by_decile, calibration_by_frequency
from crmvalue.evaluation.compare import compare_models

__all__ = ["calibration_by_decile", "calibration_by_frequency", "compare_models"]
