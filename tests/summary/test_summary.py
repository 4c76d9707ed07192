"""One row per customer: hand-made cases, laws, and agreement with other packages."""

from __future__ import annotations

import datetime as dt
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue.errors import InputError

LOG = pd.DataFrame(
    {
        "customer_id": [7, 7, 7, 7, 3, 5, 5],
        "date": [
            *("2024-01-01", "2024-01-01", "2024-01-15", "2024-02-12"),
            *("2024-01-08", "2024-01-08", "2024-01-29"),
        ],
        "amount": [30.0, 5.0, 10.0, 20.0, 0.0, 12.0, -12.0],
    }
)


def test_the_summary_by_hand():
    summary = cv.customer_summary(LOG, amount="amount", as_of="2024-02-26").set_index("customer_id")
    assert summary.index.tolist() == [3, 5, 7]
    seven = summary.loc[7]
    assert (seven["frequency"], seven["n_purchases"]) == (2, 3)
    assert (seven["recency"], seven["T"], seven["inactive"]) == (6.0, 8.0, 2.0)
    assert (seven["total_spend"], seven["monetary_value"]) == (65.0, 15.0)
    assert seven["first_purchase"] == pd.Timestamp("2024-01-01")
    assert seven["last_purchase"] == pd.Timestamp("2024-02-12")
    three, five = summary.loc[3], summary.loc[5]
    assert (three["frequency"], three["recency"], three["total_spend"]) == (0, 0.0, 0.0)
    assert np.isnan(three["monetary_value"])
    assert (five["n_purchases"], five["total_spend"]) == (1, 0.0), "a refund is no purchase"
    assert five["last_purchase"] == pd.Timestamp("2024-01-08")


def test_a_refund_on_the_first_day_lowers_that_days_spend_alone():
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 1],
            "date": ["2024-01-01", "2024-01-01", "2024-01-08", "2024-01-09"],
            "amount": [30.0, -10.0, 8.0, -2.0],
        }
    )
    summary = cv.customer_summary(log, amount="amount")
    assert summary["total_spend"].item() == 26.0
    assert summary["monetary_value"].item() == 6.0  # (26 - 20) / 1


def test_a_sum_that_is_zero_is_exactly_zero():
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 1],
            "date": ["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"],
            "amount": [1.0, 10.10, 20.20, -30.30],
        }
    )
    assert cv.customer_summary(log, amount="amount")["monetary_value"].item() == 0.0


@pytest.mark.parametrize(("unit", "days"), [("D", 1), ("W", 7), ("M", 365.25 / 12), ("Y", 365.25)])
def test_units_divide_days(unit, days):
    summary = cv.customer_summary(LOG, amount="amount", unit=unit, as_of="2024-02-26")
    assert summary["T"].tolist() == [49 / days, 49 / days, 56 / days]


def test_regularity_sums_the_logarithms_of_the_gaps():
    summary = cv.customer_summary(LOG, amount="amount", regularity=True)
    assert summary["log_interval_sum"].tolist() == pytest.approx([0, 0, np.log(2) + np.log(4)])


def test_without_amounts_the_money_columns_are_null():
    summary = cv.customer_summary(LOG)
    assert summary["total_spend"].isna().all()
    assert summary["monetary_value"].isna().all()
    assert summary["n_purchases"].tolist() == [1, 2, 3], "without amounts no line is a refund"


def test_rows_after_as_of_do_not_count():
    early = LOG[LOG["date"] <= "2024-01-15"]
    pd.testing.assert_frame_equal(
        cv.customer_summary(LOG, amount="amount", as_of="2024-01-15"),
        cv.customer_summary(early, amount="amount"),
    )


def test_one_customer_with_one_purchase():
    summary = cv.customer_summary(LOG.head(1), amount="amount")
    assert summary[["frequency", "recency", "T", "inactive"]].iloc[0].tolist() == [0, 0, 0, 0]


def test_an_unknown_unit_is_refused():
    with pytest.raises(InputError, match="unit must be one of 'D', 'W', 'M', 'Y'; got 'week'"):
        cv.customer_summary(LOG, unit="week")


def test_wide_ids_and_long_logs_pack_without_overflow():
    ids = np.array([-(2**62), 2**62, 0, 5, 2**62])
    log = pd.DataFrame(
        {
            "customer_id": ids,
            "date": ["1900-01-01", "2200-12-31", "2000-01-01", "2000-01-02", "1900-01-01"],
        }
    )
    summary = cv.customer_summary(log, unit="D")
    assert summary["customer_id"].tolist() == [-(2**62), 0, 5, 2**62]
    span = (dt.date(2200, 12, 31) - dt.date(1900, 1, 1)).days
    assert summary["recency"].tolist() == [0, 0, 0, span]


PEER = """
import sys
import pandas as pd
from lifetimes.utils import summary_data_from_transaction_data
log = pd.read_parquet(sys.argv[1])
summary = summary_data_from_transaction_data(
    log, "customer_id", "date", monetary_value_col="amount", freq="D"
)
summary.reset_index().to_parquet(sys.argv[2])
"""


