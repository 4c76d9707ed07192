"""MBG/NBD (Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmvalue.lifetime._beta_geometric.model import BetaGeometric
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MBGNBD(BetaGeometric):
    """Modified beta-geometric/NBD model of repeat purchases.

    As BG/NBD, but a customer can leave right after the first purchase as well: one-time buyers may
    be gone.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time, in the model's unit.
    a, b : float
        Shapes of the dropout probabilities; their mean is a / (a + b).
    unit : {"W", "D", "M", "Y"}
        What ages and horizons are measured in.

    References
    ----------
    Batislam, E. P., Denizel, M. and Filiztekin, A. (2007). Empirical validation and comparison of
    models for customer base analysis. International Journal of Research in Marketing 24(3).
    Hoppe, D. and Wagner, U. (2007). Customer base analysis: the case for a central variant of the
    betageometric/NBD model. Marketing - Journal of Research and Management 3(2), 75-90.

    Examples
    --------
    >>> model = MBGNBD(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> print(model.probability_alive([0, 2, 2], [0, 30.43, 5], 38.86).round(3).tolist())
    [0.39, 0.706, 0.107]
    """

    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    unit: str = "W"
    _first_chance: ClassVar[int] = 1
