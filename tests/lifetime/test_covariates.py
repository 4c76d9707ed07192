"""Covariates constant in time: what they mean, what doesn't matter to them, and what is refused."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from crmvalue.errors import ConvergenceWarning, InputError, MissingExtraError
from crmvalue.lifetime._covariate_model import CovariateModel
from crmvalue.lifetime._covariates.likelihood import CovariateLikelihood, actions_of
from crmvalue.lifetime._design.design import Design
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

MODELS = [BGNBD, MBGNBD, ParetoNBD]
TRUTH = {
    BGNBD: {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5},
    MBGNBD: {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5},
    ParetoNBD: {"r": 0.8, "alpha": 6.0, "s": 0.8, "beta": 12.0},
}
BOTH = {"purchase": ["channel", "age"], "dropout": ["vip"]}


def simulate(model, size, seed, web=0.6, age=0.03, vip=0.7):
    """Customers whose web channel and age make them buy, and whose vip status makes them leave."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "channel": rng.choice(["shop", "web"], size, p=[0.6, 0.4]),
            "age": np.round(rng.normal(40, 12, size)),
            "vip": rng.random(size) < 0.4,
        }
    )
    gain = web * (frame["channel"] == "web") + age * (frame["age"] - 40)
    values = dict(TRUTH[model])
    for process, eta in (("purchase", gain), ("dropout", vip * frame["vip"])):
        name, sign = model._processes[process]
        values[name] = values[name] * np.exp(sign * np.asarray(eta, dtype=float))
    drawn = model(**values).sample(size, T=rng.integers(70, 400, size) / 7, rng=rng)
    recency = np.minimum(np.ceil(drawn["recency"] * 7) / 7, drawn["T"])
    return pd.concat([drawn.assign(recency=recency), frame], axis=1)


@pytest.fixture(scope="module")
def data():
    return simulate(BGNBD, 1500, 1)


@pytest.fixture(scope="module")
def fit(data):
    return BGNBD.fit(data, covariates=BOTH)


def estimates(fit):
    return np.array(list(fit.model._estimates().values()))