def test_cdnow_is_summarised_as_by_lifetimes(tmp_path):
    """All 23,570 customers; its mean spend of 0 for one-time buyers is our null.

    That package runs in a process of its own, since its import changes the warnings of the process.
    """
    log = cv.datasets.load_cdnow()
    log.to_parquet(tmp_path / "log.parquet")
    files = [str(tmp_path / name) for name in ("log.parquet", "summary.parquet")]
    subprocess.run([sys.executable, "-W", "ignore", "-c", PEER, *files], check=True)
    peer = pd.read_parquet(files[1])
    peer["monetary_value"] = peer["monetary_value"].where(peer["frequency"] > 0)
    summary = cv.customer_summary(log, amount="amount", unit="D")
    assert len(summary) == 23_570
    pd.testing.assert_frame_equal(
        summary[peer.columns.tolist()], peer, check_dtype=False, rtol=1e-12
    )


def test_cdnow_sample_agrees_with_the_published_summary():
    """The 2,357 customers of Fader and Hardie's spreadsheet, whose ages are rounded to .01 week."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "cdnow_customers_summary.csv"
    published = pd.read_csv(path)
    log = cv.datasets.load_cdnow(sample=True)
    summary = cv.split_holdout(log, calibration_end="1997-09-30", amount="amount")
    assert len(summary) == 2357
    assert summary["frequency"].sum() == 2457
    np.testing.assert_array_equal(summary["frequency"], published["frequency"])
    np.testing.assert_allclose(summary["recency"], published["recency"], atol=0.0051)
    np.testing.assert_allclose(summary["T"], published["T"], atol=0.0051)


def test_split_holdout_by_hand():
    split = cv.split_holdout(LOG, calibration_end="2024-01-15", amount="amount").set_index(
        "customer_id"
    )
    assert split.loc[7, ["frequency", "T"]].tolist() == [1, 2.0]
    assert split.loc[7, ["holdout_frequency", "holdout_monetary_value"]].tolist() == [1, 20.0]
    assert split.loc[3, "holdout_frequency"] == 0
    assert np.isnan(split.loc[3, "holdout_monetary_value"])
    assert (split["holdout_duration"] == 4.0).all()


def test_split_holdout_cut_short_and_customers_who_came_later():
    split = cv.split_holdout(
        LOG, calibration_end="2024-01-07", holdout_end="2024-01-21", amount="amount"
    )
    assert split["customer_id"].tolist() == [7]
    assert split["holdout_frequency"].tolist() == [1]
    assert split["holdout_duration"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"calibration_end": "2024-03-01"}, "must end after calibration_end 2024-03-01"),
        ({"calibration_end": "2023-03-01"}, "nobody had bought by calibration_end 2023-03-01"),
        ({"calibration_end": "2024-01-15", "as_of": "2024-02-01"}, "takes holdout_end"),
        ({"calibration_end": "soon"}, "calibration_end must be a date"),
    ],
)
def test_split_holdout_refuses_what_it_cant_split(keywords, words):
    with pytest.raises(InputError, match=words):
        cv.split_holdout(LOG, amount="amount", **keywords)


def test_distinct_histories_count_customers():
    summary = cv.customer_summary(cv.datasets.load_cdnow(), amount="amount")
    distinct = cv.distinct_histories(summary)
    assert distinct["weight"].sum() == len(summary)
    columns = ["frequency", "recency", "T"]
    expected = summary.groupby(columns).size().reset_index(name="weight")
    pd.testing.assert_frame_equal(distinct, expected, check_dtype=False)


START = dt.date(2024, 1, 1)
LINES = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(0, 30).map(lambda n: START + dt.timedelta(days=n)),
        st.sampled_from([0.0, 1.0, 2.5, -1.0, 7.25, -7.25, 0.1]),
    ),
    min_size=1,
    max_size=30,
)


def frame(lines):
    log = pd.DataFrame([*lines, (9, START, 1.0)], columns=["customer_id", "date", "amount"])
    return log.assign(date=pd.to_datetime(log["date"]))


@given(LINES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(lines, random):
    """Catches leaving out `packed.sort()` in `_distinct_days`."""
    shuffled = list(lines)
    random.shuffle(shuffled)
    once = cv.customer_summary(frame(lines), amount="amount", regularity=True)
    again = cv.customer_summary(frame(shuffled), amount="amount", regularity=True)
    pd.testing.assert_frame_equal(once, again, rtol=1e-12, atol=1e-12)


@given(LINES)
def test_the_summary_is_that_of_a_plain_loop(lines):
    """Catches `days >= first` in place of `days == first` in `_spend`."""
    log = frame(lines)
    summary = cv.customer_summary(log, amount="amount").set_index("customer_id")
    as_of = log["date"].max()
    for customer, rows in log.groupby("customer_id"):
        days = sorted(set(rows.loc[rows["amount"] >= 0, "date"]))
        if not days:
            assert customer not in summary.index
            continue
        row = summary.loc[customer]
        assert row["frequency"] == len(days) - 1
        assert row["recency"] == (days[-1] - days[0]).days / 7
        assert row["T"] == (as_of - days[0]).days / 7
        assert row["total_spend"] == pytest.approx(rows["amount"].sum(), abs=1e-12)
        if len(days) > 1:
            later = rows.loc[rows["date"] != days[0], "amount"].sum()
            assert row["monetary_value"] == pytest.approx(later / (len(days) - 1), abs=1e-12)
