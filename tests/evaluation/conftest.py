"""Data that the tests of evaluation share."""

from __future__ import annotations

import pytest

from crmvalue.datasets import load_cdnow


@pytest.fixture(scope="session")
def cdnow():
    """The CDNOW sample, 39 weeks to fit to and 39 to judge by."""
    return load_cdnow(sample=True)
