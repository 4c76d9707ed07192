"""`crmvalue check`, as a CI job meets it: exit codes and a log that can be read."""

from __future__ import annotations

import inspect
import json
import shutil
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import crmvalue as cv
from crmvalue import cli
from crmvalue.baseline import TOLERANCES

# Before click 8.2 the runner mixes what goes to stderr into stdout unless it is told not to.
APART: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
)


def run(*arguments):
    return CliRunner(**APART).invoke(cli.main, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    cv.datasets.load_cdnow(sample=True).to_csv(folder / "log.csv", index=False)
    assert run("value", folder / "log.csv", "--out", folder / "out").exit_code == 0
    return folder / "out"


@pytest.fixture
def out(written, tmp_path):
    return shutil.copytree(written, tmp_path / "out")


def test_a_folder_passes_its_own_baseline(out):
    for reference in (out / "baseline.json", out):
        done = run("check", out, "--baseline", reference)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith("none of ")
        assert "FAILED" not in done.stdout
        families = done.stdout.splitlines()[2:]
        assert families[0] == "schema: 19 passed"
        assert "counts: 3 passed" in families
        assert len(families) <= len(TOLERANCES)
    assert families[-1] == "migration: 2 passed"
    done = run("check", out, "--baseline", out, "--all")
    assert done.exit_code == 0
    assert "passed  totals.revenue" in done.stdout
    assert "passed  migration.changed" in done.stdout
    count = int(done.stdout.split()[2])
    assert done.stdout.count("\npassed  ") == count
    passed = [int(line.split()[1]) for line in families]
    assert sum(passed) == count


def in_csv(name, change):
    def tampered(out):
        path = out / f"{name}.csv"
        change(pd.read_csv(path)).to_csv(path, index=False)

    return tampered


def one(column, place=0):
    """A change of one number of a table."""

    def change(table):
        values = table[column].astype(float)
        values.iloc[place] = 1.5 * values.iloc[place] + 1
        return table.assign(**{column: values})

    return change


def in_parquet(change):
    def tampered(out):
        path = out / "customers.parquet"
        change(pd.read_parquet(path)).to_parquet(path)

    return tampered


def in_model(out):
    path = out / "model.json"
    model = json.loads(path.read_text())
    model["purchases"]["r"] *= 2
    path.write_text(json.dumps(model))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (in_parquet(lambda t: t.tail(-50)), "reconciliation.revenue"),
        (in_parquet(lambda t: pd.concat([t, t])), "reconciliation.distinct_customers"),
        (in_parquet(lambda t: t.assign(lifetime_value=1.0)), "reconciliation.lifetime_value"),
        (in_parquet(lambda t: t.assign(tier="gold")), "tier_share.gold"),
        (in_parquet(lambda t: t.assign(T=t["T"].astype(str))), "schema.customers"),
        (in_csv("customers", lambda t: t.tail(-1)), "reconciliation.customers_csv"),
        (
            in_csv("customers", lambda t: t.assign(total_spend=10 * t["total_spend"])),
            "reconciliation.customers_csv",
        ),
        (
            in_csv("customers", lambda t: t.rename(columns={"T": "age"})),
            "reconciliation.customers_csv",
        ),
        (in_csv("customers", lambda t: t.assign(tier="gold")), "reconciliation.customers_csv"),
        (
            in_csv("customers", lambda t: t.assign(profit=t["total_spend"].to_numpy()[::-1])),
            "reconciliation.customers_csv",
        ),
        (in_parquet(lambda t: t.head(0)), "reconciliation.tiers.customers"),
        (in_csv("customers", lambda t: t.head(0)), "reconciliation.customers_csv"),
        (in_csv("concentration", lambda t: t.head(0)), "reconciliation.concentration"),
        (in_csv("tiers", lambda t: t.assign(revenue=0)), "reconciliation.tiers.revenue"),
        (in_csv("statement", lambda t: t.tail(-5)), "reconciliation.statement"),
        (in_csv("concentration", lambda t: t.assign(gini=0.5)), "reconciliation.concentration"),
        (in_csv("parameters", lambda t: t.assign(estimate=1)), "reconciliation.parameters"),
        (in_csv("parameters", one("std_error")), "reconciliation.standard_errors"),
        (in_csv("parameters", one("upper")), "reconciliation.standard_errors"),
        (in_csv("concentration", one("total")), "reconciliation.concentration"),
        (in_csv("concentration", one("pareto_point")), "reconciliation.concentration"),
        (in_csv("segments", one("mean_inactive")), "reconciliation.segments.figures"),
        (
            in_csv("statement_by_tier", one("share_of_revenue")),
            "reconciliation.statement_by_tier.shares",
        ),
        (in_csv("tiers", one("share_of_lifetime_value")), "reconciliation.tiers.shares"),
        (in_csv("headline", one("value", 1)), "reconciliation.headline.figures"),
        (in_csv("rfm_grid", one("customers")), "reconciliation.rfm_grid"),
        (in_csv("data_gates", one("got")), "reconciliation.data_gates"),
        (in_csv("segments", lambda t: t.drop(columns="revenue")), "schema.segments"),
        (in_model, "parameter.MBGNBD.r"),
    ],
)
def test_drift_ends_with_1_and_the_table(out, change, line):
    change(out)
    done = run("check", out, "--baseline", out / "baseline.json")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "drifted" in lines[0]
    assert lines[3].startswith("FAILED")
    assert f"FAILED  {line} " in done.stdout
    assert "\npassed " not in done.stdout


