"""Classic Pen: the same pens by volume and by activity.

R. S. Kaplan (1998), "Classic Pen Company: Developing an ABC Model", Harvard Business School case
198-117, with products where customers stand.
"""

from __future__ import annotations

import pandas as pd
import pytest

from crmvalue._table import to_pandas
from crmvalue.costing import activity_costs
from crmvalue.costing.comparison import compare_costing
from crmvalue.costing.volume import volume_costs

PENS = ["blue", "black", "red", "purple"]
OVERHEAD = {
    "production runs": (22_000, [50, 50, 38, 12]),
    "set-up": (11_200, [200, 50, 228, 48]),
    "parts administration": (4_800, [1, 1, 1, 1]),
    "machine": (14_000, [5_000, 4_000, 900, 100]),
}
SALES = pd.Series([75_000.0, 60_000.0, 13_950.0, 1_650.0], PENS)
MATERIALS = pd.Series([25_000.0, 20_000.0, 4_680.0, 550.0], PENS)
LABOUR = pd.Series([10_000.0, 8_000.0, 1_800.0, 200.0], PENS)
FRINGE = pd.Series([4_000.0, 3_200.0, 720.0, 80.0], PENS)


@pytest.fixture
def compared(library):
    """60,000 by direct labour (300 %: overhead and fringe) against activities and fringe."""
    pools = {**OVERHEAD, "fringe": (FRINGE.sum(), FRINGE.tolist())}
    names = list(pools)
    activity = activity_costs(
        library(pd.DataFrame({"resource": names, "cost": [float(c) for c, _ in pools.values()]})),
        library(pd.DataFrame({"resource": names, "activity": names, "share": 1.0})),
        library(
            pd.DataFrame(
                [
                    (pen, name, float(quantity))
                    for name, (_, quantities) in pools.items()
                    for pen, quantity in zip(PENS, quantities, strict=True)
                ],
                columns=["customer_id", "activity", "quantity"],
            )
        ),
    )
    labour = pd.DataFrame({"customer_id": PENS, "labour": LABOUR.to_numpy()})
    margin = (SALES - MATERIALS - LABOUR).rename("margin").rename_axis("customer_id").reset_index()
    volume = volume_costs(60_000.0, library(labour), by="labour")
    return compare_costing(volume, activity, library(margin))


@pytest.fixture
def pens(compared):
    return to_pandas(compared.customers).set_index("customer_id").loc[PENS]


def test_overhead_by_activity(pens):
    overhead = pens["activity_cost"] - FRINGE
    expected = [19_791.89, 15_197.97, 12_888.09, 4_122.05]
    assert overhead.tolist() == pytest.approx(expected, abs=0.005)


def test_margins_by_volume_and_by_activity(pens):
    by_volume, by_activity = (
        (100 * pens[f"{name}_profit"] / SALES).tolist() for name in ("volume", "activity")
    )
    assert by_volume == pytest.approx([13.3, 13.3, 14.8, 18.2], abs=0.05)
    assert by_activity[:2] == pytest.approx([21.6, 22.7], abs=0.05)
    assert by_activity[2:] == pytest.approx([-44, -200], abs=0.5)


def test_the_small_pens_turn_into_losses_that_the_large_ones_pay_for(compared, pens):
    assert pens["sign_flip"].tolist() == [False, False, True, True]
    assert pens["flips_to"].tolist()[2:] == ["loss", "loss"]
    assert pens["costed"].tolist() == ["over", "over", "under", "under"]
    # From the figures above: 30,000 - 23,791.89 and 24,000 - 18,397.97 over 60,000.
    assert compared.misallocated_share == pytest.approx(11_810.14 / 60_000, abs=1e-6)
    flows = to_pandas(compared.cross_subsidy).set_index("customer_id").loc[PENS]
    assert flows["pays"].tolist() == pytest.approx([6_208.11, 5_602.03, 0, 0], abs=0.005)
    assert flows["receives"].tolist() == pytest.approx([0, 0, 8_208.09, 3_602.05], abs=0.005)
    assert flows["unmatched"].tolist() == pytest.approx([0] * 4, abs=1e-9)
