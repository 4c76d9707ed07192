"""Fitted objects of `lifetimes` as models of ours, which predict what they predict."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from crmvalue.errors import InputError
from crmvalue.lifetime._model.model import Model
from crmvalue.lifetime.bg_bb import BGBB
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.migrate import from_lifetimes
from crmvalue.lifetime.pareto_nbd import ParetoNBD

PEER = """
import json
import numpy as np
import lifetimes
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value, load_donations
from crmvalue.lifetime.migrate import from_lifetimes

data = load_cdnow_summary_data_with_monetary_value()
history = [data[name].to_numpy() for name in ("frequency", "recency", "T")]
spend = data["monetary_value"]
ages = np.array([0.5, 1.0, 10.0, 40.0, 300.0])
found = {}

def note(fitter, **pairs):
    model = from_lifetimes(fitter)
    parameters = [float(value) for value in fitter.params_]
    kept = {key: [np.ravel(v).tolist() for v in pair(model)] for key, pair in pairs.items()}
    found[type(fitter).__name__] = {"model": model.to_dict(), "given": parameters, "pairs": kept}

np.random.seed(1)  # its Pareto/NBD starts at random
for kind in ("BetaGeoFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter"):
    fitter = getattr(lifetimes, kind)().fit(*history)
    pairs = {
        "alive": lambda model: (
            fitter.conditional_probability_alive(*history), model.probability_alive(*history)
        ),
        "ahead": lambda model: (
            fitter.conditional_expected_number_of_purchases_up_to_time(39, *history),
            model.expected_purchases(*history, horizon=39),
        ),
        "new": lambda model: (
            fitter.expected_number_of_purchases_up_to_time(ages),
            model.expected_purchases_new_customer(ages),
        ),
    }
    if kind == "ParetoNBDFitter":
        few = [column[:50] for column in history]
        pairs["pmf"] = lambda model: (
            [fitter.conditional_probability_of_n_purchases_up_to_time(n, 39, *few)
             for n in range(4)],
            [model.conditional_purchase_pmf(n, *few, horizon=39) for n in range(4)],
        )
    else:
        pairs["pmf"] = lambda model: (
            [fitter.probability_of_n_purchases_up_to_time(39, n) for n in range(20)],
            model.purchase_pmf(np.arange(20), 39),
        )
    note(fitter, **pairs)

repeat = data["frequency"] > 0
fitter = lifetimes.GammaGammaFitter().fit(data["frequency"][repeat], spend[repeat])
note(fitter, spend=lambda model: (
    fitter.conditional_expected_average_profit(data["frequency"], spend),
    model.expected_spend(data["frequency"], spend),
))

given = load_donations()
cells = [given[name].to_numpy() for name in ("frequency", "recency", "periods")]
fitter = lifetimes.BetaGeoBetaBinomFitter().fit(*cells, given["weights"].to_numpy())
note(
    fitter,
    alive=lambda model: (
        fitter.conditional_probability_alive(1, *cells), model.probability_alive(*cells)
    ),
    later=lambda model: (
        fitter.conditional_probability_alive(4, *cells),
        model.probability_alive(*cells, horizon=3),
    ),
    ahead=lambda model: (
        fitter.conditional_expected_number_of_purchases_up_to_time(5, *cells),
        model.expected_purchases(*cells, horizon=5),
    ),
)
print(json.dumps(found))
"""

MODELS = {
    "BetaGeoFitter": BGNBD,
    "ModifiedBetaGeoFitter": MBGNBD,
    "ParetoNBDFitter": ParetoNBD,
    "BetaGeoBetaBinomFitter": BGBB,
    "GammaGammaFitter": GammaGamma,
}


@pytest.fixture(scope="module")
def peers():
    """What the fitters give, from a process of their own: their import changes warnings."""
    command = [sys.executable, "-W", "ignore", "-c", PEER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_lifetimes(peers, name):
    """On its own CDNOW summary and donations, at its own estimates."""
    peer = peers[name]
    model = Model.from_dict(peer["model"])
    assert type(model) is MODELS[name]
    assert list(model._estimates().values()) == peer["given"]
    assert peer["pairs"]
    for quantity, (theirs, ours) in peer["pairs"].items():
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9, err_msg=quantity)


def stand_in(name, **parameters):
    """A fitter by the name of its class alone."""
    return type(name, (), {"params_": pd.Series(parameters)} if parameters else {})()


def test_units():
    fitter = stand_in("BetaGeoFitter", r=0.2, alpha=4.0, a=0.8, b=2.0)
    assert from_lifetimes(fitter) == BGNBD(r=0.2, alpha=4.0, a=0.8, b=2.0, unit="W")
    assert from_lifetimes(fitter, unit="D") == BGNBD(r=0.2, alpha=4.0, a=0.8, b=2.0, unit="D")
    discrete = stand_in("BetaGeoBetaBinomFitter", alpha=1.2, beta=0.7, gamma=0.6, delta=2.7)
    assert from_lifetimes(discrete).unit == "Y"
    assert from_lifetimes(discrete, unit="M").unit == "M"
    spend = stand_in("GammaGammaFitter", p=6.0, q=4.0, v=15.0)
    assert from_lifetimes(spend) == GammaGamma(p=6.0, q=4.0, gamma=15.0)
    with pytest.raises(InputError, match="no unit of time; leave unit out"):
        from_lifetimes(spend, unit="W")


def test_parameters_go_by_name():
    """Catches parameters taken in the order in which the fitter holds them."""
    fitter = stand_in("ParetoNBDFitter", beta=4.0, s=3.0, alpha=2.0, r=1.0)
    assert from_lifetimes(fitter) == ParetoNBD(r=1.0, alpha=2.0, s=3.0, beta=4.0)


@pytest.mark.parametrize(
    ("fitter", "words"),
    [
        (stand_in("BetaGeoFitter"), "has not been fitted.*BGNBD"),
        (
            stand_in("BetaGeoCovarsFitter", r=1.0),
            "takes a fitted BetaGeoFitter, .*GammaGammaFitter",
        ),
        ({"r": 1.0}, "got dict"),
        (stand_in("BetaGeoFitter", r=1.0, alpha=1.0, a=1.0, b=1.0, age=1.0), "got r, .*, age"),
        (stand_in("ParetoNBDFitter", r=1.0, alpha=np.nan, s=1.0, beta=1.0), "bad_parameter"),
    ],
)
def test_refusals(fitter, words):
    with pytest.raises(InputError, match=words):
        from_lifetimes(fitter)
