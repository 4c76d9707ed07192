"""Real data and simulated data, for examples, tests and the demo."""

from crmvalue.datasets.business import simulate_business
from crmvalue.datasets.demo import (
    DEMO_COST_OF_GOODS,
    DEMO_DRIVERS,
    DEMO_LEVELS,
    DEMO_POOLS,
    DEMO_USE,
    demo_costs,
)
from crmvalue.datasets.real import load_cdnow, load_donations
from crmvalue.datasets.simulated import simulate_transactions

__all__ = [
    "DEMO_COST_OF_GOODS",
    "DEMO_DRIVERS",
    "DEMO_LEVELS",
    "DEMO_POOLS",
    "DEMO_USE",
    "demo_costs",
    "load_cdnow",
    "load_donations",
    "simulate_business",
    "simulate_transactions",
]
