"""Who has bought: all others have no scores, and nothing is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from crmvalue._frame import Frame
from crmvalue._stats import NumberArray


def purchase_column(frame: Frame) -> list[str]:
    """The column that counts purchases, where the summary has it."""
    return [name for name in frame.collect_schema().names() if name == "n_purchases"]


def have_bought(
    recency: NumberArray, frequency: NumberArray, purchases: Sequence[NumberArray]
) -> npt.NDArray[np.bool_]:
    """Who has bought: recency and frequency are known, and numbers of purchases are positive."""
    bought = np.isfinite(recency)
    bought &= np.isfinite(frequency)
    for count in purchases:
        bought &= (count > 0) & np.isfinite(count)
    return bought
