from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.errors import InputError, MissingExtraError
from crmvalue.evaluation import compare_models
from crmvalue.evaluation.metrics import normalised_gini, spearman, top_decile_share

END = "1997-09-30"
FIXED = [
    *("model", "log_likelihood", "aic", "bic", "mae", "rmse", "bias", "spearman", "gini"),
    "top_decile_share",
]
MEASURED = [*FIXED[4:], "spend_mae", "spend_rmse", "spend_bias"]


@pytest.fixture(scope="module")
def compared(cdnow):
    models = [cv.BGNBD, cv.MBGNBD, "same_as_last_period", "cell_mean", "gradient_boosting"]
    return compare_models(cdnow, models, calibration_end=END, amount="amount")


def test_columns_rows_and_published_likelihoods(compared):
    assert list(compared.columns) == [*FIXED, "spend_mae", "spend_rmse", "spend_bias"]
    rows = compared.set_index("model")
    assert list(rows.index) == [
        *("BGNBD", "MBGNBD", "same_as_last_period", "cell_mean", "gradient_boosting")
    ]
    # LIFETIME.md: maxima of the sample log in 50-digit arithmetic.
    assert rows.loc["BGNBD", "log_likelihood"] == pytest.approx(-9582.429207, abs=1e-5)
    assert rows.loc["MBGNBD", "log_likelihood"] == pytest.approx(-9582.135716, abs=1e-5)
    assert rows.loc["BGNBD", "aic"] == pytest.approx(8 + 2 * 9582.429207, abs=1e-4)
    assert rows.loc["BGNBD", "bic"] == pytest.approx(4 * np.log(2357) + 2 * 9582.429207, abs=1e-4)
    assert rows.iloc[2:][["log_likelihood", "aic", "bic"]].isna().all(axis=None)
    assert rows[MEASURED].notna().all(axis=None)


def test_measures_are_those_of_figures_counted_another_way(cdnow, compared):
    days = cdnow.groupby(["customer_id", "date"])["amount"].sum().reset_index()
    after = days[days["date"] > END].groupby("customer_id")["amount"].agg(["size", "sum"])
    before = cv.customer_summary(cdnow, as_of=END, amount="amount")
    after = after.reindex(before["customer_id"]).fillna(0.0)
    fit, spend = cv.BGNBD.fit(before), cv.GammaGamma.fit(before)
    expected = fit.predict(before, horizon=39)["expected_purchases"].to_numpy()
    money = expected * spend.predict(before)["expected_spend"].to_numpy()
    off, spend_off = expected - after["size"].to_numpy(), money - after["sum"].to_numpy()
    row = compared.set_index("model").loc["BGNBD"]
    assert row["mae"] == pytest.approx(np.abs(off).mean(), rel=1e-12)
    assert row["rmse"] == pytest.approx(np.sqrt((off**2).mean()), rel=1e-12)
    assert row["bias"] == pytest.approx(off.mean(), rel=1e-12)
    assert row["spend_mae"] == pytest.approx(np.abs(spend_off).mean(), rel=1e-9)
    assert row["spend_rmse"] == pytest.approx(np.sqrt((spend_off**2).mean()), rel=1e-9)
    assert row["spend_bias"] == pytest.approx(spend_off.mean(), rel=1e-9)
    actual = after["size"].to_numpy()
    assert row["spearman"] == pytest.approx(spearman(actual, expected))
    assert row["gini"] == pytest.approx(normalised_gini(actual, expected))
    assert row["top_decile_share"] == pytest.approx(top_decile_share(actual, expected))


def test_fits_and_models_are_applied_as_they_are(cdnow, compared):
    fit = cv.BGNBD.fit(cv.customer_summary(cdnow, as_of=END))
    other = cv.BGNBD(r=0.5, alpha=4.0, a=0.8, b=2.5)
    named = {"fit": fit, "its model": fit.model, "other": other}
    found = compare_models(cdnow, named, calibration_end=END, spend=None).set_index("model")
    expected = compared.set_index("model").loc["BGNBD", FIXED[1:]].astype(float)
    for name in ("fit", "its model"):
        np.testing.assert_allclose(found.loc[name, FIXED[1:]].astype(float), expected, rtol=1e-9)
    assert found.loc["other", "log_likelihood"] < expected["log_likelihood"]
    assert found["spend_mae"].isna().all()


