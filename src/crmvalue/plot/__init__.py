"""Pictures of the library's tables; they need matplotlib and compute nothing."""

from crmvalue.plot._svg import to_svg
from crmvalue.plot.costing import cost_to_serve, waterfall
from crmvalue.plot.evaluation import calibration_by_decile, calibration_by_frequency
from crmvalue.plot.histories import alive_path, history_grid
from crmvalue.plot.lifetime import frequency, tracking
from crmvalue.plot.rfm import rfm_grid
from crmvalue.plot.tiers import tier_bars, whale_curve

__all__ = [
    "alive_path",
    "calibration_by_decile",
    "calibration_by_frequency",
    "cost_to_serve",
    "frequency",
    "history_grid",
    "rfm_grid",
    "tier_bars",
    "to_svg",
    "tracking",
    "waterfall",
    "whale_curve",
]
