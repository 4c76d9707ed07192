"""A fit for each group: whose fit each customer is predicted by, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import ConvergenceWarning, DataWarning, InputError
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.group_fits import GroupFits
from crmvalue.lifetime.groups import fit_groups
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD


@pytest.fixture(scope="module")
def data():
    """Two large countries, a small one, and one where nobody ever bought again."""
    rng = np.random.default_rng(1)
    country = rng.choice(["AT", "DE", "LI", "MT"], 2500, p=[0.3, 0.45, 0.03, 0.22])
    alpha = np.where(country == "AT", 4.0, 9.0)
    drawn = MBGNBD(r=0.6, alpha=alpha, a=0.9, b=2.5).sample(2500, T=45.0, rng=rng)
    lost = country == "MT"
    return drawn.assign(
        frequency=drawn["frequency"].where(~lost, 0),
        recency=drawn["recency"].where(~lost, 0.0),
        country=country,
    )


@pytest.fixture(scope="module")
def groups(data):
    return fit_groups(data, "country")


def test_each_group_has_its_own_fit_or_that_of_all(data, groups):
    for name in ("AT", "DE"):
        assert groups.fits[name] == MBGNBD.fit(data[data["country"] == name])
    assert groups.pooled == MBGNBD.fit(data)
    assert groups.fits["LI"] is groups.pooled
    table = groups.table()
    assert list(table) == [
        *("group", "n_customers", "source", "reason"),
        *("log_likelihood", "pooled_log_likelihood"),
    ]
    assert table["group"].tolist() == ["AT", "DE", "LI", "MT"]
    assert table["source"].tolist() == ["own", "own", "pooled", "pooled"]
    assert table["n_customers"].tolist() == data["country"].value_counts().sort_index().tolist()
    assert table["reason"].tolist()[:2] == ["", ""]
    assert "fewer than min_customers=200" in table["reason"][2]
    assert table["reason"][3] == "no repeat purchase"
    assert repr(groups) == (
        "GroupFits(MBGNBD by 'country', 4 groups: 2 with a fit of their own, 2 with that of all)"
    )


def test_what_is_not_identified_takes_the_fit_of_all(data):
    """Catches a warning of a group in place of its reason."""
    rng = np.random.default_rng(2)
    steady = rng.poisson(4.0, 300)
    more = pd.DataFrame(
        {
            "customer_id": 10_000 + np.arange(300),
            "frequency": steady,
            "recency": np.where(steady > 0, 45 * rng.beta(np.maximum(steady, 1), 1), 0),
            "T": 45.0,
            "country": "XX",
        }
    )
    found = fit_groups(pd.concat([data, more]), "country")
    row = found.table().set_index("group").loc["XX"]
    assert row["source"] == "pooled"
    assert row["reason"].startswith("not identified: ")


def test_params(groups):
    table = groups.params()
    assert list(table)[:3] == ["group", "source", "parameter"]
    assert len(table) == 16
    pooled = groups.pooled.params()
    part = table[table["group"] == "LI"].reset_index(drop=True)
    assert part[pooled.columns].equals(pooled)


def test_log_likelihoods_and_comparison(data, groups):
    """Catches the parameters of the pooled fit counted for every group that takes it."""
    table = groups.table().set_index("group")
    plain = groups.pooled.model.log_likelihood(data["frequency"], data["recency"], data["T"])
    of_groups = pd.Series(plain).groupby(data["country"].to_numpy()).sum()
    np.testing.assert_allclose(table["pooled_log_likelihood"], of_groups, rtol=1e-12)
    own = table["source"] == "own"
    assert (table["log_likelihood"] > table["pooled_log_likelihood"])[own].all()
    assert (table["log_likelihood"] == table["pooled_log_likelihood"])[~own].all()
    compared = groups.comparison().set_index("fit")
    assert compared.loc["separate", "log_likelihood"] == pytest.approx(
        table["log_likelihood"].sum()
    )
    assert compared["n_parameters"].tolist() == [12, 4]
    assert compared.loc["pooled", "aic"] == groups.pooled.aic
    assert compared.loc["pooled", "bic"] == groups.pooled.bic
    assert compared.loc["separate", "aic"] < compared.loc["pooled", "aic"]


def test_predictions_are_those_of_the_fit_that_is_taken(data, groups):
    found = groups.predict(data, horizon=26)
    assert list(found) == ["customer_id", "probability_alive", "expected_purchases", "source"]
    assert found["customer_id"].tolist() == sorted(data["customer_id"])
    for name, source in (("AT", "own"), ("LI", "pooled")):
        part = data[data["country"] == name]
        expected = groups.fits[name].predict(part, horizon=26)
        mine = found[found["customer_id"].isin(part["customer_id"])].reset_index(drop=True)
        assert mine[list(expected)].equals(expected)
        assert (mine["source"] == source).all()
    spread = groups.predict(data.head(50), horizon=26, level=0.9)
    assert (spread["expected_purchases_lower"] <= spread["expected_purchases_upper"]).all()


def test_unknown_groups_are_said_and_take_the_fit_of_all(data, groups):
    rows = data.head(40).assign(country=["FR"] * 3 + ["AT"] * 37)
    with pytest.warns(DataWarning, match=r"3 customers are in groups of 'country'.*'FR'"):
        found = groups.predict(rows, horizon=5)
    assert found["source"].tolist() == ["unknown"] * 3 + ["own"] * 37
    expected = groups.pooled.predict(rows.head(3), horizon=5)["expected_purchases"]
    assert found["expected_purchases"].tolist()[:3] == expected.tolist()


def test_in_every_library(data, groups, library):
    shuffled = data.sample(frac=1, random_state=3)
    assert fit_groups(library(shuffled), "country") == groups
    expected = groups.predict(data, horizon=9)
    found = groups.predict(library(shuffled), horizon=9)
    for name in ("customer_id", "probability_alive", "expected_purchases"):
        assert found[name].to_numpy().tolist() == expected[name].tolist()
    none = groups.predict(library(data.head(0)), horizon=9)
    assert len(none) == 0
    assert len(none.columns) == 4


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_row_order_does_not_matter(data, groups, seed):
    """Catches rows of a group that are taken by their place in another order."""
    order = np.random.default_rng(seed).permutation(len(data))
    assert fit_groups(data.iloc[order], "country") == groups


def test_weights(data, groups):
    """Catches weights that aren't taken for the rows of the group."""
    weights = np.where(data["country"] == "LI", 4.0, 1.0) + (data["country"] == "AT").to_numpy()
    found = fit_groups(data, "country", weights=weights)
    row = found.table().set_index("group").loc["LI"]
    assert row["n_customers"] == 4 * (data["country"] == "LI").sum()
    assert "fewer than" not in row["reason"]
    part = data[data["country"] == "AT"]
    assert found.fits["AT"] == MBGNBD.fit(part, weights=np.full(len(part), 2.0))
    again = fit_groups(data.assign(w=weights), "country", weights="w")
    assert again == found
    assert found.fits["DE"] == groups.fits["DE"]