@settings(max_examples=20)
@given(
    st.sampled_from(MODELS),
    st.tuples(*[st.floats(-2, 2)] * 4, *[st.floats(-1.5, 1.5)] * 3),
    st.integers(0, 1000),
)
def test_gradient(model, point, seed):
    """Catches `by_log` without of_rows, the sign left out, or twice the ridge."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 20, 7).astype(float)
    T = rng.uniform(0.5, 3, 7)
    histories = Histories(x, np.where(x > 0, T * rng.random(7), 0), T, rng.uniform(1, 5, 7))
    z = rng.normal(size=(7, 3))
    design = {
        process: (Design(labels=labels, columns=labels, levels={}), z[:, rows])
        for process, labels, rows in (
            ("purchase", ("u", "v"), slice(2)),
            ("dropout", ("w",), slice(2, 3)),
        )
    }
    actions = actions_of(model, design, histories.weights, np.arange(7))
    likelihood = CovariateLikelihood(model, histories, actions, np.array([0.3, 0.0, 2.0]))
    parameters = np.append(np.exp(point[:4]), point[4:])
    value, gradient = likelihood(parameters)
    for i, slope in enumerate(gradient):
        step = np.zeros(7)
        step[i] = 1e-5 * max(abs(parameters[i]), 1e-2)
        away = [likelihood(parameters + side * step)[0] for side in (1, -1)]
        found = (away[0] - away[1]) / (2 * step[i])
        assert slope == pytest.approx(found, rel=1e-5, abs=1e-6 * (1 + abs(value)) / step[i] * 1e-5)


def bg_by_hand(point, data, z, w):
    """-log-likelihood of BG/NBD (Fader, Hardie and Lee 2005, eq. 6), written out anew."""
    r, b = np.exp(point[0]), np.exp(point[3])
    alpha = np.exp(point[1] - z @ point[4:6])
    a = np.exp(point[2] + w * point[6])
    x, t_x, T = (data[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    first = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    chances = special.betaln(a, b + x) - special.betaln(a, b)
    alive = -(r + x) * np.log(alpha + T)
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return -np.sum(first + chances + np.logaddexp(alive, np.where(x > 0, left, -np.inf)))


def test_against_an_optimiser_of_its_own(data, fit):
    """Catches a centre or scale that stays in the estimates, or in their covariance."""
    z = np.column_stack([data["channel"] == "web", data["age"]]).astype(float)
    w = data["vip"].to_numpy(float)
    start = np.append(np.log(list(TRUTH[BGNBD].values())), [0.5, 0.0, 0.5])
    found = optimize.minimize(bg_by_hand, start, (data, z, w), "BFGS", options={"gtol": 1e-3})
    point = estimates(fit)
    point[:4] = np.log(point[:4])
    steps = 1e-3 * np.sqrt(np.diag(fit.search_covariance))
    np.testing.assert_allclose(point, found.x, atol=0.5 * steps.max())
    assert bg_by_hand(point, data, z, w) == pytest.approx(-fit.log_likelihood, rel=1e-12)
    assert bg_by_hand(point, data, z, w) <= found.fun + 1e-8
    # A Hessian by differences along the standard errors, so that its terms are of one size.
    size = np.sqrt(np.diag(fit.search_covariance))
    hessian = np.empty((7, 7))
    for i, j in np.ndindex(7, 7):
        u, v = 0.05 * size * np.eye(7)[i], 0.05 * size * np.eye(7)[j]
        corners = [
            bg_by_hand(point + m * u + n * v, data, z, w) * m * n for m in (1, -1) for n in (1, -1)
        ]
        hessian[i, j] = sum(corners) / (4 * 0.05**2)
    covariance = np.linalg.inv(hessian) * np.outer(size, size)
    scale = np.outer(size, size)
    np.testing.assert_allclose(fit.search_covariance / scale, covariance / scale, atol=1e-3)


def test_params(fit):
    table = fit.params()
    names = [
        *("r", "alpha", "a", "b"),
        *("purchase:channel[web]", "purchase:age", "dropout:vip[True]"),
    ]
    assert table["parameter"].tolist() == names
    assert list(fit.covariance.index) == names
    assert (table["lower"] < table["estimate"]).all()
    assert (table["estimate"] < table["upper"]).all()
    width = (table["upper"] - table["lower"])[4:] / table["std_error"][4:]
    np.testing.assert_allclose(width, 2 * 1.96, rtol=0.02)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), table["std_error"])
    assert fit.aic == pytest.approx(14 - 2 * fit.log_likelihood)
    assert fit.converged
    assert not fit.messages
    assert fit.model.alpha == table["estimate"][1]
    assert fit.model.unit == "W"
    assert repr(fit.model).startswith("CovariateModel(BGNBD(r=")
    assert "channel[web]: " in repr(fit.model)
    with pytest.raises(AttributeError, match="for_rows"):
        _ = fit.model.expected_purchases


@pytest.mark.parametrize("model", MODELS)
def test_for_rows_is_the_model_itself(model):
    """Closed relations: alpha exp(-g'z), and a exp(d'z) or beta exp(-d'z)."""
    data = simulate(model, 800, 2)
    fit = model.fit(data, covariates=BOTH)
    found = dict(zip(fit.params()["parameter"], fit.params()["estimate"], strict=True))
    rows = pd.DataFrame({"channel": ["shop", "web"], "age": [0.0, 50.0], "vip": [False, True]})
    plain = fit.model.for_rows(rows)
    assert type(plain) is model
    gain = found["purchase:channel[web]"] + 50 * found["purchase:age"]
    np.testing.assert_allclose(plain.alpha, found["alpha"] * np.exp([0.0, -gain]), rtol=1e-13)
    name, sign = model._processes["dropout"]
    leave = sign * found["dropout:vip[True]"]
    np.testing.assert_allclose(getattr(plain, name), found[name] * np.exp([0.0, leave]), rtol=1e-13)
    of_rows = fit.model.for_rows(data)
    value = of_rows.log_likelihood(data["frequency"], data["recency"], data["T"]).sum()
    assert fit.log_likelihood == pytest.approx(value, rel=1e-13)
    predicted = fit.predict(data, horizon=20)
    expected = of_rows.expected_purchases(data["frequency"], data["recency"], data["T"], horizon=20)
    np.testing.assert_allclose(predicted["expected_purchases"], expected, rtol=1e-12)
    assert model(**TRUTH[model]).for_rows(rows) == model(**TRUTH[model])


def test_a_flag_lies_between_one_fit_and_two():
    """A flag on both processes lies between everybody pooled and a fit for each of two groups.

    The groups then share r and b alone, and it doesn't matter which of them is the reference.
    """
    data = simulate(BGNBD, 1500, 3)
    flags = {"purchase": ["channel"], "dropout": ["channel"]}
    pooled = BGNBD.fit(data).log_likelihood
    own = sum(BGNBD.fit(group).log_likelihood for _, group in data.groupby("channel"))
    between = BGNBD.fit(data, covariates=flags)
    assert pooled + 5 < between.log_likelihood <= own + 1e-9
    # Coded from the other side, the same model: alpha and a are those of the other group.
    other = data.assign(channel=np.where(data["channel"] == "web", "a web", "b shop"))
    turned = BGNBD.fit(other, covariates=flags)
    assert turned.log_likelihood == pytest.approx(between.log_likelihood, abs=1e-8)
    gain, leave = estimates(between)[4:]
    assert turned.model.alpha == pytest.approx(between.model.alpha * np.exp(-gain), rel=1e-6)
    assert turned.model.a == pytest.approx(between.model.a * np.exp(leave), rel=1e-6)
    np.testing.assert_allclose(estimates(turned)[4:], [-gain, -leave], rtol=1e-5)


@settings(max_examples=6)
@given(st.integers(0, 10**6))
def test_row_order_does_not_matter(data, fit, seed):
    """Catches covariates taken from the first rows instead of those of the distinct histories."""
    order = np.random.default_rng(seed).permutation(len(data))
    assert BGNBD.fit(data.iloc[order], covariates=BOTH) == fit


@settings(max_examples=6)
@given(st.floats(-200, 200), st.floats(-4, 4).map(np.exp), st.booleans())
def test_shift_and_scale_of_a_covariate(data, fit, shift, scale, turned):
    """Catches the sign of a centre, or covariates that aren't scaled back."""
    scale = -scale if turned else scale
    moved = data.assign(age=(data["age"] + shift) * scale)
    found = BGNBD.fit(moved, covariates=BOTH)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-7)
    before, after = fit.model._estimates(), found.model._estimates()
    for name in before:
        expected = before[name]
        if name == "purchase:age":
            expected = expected / scale
        if name == "alpha":
            expected = expected * np.exp(before["purchase:age"] * shift)
        assert after[name] == pytest.approx(expected, rel=2e-5), name
    one, other = (table.params().set_index("parameter")["std_error"] for table in (fit, found))
    assert other["purchase:age"] * abs(scale) == pytest.approx(one["purchase:age"], rel=1e-5)
    assert other["r"] == pytest.approx(one["r"], rel=1e-5)


