"""Fixed thresholds: what may be declared, and what is refused."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from crmvalue.errors import InputError
from crmvalue.tiers.fixed import FixedTiers


def test_who_has_the_threshold_is_above_it(library) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2, 3, 4], "score": [100, 99, 50, -7]})
    tiers = FixedTiers("score", names=("A", "B", "C"), thresholds=(100, 50))
    table = tiers.summary(library(frame))
    assert tiers.thresholds == (100.0, 50.0)
    assert list(tiers.assign(frame)["tier"]) == ["A", "B", "B", "C"]
    assert table["customers"].to_numpy().tolist() == [1, 2, 1]
    assert repr(tiers) == "FixedTiers(by='score', A >= 100, B >= 50)"


def test_lists_are_taken_and_compare_by_value() -> None:
    tiers = FixedTiers("score", ["A", "B"], [10])
    assert tiers == FixedTiers("score", ("A", "B"), (10.0,))
    assert FixedTiers.from_json(tiers.to_json()) == tiers


def test_what_cannot_be_thresholds_is_named() -> None:
    odd = ((), (1.0, 1.0), (1.0, 2.0), (math.nan,), (math.inf,), 5.0, ("a",), (True,), "1")
    for thresholds in odd:
        with pytest.raises(InputError, match="thresholds must be finite numbers in falling order"):
            FixedTiers("score", ("A", "B"), thresholds)
    for names in (("A",), ("A", "A"), ("A", "B", "C"), "AB", ("A", ""), ("A", None)):
        with pytest.raises(InputError, match="1 thresholds make 2 tiers with different names"):
            FixedTiers("score", names, (1.0,))
    with pytest.raises(InputError, match="by must be the name of a column"):
        FixedTiers(None, ("A", "B"), (1.0,))
