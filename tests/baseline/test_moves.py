"""The gate on results made beside an earlier one: the band, the moves, and files edited by hand."""

from __future__ import annotations

import dataclasses
import json
import shutil
from functools import cache
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue.baseline import check, drift_text
from crmvalue.customers import ValueModel
from crmvalue.errors import InputError
from crmvalue.io import write_result
from crmvalue.tiers.pareto import TIERS

BANDS = (0.0, 0.1, 0.5, 0.9)


def failed(table):
    return table.loc[~table["passed"], "line"].tolist()


def edit(result, name, change):
    """The result with one table changed behind its back."""
    table = change(result.tables[name].copy())
    return dataclasses.replace(result, tables={**result.tables, name: table})


def put(column, value, place):
    def change(table):
        old = table[column].astype(object)
        old.iloc[place] = value(old.iloc[place]) if callable(value) else value
        return table.assign(**{column: old.infer_objects()})

    return change


@pytest.fixture(scope="module")
def log(log):
    return log[log["customer_id"] % 3 == 0]


@pytest.fixture(scope="module")
def middle():
    return pd.Timestamp("1997-10-15")


@pytest.fixture(scope="module")
def earlier(log, middle):
    return cv.value_customers(log[log["date"] <= middle])


@pytest.fixture(scope="module")
def moved(log, earlier):
    """A result beside the earlier one, by its band; each made once."""
    return cache(
        lambda band: cv.value_customers(log, previous=earlier, model=earlier.model, band=band)
    )


@pytest.fixture(scope="module")
def written(moved, tmp_path_factory):
    with mock.patch("crmvalue.io.to_html"):
        return write_result(moved(0.5), tmp_path_factory.mktemp("moves") / "out")


@pytest.fixture
def out(written, tmp_path):
    return shutil.copytree(written, tmp_path / "out")


@pytest.mark.parametrize("band", BANDS)
def test_a_result_beside_an_earlier_one_is_like_itself(moved, earlier, band):
    """Fails where the band is not kept: at 0.1 and more some tiers are not the plain ones."""
    now = moved(band)
    table = check(now, now.baseline(), previous=earlier)
    assert failed(table) == [], drift_text(table, failed_only=True)
    assert now.model.band == band
    plain = now.model.tiers.assign(now.customers)["tier"].astype(str)
    assert (plain != now.customers["tier"].astype(str)).any() == (band > 0)
    facts = now.tables["facts"].set_index("item")["value"]
    assert facts.get("band") == ({0.0: None}.get(band, f"{band:g}"))


def test_so_is_its_folder(written, moved):
    for reference in (written / "baseline.json", moved(0.5)):
        table = check(written, reference)
        assert failed(table) == [], drift_text(table, failed_only=True)
    assert ValueModel.from_json((written / "model.json").read_bytes()).band == 0.5
    assert "customer_id" not in (written / "baseline.json").read_text().split('"schema"')[0]


@settings(max_examples=12)
@given(data=st.data(), band=st.sampled_from(BANDS))
def test_law_one_tier_that_is_another_is_seen_whatever_the_band(moved, data, band):
    """Catches any tier passed inside the band whatever the earlier one was
    (`_possible_earlier` giving all tiers where a table of them is there)."""
    now = moved(band)
    tier = now.customers["tier"].astype(str)
    gold = band * now.model.tiers.gold
    near = np.flatnonzero(
        np.abs(now.customers["lifetime_value"] - now.model.tiers.gold) <= max(gold, 1.0)
    )
    place = data.draw(st.sampled_from(near.tolist()) | st.integers(0, len(tier) - 1))
    other = data.draw(st.sampled_from([name for name in TIERS if name != tier[place]]))
    found = check(edit(now, "customers", put("tier", other, place)), now.baseline())
    assert found.set_index("line")["got"]["reconciliation.labels"] == 1
    assert "reconciliation.labels" in failed(found)


