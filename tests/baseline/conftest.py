"""A result to keep a baseline of, and a way to change its tables behind its back."""

from __future__ import annotations

import dataclasses

import pytest

import crmvalue as cv


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
