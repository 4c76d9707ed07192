"""The command line, as a user meets it: files in, files out, exit codes, and bytes that repeat."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import crmvalue as cv
from crmvalue import cli
from crmvalue.errors import InputError
from crmvalue.io import guard_formulas, write_result, write_workbook

ROOT = Path(__file__).parents[1]
HOSTILE = "</script><b>=1+1"


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def log():
    return cv.datasets.simulate_transactions(300, rng=np.random.default_rng(17))


@pytest.fixture(scope="module")
def text_log(log):
    ids = log["customer_id"].map(lambda n: f"=C{n}" if n > 1 else HOSTILE)
    return log.assign(customer_id=ids, date=log["date"].dt.strftime("%Y-%m-%d"))


@pytest.fixture
def files(tmp_path, log):
    log.to_csv(tmp_path / "log.csv", index=False)
    log.to_parquet(tmp_path / "log.parquet")
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    for name, table in cv.datasets.demo_costs(log).items():
        if name != "note":
            table.to_csv(ledger / f"{name}.csv", index=False)
    return tmp_path


def test_value_writes_the_whole_folder(files, log):
    done = run("value", files / "log.csv", "--costs", files / "ledger", "--out", files / "out")
    assert done.exit_code == 0, done.output
    out = files / "out"
    written = {path.name for path in out.iterdir()}
    assert {
        *("customers.csv", "customers.parquet", "model.json", "report.html", "tiers.csv"),
        *("statement.csv", "activities.csv", "tracking.csv", "left_out.csv", "parameters.csv"),
    } <= written
    expected = cv.value_customers(log, costs=cv.datasets.demo_costs(log)).customers
    columns = ["customer_id", "lifetime_value", "profit"]
    found = pd.read_parquet(out / "customers.parquet")
    pd.testing.assert_frame_equal(found[columns], expected[columns], check_dtype=False, rtol=1e-9)
    table = pd.read_csv(out / "customers.csv")
    pd.testing.assert_frame_equal(table[columns], expected[columns], check_dtype=False, rtol=1e-9)
    assert "Customer lifetime value" in done.output
    assert "Written to" in done.output
    assert out.stat().st_mode & 0o777 == 0o755


def test_a_ledger_may_be_a_workbook_and_so_may_the_result(files, log):
    ledger = cv.datasets.demo_costs(log)
    with pd.ExcelWriter(files / "ledger.xlsx") as writer:
        for name, table in ledger.items():
            if name != "note":
                table.to_excel(writer, sheet_name=name, index=False)
        pd.DataFrame({"as agreed": ["in May"]}).to_excel(writer, sheet_name="Notes", index=False)
    for name in ("one", "two"):
        done = run(
            *("value", files / "log.csv", "--costs", files / "ledger.xlsx"),
            *("--out", files / name, "--excel"),
        )
        assert done.exit_code == 0, done.output
    book = files / "one" / "result.xlsx"
    assert book.read_bytes() == (files / "two" / "result.xlsx").read_bytes()
    sheets = pd.read_excel(book, sheet_name=None)
    assert set(sheets) == {path.stem for path in (files / "one").glob("*.csv")}
    expected = cv.value_customers(log, costs=ledger).customers
    np.testing.assert_allclose(sheets["customers"]["profit"], expected["profit"], rtol=1e-12)
    assert sheets["customers"]["customer_id"].tolist() == expected["customer_id"].tolist()


def test_ids_of_a_workbook_follow_the_log(tmp_path, log):
    """Text that looks like a number stays text where the ids of the log are text."""
    named = log.assign(customer_id=log["customer_id"].map("{:05d}".format))
    named.to_csv(tmp_path / "log.csv", index=False)
    costs = cv.datasets.demo_costs(named)
    with pd.ExcelWriter(tmp_path / "ledger.xlsx") as writer:
        for name in ("resources", "resource_drivers", "activity_drivers", "activities"):
            costs[name].to_excel(writer, sheet_name=name, index=False)
    done = run(
        *("value", tmp_path / "log.csv", "--costs", tmp_path / "ledger.xlsx"),
        *("--out", tmp_path / "out"),
    )
    assert done.exit_code == 0, done.output
    found = pd.read_parquet(tmp_path / "out" / "customers.parquet")
    assert found["customer_id"].tolist()[0] == "00001"
    whole = costs["resources"]["cost"].sum()
    assert 0.5 * whole < found["activity_cost"].sum() <= whole


@pytest.mark.parametrize(
    ("content", "words"), [(b"not a workbook", "can't be read"), (None, "no file")]
)
def test_a_workbook_that_is_none_is_said(files, content, words):
    path = files / "broken.xlsx"
    if content:
        path.write_bytes(content)
    done = run("value", files / "log.csv", "--costs", path, "--out", files / "out")
    assert (done.exit_code, words in done.output) == (2, True)


def test_a_table_longer_than_a_sheet_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("crmvalue.io.SHEET_ROWS", 3)
    with pytest.raises(InputError, match="customers has more"):
        write_workbook({"customers": pd.DataFrame({"a": range(3)})}, tmp_path / "book.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_saved_model_is_applied_without_fitting(files):
    assert run("value", files / "log.parquet", "--out", files / "first").exit_code == 0
    model = files / "first" / "model.json"
    done = run("value", files / "log.parquet", "--model", model, "--out", files / "second")
    assert done.exit_code == 0
    assert model.read_bytes() == (files / "second" / "model.json").read_bytes()
    first, second = (
        pd.read_parquet(files / name / "customers.parquet") for name in ("first", "second")
    )
    pd.testing.assert_frame_equal(first, second)
    assert not (files / "second" / "parameters.csv").exists()


def test_an_earlier_folder_shows_who_moved(files, log):
    log[log["date"] <= "2023-12-31"].to_csv(files / "early.csv", index=False)
    assert run("value", files / "early.csv", "--out", files / "first").exit_code == 0
    model = files / "first" / "model.json"
    done = run(
        *("value", files / "log.csv", "--model", model, "--previous", files / "first"),
        *("--band", "0.1", "--out", files / "second"),
    )
    assert done.exit_code == 0, done.output
    moved = pd.read_csv(files / "second" / "movements.csv")
    first, second = (
        pd.read_parquet(files / name / "customers.parquet") for name in ("first", "second")
    )
    assert moved["customers_before"].sum() == len(first)
    assert moved["customers_after"].sum() == len(second)
    assert (files / "second" / "watch_list.csv").is_file()
    assert not (files / "first" / "movements.csv").exists()
    page = (files / "second" / "report.html").read_text(encoding="utf-8")
    assert f"Of {len(first):,} customers then" in page.replace("\xa0", " ")


def test_columns_and_terms_can_be_named(files, log):
    named = log.rename(columns={"customer_id": "who", "date": "day", "amount": "net"})
    named.assign(why="").to_csv(files / "named.csv", index=False)
    done = run(
        *("value", files / "named.csv", "--customer", "who", "--date", "day", "--amount", "net"),
        *("--as-of", "2024-06-30", "--unit", "D", "--horizon", "365", "--discount-rate", "0.2"),
        *("--tier-by", "total_spend", "--refunds", "drop", "--left-out", "why"),
        *("--calibration-end", "2024-01-31", "--out", files / "out"),
    )
    assert done.exit_code == 0, done.output
    model = cv.ValueModel.from_json((files / "out" / "model.json").read_text())
    assert (model.purchases.unit, model.horizon, model.annual_discount_rate) == ("D", 365.0, 0.2)
    assert model.tiers.by == "total_spend"


BROKEN = pd.DataFrame({"customer_id": [1, None], "date": ["2024-01-01", "x"], "amount": [1, 2]})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["broken.csv"], ["missing_customer", "not_an_iso_date"]),
        (["nowhere.csv"], ["there is no file"]),
        (["log.txt"], ["expected .csv or .parquet"]),
        (["log.csv", "--amount", "net"], ["lacks the column 'net'", "with --customer, --date and"]),
        (["log.csv", "--model", "nowhere.json"], ["there is no file"]),
        (["log.csv", "--model", "log.csv"], ["'log.csv' is no model", "text that is not JSON"]),
        (["log.csv", "--model", "latin.json"], ["'latin.json' is no model", "not JSON"]),
        (["log.csv", "--model", "spend.json"], ["'spend.json'", "a saved ValueModel, got 'GammaG"]),
        (["log.csv", "--previous", "half"], ["half/model.json' is no model", "text that is not"]),
        (["log.csv", "--costs", "nowhere"], ["there is no folder"]),
        (["log.csv", "--costs", "empty"], ["missing: resources, resource_drivers"]),
        (["log.csv", "--attributes", "log.csv"], ["repeated_id"]),
        (["log.csv", "--previous", "empty"], ["holds no customers.parquet and model.json"]),
        (["log.csv", "--band", "0.1"], ["Error: --band 0.1 is how", "with --previous\n"]),
        (["log.csv", "--tier-by", "profit"], ["pass --costs, or another --tier-by\n"]),
        (["log.csv", "--horizon", "-1"], ["--horizon -1.0; expected a time above 0"]),
        (["fake.parquet"], ["can't be read"]),
    ],
)
def test_bad_input_ends_with_2_in_words_and_writes_nothing(files, monkeypatch, arguments, words):
    monkeypatch.chdir(files)
    BROKEN.to_csv("broken.csv", index=False)
    Path("log.txt").write_text("x")
    Path("fake.parquet").write_text("x")
    Path("empty").mkdir()
    Path("latin.json").write_bytes('{"type": "Käufer"}'.encode("latin-1"))
    Path("spend.json").write_text(cv.GammaGamma(p=6, q=4, gamma=15).to_json())
    Path("half").mkdir()
    Path("log.parquet").rename("half/customers.parquet")
    Path("half/model.json").write_text("{")
    before = sorted(path.name for path in files.iterdir())
    done = run("value", *arguments, "--out", "out")
    assert done.exit_code == 2
    for word in words:
        assert word in done.output
    assert "Traceback" not in done.output
    assert sorted(path.name for path in files.iterdir()) == before


def test_a_folder_that_is_not_ours_is_left_alone(files):
    (files / "mine").mkdir()
    (files / "mine" / "thesis.txt").write_text("years of work")
    done = run("value", files / "log.csv", "--out", files / "mine")
    assert done.exit_code == 2
    assert "nothing of yours is replaced" in done.output
    assert [path.name for path in (files / "mine").iterdir()] == ["thesis.txt"]
    assert run("value", files / "log.csv", "--out", files / "log.csv").exit_code == 2


def test_a_write_that_fails_leaves_the_earlier_result(files, log, monkeypatch):
    result = cv.value_customers(log)
    target = write_result(result, files / "out")
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    monkeypatch.setattr("crmvalue.io.to_html", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_result(result, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert not [path for path in files.iterdir() if path.name.startswith(".")]


def test_hostile_ids_are_text_everywhere(tmp_path, text_log):
    text_log.to_csv(tmp_path / "log.csv", index=False)
    done = run("value", tmp_path / "log.csv", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    ids = pd.read_csv(tmp_path / "out" / "customers.csv")["customer_id"]
    assert not ids.str.startswith(("=", "+", "-", "@")).any()
    assert "'=C2" in set(ids)
    exact = pd.read_parquet(tmp_path / "out" / "customers.parquet")["customer_id"]
    assert {"=C2", HOSTILE} <= set(exact)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in page


def test_formulas_are_guarded_in_text_and_names_and_numbers_are_not():
    frame = pd.DataFrame(
        {
            "=x": ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "plain", None],
            "money": [-1.0, 2, 3, 4, 5, 6, 7, 8],
            "tier": pd.Categorical(["@a"] * 8),
            "day": pd.to_datetime(["2024-01-01"] * 8),
        }
    )
    guarded = guard_formulas(frame)
    assert guarded.columns.tolist() == ["'=x", "money", "tier", "day"]
    assert guarded["'=x"].tolist()[:6] == ["'=1+1", "'+1", "'-1", "'@a", "'\tx", "'\rx"]
    assert guarded["'=x"].tolist()[6] == "plain"
    assert pd.isna(guarded["'=x"].tolist()[7])
    assert guarded["money"].tolist() == frame["money"].tolist()
    assert guarded["tier"].tolist() == ["'@a"] * 8


def test_ids_with_leading_zeros_stay_text(tmp_path, log):
    ids = log["customer_id"].map("{:05d}".format)
    log.assign(customer_id=ids).to_csv(tmp_path / "log.csv", index=False)
    assert run("value", tmp_path / "log.csv", "--out", tmp_path / "out").exit_code == 0
    exact = pd.read_parquet(tmp_path / "out" / "customers.parquet")["customer_id"]
    assert exact.tolist() == sorted(ids.unique())


def test_a_ledger_is_read_with_the_ids_of_the_log(tmp_path, log):
    """Ids "NA" and "007" in the log; the ledger's own all look like numbers."""
    names = log["customer_id"].map(lambda n: {1: "NA", 2: "007"}.get(n, str(n)))
    log.assign(customer_id=names).to_csv(tmp_path / "log.csv", index=False)
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    for name, table in cv.datasets.demo_costs(log[log["customer_id"] > 2]).items():
        if name != "note":
            table.to_csv(ledger / f"{name}.csv", index=False)
    done = run("value", tmp_path / "log.csv", "--costs", ledger, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    found = pd.read_parquet(tmp_path / "out" / "customers.parquet").set_index("customer_id")
    assert found.loc[["NA", "007"], "activity_cost"].tolist() == [0.0, 0.0]
    assert (found["activity_cost"] > 0).sum() == len(found) - 2


def test_what_was_left_out_is_said_and_other_separators_are_named(tmp_path, log):
    broken = log.assign(date=log["date"].dt.strftime("%Y-%m-%d"))
    broken.loc[3, "date"] = "x"
    broken.to_csv(tmp_path / "log.csv", index=False)
    done = run("value", tmp_path / "log.csv", "--faults", "leave_out", "--out", tmp_path / "out")
    assert "Left out: 1 rows" in done.output
    broken.to_csv(tmp_path / "other.csv", index=False, sep=";")
    done = run("value", tmp_path / "other.csv", "--out", tmp_path / "out2")
    assert done.exit_code == 2
    assert "not separated by commas" in done.output


def demo_in_a_new_process(folder, seed, threads):
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "POLARS_MAX_THREADS": threads,
    }
    command = [sys.executable, "-m", "crmvalue.cli", "demo", "--out", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_writes_the_same_bytes_under_any_seed_and_thread_count(tmp_path):
    said = demo_in_a_new_process(tmp_path / "one", "1", "1")
    demo_in_a_new_process(tmp_path / "two", "2", "2")
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    assert digests[0] == digests[1]
    assert "23,570" in said
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert "illustrative" in page
    assert (tmp_path / "one" / "report.html").stat().st_size < 8 * 2**20
    customers = pd.read_parquet(tmp_path / "one" / "customers.parquet")
    assert len(customers) == 23_570


def test_help_and_version():
    assert "demo" in run("--help").output
    assert cv.__version__ in run("--version").output
    assert "--costs" in run("value", "-h").output
    assert "..." not in run("--help").output.split("Commands:")[1]  # no line is cut short


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("name it with previous=.", "name it with --previous."),
        ("annual_discount_rate=0.2; leave it out", "--discount-rate 0.2; leave it out"),
        ("(as_of='2024-01-01')", "(--as-of '2024-01-01')"),
        ("a number; math.inf lets any drift pass", "a number; inf lets any drift pass"),
        ("'date=2024/log.csv' and /x/date=2024/log.csv", None),
        ("value_date=3, x.unit=4", None),
    ],
)
def test_errors_call_options_as_the_shell_does(said, told):
    assert cli.BadInput(said).format_message() == (said if told is None else told)