@settings(max_examples=6)
@given(data=st.data(), band=st.sampled_from(BANDS))
def test_law_one_earlier_tier_that_is_another_is_seen(moved, data, band):
    """Catches the table of moves compared with itself alone, not with the earlier tiers."""
    now = moved(band)
    tier = now.tables["earlier_tiers"]["tier"].astype(str)
    place = data.draw(st.integers(0, len(tier) - 1))
    other = data.draw(st.sampled_from([name for name in TIERS if name != tier[place]]))
    found = failed(check(edit(now, "earlier_tiers", put("tier", other, place)), now.baseline()))
    assert {"reconciliation.migration", "reconciliation.movements"} <= set(found)


def test_without_the_earlier_tiers_only_the_band_tells(moved):
    """Fails where a folder without them passes as sound, or its tiers are not looked at."""
    now = moved(0.1)
    tables = {n: t for n, t in now.tables.items() if n != "earlier_tiers"}
    bare = dataclasses.replace(now, tables=tables)
    found = check(bare, now.baseline()).set_index("line")
    assert found["got"]["reconciliation.labels"] == 0
    for line in ("migration", "movements", "migration_shares", "watch_list"):
        assert not found["passed"][f"reconciliation.{line}"]
        assert found["got"][f"reconciliation.{line}"] == "no table earlier_tiers"
    value, gold = now.customers["lifetime_value"], now.model.tiers.gold
    for far, wrong in ((0.2, 1), (0.02, 0)):
        place = int(
            np.flatnonzero(value > (1 + far) * gold)[np.argmin(value[value > (1 + far) * gold])]
        )
        tampered = edit(bare, "customers", put("tier", "steel", place))
        found = check(tampered, now.baseline()).set_index("line")["got"]
        assert found["reconciliation.labels"] == wrong


def test_a_band_without_an_earlier_result_explains_nothing(log, earlier):
    """Fails where an edited model.json is enough to explain a tier."""
    alone = cv.value_customers(log, model=earlier.model)
    value, gold = alone.customers["lifetime_value"], alone.model.tiers.gold
    place = int(np.flatnonzero(value >= gold)[np.argmin(value[value >= gold])])
    tampered = edit(alone, "customers", put("tier", "steel", place))
    tampered = dataclasses.replace(tampered, model=dataclasses.replace(alone.model, band=0.9))
    assert {"reconciliation.labels", "reconciliation.facts"} <= set(
        failed(check(tampered, alone.baseline()))
    )


MOVES = [
    ("earlier_tiers", put("tier", "VIP", 3), "labels"),
    ("earlier_tiers", put("tier", "VIP", 3), "migration"),
    ("earlier_tiers", put("tier", None, 3), "migration"),
    ("earlier_tiers", put("lifetime_value", lambda v: v + 1, 3), "migration"),
    ("earlier_tiers", put("customer_id", 10**9, 3), "migration"),
    ("earlier_tiers", lambda t: t.tail(-1), "migration"),
    ("earlier_tiers", lambda t: pd.concat([t, t.tail(1)]), "migration"),
    ("earlier_tiers", lambda t: t.drop(columns="tier"), "migration"),
    ("earlier_tiers", lambda t: t.drop(columns="customer_id"), "movements"),
    ("earlier_tiers", lambda t: t.head(0), "watch_list"),
    ("migration", put("customers", lambda v: v + 1, 0), "migration"),
    ("migration", put("to_tier", "lead", 0), "migration"),
    ("migration", put("value_before", lambda v: v + 1e-3, 0), "migration"),
    ("migration", put("change", lambda v: v + 1e-3, 0), "migration"),
    ("migration", lambda t: t.tail(-1), "migration"),
    ("migration", lambda t: t.drop(columns="change"), "migration"),
    ("movements", put("unchanged", lambda v: v + 1, 0), "movements"),
    ("movements", put("expected_stay", lambda v: v + 1, 0), "movements"),
    ("migration_shares", put("share", 0.5, 0), "migration_shares"),
    ("migration_shares", put("lower", 0.1, 1), "migration_shares"),
    ("watch_list", put("from_tier", "lead", 0), "watch_list"),
    ("watch_list", put("value_after", lambda v: v + 1, 0), "watch_list"),
    ("watch_list", lambda t: t.tail(-1), "watch_list"),
    ("watch_list", put("customer_id", 10**9, 0), "watch_list"),
    ("watch_list", put("dropped", lambda v: not v, 0), "watch_list"),
    ("watch_list", put("dropped_twice", True, 0), "watch_list"),
    ("watch_list", put("value_fell", lambda v: not v, 0), "watch_list"),
    ("watch_list", put("cause", "more cost", 0), "watch_list.causes"),
    ("watch_list", put("cost_effect", -99.0, 0), "watch_list.causes"),
    ("watch_list", put("explained_change", lambda v: v + 1, 0), "watch_list.causes"),
    ("watch_list", lambda t: t.drop(columns="cause"), "watch_list.causes"),
    ("watch_list", lambda t: t.iloc[::-1].reset_index(drop=True), "order"),
]