def test_unit_does_not_matter(data, fit):
    days = data.assign(recency=data["recency"] * 7, T=data["T"] * 7)
    found = BGNBD.fit(days, unit="D", covariates=BOTH)
    expected = estimates(fit) * [1, 7, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(estimates(found), expected, rtol=1e-7)


def test_weights_count_customers(data, fit):
    """Catches centres of unweighted rows that leak, and rows without weight that count."""
    twice = pd.concat([data, data.head(300)])
    weights = np.where(np.arange(len(data)) < 300, 2.0, 1.0)
    counted = BGNBD.fit(data, weights=weights, covariates=BOTH)
    assert counted == BGNBD.fit(twice, covariates=BOTH)
    none = data.head(5).assign(channel="never", age=1e9)
    padded = pd.concat([data.assign(n=1.0), none.assign(n=0.0)])
    assert BGNBD.fit(padded, weights="n", covariates=BOTH) == fit


@pytest.mark.parametrize("model", MODELS)
def test_recovery_and_coverage(model):
    """Catches standard errors of the search in place of those of the effects."""
    truth = np.array([0.6, 0.03, 0.7])
    inside, z = np.zeros(3), []
    runs = 12
    for seed in range(runs):
        table = model.fit(simulate(model, 400, 100 + seed), covariates=BOTH).params().tail(3)
        inside += ((table["lower"] < truth) & (truth < table["upper"])).to_numpy()
        z.append((table["estimate"] - truth) / table["std_error"])
    assert (inside >= runs - 4).all()  # binomial: below once in 600
    assert np.abs(np.mean(z, axis=0)).max() < 3.5 / np.sqrt(runs)


def test_pilot_sample_and_a_rare_level():
    """A level that the pilot sample hardly sees, and an effect of many customers."""
    data = simulate(BGNBD, 12_000, 5)
    rare = np.arange(len(data)) % 400 == 0
    data["channel"] = np.where(rare, "rare", data["channel"])
    fit = BGNBD.fit(data, covariates=BOTH)
    assert fit.converged
    table = fit.params().set_index("parameter").loc["purchase:channel[web]"]
    assert abs(table["estimate"] - 0.6) < 4 * table["std_error"]


def test_kinds_of_columns(data, fit):
    """Text, categories and booleans are factors; whole numbers and floats are numbers."""
    kinds = data.assign(channel=pd.Categorical(data["channel"], categories=["web", "x", "shop"]))
    assert BGNBD.fit(kinds, covariates=BOTH) == fit
    flags = data.assign(channel=(data["channel"] == "web").astype(int), vip=data["vip"] * 1.0)
    found = BGNBD.fit(flags, covariates=BOTH)
    assert list(found.model._estimates())[4:] == ["purchase:channel", "purchase:age", "dropout:vip"]
    np.testing.assert_allclose(estimates(found), estimates(fit), rtol=1e-12)


DECLARED = ["web", "x", "shop"]
BY_LIBRARY = {
    "pandas": lambda frame: frame.astype({"channel": pd.CategoricalDtype(DECLARED, ordered=True)}),
    "polars": lambda frame: pl.DataFrame(frame).cast({"channel": pl.Enum(DECLARED)}),
    "pyarrow": lambda frame: pa.Table.from_pandas(
        frame.astype({"channel": pd.CategoricalDtype(DECLARED, ordered=True)})
    ),
}


@pytest.mark.parametrize("declared", BY_LIBRARY.values(), ids=BY_LIBRARY)
def test_declared_order(data, fit, declared):
    """Catches levels in sorted order: the effect would be that of the web; or codes not moved."""
    found = BGNBD.fit(declared(data), covariates=BOTH)
    assert found.model.effects["purchase"].design.levels == {"channel": ("web", "shop")}
    assert list(found.model._estimates())[4] == "purchase:channel[shop]"
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-9)
    assert estimates(found)[4] == pytest.approx(-estimates(fit)[4], abs=1e-5)
    again = Fit.from_json(found.to_json())
    assert again == found
    expected = fit.predict(data, horizon=9)["expected_purchases"]
    for frame in (data, declared(data)):  # the levels are known by name, whatever the order there
        ahead = again.predict(frame, horizon=9)["expected_purchases"]
        np.testing.assert_allclose(ahead.to_numpy(), expected.to_numpy(), rtol=1e-4)


