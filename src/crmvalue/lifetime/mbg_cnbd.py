"""MBG/CNBD-k (Platzer and Reutterer 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmvalue.lifetime._condensed.model import Condensed
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MBGCNBD(Condensed):
    """Modified beta-geometric/condensed NBD model of repeat purchases at regular gaps.

    As BG/CNBD, but a customer can leave right after the first purchase as well: one-time buyers may
    be gone. k = 1 is MBG/NBD.

    Parameters
    ----------
    k : int
        Stages of a gap, at least 1: 1 is random buying, 2 and more ever more regular buying.
    r, alpha : float
        Shape and rate of the rates λ at which stages pass; alpha is a time, in the model's unit. A
        living customer makes λ / k purchases per unit in the long run.
    a, b : float
        Shapes of the dropout probabilities; their mean is a / (a + b).
    unit : {"W", "D", "M", "Y"}
        What ages and horizons are measured in.

    References
    ----------
    Platzer, M. and Reutterer, T. (2016). Ticking away the moments: timing regularity helps to
    better predict customer activity. Marketing Science 35(5), 779-799.

    Examples
    --------
    >>> model = MBGCNBD(k=3, r=1.5, alpha=1.2, a=0.8, b=2.4)
    >>> print(model.probability_alive([0, 8, 8], [0, 30.0, 38.0], 40).round(3).tolist())
    [0.059, 0.227, 0.917]
    """

    k: int
    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    unit: str = "W"
    _first_chance: ClassVar[int] = 1