def test_tolerances_and_an_earlier_folder(out, written):
    in_parquet(lambda t: t.assign(n_purchases=2 * t["n_purchases"]))(out)
    gate = ("check", out, "--baseline", out / "baseline.json", "--tolerance", "reconciliation=1e9")
    assert run(*gate).exit_code == 1
    assert run(*gate, "--tolerance", "counts.purchases=1").exit_code == 0
    done = run(*gate, "--tolerance", "counts=1.5", "--tolerance", "psi=0.1", "--previous", written)
    assert done.exit_code == 0
    assert "migration: 2 passed" in done.stdout


BAD = [
    (["nowhere", "--baseline", "out/baseline.json"], "there is no folder 'nowhere'"),
    (["log.txt", "--baseline", "out/baseline.json"], "there is no folder 'log.txt'"),
    (["empty", "--baseline", "out/baseline.json"], "missing_file (customers.parquet)"),
    (["out", "--baseline", "nowhere.json"], "there is no file 'nowhere.json'"),
    (["out", "--baseline", "log.txt"], "is not JSON"),
    (["out", "--baseline", "out/customers.parquet"], "is no baseline"),
    (["out", "--baseline", "out/model.json"], "expected a saved Baseline, got 'ValueModel'"),
    (["out", "--baseline", "newer.json"], "saved by a newer crmvalue"),
    (["out", "--baseline", "odd.json"], "is no baseline"),
    (["out", "--baseline", "cut.json"], "missing ['bins'"),
    (["out", "--baseline", "empty"], "missing_file (model.json)"),
    (["out", "--baseline", "out", "--previous", "nowhere"], "there is no folder 'nowhere'"),
    (["out", "--baseline", "out", "--tolerance", "totel=1"], "'totel'"),
    (["out", "--baseline", "out/baseline.json", "--tolerance", "migration=1"], "'migration'"),
    (["out", "--baseline", "out/baseline.json", "--tolerance", "migration.lost=1"], "--previous"),
    (["out", "--baseline", "out", "--previous", "spent"], "tiers are by total_spend"),
    (["early", "--baseline", "out", "--previous", "out"], "an earlier result comes first"),
    (["out", "--baseline", "out", "--tolerance", "psi=much"], "takes NAME=VALUE"),
    (["out", "--baseline", "out", "--tolerance", "psi"], "takes NAME=VALUE"),
    (["out", "--baseline", "out", "--tolerance", "psi=-1"], "at least 0"),
    (["broken", "--baseline", "out"], "can't be read"),
    (["unmodelled", "--baseline", "out"], "not JSON"),
    (["out"], "Missing option '--baseline'"),
]


@pytest.fixture(scope="module")
def bad(written, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    for name in ("out", "broken", "unmodelled"):
        shutil.copytree(written, folder / name)
    (folder / "broken" / "customers.parquet").write_bytes(b"PAR1 no more")
    (folder / "unmodelled" / "model.json").write_bytes(b"{")
    log = cv.datasets.load_cdnow(sample=True)
    log[log["date"] < "1998-01-01"].to_csv(folder / "early.csv", index=False)
    for name, options in (("early", ()), ("spent", ("--tier-by", "total_spend"))):
        done = run("value", folder / "early.csv", "--out", folder / name, *options)
        assert done.exit_code == 0
    (folder / "empty").mkdir()
    (folder / "log.txt").write_text("x")
    baseline = json.loads((written / "baseline.json").read_text())
    (folder / "newer.json").write_text(json.dumps({**baseline, "format": 99}))
    (folder / "odd.json").write_text(json.dumps({**baseline, "format": "new"}))
    (folder / "cut.json").write_text(json.dumps({"type": "Baseline", "format": 1}))
    return folder


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_ends_with_2_in_words(bad, monkeypatch, arguments, words):
    monkeypatch.chdir(bad)
    done = run("check", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
