"""What a baseline keeps, and what it must not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import crmvalue as cv
from crmvalue._table import to_pandas
from crmvalue.baseline import Baseline
from crmvalue.baseline.check import check
from crmvalue.errors import InputError
from crmvalue.io import write_result

pytestmark = pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")


def numbers_in(value):
    if isinstance(value, dict):
        return [n for part in value.values() for n in numbers_in(part)]
    if isinstance(value, list):
        return [n for part in value for n in numbers_in(part)]
    return [value] if isinstance(value, float) else []


def test_it_keeps_what_was_promised(result, baseline):
    figures = baseline.figures
    customers = result.customers
    assert figures["counts.customers"] == len(customers)
    assert figures["counts.purchases"] == customers["n_purchases"].sum()
    assert figures["totals.revenue"] == pytest.approx(customers["total_spend"].sum(), rel=1e-12)
    assert figures["totals.ledger"] == pytest.approx(
        result.tables["reconciliation"].query("stage == 'ledger'")["amount"].sum(), rel=1e-12
    )
    shares = customers["tier"].value_counts(normalize=True)
    assert figures["tier_share.gold"] == pytest.approx(shares["gold"])
    gini = result.concentration.set_index("figure")["gini"]
    assert figures["concentration.revenue.gini"] == gini["revenue"]
    params = result.tables["parameters"].set_index(["model", "parameter"])
    assert figures["parameter.MBGNBD.r"] == params.loc[("MBGNBD", "r"), "estimate"]
    assert baseline.standard_errors["MBGNBD.r"] == params.loc[("MBGNBD", "r"), "std_error"]
    assert baseline.terms["horizon"] == "inf"
    assert baseline.schema["customers"]["first_purchase"] == "date"
    assert baseline.version == cv.__version__


def test_shares_and_bins_count_everybody_once(baseline):
    for family in ("tier_share", "segment_share"):
        shares = [v for name, v in baseline.figures.items() if name.startswith(f"{family}.")]
        assert sum(shares) == pytest.approx(1)
    for spread in baseline.bins.values():
        assert sum(spread["customers"]) == baseline.figures["counts.customers"]
        assert len(spread["customers"]) == len(spread["cuts"]) + 2
        assert min(spread["customers"][:-1]) >= 10
    spend = baseline.bins["total_spend"]
    assert list(spend["cuts"]) == [float(f"{cut:.1e}") for cut in spend["cuts"]]


def test_the_same_result_gives_the_same_bytes(log, ledger, baseline, tmp_path):
    same = cv.value_customers(log, costs=ledger)
    assert same.baseline().to_json() == baseline.to_json()
    with mock.patch("crmvalue.io.to_html"):
        folder = write_result(same, tmp_path / "out")
    assert (folder / "baseline.json").read_text(encoding="utf-8") == baseline.to_json()
    table = check(folder, baseline)
    assert table["passed"].all()
    assert "reconciliation.customers_csv" in set(table["line"])


def test_it_is_read_back_as_it_was(baseline):
    again = Baseline.from_json(baseline.to_json())
    assert again == baseline
    assert hash(again) == hash(baseline)
    assert again.to_json() == baseline.to_json()
    assert Baseline.from_dict(baseline.to_dict()) == baseline
    assert "2,357 customers" in repr(again)


@pytest.mark.parametrize(
    ("library", "size"), [("pandas", 1), ("polars", 4), ("pyarrow", 30), ("pandas", 300)]
)
def test_no_customer_is_in_it(result, size, library):
    """No id, number or text, and no figure that a single customer has."""
    rng = np.random.default_rng(size)
    rows = 6 * size
    numbers = rng.choice(10**9 + np.arange(9 * size), size, replace=False)
    for ids in (numbers, np.array([f"Müller-{n}" for n in numbers], dtype=object)):
        days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, rows), "D")
        log = pd.DataFrame(
            {
                "customer_id": ids[np.arange(rows) % size],
                "date": days.as_unit("us"),
                "amount": rng.lognormal(4, 1, rows),
            }
        )
        costs = cv.datasets.demo_costs(log)
        native = {
            "pandas": lambda frame: frame,
            "polars": pl.from_pandas,
            "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        }[library](log)
        valued = cv.value_customers(native, costs=costs, model=result.model)
        text = valued.baseline().to_json()
        assert not [i for i in log["customer_id"].unique() if str(i) in text]
        customers = to_pandas(valued.customers)
        figures = customers.select_dtypes("float").to_numpy().ravel()
        figures = figures[np.isfinite(figures)]
        # Beside round figures such as 0 or 13.0, which many customers share or none has.
        odd = {n for n in numbers_in(json.loads(text)) if float(f"{n:.1e}") != n}
        model = set(valued.baseline().figures.values()) & {
            getattr(m, name, None)
            for m in (valued.model.purchases, valued.model.spend)
            for name in ("r", "alpha", "a", "b", "p", "q", "gamma")
        }
        for number in odd - model:
            assert np.abs(figures - number).min() > 1e-9 * abs(number), number
        if size < 10:
            assert not [n for n in valued.baseline().figures if n.startswith(("totals", "conc"))]
            assert not any(spread["cuts"] for spread in valued.baseline().bins.values())


def test_thresholds_of_tiers_are_not_in_it(result, baseline):
    assert f"{result.model.tiers.gold:.6g}" not in baseline.to_json()


def damaged(baseline, **parts):
    return json.dumps({**baseline.to_dict(), **parts})


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"format": 2}, "saved by a newer crmvalue"),
        ({"type": "ParetoTiers"}, "expected a saved Baseline, got 'ParetoTiers'"),
        ({"extra": 1}, "not known \\['extra'\\]"),
        ({"figures": [1]}, "changed by hand"),
        ({"figures": {"counts.customers": "many"}}, "changed by hand"),
        ({"terms": {"unit": 1}}, "changed by hand"),
        ({"bins": {"frequency": {"cuts": [1.0], "customers": [1, 2]}}}, "changed by hand"),
        ({"bins": {"frequency": {"cuts": [2.0, 1.0], "customers": [1, 2, 3, 4]}}}, "by hand"),
        ({"bins": {"frequency": {"cuts": ["a"], "customers": [1, 2, 3]}}}, "changed by hand"),
        ({"bins": {"frequency": []}}, "changed by hand"),
        ({"schema": {"customers": ["customer_id"]}}, "changed by hand"),
        ({"standard_errors": None}, "changed by hand"),
        *(({"standard_errors": {"MBGNBD.r": error}}, "by hand") for error in (-1, 0, math.inf)),
        ({"bins": {}}, "written by an earlier crmvalue"),
        ({"schema": {}}, "written by an earlier crmvalue"),
    ],
)
def test_a_damaged_baseline_is_refused_in_words(baseline, parts, words):
    with pytest.raises(InputError, match=words):
        Baseline.from_json(damaged(baseline, **parts))


@pytest.mark.parametrize("count", [None, math.inf, math.nan, -2357, 0, 2357.5, 1e308, 2356])
def test_a_baseline_counts_its_customers(baseline, count):
    """Fails where the number is taken as it comes, or bins are not held against it."""
    figures = {**baseline.to_dict()["figures"], "counts.customers": count}
    with pytest.raises(InputError, match="changed by hand"):
        Baseline.from_json(damaged(baseline, figures=figures))


@pytest.mark.parametrize("column", ["lifetime_value", "frequency"])
def test_a_baseline_has_every_distribution(baseline, column):
    bins = baseline.to_dict()["bins"]
    del bins[column]
    with pytest.raises(InputError, match="changed by hand"):
        Baseline.from_json(damaged(baseline, bins=bins))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"type": "Baseline"}'])
def test_text_that_is_no_baseline_is_refused(text):
    with pytest.raises(InputError):
        Baseline.from_json(text)


def test_a_folder_gives_the_baseline_of_its_result(result, baseline, tmp_path):
    with mock.patch("crmvalue.io.to_html"):
        folder = write_result(result, tmp_path / "out")
    assert Baseline.of(folder).figures == pytest.approx(baseline.figures, nan_ok=True)
    for name in ("customers.parquet", "tiers.csv"):
        (Path(folder) / name).unlink()
    with pytest.raises(InputError, match="missing_file") as caught:
        Baseline.of(folder)
    assert len(caught.value.faults) == 2
