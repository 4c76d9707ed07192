"""The map of customers by what they pay and what they cost to serve."""

from __future__ import annotations

from crmvalue._frame import IntoFrame
from crmvalue.tiers._axis import Cut
from crmvalue.tiers.matrix import TwoAxisMatrix

COST_TO_SERVE = {
    ("low", "high"): "passive",
    ("high", "high"): "carriage trade",
    ("low", "low"): "bargain basement",
    ("high", "low"): "aggressive",
}
"""Names by (cost to serve, net margin): Shapiro, Rangan, Moriarty and Ross (1987)."""


def cost_to_serve_map(
    values: IntoFrame,
    *,
    margin: str = "net_margin",
    cost: str = "cost_to_serve",
    cuts: Cut | tuple[Cut, Cut] = "median",
) -> TwoAxisMatrix:
    """Map customers by what they pay and what they cost: net margin against cost to serve.

    Parameters
    ----------
    values : frame
        One row per customer, with both columns: either both as shares of revenue or per order, so
        that large and small customers compare, or both in money.
    margin : str, default "net_margin"
        Column of the margin before cost to serve (y).
    cost : str, default "cost_to_serve"
        Column of the cost to serve (x), as a positive number.
    cuts : cut or (cut of cost, cut of margin), default "median"
        As in `TwoAxisMatrix.fit`; a value at the cut is high.

    Returns
    -------
    TwoAxisMatrix
        Its quadrants: "carriage trade" (costs much and pays for it), "passive" (costs little and
        pays much), "aggressive" (costs much and pays little), "bargain basement" (costs little and
        pays little).

    Raises
    ------
    InputError
        As `TwoAxisMatrix.fit`.

    References
    ----------
    B. P. Shapiro, V. K. Rangan, R. T. Moriarty and E. B. Ross (1987), "Manage customers for profits
    (not just sales)", Harvard Business Review 65(5).

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "net_margin": [.4, .1, .5, .2],
    ...                           "cost_to_serve": [.3, .2, .1, .05]})
    >>> served = cost_to_serve_map(customers)
    >>> served.assign(customers)["quadrant"].tolist()
    ['carriage trade', 'aggressive', 'passive', 'bargain basement']
    >>> served.table(customers)["customers"].tolist()
    [1, 1, 1, 1]
    """
    return TwoAxisMatrix.fit(values, x=cost, y=margin, cuts=cuts, names=COST_TO_SERVE)
