"""Published and independently known optima of spending.

Blattberg and Deighton (1996): a share c (1 - exp(-k A)) of prospects, each worth V, is won for A
per prospect; k c V exp(-k A) = 1 at the optimum A* = ln(k c V) / k, 0 where k c V <= 1.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

from crmvalue.tiers.allocation import split_budget


@pytest.mark.parametrize(
    ("value", "ceiling", "steepness"), [(100.0, 0.4, 0.2), (1500.0, 0.1, 0.01), (20.0, 0.3, 0.1)]
)
def test_the_optimum_of_blattberg_and_deighton(value, ceiling, steepness) -> None:
    frame = pd.DataFrame(
        {"tier": ["prospects"], "ceiling": [value * ceiling], "steepness": [steepness]}
    )
    split = split_budget(frame, math.inf, by="tier", least_return=1.0)
    expected = max(0.0, math.log(steepness * ceiling * value) / steepness)
    assert split.spent == pytest.approx(expected, rel=1e-14)


def test_steepness_from_the_three_answers_of_a_decision_calculus() -> None:
    # Blattberg and Deighton ask: what is spent, what it wins, what could be won at most. Half of
    # the ceiling for 5 gives k = ln 2 / 5; with V c = 40, A* = 5 log2(40 ln 2 / 5).
    frame = pd.DataFrame({"tier": ["p"], "ceiling": [40.0], "spent": [5.0], "wins": [20.0]})
    split = split_budget(frame, math.inf, by="tier", gain="wins", present="spent", least_return=1.0)
    assert split.spent == pytest.approx(5 * math.log2(40 * math.log(2) / 5), rel=1e-14)


def test_two_units_by_hand() -> None:
    # Own: k1 c1 = 8, k2 c2 = 2, k = 1 both: x1 - x2 = ln 4, so that of 4 ln 2 money the first gets
    # 3 ln 2 and the second ln 2; marginal return 8 / 2^3 = 2 / 2 = 1. Below ln 4 the first has all.
    frame = pd.DataFrame({"customer_id": [1, 2], "ceiling": [8.0, 2.0], "steepness": [1.0, 1.0]})
    split = split_budget(frame, 4 * math.log(2))
    assert split.optimal == pytest.approx([3 * math.log(2), math.log(2)], rel=1e-15)
    assert split.marginal_return == pytest.approx(1.0, rel=1e-15)
    assert split.gain == pytest.approx(8 * 7 / 8 + 2 / 2, rel=1e-15)
    assert split_budget(frame, math.log(4)).optimal == pytest.approx([math.log(4), 0], abs=1e-15)
    assert split_budget(frame, 1.0).optimal.tolist() == [1.0, 0.0]


def test_a_lifetime_value_of_a_search_split_by_water_filling() -> None:
    # Own, by the closed form on the active set {1, 2} of three units, all in exact terms:
    # ln mu = (sum of a_i/k_i - B) / sum of 1/k_i.
    ceiling, steepness, budget = [100.0, 60.0, 3.0], [0.05, 0.10, 0.02], 30.0
    frame = pd.DataFrame({"customer_id": [1, 2, 3], "ceiling": ceiling, "steepness": steepness})
    a = [math.log(c * k) for c, k in zip(ceiling, steepness, strict=True)]
    log_mu = (a[0] / 0.05 + a[1] / 0.10 - budget) / (1 / 0.05 + 1 / 0.10)
    assert a[2] < log_mu
    expected = [(a[0] - log_mu) / 0.05, (a[1] - log_mu) / 0.10, 0.0]
    split = split_budget(frame, budget)
    assert split.optimal == pytest.approx(expected, rel=1e-13, abs=1e-13)
    assert split.marginal_return == pytest.approx(math.exp(log_mu), rel=1e-13)
