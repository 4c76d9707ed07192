"""The likelihood-ratio test: which models are nested, and what its p is worth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from crmvalue.errors import InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.likelihood_ratio import LikelihoodRatio, likelihood_ratio_test
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.normal_spend import NormalSpend
from crmvalue.lifetime.pareto_nbd import ParetoNBD


@pytest.fixture(scope="module")
def nbd(cdnow):
    return NBD.fit(cdnow)


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD])
def test_dropout_on_cdnow(model, nbd, cdnow):
    full = model.fit(cdnow)
    found = likelihood_ratio_test(nbd, full)
    assert found.statistic == pytest.approx(2 * (full.log_likelihood - nbd.log_likelihood))
    assert found.df == 2
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 2))
    assert found.message.startswith(f"NBD against {model.__name__}: chi-square")
    assert "upper bound" in found.message
    assert LikelihoodRatio.from_json(found.to_json()) == found


@pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")
def test_where_nobody_leaves_the_test_is_conservative():
    """By simulation of NBD: of 25 sets hardly any has p below .1, and what is open is said."""
    small = 0
    for seed in range(25):
        data = NBD(r=0.8, alpha=6.0).sample(800, T=40.0, rng=np.random.default_rng(seed))
        found = likelihood_ratio_test(NBD.fit(data), MBGNBD.fit(data))
        small += found.p_value < 0.1
        assert 0 <= found.p_value <= 1
        if found.statistic < 0.1:
            assert "MBGNBD: there is no sign of dropout" in found.message
    assert small <= 3


def test_effects_of_covariates():
    """p is uniform where the covariate does nothing: a mean of .5 over 60 sets, within .12."""
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        data = BGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5).sample(1500, T=40.0, rng=rng)
        data["noise"] = rng.standard_normal(1500)
        with_noise = BGNBD.fit(data, covariates={"purchase": ["noise"]})
        found = likelihood_ratio_test(BGNBD.fit(data), with_noise)
        assert found.df == 1
        assert "upper bound" not in found.message
        p_values.append(found.p_value)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)
    data["other"] = rng.standard_normal(1500)
    both = BGNBD.fit(data, covariates={"purchase": ["noise", "other"]})
    assert likelihood_ratio_test(with_noise, both).df == 1
    names = "BGNBD with covariates against BGNBD with covariates"
    assert likelihood_ratio_test(with_noise, both).message.startswith(names)
    other = BGNBD.fit(data, covariates={"purchase": ["other"]})
    with pytest.raises(InputError, match="not a special case"):
        likelihood_ratio_test(with_noise, other)


@pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")
def test_spend_on_frequency(cdnow):
    flat, sloped = (NormalSpend.fit(cdnow, on_frequency=on) for on in (False, True))
    assert likelihood_ratio_test(flat, sloped).df == 1


def test_refusals(nbd, cdnow):
    bg = BGNBD.fit(cdnow)
    for restricted, full in ((bg, MBGNBD.fit(cdnow)), (bg, nbd), (bg, bg)):
        with pytest.raises(InputError, match=r"not a special case of the second.*aic or bic"):
            likelihood_ratio_test(restricted, full)
    days = cdnow.head(2000).assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7)
    by_days = BGNBD.fit(days, unit="D")
    with pytest.raises(InputError) as error:
        likelihood_ratio_test(nbd, by_days)
    assert [fault.fault for fault in error.value.faults] == [
        "different_unit",
        "different_customers",
    ]
    worse = dataclasses.replace(bg, log_likelihood=nbd.log_likelihood - 1)
    with pytest.raises(InputError, match="less likely than the one it contains"):
        likelihood_ratio_test(nbd, worse)
    data = cdnow.assign(noise=np.random.default_rng(1).standard_normal(len(cdnow)))
    shrunk = BGNBD.fit(data, covariates={"purchase": ["noise"]}, penalty=5.0)
    with pytest.raises(InputError, match="penalised"):
        likelihood_ratio_test(bg, shrunk)
    again = Fit.from_json(bg.to_json())
    assert likelihood_ratio_test(nbd, again).df == 2
