"""The manufacturer of `simulate_business` as data: customers, prices, cost pools."""

from __future__ import annotations

from typing import NamedTuple

DAYS = 366
"""Days of the year that is simulated, 2024."""

RUSH_WITHIN = 3
"""Most days from order to delivery of a rush order."""

HOME = "Germany"
REGIONS = {"North": HOME, "South": HOME, "West": HOME, "East": "Poland", "Alps": "Austria"}
"""Country of each sales region; two salespeople work in each."""

PRICES = {"filter kit": 30.0, "hose": 45.0, "bearing": 60.0, "wear plate": 95.0, "gearbox": 240.0}
"""List price of each product, in euros."""

COST_OF_GOODS = 0.55
"""Cost of goods as a share of the list price."""

FREIGHT = 0.02
"""Carriers' bills as a share of the list price."""


class Profile(NamedTuple):
    """What the customers of one kind are like; shares are fractions of 1, counts are per year."""

    kind: str
    size: str
    share: float
    orders: float
    order_value: float
    discount: float
    rebate: float
    rush: float
    returned: float
    visits: float
    days_outstanding: float


PROFILES = (
    # Large dealers who press for discounts, order little and often, in haste, and pay late.
    Profile("dealer", "large", 0.04, 190, 2100, 0.26, 0.04, 0.50, 0.06, 60, 95),
    Profile("dealer", "large", 0.05, 45, 8000, 0.18, 0.03, 0.08, 0.02, 10, 40),
    Profile("dealer", "medium", 0.15, 30, 2800, 0.20, 0.02, 0.15, 0.03, 8, 45),
    Profile("dealer", "small", 0.16, 14, 1500, 0.08, 0.00, 0.15, 0.03, 3, 45),
    Profile("farm", "large", 0.04, 10, 5000, 0.08, 0.01, 0.10, 0.02, 5, 35),
    Profile("farm", "medium", 0.21, 9, 2500, 0.04, 0.00, 0.12, 0.02, 2, 35),
    Profile("farm", "small", 0.27, 6, 900, 0.00, 0.00, 0.20, 0.03, 0.5, 40),
    # Small farms who plan ahead: few large orders, at list price and paid at once.
    Profile("farm", "small", 0.08, 5, 9000, 0.00, 0.00, 0.00, 0.00, 1, 15),
)
"""The kinds of customers, and the share of all customers that each kind makes."""

RESOURCES = {
    "Sales force": (2400.0, {"sales visits": 0.8, "order handling": 0.1, "trade fairs": 0.1}),
    "Customer service": (1300.0, {"order handling": 0.75, "returns desk": 0.15, "credit": 0.1}),
    "Warehouse": (1100.0, {"picking": 0.5, "rush orders": 0.25, "delivery": 0.25}),
    "Own lorries": (900.0, {"delivery": 0.8, "rush orders": 0.2}),
    "Production planning": (700.0, {"rush orders": 0.8, "running the plant": 0.2}),
    "Finance": (300.0, {"credit": 0.4, "order handling": 0.3, "export papers": 0.2}),
    "Management": (900.0, {"running the plant": 1.0}),
}
"""Euros a year for each customer of the firm, and the share of them that each activity takes."""

ACTIVITIES: dict[str, tuple[str, float | None]] = {
    "picking": ("unit", 0.8),
    "order handling": ("order", 0.85),
    "rush orders": ("order", None),
    "delivery": ("order", 0.9),
    "export papers": ("order", None),
    "returns desk": ("order", None),
    "sales visits": ("customer", 0.9),
    "credit": ("customer", None),
    "trade fairs": ("channel", None),
    "running the plant": ("facility", None),
}
"""Level of each activity, and the share of its practical volume that is used where it is known."""
