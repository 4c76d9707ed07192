"""An earlier result beside this one: who moved, who fell, and tiers that a band holds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.report import render
from crmvalue.report.labels import figure_name

MOVED = ("earlier_tiers", "migration", "movements", "migration_shares", "watch_list")


@pytest.fixture(scope="module")
def log():
    """A log whose first customers come in its first week, with a refund now and then."""
    sample = cv.datasets.load_cdnow(sample=True)
    refunds = sample.iloc[::50].assign(amount=-1.0, date=sample["date"] + pd.Timedelta(days=9))
    log = pd.concat([sample, refunds], ignore_index=True)
    return log[log["date"] <= "1998-06-30"]


@pytest.fixture(scope="module")
def middle():
    return pd.Timestamp("1997-10-15")


@pytest.fixture(scope="module")
def earlier(log, middle):
    return cv.value_customers(log[log["date"] <= middle])


@pytest.fixture(scope="module")
def now(log, earlier):
    return cv.value_customers(log, previous=earlier, model=earlier.model)


@pytest.fixture(scope="module")
def banded(log, earlier):
    return cv.value_customers(log, previous=earlier, model=earlier.model, band=0.5)


def test_without_an_earlier_result_nobody_moved(log, earlier, now):
    alone = cv.value_customers(log, model=earlier.model)
    assert not set(MOVED) & set(alone.tables)
    assert set(now.tables) == {*alone.tables, *MOVED}
    pd.testing.assert_frame_equal(now.customers, alone.customers)
    pd.testing.assert_frame_equal(now.tiers, alone.tiers)


def test_every_move_is_counted_once_and_its_value_flows(earlier, now):
    flow = now.tables["migration"]
    assert list(flow) == [
        *("from_tier", "to_tier", "customers", "value_before", "value_after", "change")
    ]
    then = earlier.customers["lifetime_value"].sum()
    assert flow["value_before"].sum() == pytest.approx(then)
    assert flow["value_after"].sum() == pytest.approx(now.customers["lifetime_value"].sum())
    assert flow["customers"].sum() == len(now.customers)
    moves = earlier.customers[["customer_id", "tier"]].merge(
        now.customers[["customer_id", "tier"]], on="customer_id"
    )
    for row in flow[flow["from_tier"] != "new"].to_dict("records"):
        same = (moves["tier_x"] == row["from_tier"]) & (moves["tier_y"] == row["to_tier"])
        assert same.sum() == row["customers"]
    moved = now.tables["movements"].set_index("tier")
    assert moved["customers_after"].tolist() == now.tiers["customers"].tolist()
    assert moved["customers_before"].tolist() == earlier.tiers["customers"].tolist()


def test_causes_compare_windows_of_equal_length(log, middle, now):
    watched = now.tables["watch_list"]
    assert set(watched["cause"]) - {"unknown"}
    assert watched["change"].is_monotonic_increasing
    made, end = (pd.Timestamp(day).normalize() for day in (middle, log["date"].max()))
    length = end - made
    sold = log[log["amount"] >= 0].assign(day=log["date"].dt.normalize())
    for side, first, last in (("before", made - length, made), ("after", made, end)):
        within = sold[(sold["day"] > first) & (sold["day"] <= last)]
        orders = within.groupby("customer_id")["day"].nunique()
        counted = watched["customer_id"].map(orders).fillna(0).to_numpy()
        np.testing.assert_array_equal(watched[f"orders_{side}"], counted)


def test_a_log_that_does_not_reach_back_shows_no_cause(log, earlier):
    early = log["date"].min() + pd.Timedelta(days=120)
    first = cv.value_customers(log[log["date"] <= early], model=earlier.model)
    watched = cv.value_customers(log, previous=first, model=earlier.model).tables["watch_list"]
    assert set(watched["cause"]) <= {"unknown", "value held"}
    assert watched["orders_before"].isna().all()


def test_an_earlier_frame_may_be_of_any_library(log, earlier, now, library):
    given = library(to_pandas(earlier.customers))
    again = cv.value_customers(log, previous=given, model=earlier.model)
    for name in (*MOVED, "tiers", "customers"):
        pd.testing.assert_frame_equal(again.tables[name], now.tables[name])


def test_an_earlier_folder_is_read(log, earlier, now, tmp_path):
    earlier.customers.to_parquet(tmp_path / "customers.parquet", index=False)
    (tmp_path / "model.json").write_text(earlier.model.to_json(), encoding="utf-8")
    for given in (tmp_path, str(tmp_path)):
        again = cv.value_customers(log, previous=given, model=earlier.model)
        for name in MOVED:
            pd.testing.assert_frame_equal(again.tables[name], now.tables[name])
    with pytest.raises(InputError, match="those asked for by total_spend"):
        cv.value_customers(log, previous=tmp_path, tier_by="total_spend")


def test_a_log_of_every_library_gives_the_same_moves(log, earlier, now, library):
    found = cv.value_customers(library(log), previous=earlier, model=earlier.model)
    for name in MOVED:
        assert type(found.tables[name]) is type(found.customers)
        left, right = to_pandas(found.tables[name]), now.tables[name]
        assert list(left) == list(right)
        for column in right:
            assert left[column].astype(str).tolist() == right[column].astype(str).tolist()


def test_the_same_day_again_is_no_movement(log, earlier, middle):
    same = log[log["date"] <= middle]
    again = cv.value_customers(same, previous=earlier, model=earlier.model, band=0.2)
    moved = again.tables["movements"]
    assert moved["unchanged"].tolist() == moved["customers_before"].tolist()
    assert not len(again.tables["watch_list"])
    pd.testing.assert_frame_equal(again.customers, earlier.customers)


def test_a_band_keeps_tiers_and_every_table_says_so(earlier, banded):
    """Fails where the table of tiers is made by the thresholds alone."""
    model, customers = earlier.model.tiers, banded.customers
    plain = model.assign(customers)["tier"].astype(str)
    kept = plain != customers["tier"].astype(str)
    assert kept.any()
    value = customers["lifetime_value"][kept]
    assert value.between(0.5 * model.gold, 1.5 * model.gold).all()
    counts = customers["tier"].value_counts()
    held = customers.groupby("tier", observed=False)["lifetime_value"].sum()
    for row in banded.tiers.to_dict("records"):
        assert row["customers"] == counts[row["tier"]]
        assert row["lifetime_value"] == pytest.approx(held[row["tier"]])
    gap = banded.tables["gold_gap"]
    assert (gap["value"] + gap["gap"]).max() == pytest.approx(1.5 * model.gold)
    assert cv.check(banded, banded.baseline())["passed"].all()


def test_the_trace_shows_the_threshold_that_held(banded):
    """Fails where the trace names the plain threshold for a customer whom the band has kept."""
    last = banded.explain().query("step == 'tier'")
    value = last[last["item"] == "lifetime_value"].set_index("customer_id")
    gold = last[last["item"] == "gold from"].set_index("customer_id")
    assert ((value["amount"] >= gold["rate"]) == (value["source"] == "gold")).all()
    assert gold["rate"].nunique() == 2
    plain = banded.model.tiers.gold
    assert gold["source"][gold["rate"] < plain].unique().tolist() == [
        "ParetoTiers, less the band of 0.5: was above"
    ]


@pytest.fixture(scope="module")
def by_figure(log, middle):
    """An earlier result and one beside it, for tiers by this figure."""

    def made(by):
        costs = {"costs": cv.datasets.demo_costs(log)} if by == "profit" else {}
        first = cv.value_customers(log[log["date"] <= middle], tier_by=by, **costs)
        return first, cv.value_customers(log, previous=first, model=first.model, **costs)

    return cache(made)


@pytest.mark.parametrize("by", ["profit", "total_spend"])
def test_what_moves_is_the_figure_that_made_the_tiers(by_figure, by):
    """Fails where lifetime values flow between tiers by another figure."""
    first, second = by_figure(by)
    flow, watched = second.tables["migration"], second.tables["watch_list"]
    assert flow["value_before"].sum() == pytest.approx(first.customers[by].sum())
    assert flow["value_after"].sum() == pytest.approx(second.customers[by].sum())
    assert list(second.tables["earlier_tiers"]) == ["customer_id", "tier", by]
    before = first.customers.set_index("customer_id")[by]
    np.testing.assert_allclose(watched["value_before"], before[watched["customer_id"]])
    assert cv.check(second, second.baseline())["passed"].all()
    page = render({name: second.tables[name] for name in ("facts", "movements", "migration")})
    assert f"The {figure_name(by)} of all was" in page


@pytest.mark.parametrize("by", ["profit", "total_spend"])
def test_tiers_by_a_running_total_are_said(by_figure, by, now):
    """Fails where nobody is told why hardly anybody falls from gold."""
    told = f"Tiers are by {by}, which adds up over the log"
    assert [told in message for message in by_figure(by)[1].messages].count(True) == 1
    assert not any("adds up over the log" in message for message in now.messages)


def test_totals_of_two_periods_are_compared_without_a_word(log, middle):
    made = pd.Timestamp(middle)
    first = cv.value_customers(log[log["date"] <= made], tier_by="total_spend")
    since = cv.value_customers(
        log[log["date"] > made + pd.Timedelta(days=1)], previous=first, model=first.model
    )
    assert not any("adds up over the log" in message for message in since.messages)


def test_the_watch_list_is_of_those_who_were_gold(earlier, now):
    """Fails where the list is nearly everybody, since each month of silence costs value."""
    watched = now.tables["watch_list"]
    assert set(watched["from_tier"]) == {"gold"}
    assert list(watched.index) == list(range(len(watched)))
    everybody = cv.watch_list(
        *(r.customers[["customer_id", "tier", "lifetime_value"]] for r in (earlier, now)),
        by="lifetime_value",
        order=["gold", "steel", "lead"],
    )
    gold = everybody[everybody["from_tier"] == "gold"]
    assert watched["customer_id"].tolist() == gold["customer_id"].tolist()
    assert 0 < len(watched) < len(everybody) / 3
    page = render({name: now.tables[name] for name in ("facts", "movements", "watch_list")})
    assert "were gold" in page
    assert "30\xa0% of their lifetime value or more" in page
    assert "Lifetime value then" in page


def test_other_terms_are_said(log, earlier, now):
    other = cv.value_customers(log, previous=earlier, annual_discount_rate=0.2, horizon=52.0)
    assert any("another horizon and another discount rate" in text for text in other.messages)
    assert not any("earlier result" in text for text in now.messages)


def test_what_is_no_earlier_result_is_refused_in_words(log, earlier, now, middle, tmp_path):
    customers, model = earlier.customers, earlier.model
    with pytest.raises(InputError, match="tiers are by lifetime_value, those asked for by total"):
        cv.value_customers(log, previous=earlier, tier_by="total_spend")
    with pytest.raises(InputError, match=r"previous\.tier, previous\.lifetime_value") as caught:
        cv.value_customers(log, previous=customers[["customer_id"]])
    assert len(caught.value.faults) == 1
    with pytest.raises(InputError, match=r"holds no customers\.parquet and model\.json"):
        cv.value_customers(log, previous=tmp_path)
    with pytest.raises(InputError, match="name that result with previous="):
        cv.value_customers(log, band=0.1)
    with pytest.raises(InputError, match="band must be a share"):
        cv.value_customers(log, previous=earlier, model=model, band=1.5)
    with pytest.raises(InputError, match="an earlier result comes first"):
        cv.value_customers(log[log["date"] <= middle], previous=now)
    with pytest.raises(InputError, match="unknown_tier"):
        cv.value_customers(log, previous=customers.assign(tier="VIP"), model=model)
    with pytest.raises(InputError, match="repeated_id"):
        cv.value_customers(log, previous=pd.concat([customers, customers]), model=model)
    text = customers.assign(customer_id=customers["customer_id"].astype(str))
    with pytest.raises(InputError, match="ids of different types"):
        cv.value_customers(log, previous=text, model=model)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("lifetime_value", "x", "not_a_number"),
        ("lifetime_value", np.nan, "missing_or_not_finite"),
        ("recency", "a", "not_a_number"),
        ("inactive", "a", "not_a_number"),
        ("inactive", -1.0, "too_small"),
        ("first_purchase", "nonsense", "not_an_iso_date"),
        ("last_purchase", "3024-01-01", "implausible_date"),
        ("last_purchase", pd.NaT, "missing_date"),
        ("tier", None, "missing_tier"),
        ("tier", "VIP", "unknown_tier"),
        ("tier", 1, "not_a_tier"),
        ("customer_id", 7, "repeated_id"),
    ],
)
def test_each_fault_is_named_before_anything_is_fitted(log, earlier, column, value, fault):
    """The log can't be fitted, so whoever checks after that complains of something else."""
    once = log[log["amount"] > 0].drop_duplicates("customer_id")
    given = earlier.customers.assign(**{column: value})
    with pytest.raises(InputError, match=r"^previous can't be used") as caught:
        cv.value_customers(once, previous=given)
    assert (fault, f"previous.{column}") in [(f.fault, f.column) for f in caught.value.faults]
    assert {f.column for f in caught.value.faults} == {f"previous.{column}"}


