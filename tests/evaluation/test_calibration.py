from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.evaluation import calibration_by_decile, calibration_by_frequency

END = "1997-09-30"
MODEL = cv.BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)


@pytest.fixture(scope="module")
def split(cdnow):
    found = cv.split_holdout(cdnow, calibration_end=END)
    found["expected"] = MODEL.expected_purchases(
        found["frequency"], found["recency"], found["T"], horizon=39
    )
    return found


def test_deciles_are_those_of_pandas_where_forecasts_differ(cdnow):
    log = cdnow[cdnow["customer_id"] <= 400]
    split = cv.split_holdout(log, calibration_end=END, holdout_end="1998-06-30")
    expected = MODEL.expected_purchases(
        split["frequency"], split["recency"], split["T"], horizon=39
    )
    found = calibration_by_decile(MODEL, log, calibration_end=END, holdout_end="1998-06-30")
    decile = np.floor((pd.Series(expected).rank() - 0.5) / len(split) * 10).astype(int) + 1
    means = pd.DataFrame({"actual": split["holdout_frequency"], "expected": expected})
    grouped = means.groupby(decile)
    index = pd.Index(found["decile"])
    np.testing.assert_array_equal(found["customers"], grouped.size().reindex(index).fillna(0))
    for name in ("actual", "expected"):
        np.testing.assert_allclose(found[name], grouped[name].mean().reindex(index), rtol=1e-12)
    assert found["decile"].tolist() == list(range(1, 11))


def test_equal_forecasts_are_in_one_decile(cdnow):
    found = calibration_by_decile("same_as_last_period", cdnow, calibration_end=END)
    assert found["customers"].sum() == 2357
    assert found["customers"].max() == 1411  # all who did not come back
    empty = found[found["customers"] == 0]
    assert len(empty) > 3
    assert empty[["actual", "expected"]].isna().all(axis=None)
    assert (np.diff(found["expected"].dropna()) > 0).all()


def test_frequencies_are_those_of_pandas(cdnow, split):
    found = calibration_by_frequency(MODEL, cdnow, calibration_end=END)
    assert found["frequency"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    grouped = split.groupby(split["frequency"].clip(upper=7))
    np.testing.assert_array_equal(found["customers"], grouped.size())
    np.testing.assert_allclose(found["actual"], grouped["holdout_frequency"].mean(), rtol=1e-12)
    np.testing.assert_allclose(found["expected"], grouped["expected"].mean(), rtol=1e-9)


def test_a_class_is_fitted_to_calibration_and_a_fit_brings_its_unit(cdnow):
    fit = cv.BGNBD.fit(cv.customer_summary(cdnow, as_of=END, unit="D"), unit="D")
    weeks = calibration_by_frequency(cv.BGNBD, cdnow, calibration_end=END)
    days = calibration_by_frequency(fit, cdnow, calibration_end=END)
    pd.testing.assert_frame_equal(weeks, days, rtol=1e-5)
    with pytest.raises(InputError, match="other_unit"):
        calibration_by_frequency(fit, cdnow, calibration_end=END, unit="W")


@pytest.mark.parametrize("table", [calibration_by_decile, calibration_by_frequency])
def test_every_library_gives_the_same_table(library, cdnow, table):
    found = table(MODEL, library(cdnow), calibration_end=END)
    expected = table(MODEL, cdnow, calibration_end=END)
    pd.testing.assert_frame_equal(to_pandas(found), expected, check_dtype=False, rtol=1e-9)


def test_what_is_no_model_and_no_number_is_refused(cdnow):
    with pytest.raises(InputError, match="not_a_model"):
        calibration_by_decile(cv.GammaGamma, cdnow, calibration_end=END)
    with pytest.raises(InputError, match="whole number of at least 1"):
        calibration_by_frequency(MODEL, cdnow, calibration_end=END, most=0)
