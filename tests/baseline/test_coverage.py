"""What the gate covers: every number of every table, but for those that docs/gate.md names."""

from __future__ import annotations

import dataclasses
import re
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

import crmvalue as cv
from crmvalue.baseline import TOLERANCES, _overview, _reconciliation, check
from crmvalue.baseline._cells import made_again
from crmvalue.baseline._fits import ERRORS
from crmvalue.baseline.source import MOVED, NEEDED, OPTIONAL, read_source
from crmvalue.baseline.tolerances import tolerance_of

pytestmark = pytest.mark.filterwarnings("ignore::crmvalue.errors.ConvergenceWarning")

DOCS = Path(__file__).parents[2] / "docs" / "gate.md"

NOT_COVERED = {
    # What only the lines of the log tell.
    *("tracking", "holdout", "faults"),
    *("left_out.rows", "left_out.customers", "quality.duplicates"),
    *("watch_list.orders_before", "watch_list.orders_after"),
    *("facts.first_date", "facts.messages", "facts.ledger_note"),
    *("facts.calibration_end", "facts.holdout_end"),
    # What only the drivers of the ledger tell.
    *("activities", "statement_totals", "cost_to_serve", "levers"),
    *("cost_comparison", "distortion", "tier_changes"),
}
"""Tables, their columns, or the items of a table that has a row for each."""

BY_ITEM = ("headline", "quality")

TABLES = (*NEEDED, *OPTIONAL)


@pytest.fixture(scope="module")
def whole():
    """A result with every table that there may be, and something in each."""
    log = cv.datasets.load_cdnow(sample=True)
    log = log[log["customer_id"] <= 400].reset_index(drop=True)
    log.loc[5::40, "amount"] *= -1
    log["why"] = pd.Series(None, index=log.index, dtype="object")
    log.loc[3::50, "why"] = "carriage"
    costs = dict(cv.datasets.demo_costs(log))
    costs["resources"] = costs["resources"].assign(cost=0.1 * costs["resources"]["cost"])
    lines = costs["cost_lines"]  # without those of service lifetime values are above 0
    costs["cost_lines"] = lines[lines["line"] == "cost_of_goods"]
    first = cv.value_customers(log[log["date"] <= "1997-09-30"], costs=costs)
    return cv.value_customers(log, costs=costs, previous=first, band=0.1, left_out="why")


@pytest.fixture(scope="module")
def source(whole):
    return read_source(whole)


def numeric(table):
    """Columns of figures that are known somewhere."""
    return [
        column
        for column in table
        if pd.api.types.is_numeric_dtype(table[column])
        and not pd.api.types.is_bool_dtype(table[column])
        and column != "customer_id"
        and table[column].notna().any()
    ]


def changes(name, table):
    """The table with one number changed: once for each column of numbers, or for each item.

    Facts are text, which is changed too.
    """
    for place, item in enumerate(table["item"] if name == "facts" else ()):
        values = table["value"].copy()
        values.iloc[place] = "another"
        yield f"{name}.{item}", table.assign(value=values)
    for column in numeric(table):
        rows = np.flatnonzero(table[column].notna())
        for place in rows if name in BY_ITEM else [rows[len(rows) // 2]]:
            values = table[column].astype(float)
            values.iloc[place] = 1.5 * values.iloc[place] + 1
            what = table["item"].iloc[place] if name in BY_ITEM else column
            yield f"{name}.{what}", table.assign(**{column: values})


READ = {
    "row_lines": ("customers", "statement"),
    "model_lines": ("customers", "facts", "earlier_tiers"),
    "fit_lines": ("parameters",),
    "derived_lines": ("whale_curve", "cohorts", *MOVED),
    "overview_lines": (
        *("tiers", "segments", "concentration", "headline", "statement_by_tier", "rfm_grid"),
        *("frequency", "whale_peak", *_overview.FOLLOW_UP),
    ),
}
"""Which lines read which tables, to leave the others out: only that would take minutes."""


@pytest.fixture(scope="module")
def quick():
    """Lines that don't read a table are left out, and what is made again is made once."""
    own = ("headline", "statement_by_tier")  # made again of themselves or of the ledger, too
    known = {}

    def remembered(line, make):
        if line not in known or any(name in line for name in own):
            known[line] = made_again(line, make)
        return known[line]

    @cache
    def quicker(name):
        patches = {(_overview, "made_again"): remembered}
        for lines, tables in READ.items():
            if name not in tables:
                patches[_reconciliation, lines] = mock.Mock(return_value=[])
        return patches

    return quicker


def caught(source, quick, name, table):
    """Whether a line of the reconciliation has failed."""
    with ExitStack() as stack:
        for (module, attribute), new in quick(name).items():
            stack.enter_context(mock.patch.object(module, attribute, new))
        lines = _reconciliation.reconcile(
            source._replace(tables={**source.tables, name: table}),
        )
    return not all(line.drift <= tolerance_of(line.line, TOLERANCES) for line in lines)


@pytest.mark.parametrize("name", TABLES)
def test_every_number_is_covered_or_named_as_not_covered(source, quick, name):
    """A column that comes new is covered, or has to be named."""
    table = source.tables[name]
    assert not caught(source, quick, name, table)
    missed = {what for what, new in changes(name, table) if not caught(source, quick, name, new)}
    assert missed == {what for what in NOT_COVERED if what.startswith(f"{name}.")}


def test_every_table_is_read_or_named_as_not_covered(whole):
    """So is a table that comes new."""
    unread = {name for name in whole.tables if name not in TABLES and numeric(whole.tables[name])}
    assert unread == {what for what in NOT_COVERED if "." not in what} - {"faults"}
    assert set(TABLES) <= set(whole.tables)


def test_the_docs_name_what_is_not_covered():
    text = DOCS.read_text(encoding="utf-8").partition("Not covered")[2].partition("\n\nThe tol")[0]
    assert [what for what in sorted(NOT_COVERED) if f"`{what}`" not in text] == []
    named = set(re.findall(r"`([a-z_.]+)`", text))
    assert named <= NOT_COVERED


def test_wider_errors_do_not_loosen_the_lines_of_parameters(whole):
    """Neither in the result, nor in the one that it is held against."""
    table = whole.tables["parameters"]
    wider = table.assign(std_error=3 * table["std_error"])
    widened = dataclasses.replace(whole, tables={**whole.tables, "parameters": wider})
    for pair, line in (((widened, whole), ERRORS), ((whole, widened), f"{ERRORS}.baseline")):
        found = check(*pair).set_index("line")
        assert list(found.index[~found["passed"]]) == [line]
        assert found.loc[line, "drift"] == pytest.approx(2 / 3)
        assert "std_error of MBGNBD.r" in found.loc[line, "got"]
