"""The figures of the textbook cases of costing."""

from __future__ import annotations

import pandas as pd
import pytest

from crmvalue.costing import activity_costs, customer_statement

PENS = ["blue", "black", "red", "purple"]
PEN_POOLS = {
    "production runs": (22_000, [50, 50, 38, 12]),
    "set-up": (11_200, [200, 50, 228, 48]),
    "parts administration": (4_800, [1, 1, 1, 1]),
    "machine": (14_000, [5_000, 4_000, 900, 100]),
}


@pytest.fixture
def pens():
    """Classic Pen (Kaplan): products stand where customers stand."""
    names = list(PEN_POOLS)
    return activity_costs(
        pd.DataFrame({"resource": names, "cost": [cost for cost, _ in PEN_POOLS.values()]}),
        pd.DataFrame({"resource": names, "activity": names, "share": 1.0}),
        pd.DataFrame(
            [
                (pen, name, quantity)
                for name, (_, quantities) in PEN_POOLS.items()
                for pen, quantity in zip(PENS, quantities, strict=True)
            ],
            columns=["customer_id", "activity", "quantity"],
        ),
    )


def test_classic_pen_overhead(pens):
    found = pens.totals.set_index("customer_id")["cost"]
    assert found["blue"] == pytest.approx(19_791.89, abs=0.005)
    assert found["black"] == pytest.approx(15_197.97, abs=0.005)
    assert found["red"] == pytest.approx(12_888.09, abs=0.005)
    assert found["purple"] == pytest.approx(4_122.05, abs=0.005)
    assert found.sum() == pytest.approx(52_000, abs=0.005)


def test_classic_pen_margins(pens):
    sales = pd.DataFrame({"customer_id": PENS, "list_revenue": [75_000, 60_000, 13_950, 1_650]})
    direct = zip(
        [25_000, 20_000, 4_680, 550],
        [10_000, 8_000, 1_800, 200],
        [4_000, 3_200, 720, 80],
        strict=True,
    )
    statement = customer_statement(sales.assign(cost_of_goods=list(map(sum, direct))), costs=pens)
    margin = statement.set_index("customer_id").eval("100 * economic_profit / list_revenue")
    assert margin[PENS].round(1).tolist()[:2] == [21.6, 22.7]
    assert margin[PENS].round(0).tolist()[2:] == [-44.0, -200.0]


ORDERS = ["orders", "inquiries", "credit checks"]
VOLUMES = [49_000, 1_400, 2_500]


def test_kaplan_anderson_surveyed_shares_give_the_conventional_rates():
    costs = activity_costs(
        pd.DataFrame({"resource": ["customer service"], "cost": [560_000]}),
        pd.DataFrame(
            {"resource": "customer service", "activity": ORDERS, "share": [0.7, 0.1, 0.2]}
        ),
        pd.DataFrame({"customer_id": "all", "activity": ORDERS, "quantity": VOLUMES}),
    )
    rates = costs.activities.set_index("activity")["rate"]
    assert rates[ORDERS].tolist() == pytest.approx([8.0, 40.0, 44.8], abs=1e-9)
    assert costs.idle.sum() == 0


@pytest.mark.parametrize(
    ("cost", "minutes", "rate", "used"),
    [(560_000, 700_000, 0.80, 462_880), (567_000, 630_000, 0.90, 520_740)],
)
def test_kaplan_anderson_practical_capacity_leaves_the_unused_part_uncharged(
    cost, minutes, rate, used
):
    times = [8, 44, 50]
    costs = activity_costs(
        pd.DataFrame({"resource": ["customer service"], "cost": [cost]}),
        pd.DataFrame({"resource": ["customer service"], "activity": ["work"], "share": [1]}),
        pd.DataFrame(
            {
                "customer_id": ORDERS,
                "activity": "work",
                "quantity": [n * time for n, time in zip(VOLUMES, times, strict=True)],
            }
        ),
        pd.DataFrame({"activity": ["work"], "practical_volume": [minutes]}),
    )
    line = costs.activities.iloc[0]
    assert line["driver_volume"] == 578_600
    assert line["rate"] == pytest.approx(rate, abs=1e-12)
    assert line["assigned"] == pytest.approx(used, abs=0.005)
    assert line["idle"] == pytest.approx(cost - used, abs=0.005)
    per_event = costs.totals.set_index("customer_id")["cost"][ORDERS] / VOLUMES
    assert per_event.tolist() == pytest.approx([time * rate for time in times])


def test_provision_matrix_of_trade_receivables():
    """IFRScommunity.com, "IFRS 9 Impairment", example of lifetime expected credit losses by a
    provision matrix: rates from what stayed unpaid of January's sales, losses by age.
    """
    reached = {0: 100_000, 1: 50_000, 31: 23_000, 61: 8_000, 91: 2_000}
    rates = {days: 2_000 / amount for days, amount in reached.items()}
    receivables = pd.DataFrame(
        {
            "customer_id": range(5),
            "days_past_due": [0, 30, 45, 90, 91],
            "balance": [300_000, 140_000, 60_000, 23_000, 5_000],
        }
    )
    found = customer_statement(
        pd.DataFrame({"customer_id": range(5), "list_revenue": 0.0}),
        receivables=receivables,
        annual_capital_rate=0,
        loss_rates=rates,
    )
    assert found["credit_loss"].round().tolist() == [-6_000, -5_600, -5_217, -5_750, -5_000]
    assert -found["credit_loss"].sum() == pytest.approx(27_567, abs=0.5)