def shell_lines(page: str) -> list[list[str]]:
    """The calls of crmvalue in the shell blocks of a page; the demo has a test of its own."""
    blocks = (ROOT / page).read_text(encoding="utf-8").split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    calls = [shlex.split(line) for line in lines if line.startswith("crmvalue ")]
    return [call[1:] for call in calls if call[1] != "demo"]


def test_the_lines_of_the_guides_work_as_they_are_printed(tmp_path, monkeypatch):
    """This week's log holds against last week's, without costs it doesn't."""
    monkeypatch.chdir(tmp_path)
    new = cv.datasets.simulate_transactions(600, rng=np.random.default_rng(17))
    first = new[new["date"] <= new["date"].max() - pd.Timedelta(days=7)]
    first.to_csv("transactions.csv", index=False)
    new.to_csv("new.csv", index=False)
    new.to_parquet("new.parquet")
    for folder, log in (("ledger", first), ("new_ledger", new)):
        Path(folder).mkdir()
        tables = {k: t for k, t in cv.datasets.demo_costs(log).items() if k != "note"}
        tables["resources"]["cost"] /= 100  # sized for a larger shop
        for name, table in tables.items():
            table.to_csv(Path(folder, f"{name}.csv"), index=False)
        with pd.ExcelWriter("ledger.xlsx") as book:
            for name, table in tables.items():
                table.to_excel(book, sheet_name=name, index=False)
    monkeypatch.setattr("crmvalue.io.to_html", lambda _, page: page.write_text("pictures are slow"))
    lines = {page: shell_lines(page) for page in ("README.md", "docs/whole.md")}
    assert [len(calls) for calls in lines.values()] == [3, 5]
    for line in dict.fromkeys(tuple(line) for calls in lines.values() for line in calls):
        done = run(*line)
        assert done.exit_code == 0, (line, done.output)
    assert run("check", "next", "--baseline", "result/baseline.json").exit_code == 0
    bare = cv.value_customers(
        new, model=cv.ValueModel.from_json(Path("result/model.json").read_text())
    )
    table = cv.check(bare, "result/baseline.json").set_index("line")
    assert not table.loc["totals.profit", "passed"]
    assert "profit is empty, was number" in table.loc["schema.customers", "got"]