@pytest.mark.parametrize("model", [BGNBD, NBD, BGCNBD])
def test_an_empty_mapping_is_as_none(model, data):
    """Catches a refusal, with models that take no covariates, too."""
    summary = data[["frequency", "recency", "T"]].head(300)
    k = {"k": 1} if model is BGCNBD else {}
    assert model.fit(summary, covariates={}, **k) == model.fit(summary, **k)
    with pytest.raises(InputError, match="penalty"):
        model.fit(summary, covariates={}, penalty=1.0, **k)


def test_in_every_library(data, fit, library):
    assert BGNBD.fit(library(data), covariates=BOTH) == fit
    expected = fit.predict(data, horizon=10, level=0.9)
    found = fit.predict(library(data.sample(frac=1, random_state=2)), horizon=10, level=0.9)
    for name in expected:
        np.testing.assert_allclose(found[name].to_numpy(), expected[name].to_numpy(), rtol=1e-9)
    assert (expected["expected_purchases_lower"] < expected["expected_purchases_upper"]).all()


def test_json(fit, data):
    again = Fit.from_json(fit.to_json())
    assert again == fit
    assert isinstance(again.model, CovariateModel)
    assert again.params().equals(fit.params())
    assert again.predict(data, horizon=9).equals(fit.predict(data, horizon=9))


def test_bootstrap(fit):
    drawn = fit.bootstrap(12, rng=np.random.default_rng(1))
    ratio = drawn.params()["std_error"] / fit.params()["std_error"]
    assert ratio.between(0.4, 2.0).all()


def test_prediction_refuses_what_the_fit_does_not_know(data, fit):
    rows = data.head(4).assign(channel=["shop", "post", "web", "post"], vip=[True, None] * 2)
    with pytest.raises(InputError) as error:
        fit.predict(rows.drop(columns="age"), horizon=4)
    found = [(fault.fault, fault.column, fault.rows) for fault in error.value.faults]
    assert ("missing_column", "summary.age", 0) in found
    assert ("unknown_level", "summary.channel", 2) in found
    assert len(found) == 3
    assert "the fit knows 'shop', 'web'" in str(error.value)
    with pytest.raises(InputError, match=r"frame\.age: missing_or_not_finite|not_finite"):
        fit.model.for_rows(data.head(2).assign(age=[np.inf, 1.0]))
    with pytest.raises(InputError, match="needs horizon="):
        fit.predict(data)
    assert len(fit.predict(data.head(0), horizon=1)) == 0


