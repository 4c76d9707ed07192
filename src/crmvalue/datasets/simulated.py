"""`simulate_transactions`: a log whose customers are what the models assume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._stats import FloatArray, Random, generator
from crmvalue.errors import InputError


def simulate_transactions(
    customers: int,
    *,
    rng: Random,
    days: int = 730,
    start: str = "2023-01-01",
    r: float = 0.55,
    alpha: float = 60.0,
    a: float = 0.9,
    b: float = 2.5,
    p: float = 6.0,
    q: float = 4.0,
    gamma: float = 15.0,
    refund_share: float = 0.0,
) -> pd.DataFrame:
    """Simulate a log of customers who buy at random until they leave (MBG/NBD, gamma-gamma).

    A customer arrives on a random day of the first half, buys at a rate drawn from
    Gamma(r, alpha) per day, leaves after each purchase with a probability drawn from Beta(a, b),
    and spends about a mean of their own.

    Parameters
    ----------
    customers : int
        Number of customers, all with at least one purchase.
    rng : numpy.random.Generator or int
        Source of randomness.
    days : int
        Length of the log.
    start : str
        First day, ISO 8601.
    r, alpha, a, b : float
        Parameters of buying and leaving, per day.
    p, q, gamma : float
        Parameters of spend: a basket is Gamma(p, v) with v drawn from Gamma(q, gamma).
    refund_share : float
        Share of lines that come back as a refund of the same amount some days later.

    Returns
    -------
    pandas.DataFrame
        customer_id, date, amount; by date, then customer.

    Raises
    ------
    InputError
        Where there is no customer, there are fewer than two days, or `rng` is neither of these.

    Examples
    --------
    >>> import crmvalue as cv, numpy as np
    >>> log = cv.datasets.simulate_transactions(100, rng=np.random.default_rng(1))
    >>> log["customer_id"].nunique(), bool((log["amount"] > 0).all())
    (100, True)
    """
    if customers < 1 or days < 2:
        raise InputError(
            f"a log needs a customer and two days; got customers={customers}, days={days}"
        )
    rng = generator(rng)
    arrival = rng.integers(0, max(days // 2, 1), customers)
    rate = rng.gamma(r, 1 / alpha, customers)
    leave = rng.beta(a, b, customers)
    level = rng.gamma(q, 1 / gamma, customers)
    who, when = [np.arange(customers)], [arrival.astype(np.float64)]
    active = np.arange(customers)
    time = arrival.astype(np.float64)
    while len(active):
        active = active[rng.random(len(active)) >= leave[active]]
        with np.errstate(over="ignore", divide="ignore"):
            time[active] += rng.exponential(1.0, len(active)) / rate[active]
        active = active[time[active] < days]
        who.append(active)
        when.append(time[active])
    customer = np.concatenate(who)
    day = np.floor(np.concatenate(when)).astype(np.int64)
    amount = np.maximum(np.round(rng.gamma(p, 1 / level[customer]), 2), 0.01)
    returned = rng.random(len(customer)) < refund_share
    back = np.minimum(day[returned] + rng.integers(1, 30, int(returned.sum())), days - 1)
    return _as_log(
        np.concatenate([customer, customer[returned]]) + 1,
        np.concatenate([day, back]),
        np.concatenate([amount, -amount[returned]]),
        start,
    )


def _as_log(
    customer: npt.NDArray[np.int64], day: npt.NDArray[np.int64], amount: FloatArray, start: str
) -> pd.DataFrame:
    order = np.lexsort((customer, day))
    dates = np.datetime64(start, "D") + day[order]
    return pd.DataFrame(
        {
            "customer_id": customer[order],
            "date": dates.astype("datetime64[us]"),
            "amount": amount[order],
        }
    )
