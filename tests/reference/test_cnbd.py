"""BG/CNBD and MBG/CNBD on the CDNOW sample, whose buyers aren't regular, and on regular buyers."""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue.datasets import load_cdnow
from crmvalue.lifetime import BGNBD, MBGNBD
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.mbg_cnbd import MBGCNBD
from crmvalue.summary import split_holdout


@pytest.fixture(scope="module")
def cdnow():
    log = load_cdnow(sample=True)
    return split_holdout(log, calibration_end="1997-09-30", amount="amount", regularity=True)


@pytest.mark.parametrize(
    ("model", "plain", "log_likelihood"),
    # own: the figures of BG/NBD and MBG/NBD, which k = 1 is
    [(BGCNBD, BGNBD, -9582.429207), (MBGCNBD, MBGNBD, -9582.135716)],
)
def test_cdnow_buyers_are_not_regular(cdnow, model, plain, log_likelihood):
    fit = model.fit(cdnow)
    assert fit.model.k == 1
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)
    without = plain.fit(cdnow)
    assert fit.aic == pytest.approx(without.aic + 2)  # k was chosen
    for name in ("r", "alpha", "a", "b"):
        assert getattr(fit.model, name) == pytest.approx(getattr(without.model, name), rel=1e-9)
    assert model.fit(cdnow, k=2).log_likelihood < log_likelihood - 200


@pytest.mark.parametrize("model", [BGCNBD, MBGCNBD])
def test_regular_buyers_tell_k(model):
    # Platzer and Reutterer (2016): regular buying beats the Poisson models by hundreds of points
    truth = model(k=4, r=0.9, alpha=1.8, a=0.8, b=3.0)
    data = truth.sample(3000, T=52.0, rng=np.random.default_rng(8))
    fit = model.fit(data)
    assert fit.model.k == 4
    assert fit.log_likelihood > model.fit(data, k=1).log_likelihood + 500
