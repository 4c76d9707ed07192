"""Independence of spend and frequency: tested, reported, and told from skewness."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmvalue.errors import InputError
from crmvalue.lifetime import BGNBD, GammaGamma
from crmvalue.lifetime.independence import spend_independence

COLUMNS = ["measure", "correlation", "lower", "upper", "p_value", "customers"]


def buyers(model, size, rng, slope=0.0):
    """Customers with a geometric number of purchases, spending more by frequency^slope."""
    x = rng.geometric(0.25, size)
    rate = rng.gamma(model.q, 1 / model.gamma, size) / x**slope
    mean = rng.gamma(model.p * x) / (rate * x)
    return pd.DataFrame({"frequency": x, "monetary_value": mean})


def test_cdnow_as_by_scipy(cdnow):
    """Correlation .1139 as in LIFETIME.md, and scipy's figures on the repeat buyers."""
    table = spend_independence(cdnow)
    assert list(table) == COLUMNS
    assert table["measure"].tolist() == ["pearson", "spearman"]
    assert (table["customers"] == 946).all()
    repeat = cdnow[cdnow["frequency"] > 0]
    pearson = stats.pearsonr(repeat["frequency"], repeat["monetary_value"])
    spearman = stats.spearmanr(repeat["frequency"], repeat["monetary_value"])
    np.testing.assert_allclose(table["correlation"], [pearson.statistic, spearman.statistic])
    np.testing.assert_allclose(table["p_value"], [pearson.pvalue, spearman.pvalue], rtol=1e-9)
    assert round(table["correlation"][0], 4) == 0.1139
    interval = pearson.confidence_interval(0.95)
    np.testing.assert_allclose(table.loc[0, ["lower", "upper"]].to_list(), list(interval))


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(-9, 9), st.integers(1, 4)),
        min_size=4, max_size=12,
    )
)  # fmt: skip
def test_weights_count_customers(rows):
    """Catches mean ranks without the weights of the rows below."""
    data = pd.DataFrame(rows, columns=["frequency", "monetary_value", "weight"])
    each = data.loc[data.index.repeat(data["weight"])]
    counted, plain = spend_independence(data, weights="weight"), spend_independence(each)
    pd.testing.assert_frame_equal(counted, plain, rtol=1e-9, atol=1e-12)
    if data[["frequency", "monetary_value"]].nunique().min() > 1:
        expected = stats.spearmanr(each["frequency"], each["monetary_value"]).statistic
        assert plain["correlation"][1] == pytest.approx(expected, abs=1e-12)


def test_skewed_spend_is_not_taken_for_dependence():
    """Ranks of skewed means rise with frequency though spend is independent of it."""
    model = GammaGamma(p=0.3, q=3.0, gamma=10.0)
    data = buyers(model, 5000, np.random.default_rng(1))
    table = spend_independence(data, spend=model).set_index("measure")
    assert table["correlation"]["spearman"] > 0.2
    assert abs(table["correlation"]["spearman_given_model"]) < 0.05
    fit = GammaGamma.fit(data)
    assert fit.messages == ()


def test_no_false_alarm_rate():
    """Under the model the p-value of the last row is uniform."""
    model = GammaGamma(p=2.0, q=3.0, gamma=10.0)
    rng = np.random.default_rng(2)
    values = [
        spend_independence(buyers(model, 100, rng), spend=model)["p_value"].iloc[-1]
        for _ in range(200)
    ]
    assert stats.kstest(values, "uniform").pvalue > 0.01


@pytest.mark.parametrize(("slope", "words"), [(0.5, "spend more"), (-0.6, "spend less")])
def test_material_dependence_is_said(slope, words):
    data = buyers(GammaGamma(p=1.0, q=4.0, gamma=15.0), 3000, np.random.default_rng(3), slope)
    fit = GammaGamma.fit(data)
    assert fit.converged
    assert len(fit.messages) == 1
    assert words in fit.messages[0]
    found = spend_independence(data, spend=fit)["correlation"].iloc[-1]
    assert found * np.sign(slope) > 0.3
    assert f"{found:.2f}" in fit.messages[0]


def test_too_few_or_all_alike():
    few = pd.DataFrame({"frequency": [1, 2, 0], "monetary_value": [3.0, 5.0, np.nan]})
    table = spend_independence(few)
    np.testing.assert_allclose(table["correlation"], 1)
    assert table[["lower", "upper", "p_value"]].isna().all(axis=None)
    alike = pd.DataFrame({"frequency": [2] * 9, "monetary_value": np.arange(9.0)})
    assert spend_independence(alike)["correlation"].isna().all()


def test_free_orders_have_no_percentile(cdnow):
    free = cdnow.assign(monetary_value=cdnow["monetary_value"].where(cdnow["frequency"] > 1, 0.0))
    table = spend_independence(free, spend=GammaGamma(p=6.25, q=3.74, gamma=15.44))
    repeat = (cdnow["frequency"] > 1).sum()
    assert table["customers"].tolist() == [946, 946, repeat]


def test_refusals(cdnow):
    with pytest.raises(InputError, match="must be a fit or a model of spend"):
        spend_independence(cdnow, spend=BGNBD(r=1, alpha=1, a=1, b=1))
    with pytest.raises(InputError, match="no repeat buyer"):
        spend_independence(cdnow[cdnow["frequency"] == 0])
    with pytest.raises(InputError, match="lacks the column 'monetary_value'"):
        spend_independence(cdnow[["frequency"]])
