"""Published figures of support departments and of time-driven costing."""

from __future__ import annotations

import pandas as pd
import pytest

from crmvalue.costing import activity_costs
from crmvalue.costing.support import allocate_support, support_flows
from crmvalue.costing.time_driven import TimeDrivenCosts


def services(*rows):
    return pd.DataFrame(rows, columns=["provider", "receiver", "quantity"])


def test_reciprocal_textbook_case():
    """Administration 1,200 and Maintenance 2,400: A = 1,200 + M/5, M = 2,400 + A/6 (the reciprocal
    method as in Horngren, Datar and Rajan, Cost Accounting).
    """
    costs = pd.DataFrame(
        {
            "department": ["Administration", "Maintenance", "Assembly", "Finishing"],
            "cost": [1_200, 2_400, 0, 0],
            "support": [True, True, False, False],
        }
    )
    found = allocate_support(
        costs,
        services(
            ("Administration", "Maintenance", 1),
            ("Administration", "Assembly", 2),
            ("Administration", "Finishing", 3),
            ("Maintenance", "Administration", 20),
            ("Maintenance", "Assembly", 50),
            ("Maintenance", "Finishing", 30),
        ),
    ).set_index("department")
    gross = found["own_cost"] + found["received"]
    assert gross["Administration"] == pytest.approx(1_737.93, abs=0.005)
    assert gross["Maintenance"] == pytest.approx(2_689.66, abs=0.005)
    assert found["passed_on"]["Administration"] == pytest.approx(1_737.93, abs=0.005)
    assert found["final_cost"].sum() == pytest.approx(3_600, abs=0.005)


def test_step_down_textbook_case():
    """Administration 54,000 closes first, then Maintenance 42,000, which then carries 52,800 and
    passes on 18,480 and 34,320. What it does for Administration counts no more.
    """
    costs = pd.DataFrame(
        {
            "department": ["Administration", "Maintenance", "First", "Second"],
            "cost": [54_000, 42_000, 0, 0],
            "support": [True, True, False, False],
        }
    )
    rows = services(
        ("Administration", "Maintenance", 100),
        ("Administration", "First", 250),
        ("Administration", "Second", 150),
        ("Maintenance", "Administration", 500),
        ("Maintenance", "First", 350),
        ("Maintenance", "Second", 650),
    )
    order = ["Administration", "Maintenance"]
    found = allocate_support(costs, rows, "step_down", order).set_index("department")
    assert found["passed_on"]["Administration"] == 54_000
    assert found["passed_on"]["Maintenance"] == pytest.approx(52_800, abs=1e-9)
    assert found["received"]["Administration"] == 0
    flows = support_flows(costs, rows, "step_down", order).set_index(["provider", "receiver"])
    assert flows["amount"]["Maintenance", "First"] == pytest.approx(18_480, abs=1e-9)
    assert flows["amount"]["Maintenance", "Second"] == pytest.approx(34_320, abs=1e-9)
    assert found["final_cost"]["First"] == pytest.approx(27_000 + 18_480, abs=1e-9)
    assert found["final_cost"]["Second"] == pytest.approx(16_200 + 34_320, abs=1e-9)


ORDERS = ["credit checks", "inquiries", "orders"]
VOLUMES = [2_500, 1_400, 49_000]


@pytest.mark.parametrize(
    ("cost", "minutes", "rate", "unit_costs", "used", "unused"),
    [
        (560_000, 700_000, 0.80, [40.0, 35.2, 6.4], 462_880, 97_120),
        (567_000, 630_000, 0.90, [45.0, 39.6, 7.2], 520_740, 46_260),
    ],
)
def test_kaplan_anderson_customer_service(cost, minutes, rate, unit_costs, used, unused):
    """Kaplan and Anderson (2004), "Time-driven activity-based costing", Harvard Business Review
    82(11), and the variant in their book of that name (2007).
    """
    groups = pd.DataFrame({"group": ["service"], "cost": [cost], "practical_time": [minutes]})
    equations = pd.DataFrame(
        {"group": "service", "activity": ORDERS, "term": "", "time": [50, 44, 8]}
    )
    events = pd.DataFrame({"customer_id": [3, 1, 2], "activity": ORDERS, "quantity": VOLUMES})
    found = TimeDrivenCosts(groups, equations).assign(events)
    line = found.groups.iloc[0]
    assert line["rate"] == pytest.approx(rate, abs=1e-12)
    assert line["used"] == 578_600
    assert line["unused_time"] == minutes - 578_600
    assert line["unused_cost"] == pytest.approx(unused, abs=0.005)
    assert line["used_cost"] == pytest.approx(used, abs=0.005)
    assert found.activities["unit_cost"].tolist() == pytest.approx(unit_costs)
    assert found.totals["cost"].sum() == pytest.approx(used, abs=0.005)


def test_kaplan_anderson_against_the_conventional_rates():
    """Surveyed shares of 70, 10 and 20 % charge the unused capacity too: 8, 40 and 44.80."""
    conventional = activity_costs(
        pd.DataFrame({"resource": ["service"], "cost": [560_000]}),
        pd.DataFrame({"resource": "service", "activity": ORDERS, "share": [0.2, 0.1, 0.7]}),
        pd.DataFrame({"customer_id": 1, "activity": ORDERS, "quantity": VOLUMES}),
    )
    assert conventional.activities["rate"].tolist() == pytest.approx([44.8, 40.0, 8.0])


def test_packaging_time_equation():
    """Packaging takes .5 minutes, 6.5 more if special and .2 more if by air (Kaplan and Anderson
    2004 and 2007, chapter 2).
    """
    equations = pd.DataFrame(
        {
            "group": "packers",
            "activity": "packaging",
            "term": ["", "special", "air"],
            "time": [0.5, 6.5, 0.2],
        }
    )
    groups = pd.DataFrame({"group": ["packers"], "cost": [80.0], "practical_time": [100.0]})
    events = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "activity": "packaging",
            "special": [False, True, False, True],
            "air": [False, False, True, True],
        }
    )
    found = TimeDrivenCosts(groups, equations).assign(events)
    assert found.events["time"].tolist() == pytest.approx([0.5, 7.0, 0.7, 7.2])
    assert found.totals["cost"].tolist() == pytest.approx([0.4, 5.6, 0.56, 5.76])