def test_ids_of_another_type_are_named_before_anything_is_fitted(log, earlier, tmp_path, library):
    """Fails where they are met only when customers are looked up: the log can't be fitted."""
    once = log[log["amount"] > 0].drop_duplicates("customer_id")
    text = once.assign(customer_id=once["customer_id"].astype(str))
    with pytest.raises(
        InputError, match=r"^previous can't be used.*\n.*ids of different"
    ) as caught:
        cv.value_customers(library(text), previous=earlier)
    assert [(f.fault, f.column) for f in caught.value.faults] == [
        ("other_ids", "previous.customer_id")
    ]
    given = earlier.customers.assign(
        customer_id=earlier.customers["customer_id"].astype(str), tier="VIP"
    )
    given.to_parquet(tmp_path / "customers.parquet", index=False)
    (tmp_path / "model.json").write_text(earlier.model.to_json(), encoding="utf-8")
    for previous in (library(given), tmp_path):
        with pytest.raises(InputError) as caught:
            cv.value_customers(once, previous=previous)
        assert {f.fault for f in caught.value.faults} == {"other_ids", "unknown_tier"}


def test_the_band_is_kept(banded, now, earlier):
    """Fails where the model or the facts say nothing of it."""
    assert banded.model.band == 0.5
    assert type(banded.model).from_json(banded.model.to_json()).band == 0.5
    facts = banded.tables["facts"].set_index("item")["value"]
    assert facts["band"] == "0.5"
    for plain in (now, earlier):
        assert plain.model.band == 0
        assert "band" not in set(plain.tables["facts"]["item"])
    kept = banded.tables["earlier_tiers"]
    assert list(kept) == ["customer_id", "tier", "lifetime_value"]
    assert kept["tier"].astype(str).tolist() == earlier.customers["tier"].astype(str).tolist()


