"""Tiers by value, two axes at once, and how concentrated value is."""

from crmvalue.tiers._axis import MatrixAxis
from crmvalue.tiers.concentration import (
    gini,
    herfindahl,
    lorenz_curve,
    pareto_point,
    top_share,
    whale_curve,
)
from crmvalue.tiers.matrix import TwoAxisMatrix, cost_to_serve_map
from crmvalue.tiers.pareto import ParetoTiers
from crmvalue.tiers.whale import WhalePeak, whale_peak

__all__ = [
    "MatrixAxis",
    "ParetoTiers",
    "TwoAxisMatrix",
    "WhalePeak",
    "cost_to_serve_map",
    "gini",
    "herfindahl",
    "lorenz_curve",
    "pareto_point",
    "top_share",
    "whale_curve",
    "whale_peak",
]
