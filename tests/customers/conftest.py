"""The demo's result, made once for the tests of this room."""

from __future__ import annotations

import pytest

import crmvalue as cv


@pytest.fixture(scope="session")
def cdnow():
    return cv.datasets.load_cdnow()


@pytest.fixture(scope="session")
def ledger(cdnow):
    return cv.datasets.demo_costs(cdnow)


@pytest.fixture(scope="session")
def demo(cdnow, ledger):
    return cv.value_customers(cdnow, costs=ledger)
