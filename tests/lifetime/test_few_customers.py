"""Fits of a handful of customers: they leave parameters open, and the fit says so in words."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import CrmvalueWarning, InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.search import Objective
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.ggompertz_nbd import GGompertzNBD
from crmvalue.lifetime.mbg_cnbd import MBGCNBD
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

MODELS = [NBD, BGNBD, MBGNBD, ParetoNBD, GGompertzNBD, BGCNBD, MBGCNBD]


def summarise(x, recency, T):
    """A summary of customers who bought at equal gaps."""
    x, recency = np.asarray(x), np.asarray(recency, dtype=float)
    some = x > 0
    gap = np.where(some, recency / np.where(some, x, 1), 1.0)
    columns = {"customer_id": np.arange(len(x)), "frequency": x, "recency": recency, "T": T}
    return pd.DataFrame({**columns, "log_interval_sum": x * np.log(gap)})


@st.composite
def few_customers(draw):
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        x, T = draw(st.integers(0, 5)), float(draw(st.integers(1, 40)))
        part = draw(st.sampled_from([1.0, 1.0, 0.5]) | st.floats(0.01, 1.0))
        rows.append((x, part * T if x else 0.0, T))
    if draw(st.booleans()):  # customers who are all alike
        rows = rows[:1] * len(rows)
    return summarise(*zip(*rows, strict=True))


@settings(max_examples=4, deadline=None)
@pytest.mark.parametrize("model", MODELS)
@given(summary=few_customers())
def test_no_raw_error(model, summary):
    """Catches a singular curvature that is solved with: numpy's error, not a message.

    Whatever few customers there are, a fit comes with finite estimates, finite predictions, and
    warnings of this package alone; or it is refused since nobody bought again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CrmvalueWarning)  # few customers leave fits open
        if not summary["frequency"].any():
            with pytest.raises(InputError, match="no repeat purchase"):
                model.fit(summary)
            return
        fit = model.fit(summary)
        assert np.isfinite(fit.params()["estimate"]).all()
        ahead = fit.predict(summary, horizon=10.0)
    assert fit.converged == (not fit.messages)
    assert np.isfinite(ahead[["probability_alive", "expected_purchases"]].to_numpy()).all()


@pytest.mark.parametrize("x", [[1, 2, 3], [2, 2], [3] * 40])
def test_purchases_up_to_the_end(x):
    """Catches `eigvalsh > 0` as a guard: rounding errors of a singular matrix are above 0, too."""
    with pytest.warns(CrmvalueWarning, match="no sign of dropout"):
        fit = GGompertzNBD.fit(summarise(x, [30.0] * len(x), 30.0))
    assert not fit.converged
    assert np.isfinite(fit.log_likelihood)
    assert Fit.from_json(fit.to_json()) == fit


@pytest.mark.parametrize(
    "summary",
    [
        summarise([0] * 100 + [2000], [0.0] * 100 + [39.0], 40.0),
        summarise([2], [4.0], 9.0),
    ],
    ids=["one enormous buyer", "one"],
)
@pytest.mark.parametrize("model", [GGompertzNBD, BGCNBD])
def test_effort_is_bounded(model, summary, monkeypatch):
    """Catches searches to the last digits from every start, and line searches that go on for long
    where nothing is lower: 3,000 to 5,000 evaluations where parameters stay open anyhow."""
    evaluate, points = Objective._evaluate, []

    def counted(self, point):
        points.append(point)
        return evaluate(self, point)

    monkeypatch.setattr(Objective, "_evaluate", counted)
    with pytest.warns(CrmvalueWarning):
        model.fit(summary)
    assert len(points) < (2000 if model is GGompertzNBD else 3000)
