from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.frequency import frequency_table
from crmvalue.lifetime.mbg_nbd import MBGNBD

MODEL = BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)


def test_customers_are_counted_and_expected_one_by_one(cdnow):
    found = frequency_table(MODEL, cdnow)
    assert found["purchases"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    capped = cdnow["frequency"].clip(upper=7)
    np.testing.assert_array_equal(found["actual"], np.bincount(capped))
    n = np.arange(7)[:, None]
    each = MODEL.purchase_pmf(n, cdnow["T"].to_numpy()[None, :]).sum(axis=1)
    np.testing.assert_allclose(found["expected"][:7], each, rtol=1e-12)
    assert found["expected"].sum() == pytest.approx(len(cdnow), rel=1e-13)


def test_a_sample_of_the_model_is_as_expected():
    model = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
    sample = model.sample(20_000, T=40.0, rng=np.random.default_rng(1))
    found = frequency_table(model, sample, most=12)
    error = (found["actual"] - found["expected"]) / np.sqrt(found["expected"])
    assert float((error**2).sum()) < 32.9  # chi-square of 12 degrees of freedom, 1 in 1000


def test_every_library_gives_the_same_table(library, cdnow):
    found = frequency_table(MODEL, library(cdnow), most=3)
    expected = frequency_table(MODEL, cdnow, most=3)
    pd.testing.assert_frame_equal(to_pandas(found), expected, check_dtype=False, rtol=1e-12)


def test_more_classes_than_purchases_leave_no_negative_rest():
    summary = pd.DataFrame({"frequency": [0, 1], "recency": [0.0, 1.0], "T": [1.0, 1.0]})
    found = frequency_table(MODEL, summary, most=60)
    assert (found["expected"] >= 0).all()


@pytest.mark.parametrize(
    ("options", "rows", "message"), [({"most": 0}, 2, "at least 1"), ({}, 0, "nobody to count")]
)
def test_bad_input_is_refused(cdnow, options, rows, message):
    with pytest.raises(InputError, match=message):
        frequency_table(MODEL, cdnow.head(rows), **options)
