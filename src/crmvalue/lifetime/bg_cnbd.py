"""BG/CNBD-k (Platzer and Reutterer 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmvalue.lifetime._condensed.model import Condensed
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BGCNBD(Condensed):
    """Beta-geometric/condensed NBD model of repeat purchases at regular gaps.

    As BG/NBD, but while alive the gaps between a customer's purchases are Gamma(k, λ): their
    standard deviation is 1/√k of their mean. The first purchase starts the clock, and the time
    since the last purchase counts. k = 1 is BG/NBD.

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
    Platzer, M. (2016). Stochastic models of noncontractual consumer relationships. Dissertation,
    WU Vienna. Platzer, M. and Reutterer, T. (2016). Ticking away the moments: timing regularity
    helps to better predict customer activity. Marketing Science 35(5), 779-799. The likelihood is
    theirs; expectations are exact here, where they give an approximation for k > 1.

    Examples
    --------
    >>> model = BGCNBD(k=3, r=1.5, alpha=1.2, a=0.8, b=2.4)
    >>> print(model.probability_alive([0, 8, 8], [0, 30.0, 38.0], 40).round(3).tolist())
    [1.0, 0.21, 0.909]
    >>> print(model.expected_purchases(8, [30.0, 38.0], 40, horizon=52).round(3).tolist())
    [1.797, 7.494]
    """

    k: int
    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    unit: str = "W"
    _first_chance: ClassVar[int] = 0
