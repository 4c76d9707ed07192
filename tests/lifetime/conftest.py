"""Data that the tests of the lifetime models share."""

from __future__ import annotations

import pytest

from crmvalue.datasets import load_cdnow
from crmvalue.summary import split_holdout


@pytest.fixture(scope="session")
def cdnow():
    """Calibration summary of the CDNOW sample."""
    return split_holdout(load_cdnow(sample=True), calibration_end="1997-09-30", amount="amount")