@pytest.mark.parametrize(("table", "change", "line"), MOVES)
def test_tampering_with_moves_is_caught(moved, table, change, line):
    now = moved(0.5)
    assert f"reconciliation.{line}" in failed(check(edit(now, table, change), now.baseline()))


def in_csv(name, change):
    def tampered(out):
        path = out / f"{name}.csv"
        change(pd.read_csv(path)).to_csv(path, index=False)

    return tampered


def in_parquet(change):
    def tampered(out):
        for path, read, write in (
            (out / "customers.parquet", pd.read_parquet, pd.DataFrame.to_parquet),
            (out / "customers.csv", pd.read_csv, pd.DataFrame.to_csv),
        ):
            write(change(read(path)), path, index=False)

    return tampered


def in_model(*names, value):
    def tampered(out):
        path = out / "model.json"
        model = json.loads(path.read_text())
        place = model
        for name in names[:-1]:
            place = place[name]
        place[names[-1]] = value(place[names[-1]]) if callable(value) else value
        path.write_text(json.dumps(model))

    return tampered


FILES = [
    (in_csv("earlier_tiers", put("tier", "lead", 3)), "migration"),
    (in_csv("migration", put("customers", lambda v: v + 1, 0)), "migration"),
    (in_csv("movements", put("lost", lambda v: v + 1, 1)), "movements"),
    (in_csv("watch_list", lambda t: t.tail(-1)), "watch_list"),
    (lambda out: (out / "earlier_tiers.csv").unlink(), "migration"),
    (lambda out: (out / "migration.csv").unlink(), "migration"),
    (in_csv("whale_curve", put("value", lambda v: v + 1, 5)), "whale_curve"),
    (in_csv("cohorts", put("revenue", lambda v: v + 1, 5)), "cohorts.revenue"),
    (in_csv("facts", put("value", "days", 3)), "facts"),
    # Both copies of the customers, so that only the model can tell.
    (in_parquet(put("probability_alive", 0.5, 3)), "expectations"),
    (in_parquet(put("expected_spend", 35.0, 3)), "valuation"),
    (in_parquet(lambda t: t.drop(columns="expected_spend")), "valuation"),
    (
        in_parquet(
            lambda t: t.assign(
                lifetime_value=2 * t["lifetime_value"], revenue_list=2 * t["revenue_list"]
            )
        ),
        "valuation",
    ),
    (in_model("band", value=0.05), "labels"),
    (in_model("band", value=0.45), "facts"),
    (in_model("horizon", value=520.0), "valuation"),
    (in_model("annual_discount_rate", value=0.11), "valuation"),
    (in_model("cost_lines", value=[["selling_cost", "order", 1.0]]), "valuation"),
    (in_model("cost_lines", value=[["selling_cost", "order", "no_such"]]), "valuation"),
    (in_model("spend", "p", value=lambda v: v + 0.01), "valuation"),
    (in_model("purchases", "r", value=lambda v: 1.001 * v), "expectations"),
    (in_model("tiers", "gold", value=lambda v: 1.5 * v), "labels"),
    (in_model("tiers", "gold", value=lambda v: v + 1e-6), "tiers.threshold"),
    (in_model("tiers", "by", value="total_spend"), "facts"),
]


