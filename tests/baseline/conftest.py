"""A result to keep a baseline of, and a way to change its tables behind its back."""

from __future__ import annotations

import dataclasses
import pickle
from unittest import mock

import pytest

import crmvalue as cv
from crmvalue.baseline import _fits, _model_rows, _overview

HISTORY = ("frequency", "recency", "T", "monetary_value")
"""What models read of customers."""

DATES = ("n_purchases", "first_purchase", "last_purchase")
"""What a fit holds them against."""


@pytest.fixture(scope="session", autouse=True)
def _made_once():
    """What a room makes of the same input it makes once here: most tests change another table."""

    def of_customers(frame, **terms):
        return frame[[c for c in HISTORY if c in frame]], terms

    def of_source(source):
        customers = source.tables["customers"]
        columns = [c for c in (*HISTORY, *DATES) if c in customers]
        return customers[columns], source.model.purchases.unit

    def of_all(table, model):
        return table.frame, model

    patches = []
    for module, name, read in (
        (_fits, "_fitted", of_source),
        (_model_rows, "customer_lifetime_value", of_customers),
        (_overview, "follow_up_tables", of_all),
    ):
        patches.append(mock.patch.object(module, name, remembered(getattr(module, name), read)))
    for patch in patches:
        patch.start()
    yield
    for patch in patches:
        patch.stop()


def remembered(make, read):
    known = {}

    def made(*arguments, **terms):
        key = pickle.dumps(read(*arguments, **terms))
        if key not in known:
            known[key] = make(*arguments, **terms)
        return known[key]

    return made


@pytest.fixture(scope="session")
def log():
    return cv.datasets.load_cdnow(sample=True)


@pytest.fixture(scope="session")
def ledger(log):
    costs = dict(cv.datasets.demo_costs(log))
    # A tenth of the cost, so that most customers earn something and shares are defined.
    costs["resources"] = costs["resources"].assign(cost=0.1 * costs["resources"]["cost"])
    return costs


@pytest.fixture(scope="session")
def result(log, ledger):
    return cv.value_customers(log, costs=ledger)


@pytest.fixture(scope="session")
def baseline(result):
    return result.baseline()


@pytest.fixture(scope="session")
def tamper(result):
    """Change one table of the result, or its model."""

    def changed(name, change):
        if name == "model":
            return dataclasses.replace(result, model=change(result.model))
        table = change(result.tables[name].copy())
        return dataclasses.replace(result, tables={**result.tables, name: table})

    return changed