def test_all_faults_are_named_at_once(log, earlier, library):
    given = to_pandas(earlier.customers).assign(
        tier="VIP", lifetime_value="x", first_purchase="nonsense", recency="a"
    )
    given.loc[0, "customer_id"] = given.loc[1, "customer_id"]
    with pytest.raises(InputError) as caught:
        cv.value_customers(log, previous=library(given), model=earlier.model)
    assert {(f.fault, f.column) for f in caught.value.faults} == {
        ("repeated_id", "previous.customer_id"),
        ("unknown_tier", "previous.tier"),
        ("not_a_number", "previous.lifetime_value"),
        ("not_an_iso_date", "previous.first_purchase"),
        ("not_a_number", "previous.recency"),
    }
    with pytest.raises(InputError, match=r"empty.*previous|previous.*empty"):
        cv.value_customers(log, previous=library(given.head(0)), model=earlier.model)


def test_tiers_alone_are_enough_of_an_earlier_frame(log, earlier):
    few = earlier.customers[["customer_id", "tier", "lifetime_value"]]
    found = cv.value_customers(log, previous=few, model=earlier.model)
    assert found.tables["movements"]["customers_before"].sum() == len(few)
    assert set(found.tables["watch_list"]["cause"]) <= {"unknown", "value held"}


@pytest.mark.parametrize("band", ["x", None, 1, -0.1, True])
def test_a_band_that_is_no_share_is_refused_before_anything_is_fitted(log, earlier, band):
    with pytest.raises(InputError, match="band must be a share of the thresholds"):
        cv.value_customers(log, previous=earlier, band=band)


def test_what_holds_no_customers_is_named(log, earlier):
    with pytest.raises(InputError, match=r"earlier CustomerValue.*got ValueModel"):
        cv.value_customers(log, previous=earlier.model)
