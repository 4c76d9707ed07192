"""BG/NBD (Fader, Hardie and Lee 2005)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmvalue.lifetime._beta_geometric.model import BetaGeometric
from crmvalue.lifetime._model.model import Parameter


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BGNBD(BetaGeometric):
    """Beta-geometric/NBD model of repeat purchases.

    While alive a customer buys at a Poisson rate λ ~ Gamma(r, alpha); after each repeat purchase
    the customer leaves for good with probability p ~ Beta(a, b). Who has not bought again is alive
    for certain.

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
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the easy way: an
    alternative to the Pareto/NBD model. Marketing Science 24(2), 275-284: the likelihood is eq. 6,
    P(X(t) = n) eq. 8, E[X(t)] eq. 9, the conditional expectation eq. 10 (here as integrals of
    positive terms, which exist for a = 1 and a + b < 1, too).

    Examples
    --------
    >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> print(model.expected_purchases(2, 30.43, 38.86, horizon=39).round(3))
    1.226
    >>> print(model.probability_alive([0, 2, 2], [0, 30.43, 5], 38.86).round(3).tolist())
    [1.0, 0.727, 0.124]
    """

    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    unit: str = "W"
    _first_chance: ClassVar[int] = 0
