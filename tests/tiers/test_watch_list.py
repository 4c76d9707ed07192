"""The watch list: who is on it, in which order, and effects that add up to the change."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import DataWarning, InputError
from crmvalue.tiers.watch_list import watch_list

TIERS = ["gold", "steel", "lead"]
EFFECTS = ["orders_effect", "order_value_effect", "cost_effect", "other_effect"]

money = st.integers(-400, 400).map(lambda k: k / 4)
customer = st.tuples(
    st.sampled_from(TIERS),
    money,
    st.one_of(st.none(), st.integers(0, 6)),
    st.one_of(st.none(), money),
    st.one_of(st.none(), money),
    st.integers(0, 5),
)
customers = st.dictionaries(st.integers(0, 8), customer, min_size=1)


def frame_of(held: dict[int, tuple[str, float, int, float, float, int]]) -> pl.DataFrame:
    names = ("tier", "value", "n_purchases", "total_spend", "activity_cost", "n_products")
    kinds = (pl.String, pl.Float64, pl.Int64, pl.Float64, pl.Float64, pl.Int64)
    columns = {
        name: pl.Series([row[i] for row in held.values()], dtype=kind)
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    return pl.DataFrame({"customer_id": list(held)} | columns)


def one(tier: str = "gold", value: float = 100.0, **history: float) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ["a"], "tier": [tier], "value": [value]} | history)


def cause(before: pd.DataFrame, after: pd.DataFrame) -> str:
    found = watch_list(before, after, order=TIERS)
    return found["cause"].item()


@settings(max_examples=30)
@given(customers, customers)
@example({0: ("gold", 1.0, 0, None, None, 0)}, {1: ("gold", 1.0, 1, 1.0, 1.0, 1)})
def test_effects_add_up_to_the_change(held, now) -> None:
    """Catches the average's change times one period's orders, and costs with the wrong sign."""
    listed = watch_list(frame_of(held), frame_of(now), order=TIERS)
    assert listed["change"].is_sorted()
    for row in listed.iter_rows(named=True):
        assert row["change"] == row["value_after"] - row["value_before"] == row["explained_change"]
        parts = [row[name] or 0.0 for name in EFFECTS]
        assert math.isclose(sum(parts), row["change"], abs_tol=1e-9)
        _, _, _, spend, cost, _ = held[row["customer_id"]]
        _, _, _, spend_now, cost_now, _ = now.get(row["customer_id"], (0,) * 6)
        if row["order_value_effect"] is not None:  # without orders theirs is 0, spend known or not
            assert math.isclose(parts[0] + parts[1], spend_now - spend, abs_tol=1e-9)
        if row["cost_effect"] is not None:
            assert parts[2] == cost - cost_now
        if row["cause"] not in ("value held", "unknown") and min(parts) < 0:
            worst = EFFECTS[int(np.argmin(parts))]
            wanted = {
                "orders_effect": {"fewer orders"},
                "order_value_effect": {"smaller orders", "lost products"},
                "cost_effect": {"more cost"},
                "other_effect": {"other"},
            }
            assert row["cause"] in wanted[worst]


@settings(max_examples=30)
@given(customers, customers, st.integers(1, 2), st.sampled_from([0.1, 0.5, 1.0]))
def test_who_is_on_the_list(held, now, dropped, value_drop) -> None:
    """Catches a share of a negative value, ``>`` for ``>=``, and steps counted upwards."""
    listed = watch_list(
        frame_of(held), frame_of(now), order=TIERS, dropped=dropped, value_drop=value_drop
    )
    wanted = set()
    for i, (tier, value, *_) in held.items():
        after = now.get(i)
        steps = -1 if after is None else TIERS.index(after[0]) - TIERS.index(tier)
        left = 0 if after is None else after[1]
        if after is None or steps >= dropped or (value > 0 and value - left >= value_drop * value):
            wanted.add(i)
    assert set(listed["customer_id"]) == wanted
    assert listed["lost"].to_list() == [i not in now for i in listed["customer_id"]]


@settings(max_examples=12)
@given(customers, customers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(held, now, random) -> None:
    """Catches histories joined by position."""
    listed = watch_list(frame_of(held), frame_of(now), order=TIERS)
    shuffled = []
    for part in (held, now):
        ids = list(part)
        random.shuffle(ids)
        shuffled.append(frame_of({i: part[i] for i in ids}))
    assert watch_list(*shuffled, order=TIERS).equals(listed)


def quarter(tiers: str, values: list[float], **history: list[float]) -> pd.DataFrame:
    names = {"g": "gold", "s": "steel", "l": "lead"}
    kept = [names[t] for t in tiers if t != "-"]
    ids = [i for i, t in zip("abcdef", tiers, strict=True) if t != "-"]
    return pd.DataFrame({"customer_id": ids, "tier": kept, "profit": values} | history)


def test_a_quarter(library) -> None:
    earlier = quarter("gggs--", [0.0] * 4)
    before = quarter(
        "ggssgl",
        [80.0, 60.0, 30.0, 20.0, 90.0, -5.0],
        n_purchases=[10, 6, 3, 4, 9, 1],
        total_spend=[100.0, 90.0, 40.0, 30.0, 100.0, 5.0],
        activity_cost=[20.0, 30.0, 10.0, 10.0, 10.0, 10.0],
        n_products=[5, 4, 3, 2, 7, 1],
    )
    after = quarter(
        "sgll--",
        [30.0, 35.0, 20.0, 20.0],
        n_purchases=[5, 6, 3, 4],
        total_spend=[50.0, 90.0, 30.0, 30.0],
        activity_cost=[20.0, 55.0, 10.0, 10.0],
        n_products=[5, 4, 2, 2],
    )
    listed = watch_list(
        library(before), library(after), by="profit", earlier=library(earlier), order=TIERS
    )
    found = to_pandas(listed)
    assert list(found.columns) == [
        "customer_id",
        "from_tier",
        "to_tier",
        "tiers_dropped",
        "value_before",
        "value_after",
        "change",
        "share_lost",
        "dropped",
        "dropped_twice",
        "value_fell",
        "lost",
        "cause",
        "explained_change",
        *EFFECTS,
        "orders_before",
        "orders_after",
        "products_before",
        "products_after",
    ]
    assert found["customer_id"].tolist() == ["e", "a", "b", "c", "d", "f"]
    assert found["to_tier"].tolist() == ["lost", "steel", "gold", "lead", "lead", "lost"]
    assert found["tiers_dropped"].tolist() == [3, 1, 0, 1, 1, 1]
    assert found["change"].tolist() == [-90, -50, -25, -10, 0, 5]
    assert found["share_lost"][:5].tolist() == pytest.approx([1, 0.625, 25 / 60, 1 / 3, 0])
    assert found["share_lost"].isna().tolist() == [False] * 5 + [True]
    assert found["dropped"].tolist() == [False, True, False, True, True, False]
    assert found["dropped_twice"].tolist() == [False, False, False, True, False, False]
    assert found["value_fell"].tolist() == [True, True, True, True, False, False]
    assert found["lost"].tolist() == [True, False, False, False, False, True]
    assert found["cause"].tolist() == [
        "fewer orders",
        "fewer orders",
        "more cost",
        "lost products",
        "value held",
        "fewer orders",
    ]
    assert found["orders_effect"].tolist() == [-100, -50, 0, 0, 0, -5]
    assert found["order_value_effect"].tolist() == [0, 0, 0, -10, 0, 0]
    assert found["cost_effect"].tolist() == [10, 0, -25, 0, 0, 10]
    assert found["other_effect"].tolist() == [0, 0, 0, 0, 0, 0]
    assert found["products_after"].tolist() == [0, 5, 4, 2, 2, 0]


def test_the_split_of_orders_and_their_value() -> None:
    before = one(n_purchases=10, total_spend=100.0)
    after = one(value=48.0, n_purchases=8, total_spend=48.0)
    row = watch_list(before, after, order=TIERS).iloc[0]
    # 10 x 10 to 8 x 6: -2 at a mean of 8, and -4 at a mean of 9 orders.
    assert row[EFFECTS].tolist()[:2] == [-16, -36]
    assert row["cause"] == "smaller orders"
    assert row["other_effect"] == 0
    assert math.isnan(row["cost_effect"])


def test_the_likely_cause() -> None:
    history = {"n_purchases": 10, "total_spend": 100.0, "activity_cost": 0.0, "n_products": 4}
    before = one(**history)
    assert cause(before, one("steel", 50.0, **history | {"total_spend": 50.0})) == "smaller orders"
    fewer = history | {"total_spend": 50.0, "n_products": 3}
    assert cause(before, one("steel", 50.0, **fewer)) == "lost products"
    assert cause(before, one("steel", 50.0, **history | {"activity_cost": 50.0})) == "more cost"
    assert cause(before, one("steel", 50.0, **history)) == "other"
    assert cause(before, one("steel", 100.0, **history | {"activity_cost": 5.0})) == "value held"
    assert cause(one(), one("steel", 50.0)) == "unknown"
    assert cause(one(value=-5.0, n_purchases=0), one("lead", -9.0, n_purchases=0)) == "unknown"
    # Refunds only: no orders any more, and what was paid back made them smaller.
    paid_back = history | {"n_purchases": 0, "total_spend": -30.0, "n_products": 4}
    row = watch_list(before, one("lead", -30.0, **paid_back), order=TIERS).iloc[0]
    assert row[EFFECTS].tolist() == [-100, -30, 0, 0]
    idle = history | {"n_purchases": 0, "total_spend": 0.0}
    row = watch_list(one(**idle), one("steel", **idle), order=TIERS).iloc[0]
    assert row[EFFECTS].tolist() == [0, 0, 0, 0]


def test_a_figure_that_is_not_known() -> None:
    before = pd.concat([one(n_purchases=2.0, total_spend=8.0), one().assign(customer_id="b")])
    after = before.assign(value=50.0)
    found = watch_list(before, after, order=TIERS)
    assert found["cause"].tolist() == ["other", "unknown"]
    assert found["orders_effect"].isna().tolist() == [False, True]
    assert found["other_effect"].tolist() == [-50, -50]
    # A column that one of the frames doesn't tell is used in neither.
    found = watch_list(before, after.assign(n_purchases=np.nan), order=TIERS)
    assert found["orders_before"].isna().all()
    assert found["cause"].tolist() == ["unknown", "unknown"]


def test_orders_counted_from_the_start_of_the_log_are_said(library) -> None:
    then = pd.DataFrame({"customer_id": range(30), "tier": "gold", "value": 9.0, "n_purchases": 3})
    on = then.assign(n_purchases=[4] * 20 + [3] * 10, value=[8.0] * 20 + [1.0] * 10)
    with pytest.warns(DataWarning, match=r"20 have a higher n_purchases in after and") as said:
        listed = watch_list(library(then), library(on))
    assert said[0].filename == __file__
    assert len(to_pandas(listed)) == 10
    # Who is new or gone tells nothing: a lost customer has 0 orders, a new one had 0.
    with pytest.warns(DataWarning, match="from the start of the log"):
        watch_list(then, on.head(25))
    # None of these warns: one has fewer, too few have more, or no orders are known.
    watch_list(then, on.assign(n_purchases=[4] * 29 + [2]))
    watch_list(then, on.assign(n_purchases=[4] * 19 + [3] * 11))
    watch_list(then.head(10), on)
    watch_list(then, on.drop(columns="n_purchases"))
    watch_list(then, on, orders="orders")


def test_costs_are_not_subtracted_from_revenue() -> None:
    before = one(n_purchases=2, total_spend=80.0, activity_cost=10.0)
    after = one(n_purchases=1, total_spend=40.0, activity_cost=90.0)
    by_revenue = watch_list(before, after, by="total_spend", order=TIERS).iloc[0]
    assert by_revenue[EFFECTS[:2]].tolist() == [-40, 0]
    assert math.isnan(by_revenue["cost_effect"])
    assert by_revenue["other_effect"] == 0
    named = watch_list(before, after, order=TIERS, value_drop=None, costs=["activity_cost"])
    assert named.empty


def test_an_expectation_is_explained_by_what_was_earned() -> None:
    before = one(profit=30.0, n_purchases=4, total_spend=40.0, activity_cost=10.0)
    after = one(value=10.0, profit=8.0, n_purchases=2, total_spend=20.0, activity_cost=12.0)
    row = watch_list(before, after, explain="profit", order=TIERS).iloc[0]
    assert (row["change"], row["explained_change"], row["cause"]) == (-90, -22, "fewer orders")
    assert row[EFFECTS].tolist() == [-20, 0, -2, 0]
    assert watch_list(before, after, order=TIERS)["cause"].item() == "other"
    by_revenue = watch_list(before, after, explain="total_spend", order=TIERS).iloc[0]
    assert by_revenue["explained_change"] == -20
    assert math.isnan(by_revenue["cost_effect"])


def test_an_empty_list_keeps_its_columns(library) -> None:
    frame = library(one())
    found = watch_list(frame, frame, order=TIERS)
    columns = to_pandas(found).dtypes
    assert len(to_pandas(found)) == 0
    assert columns["change"] == columns["share_lost"] == np.float64
    assert columns["lost"] == np.bool_


def test_reasons_can_be_left_out() -> None:
    before, after = one(), one("lead", 10.0)
    assert watch_list(before, after, order=TIERS, dropped=None)["value_fell"].tolist() == [True]
    assert watch_list(before, after, order=TIERS, value_drop=None)["dropped"].tolist() == [True]
    assert watch_list(before, after, order=TIERS, dropped=None, value_drop=None).empty
    assert watch_list(before, after, order=TIERS, dropped=3, value_drop=0.95).empty
    # A share of exactly the limit counts, whatever binary makes of it.
    assert watch_list(one(), one(value=70.0), order=TIERS)["value_fell"].tolist() == [True]
    assert watch_list(one(value=9.1), one(value=6.37), order=TIERS)["value_fell"].all()
    assert watch_list(one(), one(value=70.01), order=TIERS).empty
    twice = watch_list(
        one("steel"), one("lead"), earlier=one(), order=TIERS, dropped=None, value_drop=None
    )
    assert twice["dropped_twice"].tolist() == [True]
    assert twice["cause"].tolist() == ["value held"]


def test_who_is_lost_has_not_stepped_down() -> None:
    """Lost is a reason of its own; the others of a step are for who stayed."""
    earlier = pd.DataFrame({"customer_id": ["a", "b", "c"], "tier": "gold"})
    before = earlier.assign(tier="steel", value=[9.0, 9.0, -5.0], n_purchases=2, total_spend=9.0)
    after = before.head(1).assign(tier="lead")
    found = watch_list(before, after, earlier=earlier, order=TIERS).set_index("customer_id")
    assert found["tiers_dropped"].to_dict() == {"a": 1, "b": 2, "c": 2}
    for reason in ("dropped", "dropped_twice"):
        assert found[reason].to_dict() == {"a": True, "b": False, "c": False}
    assert found["lost"].to_dict() == {"a": False, "b": True, "c": True}
    # Neither the value of a nor that of c fell, but c's orders are gone.
    assert found["cause"].to_dict() == {"a": "value held", "b": "fewer orders", "c": "fewer orders"}


def test_what_is_refused() -> None:
    frame = one()
    with pytest.raises(InputError, match="lacks the column 'profit'"):
        watch_list(frame, frame, by="profit")
    with pytest.raises(InputError, match="lacks the column 'rent'"):
        watch_list(frame, frame, costs=["rent"])
    for costs in ("activity_cost", 3):
        with pytest.raises(InputError, match="expected a list of columns, or None"):
            watch_list(frame, frame, costs=costs)
    with pytest.raises(InputError, match="no_rank"):
        watch_list(one("x"), one("x"))
    with pytest.raises(InputError) as error:
        watch_list(frame, frame, dropped=0, value_drop=30)
    assert [fault.fault for fault in error.value.faults] == ["dropped", "value_drop"]
    with pytest.raises(InputError) as error:
        watch_list(one(value=np.nan), pd.concat([one(n_purchases=-1)] * 2), order=TIERS)
    assert {fault.fault for fault in error.value.faults} == {
        "missing_or_not_finite",
        "repeated_id",
        "too_small",
    }
