"""How figures are written."""

from __future__ import annotations

import numpy as np
import pytest

from crmvalue._print import DASH, MINUS, SPACE, percent, plain


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.0, f"0{SPACE}%"),
        (0.163, f"16{SPACE}%"),
        (0.0163, f"1.6{SPACE}%"),
        (0.00163, f"0.16{SPACE}%"),
        (-1.02, f"{MINUS}102{SPACE}%"),
        (100.0, f"10,000{SPACE}%"),
        (1e14, f">{SPACE}10,000{SPACE}%"),
        (-101.0, f"<{SPACE}{MINUS}10,000{SPACE}%"),
        (np.nan, DASH),
        (np.inf, DASH),
    ],
)
def test_shares_are_per_cent(share, written) -> None:
    """Catches the share of a customer with next to nothing, of 16 digits."""
    assert percent(share) == written


def test_there_is_no_minus_zero() -> None:
    assert plain(-0.004, 2) == "0.00"
