from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue.evaluation.baselines import BASELINES
from crmvalue.evaluation.holdout import Holdout
from crmvalue.transactions import read_log
from crmvalue.transactions.dates import to_day

END = "1997-09-30"


def holdout(log, end=END, **options):
    return Holdout.of(read_log(log, **options), to_day(end, "end"), unit="W")


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_sees_the_holdout(name, cdnow):
    """Catches training on the whole log: `until` left out of `Holdout.training`."""
    late = cdnow["date"] > END
    other = pd.concat([cdnow[~late], cdnow[late].iloc[::7], cdnow[late].tail(1)])
    other = other.assign(amount=other["amount"].where(other["date"] <= END, 999.0))
    options = {"amount": "amount", "as_of": "1998-06-30"}
    seen, unseen = (BASELINES[name](holdout(log, **options)) for log in (cdnow, other))
    np.testing.assert_array_equal(seen.purchases, unseen.purchases)
    np.testing.assert_array_equal(seen.spend, unseen.spend)


@pytest.mark.parametrize("name", BASELINES)
def test_forecasts_do_not_depend_on_the_order_of_the_rows(name, cdnow):
    one, other = (
        BASELINES[name](holdout(log, amount="amount"))
        for log in (cdnow, cdnow.sample(frac=1, random_state=1))
    )
    np.testing.assert_allclose(one.purchases, other.purchases, rtol=1e-9)
    np.testing.assert_allclose(one.spend, other.spend, rtol=1e-9, atol=1e-9)


def test_the_same_as_last_period_is_counted_from_the_log(cdnow):
    days = cdnow.groupby(["customer_id", "date"])["amount"].sum().reset_index()
    first = days.groupby("customer_id")["date"].transform("min")
    repeat = days[(days["date"] > first) & (days["date"] <= END)]
    short = repeat[repeat["date"] > "1997-08-31"].groupby("customer_id")["amount"]
    found = BASELINES["same_as_last_period"](holdout(cdnow, amount="amount", as_of="1997-10-30"))
    ids = np.unique(days.loc[days["date"] <= END, "customer_id"])
    np.testing.assert_array_equal(found.purchases, short.size().reindex(ids).fillna(0))
    np.testing.assert_allclose(found.spend, short.sum().reindex(ids).fillna(0), atol=1e-9)
    # 272 days after the first one stand for the 273 of the holdout period.
    whole = repeat.groupby("customer_id").size().reindex(ids).fillna(0)
    found = BASELINES["same_as_last_period"](holdout(cdnow))
    np.testing.assert_allclose(found.purchases, whole * 273 / 272, rtol=1e-12)
    assert found.spend is None


def test_cell_means_of_a_log_counted_by_hand():
    """Ten days of calibration and five of holdout; the last five of the ten are learned from."""
    once = [(i, 1) for i in range(1, 9)] + [(i, 8) for i in range(1, 4)]
    twice = [(i, day) for i in (11, 12) for day in (2, 3)] + [(11, 9), (11, 10)]
    late = [(20, 15)]
    log = pd.DataFrame(once + twice + late, columns=["customer_id", "day"])
    log["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(log.pop("day") - 1, unit="D")
    split = Holdout.of(read_log(log), to_day("2024-01-11", "end"), unit="D")
    before = split.training()
    assert (before.end, before.until, before.days) == (split.end - 4, split.end, 4)
    found = BASELINES["cell_mean"](split)
    # x = 0: three of eight bought once more; x = 1: two purchases of one of two customers.
    x = split.column("frequency")
    none, some = 3 / 8, 2 / 2
    assert split.days == 4
    np.testing.assert_allclose(found.purchases[x == 0], none)
    np.testing.assert_allclose(found.purchases[x == 1], some)
    np.testing.assert_allclose(found.purchases[x > 1], 5 / 10)  # nobody like that was seen


def test_learning_needs_no_purchase(cdnow):
    first = cdnow.drop_duplicates("customer_id")
    last = cdnow[cdnow["date"] > "1998-01-01"]
    for name in ("cell_mean", "gradient_boosting"):
        found = BASELINES[name](holdout(pd.concat([first, last])))
        assert not found.purchases.any()


def test_scikit_learn_is_loaded_only_for_boosting():
    import subprocess
    import sys

    code = (
        "import sys, crmvalue as cv\n"
        "from crmvalue.evaluation import compare_models\n"
        "log = cv.datasets.load_cdnow(sample=True)\n"
        "compare_models(log, [cv.BGNBD, 'cell_mean'], calibration_end='1997-09-30')\n"
        "assert 'sklearn' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cdnow_baselines_forecast_about_as_much_as_came(cdnow):
    split = holdout(cdnow)
    actual = split.purchases.sum()
    for name, baseline in BASELINES.items():
        total = baseline(split).purchases.sum()
        assert 0.5 < total / actual < 2, name
    assert len(cv.split_holdout(cdnow, calibration_end=END)) == len(split)
