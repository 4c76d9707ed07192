"""Tiers by value, and how concentrated value is."""

from crmvalue.tiers.concentration import (
    gini,
    herfindahl,
    lorenz_curve,
    pareto_point,
    top_share,
    whale_curve,
)
from crmvalue.tiers.pareto import ParetoTiers

__all__ = [
    "ParetoTiers",
    "gini",
    "herfindahl",
    "lorenz_curve",
    "pareto_point",
    "top_share",
    "whale_curve",
]
