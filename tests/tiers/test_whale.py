"""The peak of the whale curve, for totals of any sign."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue.errors import InputError
from crmvalue.tiers import whale_curve
from crmvalue.tiers.whale import WhalePeak, whale_peak

signed = st.lists(st.integers(-4000, 4000).map(lambda k: k / 4), min_size=1, max_size=40)


@settings(max_examples=50)
@given(signed)
def test_the_peak_is_the_highest_point_of_the_curve(values) -> None:
    """Catches neutral customers counted before the peak: ``array >= 0``."""
    peak, curve = whale_peak(values), whale_curve(values)
    heights = np.append(0.0, curve["cumulative_value"])
    assert peak.peak_value == heights.max()
    assert peak.peak_customers == int(heights.argmax())
    assert peak.peak_share_of_customers == peak.peak_customers / len(values)
    if peak.total > 0:
        shares = np.append(0.0, curve["cumulative_share"])
        assert math.isclose(peak.peak_share, shares.max())
        assert peak.peak_share >= 1
    else:
        assert peak.peak_share is None


@settings(max_examples=50)
@given(signed)
def test_what_is_created_and_destroyed_adds_up(values) -> None:
    """Catches value destroyed as a positive number."""
    peak = whale_peak(values)
    assert peak.value_created + peak.value_destroyed == peak.total == math.fsum(values)
    assert peak.creators + peak.neutral + peak.destroyers == peak.customers == len(values)
    assert peak.value_destroyed <= 0 <= peak.value_created
    flipped = whale_peak([-v for v in values])
    assert (flipped.creators, flipped.value_created) == (peak.destroyers, -peak.value_destroyed)


@settings(max_examples=50)
@given(signed)
def test_json_and_table_keep_the_figures(values) -> None:
    """Catches a share kept as NaN where there is none."""
    peak = whale_peak(values)
    assert WhalePeak.from_json(peak.to_json()) == peak
    row = peak.table()
    assert len(row) == 1
    assert row["peak_share"].isna().iloc[0] == (peak.peak_share is None)
    assert row["peak_value"].iloc[0] == peak.peak_value


def test_totals_of_zero_and_below_have_no_shares() -> None:
    assert whale_peak([10.1, 20.2, -30.3]).peak_share is None  # 4e-15 in binary
    assert whale_peak([10.0, -30.0]).peak_share is None
    nothing = whale_peak([0.0, -0.0])
    assert (nothing.peak_value, nothing.peak_customers, nothing.neutral) == (0, 0, 2)
    assert nothing.peak_share is None
    assert repr(nothing) == "WhalePeak(0.00 after 0 of 2 customers)"
    lost = whale_peak([-5.0])
    assert (lost.peak_value, lost.peak_customers, lost.value_destroyed) == (0, 0, -5)


def test_every_library_gives_the_same(library) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2, 3, 4], "profit": [50, -30, 100, 0]})
    peak = whale_peak(library(frame), by="profit")
    assert peak == whale_peak([50.0, 100.0, 0.0, -30.0])
    assert peak.peak_share == 1.25
    with pytest.raises(InputError, match="missing_or_not_finite in 1 row"):
        whale_peak(library(frame.assign(profit=[1.0, 2.0, np.nan, 3.0])), by="profit")
    with pytest.raises(InputError, match="empty"):
        whale_peak(library(frame.head(0)), by="profit")
