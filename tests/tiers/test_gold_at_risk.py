"""What gold may take away: value times probability of leaving, by customer and by tier."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers import ParetoTiers
from crmvalue.tiers.gold_at_risk import gold_at_risk

chances = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
amounts = st.integers(-5000, 50_000).map(lambda k: k / 100)
tiers = st.sampled_from(["gold", "steel", "lead"])
customers = st.lists(st.tuples(amounts, chances, tiers), min_size=1, max_size=30)


def frame_of(rows) -> pl.DataFrame:
    values, alive, names = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "customer_id": range(len(rows)),
            "tier": names,
            "profit": pl.Series(values, dtype=pl.Float64),
            "probability_alive": pl.Series(alive, dtype=pl.Float64),
        }
    )


@settings(max_examples=30)
@given(customers)
def test_tiers_add_up_and_the_list_is_gold_by_falling_risk(rows) -> None:
    """Catches values below 0 that lower the risk of the others, and unknowns counted as 0."""
    risk = gold_at_risk(frame_of(rows), value="profit")
    table = risk.tiers
    assert table["tier"].to_list() == ["gold", "steel", "lead"]
    assert table["customers"].sum() == len(rows)
    assert math.isclose(table["value"].sum(), math.fsum(v for v, _, _ in rows), abs_tol=1e-9)
    known = [max(v, 0) * (1 - p) for v, p, tier in rows if tier == "gold" and p is not None]
    assert math.isclose(risk.total, math.fsum(known), abs_tol=1e-9)
    assert table["value_at_risk"][0] == risk.total
    unknown = [v for v, p, tier in rows if tier == "gold" and p is None]
    assert table["customers_unknown"][0] == len(unknown)
    assert math.isclose(table["value_unknown"][0], math.fsum(unknown), abs_tol=1e-9)
    shares = table["share_at_risk"].drop_nulls()
    assert ((shares >= 0) & (shares <= 1 + 1e-12)).all()
    listed = risk.customers
    assert len(listed) == table["customers"][0]
    falling = listed["value_at_risk"].drop_nulls()
    assert falling.to_list() == sorted(falling, reverse=True)
    assert listed["value_at_risk"].to_list()[len(falling) :] == [None] * len(unknown)


@settings(max_examples=25)
@given(customers, st.integers(-60, 60), st.randoms(use_true_random=False))
def test_neither_the_unit_of_money_nor_the_order_of_rows_matters(rows, power, random) -> None:
    """Catches probabilities left in the order of the rows."""
    frame = frame_of(rows)
    places = list(range(len(rows)))
    random.shuffle(places)
    scaled = frame.with_columns(profit=pl.col("profit") * 2.0**power)[places]
    got = gold_at_risk(scaled, value="profit").customers
    money = pl.col("value", "value_at_risk") / 2.0**power
    assert got.with_columns(money).equals(gold_at_risk(frame, value="profit").customers)


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in rng.permutation(200)],
            "profit": np.round(rng.normal(60, 60, 200), 1),
            "alive": np.where(rng.random(200) < 0.1, np.nan, np.round(rng.random(200), 2)),
        }
    )
    fitted = ParetoTiers.fit(frame, by="profit")
    expected = gold_at_risk(frame, fitted, alive="alive")
    got = gold_at_risk(library(frame), fitted, alive="alive")
    for name in ("customers", "tiers"):
        pd.testing.assert_frame_equal(
            to_pandas(getattr(got, name)).astype({"tier": str}),
            getattr(expected, name).astype({"tier": str}),
        )
    assert repr(got) == repr(expected)
    assert got.total == expected.total


def test_tiers_may_be_by_another_figure_than_what_is_at_risk() -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 2], "revenue": [90, 10], "profit": [-5, 8], "probability_alive": [0, 0]}
    )
    risk = gold_at_risk(frame, ParetoTiers.fit(frame, by="revenue"), value="profit")
    assert risk.customers["value_at_risk"].tolist() == [0.0]
    assert risk.tiers["value_at_risk"].tolist() == [0.0, 8.0, 0.0]
    assert risk.tiers["share_at_risk"].isna().tolist() == [True, False, True]


def test_nobody_gold_all_gold(library) -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 2], "profit": [0.0, -3.0], "probability_alive": [0.5, 0.5]}
    )
    none = gold_at_risk(library(frame), ParetoTiers.fit(frame, by="profit"))
    assert len(to_pandas(none.customers)) == 0
    assert to_pandas(none.tiers)["customers"].tolist() == [0, 0, 2]
    assert repr(none) == "GoldAtRisk(0.00 at risk with 0 gold customers)"
    everybody = gold_at_risk(library(frame.assign(profit=4.0, tier="gold")), value="profit")
    assert repr(everybody) == "GoldAtRisk(4.00 at risk with 2 gold customers)"
    assert to_pandas(everybody.customers)["customer_id"].tolist() == [1, 2]
    with pytest.raises(InputError, match=r"column 'top': unknown_tier \('VIP'\)"):
        gold_at_risk(library(frame.assign(tier="gold")), value="profit", top="VIP")
    with pytest.raises(InputError, match="not_a_probability in 1 row"):
        gold_at_risk(
            library(frame.assign(tier="gold", probability_alive=[2.0, 1.0])), value="profit"
        )
