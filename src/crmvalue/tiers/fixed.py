"""Tiers by thresholds that the user declares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmvalue.errors import InputError
from crmvalue.tiers._thresholds import Step, ThresholdTiers, check_names


@dataclass(frozen=True, slots=False, eq=False, repr=False)
class FixedTiers(ThresholdTiers):
    """Tiers by thresholds and names of one's own, such as those of a contract or of last year.

    Parameters
    ----------
    by : str
        The column by which customers are put into tiers.
    names : tuple of str, one more than thresholds
        Names of the tiers, the highest first.
    thresholds : tuple of float
        Falling: who has at least the first value is in the first tier, of the rest who has at least
        the second in the second... and who has less than the last in the last tier.

    Raises
    ------
    InputError
        Where thresholds are none, not finite or don't fall, or names are not one more.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"customer_id": list("abc"), "revenue": [1000, 99, -20]})
    >>> tiers = FixedTiers("revenue", names=("key", "core", "other"), thresholds=(1000, 100))
    >>> tiers
    FixedTiers(by='revenue', key >= 1000, core >= 100)
    >>> tiers.assign(values)["tier"].tolist()
    ['key', 'other', 'other']

    A customer just below a threshold keeps the tier that they had:

    >>> before = pd.DataFrame({"customer_id": ["b"], "tier": ["core"]})
    >>> tiers.assign(values, previous=before, band=0.05)["tier"].tolist()
    ['key', 'core', 'other']
    """

    by: str
    names: tuple[str, ...]
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        given = np.asarray(self.thresholds)
        if not isinstance(self.by, str):
            raise InputError(f"by must be the name of a column; got {self.by!r}")
        if (
            given.ndim != 1
            or given.dtype.kind not in "iuf"
            or not len(given)
            or not np.isfinite(given).all()
            or not (np.diff(given.astype(np.float64)) < 0).all()
        ):
            raise InputError(
                "thresholds must be finite numbers in falling order, one at least; got "
                f"{self.thresholds!r}"
            )
        object.__setattr__(self, "names", check_names(self.names, len(given)))
        object.__setattr__(self, "thresholds", tuple(float(t) for t in given))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, the highest first."""
        return self.names

    def _steps(self) -> tuple[Step, ...]:
        return tuple(Step(threshold) for threshold in self.thresholds)