def test_far_covariates_stay_finite(fit):
    """Catches exp without a bound on its argument."""
    far = pd.DataFrame({"channel": "web", "age": [-1e9, 1e9], "vip": True})
    plain = fit.model.for_rows(far)
    for horizon in (1.0, 1e4):
        assert np.isfinite(plain.expected_purchases(2, 3.0, 9.0, horizon=horizon)).all()
    assert np.isfinite(plain.log_likelihood(2, 3.0, 9.0)).all()


def test_all_faults_at_once(data):
    bad = data.assign(
        one=1.0,
        same="x",
        sum=data["age"] * 2 + 1,
        gap=np.where(data["age"] > 40, np.nan, 1.0),
        when=pd.Timestamp("2020-01-01"),
        frequency=data["frequency"] + 0.5,
    )
    asked = {
        "purchase": ["age", "sum", "one", "same", "gap", "when", "none"],
        "dropout": [],
        "spend": ["age"],
    }
    with pytest.raises(InputError) as error:
        BGNBD.fit(bad, covariates=asked)
    found = [(fault.fault, fault.column) for fault in error.value.faults]
    assert found == [
        ("not_whole", "summary.frequency"),
        ("no_covariate", "covariates['dropout']"),
        ("unknown_process", "covariates['spend']"),
        ("constant", "summary.same"),
        ("missing_or_not_finite", "summary.gap"),
        ("not_a_covariate", "summary.when"),
        ("missing_column", "summary.none"),
        ("constant", "purchase:one"),
        ("collinear", "purchase:sum"),
    ]
    with pytest.raises(InputError, match="named_twice"):
        BGNBD.fit(data, covariates={"purchase": ["age", "age"]})
    for wrong in ([], ["age"], "age"):
        with pytest.raises(InputError, match="covariates must map 'purchase' and 'dropout'"):
            BGNBD.fit(data, covariates=wrong)
    gaps = data.assign(channel=np.where(np.arange(len(data)) < 600, None, data["channel"]))
    with pytest.raises(InputError, match="missing in 600 rows"):
        BGNBD.fit(gaps, covariates=BOTH)


def test_collinear_factors(data):
    """A factor that follows from another one, but for the constant that is left out."""
    shops = data.assign(shop=data["channel"].map({"web": "no", "shop": "yes"}))
    with pytest.raises(InputError, match=r"purchase:shop\[yes\].*follows from channel\[web\]"):
        BGNBD.fit(shops, covariates={"purchase": ["channel", "shop"]})


def test_penalty(data, fit):
    """Ridge on the scale of the effects; what is reported of the likelihood is without it."""
    none = BGNBD.fit(data, covariates=BOTH, penalty=0)
    assert none == fit
    lengths = []
    for penalty in (10.0, 1000.0):
        found = BGNBD.fit(data, covariates=BOTH, penalty=penalty)
        rows = found.model.for_rows(data)
        plain = rows.log_likelihood(data["frequency"], data["recency"], data["T"]).sum()
        assert found.log_likelihood == pytest.approx(plain, rel=1e-12)
        lengths.append(np.linalg.norm(estimates(found)[4:]))
        # The slope of the likelihood at the maximum is that of the penalty.
        moved = found.model._at({"dropout:vip[True]": estimates(found)[6] + 1e-4}).for_rows(data)
        up = moved.log_likelihood(data["frequency"], data["recency"], data["T"]).sum() - plain
        slope = 2 * penalty * estimates(found)[6]
        assert up / 1e-4 == pytest.approx(slope, rel=2e-2)
    assert np.linalg.norm(estimates(fit)[4:]) > lengths[0] > lengths[1]
    with pytest.raises(InputError, match="covariates only"):
        BGNBD.fit(data, penalty=1.0)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="penalty must be"):
            BGNBD.fit(data, covariates=BOTH, penalty=bad)


@pytest.mark.parametrize("model", MODELS)
def test_separation_is_flagged(model):
    """Nobody of a level ever bought again: its effect is without bound, and the fit says so."""
    data = simulate(model, 1500, 6)
    lost = np.arange(len(data)) % 12 == 0
    data.loc[lost, "frequency"] = 0
    data.loc[lost, "recency"] = 0.0
    data["club"] = np.where(lost, "left", "in")
    with pytest.warns(ConvergenceWarning, match=r"purchase:club\[left\]"):
        fit = model.fit(data, covariates={"purchase": ["club"]})
    assert not fit.converged
    assert np.isfinite(estimates(fit)).all()
    assert Fit.from_json(fit.to_json()) == fit
    assert np.isfinite(fit.predict(data, horizon=3)["expected_purchases"]).all()
    # A penalty holds it.
    assert model.fit(data, covariates={"purchase": ["club"]}, penalty=1.0).converged