def test_every_library_gives_the_same_table(library, cdnow, compared):
    log = library(cdnow)
    found = compare_models(
        log, [cv.BGNBD, "cell_mean"], calibration_end=END, holdout_end="1998-06-30", amount="amount"
    )
    module = type(found).__module__.split(".")[0]
    assert module == {"duckdb": "pyarrow", "_duckdb": "pyarrow"}.get(
        type(log).__module__.split(".")[0], type(log).__module__.split(".")[0]
    )
    expected = compared[compared["model"].isin(["BGNBD", "cell_mean"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(to_pandas(found), expected, check_dtype=False, rtol=1e-9)


def test_without_amounts_spend_is_null_in_its_columns(library, cdnow):
    found = compare_models(
        library(cdnow[["customer_id", "date"]]),
        ["same_as_last_period", "gradient_boosting"],
        calibration_end=END,
    )
    frame = to_pandas(found)
    assert list(frame.columns) == [*FIXED, *MEASURED[6:]]
    assert frame[["spend_mae", "spend_rmse", "spend_bias"]].isna().all(axis=None)
    assert frame["mae"].notna().all()


def test_intervals_are_those_of_other_customers(cdnow):
    options = {"calibration_end": END, "amount": "amount"}
    plain = compare_models(cdnow, [cv.BGNBD, "cell_mean"], **options)
    rng = np.random.default_rng(1)
    found = compare_models(cdnow, [cv.BGNBD, "cell_mean"], **options, bootstrap=300, rng=rng)
    pd.testing.assert_frame_equal(found[plain.columns], plain)
    added = [f"{name}_{end}" for name in MEASURED for end in ("lower", "upper")]
    assert list(found.columns) == [*plain.columns, *added]
    for name in MEASURED:
        assert (found[f"{name}_lower"] < found[f"{name}_upper"]).all()
    # The error of a mean, from the spread of its terms.
    before = cv.split_holdout(cdnow, calibration_end=END)
    expected = cv.BGNBD.fit(before).predict(before, horizon=39)["expected_purchases"]
    error = float(np.std(np.abs(expected - before["holdout_frequency"])) / np.sqrt(len(before)))
    width = (found["mae_upper"] - found["mae_lower"]).iloc[0]
    assert width == pytest.approx(2 * 1.96 * error, rel=0.15)
    again = np.random.default_rng(1)
    pd.testing.assert_frame_equal(
        compare_models(cdnow, [cv.BGNBD, "cell_mean"], **options, bootstrap=300, rng=again), found
    )


def test_a_unit_changes_likelihoods_and_no_forecast(cdnow, compared):
    days = compare_models(cdnow, [cv.BGNBD], calibration_end=END, unit="D", amount="amount")
    first = compared.iloc[0]
    np.testing.assert_allclose(
        days.loc[0, MEASURED].astype(float), first[MEASURED].astype(float), rtol=1e-6
    )
    shift = 2457 * np.log(7)  # a density of 2,457 purchase times
    assert days.loc[0, "log_likelihood"] == pytest.approx(first["log_likelihood"] - shift)


def test_refunds_count_in_spend(cdnow):
    """Catches spend read off the mean per purchase day, which those who sent back don't have."""
    buyer = np.setdiff1d(cdnow["customer_id"], cdnow.loc[cdnow["date"] > END, "customer_id"])[0]
    back = pd.DataFrame({"customer_id": [buyer], "date": ["1998-06-30"], "amount": [-23_570.0]})
    log = pd.concat(
        [cdnow[["customer_id", "date", "amount"]], back.assign(date=pd.to_datetime(back["date"]))],
        ignore_index=True,
    )
    found, plain = (
        compare_models(each, ["cell_mean"], calibration_end=END, amount="amount")
        for each in (log, cdnow)
    )
    difference = found.loc[0, "spend_bias"] - plain.loc[0, "spend_bias"]
    assert difference == pytest.approx(10.0)
    assert found.loc[0, "bias"] == plain.loc[0, "bias"]


def test_what_cannot_be_compared_is_named_at_once(cdnow):
    models = [
        cv.BGNBD,
        cv.BGNBD,
        "naive",
        cv.GammaGamma,
        cv.BGNBD(r=1, alpha=1, a=1, b=1, unit="D"),
    ]
    with pytest.raises(InputError, match="same_name") as caught:
        compare_models(cdnow, models, calibration_end=END)
    assert [fault.fault for fault in caught.value.faults] == [
        *("same_name", "unknown_baseline", "not_a_model", "other_unit")
    ]
    assert "'cell_mean'" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": []}, "no_models"),
        ({"models": cv.BGNBD}, "expected a list of models"),
        ({"models": "cell_mean"}, "expected a list of models"),
        ({"bootstrap": 10}, "bootstrap needs rng="),
        ({"bootstrap": -1}, "number of resamples"),
        ({"spend": cv.BGNBD}, "spend must be a model of spend"),
        ({"as_of": "1998-01-01"}, "takes holdout_end"),
        ({"calibration_end": "1998-06-30"}, "must end after calibration_end"),
        ({"calibration_end": "1996-12-31"}, "nobody had bought"),
        ({"calibration_end": "1997-01-01", "models": ["cell_mean"]}, "too short to train"),
        ({"unit": "weeks"}, "unit"),
    ],
)
def test_bad_options_are_refused_with_the_cure(cdnow, options, message):
    given = {"models": ["same_as_last_period"], "calibration_end": END, **options}
    with pytest.raises(InputError, match=message):
        compare_models(cdnow, given.pop("models"), **given)


def test_gradient_boosting_names_its_extra(cdnow, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"crmvalue\[ml\]"):
        compare_models(cdnow, ["gradient_boosting"], calibration_end=END)


def test_a_fit_with_covariates_reads_them_from_the_attributes(cdnow):
    split = cv.split_holdout(cdnow, calibration_end=END)
    first = cdnow.sort_values("date").drop_duplicates("customer_id")
    known = first[["customer_id", "amount"]].sort_values("customer_id").iloc[::-1]
    known = known.assign(first_spend=np.log1p(known.pop("amount")))
    joined = split.merge(known, on="customer_id")
    fit = cv.BGNBD.fit(joined, covariates={"purchase": ["first_spend"]})
    found = compare_models(
        cdnow, {"plain": cv.BGNBD, "with": fit}, calibration_end=END, attributes=known
    ).set_index("model")
    assert found.loc["with", "log_likelihood"] == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert found.loc["with", "aic"] == pytest.approx(fit.aic, rel=1e-12)
    expected = fit.predict(joined, horizon=39)["expected_purchases"]
    error = np.abs(expected - joined["holdout_frequency"]).mean()
    assert found.loc["with", "mae"] == pytest.approx(error, rel=1e-9)
    with pytest.raises(InputError, match="first_spend"):
        compare_models(cdnow, {"with": fit}, calibration_end=END)
