"""Pictures of the library's tables; they need matplotlib and compute nothing."""

from crmvalue.plot._svg import to_svg
from crmvalue.plot.cohorts import cohort_triangle
from crmvalue.plot.costing import cost_to_serve, waterfall
from crmvalue.plot.curves import lorenz_curve, whale_curve
from crmvalue.plot.evaluation import calibration_by_decile, calibration_by_frequency
from crmvalue.plot.histories import alive_path, history_grid
from crmvalue.plot.lifetime import frequency, tracking
from crmvalue.plot.migration import migration_flow
from crmvalue.plot.rfm import rfm_grid, score_bars, segment_bars
from crmvalue.plot.tiers import pyramid, tier_bars

__all__ = [
    "alive_path",
    "calibration_by_decile",
    "calibration_by_frequency",
    "cohort_triangle",
    "cost_to_serve",
    "frequency",
    "history_grid",
    "lorenz_curve",
    "migration_flow",
    "pyramid",
    "rfm_grid",
    "score_bars",
    "segment_bars",
    "tier_bars",
    "to_svg",
    "tracking",
    "waterfall",
    "whale_curve",
]