def test_a_covariate_too_far_from_0(data):
    years = data.assign(year=1e5 + data["age"])
    with pytest.raises(InputError, match=r"subtract 100040\.\d+, its mean, from 'year'"):
        BGNBD.fit(years, covariates={"purchase": ["year"]})


class TestFormula:
    def test_is_the_list_of_columns(self, data, fit):
        asked = {"purchase": "center(age) + C(channel)", "dropout": "vip"}
        found = BGNBD.fit(data, covariates=asked)
        names = list(found.model._estimates())[4:]
        assert names == [
            "purchase:center(age)",
            "purchase:C(channel)[T.web]",
            "dropout:vip[T.True]",
        ]
        assert found.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
        shifted = estimates(found)[[5, 4, 6]]
        np.testing.assert_allclose(shifted, estimates(fit)[4:], rtol=1e-5)

    def test_keeps_what_transforms_learned(self, data):
        """Catches a centre of the rows to predict in place of that of the fit."""
        formula = "bs(age, df=4) + scale(T):vip + C(channel)"
        found = BGNBD.fit(data, covariates={"purchase": formula})
        again = Fit.from_json(found.to_json())
        assert again == found
        whole = found.predict(data, horizon=9)["expected_purchases"]
        one = again.predict(data.iloc[7:8], horizon=9)["expected_purchases"]
        assert one.iloc[0] == pytest.approx(whole.iloc[7], rel=1e-12)
        assert BGNBD.fit(data.iloc[::-1], covariates={"purchase": formula}) == found

    def test_levels_are_kept(self, data):
        years = data.assign(year=2018 + np.arange(len(data)) % 3)
        found = BGNBD.fit(years, covariates={"purchase": "C(year)"})
        assert list(found.model._estimates())[4:] == [
            "purchase:C(year)[T.2019]",
            "purchase:C(year)[T.2020]",
        ]
        assert len(found.predict(years.query("year == 2019"), horizon=1)) == 500
        with pytest.raises(InputError, match="unknown_level in 1 row"):
            found.predict(years.head(1).assign(year=2017), horizon=1)

    def test_declared_order(self, data):
        ordered = pd.CategoricalDtype(["web", "shop"], ordered=True)
        rows = data.head(600).astype({"channel": ordered})
        for formula in ("channel", "C(channel)"):
            found = BGNBD.fit(rows, covariates={"purchase": formula})
            assert list(found.model._estimates())[4:] == [f"purchase:{formula}[T.shop]"]

    @pytest.mark.parametrize(
        "formula",
        [
            "age ~ vip",
            "age +",
            "1",
            "__import__('os').getcwd()",
            "np.load(age)",
            "age.real",
            "C(age > 30)",
            "{age if vip else 0}",
            "{[a for a in age]}",
            "{(lambda: age)()}",
        ],
    )
    def test_what_is_refused(self, data, formula):
        """Catches a formula that is evaluated before it is checked."""
        with pytest.raises(InputError, match=r"not_a_formula|missing_column"):
            BGNBD.fit(data, covariates={"purchase": formula})

    def test_a_saved_formula_is_checked_again(self, data):
        """Catches a check at the fit alone: a file could hold any code."""
        found = BGNBD.fit(data, covariates={"purchase": "center(age)"})
        text = found.to_json().replace("center(age)", "np.load(age)")
        assert json.loads(text)
        with pytest.raises(InputError, match=r"np\.load is not known"):
            Fit.from_json(text).predict(data, horizon=1)

    def test_values_that_are_none(self, data):
        with pytest.raises(InputError, match=r"purchase:log\(age - 1000\).*not_finite"):
            BGNBD.fit(data, covariates={"purchase": "log(age - 1000)"})
        with pytest.raises(InputError, match="can be put in"):
            BGNBD.fit(data, covariates={"purchase": "log(channel)"})

    def test_says_which_extra_it_needs(self, data, monkeypatch):
        monkeypatch.setitem(sys.modules, "formulaic", None)
        with pytest.raises(MissingExtraError, match=r"crmvalue\[formula\]"):
            BGNBD.fit(data, covariates={"purchase": "age"})