def test_json(data, groups):
    again = GroupFits.from_json(groups.to_json())
    assert again == groups
    assert again.table().equals(groups.table())
    assert again.predict(data, horizon=3).equals(groups.predict(data, horizon=3))


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_models(data, model):
    kinds = data.assign(big=data["country"] == "DE")
    found = fit_groups(kinds, "big", model=model)
    assert list(found.fits) == ["False", "True"]
    assert type(found.fits["True"].model) is model


def test_a_model_that_needs_another_column():
    """Catches likelihoods of the groups without the sums of the gaps."""
    rng = np.random.default_rng(4)
    data = BGCNBD(k=3, r=1.5, alpha=4.0, a=0.9, b=2.5).sample(600, T=40.0, rng=rng)
    found = fit_groups(data.assign(year=2020 + np.arange(600) % 2), "year", model=BGCNBD)
    assert list(found.fits) == [2020, 2021]
    table = found.table()
    total = found.pooled.log_likelihood
    assert table["pooled_log_likelihood"].sum() == pytest.approx(total, rel=1e-12)


def test_refusals(data):
    with pytest.raises(InputError, match="lacks the column 'region'"):
        fit_groups(data, "region")
    with pytest.raises(InputError, match="model must be a class"):
        fit_groups(data, "country", model="MBGNBD")
    with pytest.raises(InputError, match="min_customers must be"):
        fit_groups(data, "country", min_customers=0)
    with pytest.raises(InputError, match="summary is empty"):
        fit_groups(data.head(0), "country")
    bad = data.assign(
        country=data["country"].where(data["country"] != "LI", None),
        frequency=data["frequency"] - 0.5,
    )
    with pytest.raises(InputError) as error:
        fit_groups(bad, "country", weights=-np.ones(len(data)))
    found = [fault.fault for fault in error.value.faults]
    assert found == ["missing", "not_a_weight", "too_small"]
    with pytest.warns(ConvergenceWarning):
        fit_groups(data.head(30).assign(frequency=2, recency=5.0, T=9.0), "country")
