from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.paths import alive_path, history_grid
from crmvalue.summary import customer_summary

MODEL = MBGNBD(r=0.525, alpha=6.183, a=0.891, b=1.614)
LOG = pd.DataFrame(
    {
        "customer_id": ["b", "a", "b", "b", "b", "b"],
        "date": [
            "2024-01-03",
            "2024-01-01",
            "2024-01-10",
            "2024-01-10",
            "2024-02-01",
            "2024-02-02",
        ],
        "amount": [5.0, 1.0, 2.0, 2.0, -3.0, 1.0],
    }
)


def test_the_grid_is_what_the_model_says_of_each_history():
    grid = history_grid(MODEL, T=39, max_frequency=12, horizon=26, steps=13)
    history = grid["frequency"], grid["recency"], grid["T"]
    np.testing.assert_array_equal(grid["probability_alive"], MODEL.probability_alive(*history))
    np.testing.assert_array_equal(
        grid["expected_purchases"], MODEL.expected_purchases(*history, horizon=26)
    )
    assert (grid["horizon"] == 26).all()
    assert grid["frequency"].value_counts()[0] == 1
    one = grid[grid["frequency"] == 1]
    np.testing.assert_allclose(one["recency"], np.arange(3, 40, 3))
    assert not grid.isna().any(axis=None)


def test_more_purchases_than_days_are_no_history():
    grid = history_grid(
        BGNBD(r=1, alpha=1, a=1, b=1, unit="D"), T=4, max_frequency=9, horizon=1, steps=4
    )
    assert list(zip(grid["frequency"], grid["recency"], strict=True)) == [
        *((0, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 2), (2, 3), (2, 4), (3, 3), (3, 4), (4, 4))
    ]


def test_all_bad_arguments_of_a_grid_are_named():
    with pytest.raises(InputError) as caught:
        history_grid(MODEL, T=0, max_frequency=-1, horizon=np.inf, steps=1.5)
    columns = [fault.column for fault in caught.value.faults]
    assert columns == ["max_frequency", "steps", "T", "horizon"]


def test_each_day_of_a_path_is_a_summary_as_of_that_day():
    path = alive_path(MODEL, LOG, "b", amount="amount", as_of="2024-02-10")
    assert path["date"].iloc[0] == pd.Timestamp("2024-01-03")
    assert path["date"].iloc[-1] == pd.Timestamp("2024-02-10")
    bought = path.loc[path["purchase"], "date"].dt.strftime("%m-%d").tolist()
    assert bought == ["01-03", "01-10", "02-02"]  # a refund is no purchase
    for row in path.itertuples():
        summary = customer_summary(LOG, amount="amount", as_of=row.date.date())
        own = summary[summary["customer_id"] == "b"].iloc[0]
        history = own["frequency"], own["recency"], own["T"]
        assert (row.frequency, row.recency, row.T) == history
        assert row.probability_alive == pytest.approx(MODEL.probability_alive(*history), rel=1e-13)


def test_a_path_is_in_the_library_of_the_log(library):
    log = LOG.assign(date=pd.to_datetime(LOG["date"]))
    found = to_pandas(alive_path(MODEL, library(log), "b"))
    expected = alive_path(MODEL, log, "b")
    for frame in (found, expected):
        frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[us]")
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("customer", ["c", 1, None])
def test_an_unknown_customer_is_named_with_the_ids_there_are(customer):
    with pytest.raises(InputError, match="2 ids are of type str, such as 'a'"):
        alive_path(MODEL, LOG, customer)