@pytest.mark.parametrize(("change", "line"), FILES)
def test_an_edited_file_is_caught(out, change, line):
    change(out)
    assert f"reconciliation.{line}" in failed(check(out, out / "baseline.json"))


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (["band"], "wide"),
        (["band"], 1.0),
        (["horizon"], "long"),
        (["annual_discount_rate"], None),
        (["cost_lines"], [["selling_cost", "order"]]),
        (["cost_lines"], 3),
        (["messages"], [3]),
        (["rfm"], 3),
        (["purchases"], {"type": "GammaGamma", "p": 6.0, "q": 4.0, "gamma": 15.0}),
        (["spend"], None),
        (["tiers"], []),
        (["purchases", "r"], "much"),
        (["purchases", "unit"], "fortnight"),
    ],
)
def test_a_model_that_is_none_is_refused(out, names, value):
    """Fails where the wrong type is met on the way, with a traceback."""
    in_model(*names, value=value)(out)
    with pytest.raises(InputError):
        check(out, out / "baseline.json")


def test_an_older_model_has_no_band(earlier):
    """Fails where the band is a field that has to be there."""
    saved = earlier.model.to_dict()
    del saved["band"]
    loaded = ValueModel.from_dict(saved)
    assert loaded.band == 0
    assert loaded == earlier.model


def test_a_band_is_of_one_result_and_not_passed_on(log, moved):
    again = cv.value_customers(log, model=moved(0.5).model)
    assert again.model.band == 0
    assert failed(check(again, again.baseline())) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: ids.astype(float),
        lambda ids: ids.astype("int32"),
        lambda ids: "=" + ids.astype(str).str.zfill(6),
    ],
)
def test_ids_of_any_type_match_in_memory_and_in_files(log, earlier, tmp_path, change):
    """Fails where 1.0 is another customer than 1, or a guarded id than itself."""
    before = earlier.customers.assign(customer_id=change(earlier.customers["customer_id"]))
    text = before["customer_id"].dtype.kind not in "if"
    given_log = log.assign(customer_id=change(log["customer_id"])) if text else log
    now = cv.value_customers(given_log, previous=before, model=earlier.model, band=0.2)
    assert failed(check(now, now.baseline())) == []
    with mock.patch("crmvalue.io.to_html"):
        out = write_result(now, tmp_path / "out")
    table = check(out, now.baseline())
    assert failed(table) == [], drift_text(table, failed_only=True)


def test_every_library_keeps_what_the_gate_reads(log, earlier, library):
    now = cv.value_customers(library(log), previous=earlier, model=earlier.model, band=0.3)
    table = check(now, now.baseline(), previous=earlier)
    assert failed(table) == [], drift_text(table, failed_only=True)


def test_an_earlier_result_is_refused_as_value_customers_does(log, earlier, moved, middle):
    now, baseline = moved(0.0), moved(0.0).baseline()
    other = cv.value_customers(log[log["date"] <= middle], tier_by="total_spend")
    with pytest.raises(InputError, match="tiers are by total_spend, those asked for by lifetime"):
        check(now, baseline, previous=other)
    with pytest.raises(InputError, match=r"after the result, which ends at 1997-10-15"):
        check(earlier, earlier.baseline(), previous=now)
    text = edit(earlier, "customers", lambda t: t.assign(customer_id=t["customer_id"].astype(str)))
    with pytest.raises(InputError, match="ids of different types"):
        check(now, baseline, previous=text)
    # A current result that was tampered with is judged, not refused.
    for change in (put("inactive", 500.0, 3), lambda t: t.drop(columns="inactive")):
        assert failed(check(edit(now, "customers", change), baseline, previous=earlier))


def test_a_tolerance_that_no_line_uses_is_refused(moved, earlier):
    """Fails where a family of the defaults is enough."""
    now = moved(0.0)
    with pytest.raises(InputError, match=r"'migration'.*terms.*named with previous=") as caught:
        check(now, now.baseline(), {"migration": 0.1})
    assert len(caught.value.faults) == 1
    for name, shown in (
        ("migration.lost", "totals; the lines of migration need"),
        ("reconciliation.parameters", "reconciliation.facts"),
        ("reconciliation.ledger", "reconciliation.facts"),
    ):
        with pytest.raises(InputError, match=f"'{name}'.*{shown}"):
            check(now, now.baseline(), {name: 1, "totals": 1})
    loose = check(now, now.baseline(), {"migration": 1e9}, previous=earlier)
    tolerance = loose.set_index("line")["tolerance"]
    assert tolerance["migration.changed"] == tolerance["migration.lost"] == 1e9
