"""Tables of what a model says of histories: over a grid of them, and along that of a customer."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._keys import plain, plain_ids
from crmvalue._stats import UNITS
from crmvalue._table import table
from crmvalue.errors import FaultList, InputError
from crmvalue.transactions import LogKeywords, read_log

STEPS = 40
"""Ages at the last purchase in a grid, unless it is told otherwise."""


def history_grid(
    fit: Any, *, T: float, max_frequency: int, horizon: float, steps: int = STEPS
) -> Any:
    """Tabulate what a model says of customers of one age, by what they have done.

    Parameters
    ----------
    fit : Fit or model
        Of purchases.
    T : float
        Age of the customers, in the model's unit.
    max_frequency : int
        Most repeat purchases.
    horizon : float
        How far ahead purchases are expected, in the model's unit.
    steps : int
        Number of ages at the last purchase, evenly spaced up to T.

    Returns
    -------
    pandas.DataFrame
        frequency, recency (age at the last purchase), T, horizon, probability_alive, and
        expected_purchases within the horizon; by rising frequency, then recency. Without repeat
        purchases recency is 0. Histories with more purchases than days are left out, for purchases
        are counted by day.

    Raises
    ------
    InputError
        Where an argument is out of place; all are listed.

    Examples
    --------
    >>> from crmvalue.lifetime import BGNBD
    >>> model = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> grid = history_grid(model, T=39, max_frequency=1, horizon=39, steps=2)
    >>> print(grid.drop(columns=["T", "horizon"]).round(3).to_string(index=False))
     frequency  recency  probability_alive  expected_purchases
             0      0.0              1.000               0.195
             1     19.5              0.593               0.567
             1     39.0              0.754               0.720
    """
    model = getattr(fit, "model", fit)
    faults = FaultList()
    for name, value, least in (("max_frequency", max_frequency, 0), ("steps", steps, 1)):
        if not (isinstance(value, int | np.integer) and value >= least):
            faults.add(
                "bad_argument",
                column=name,
                examples=repr(value),
                expected=f"expected a whole number of at least {least}",
            )
    for name, number in (("T", T), ("horizon", horizon)):
        if not (np.ndim(number) == 0 and np.isfinite(number) and number > 0):
            faults.add(
                "bad_argument",
                column=name,
                examples=repr(number),
                expected="expected a finite number above 0, in the model's unit",
            )
    faults.raise_if_any("history_grid")
    ages = T * np.arange(1, steps + 1) / steps
    frequency = np.append(0, np.repeat(np.arange(1, max_frequency + 1), steps))
    recency = np.append(0.0, np.tile(ages, max_frequency))
    possible = frequency <= recency * UNITS[model.unit] * (1 + 1e-12)
    history = frequency[possible], recency[possible], np.full(int(possible.sum()), float(T))
    return table(
        {
            "frequency": history[0],
            "recency": history[1],
            "T": history[2],
            "horizon": np.full(len(history[2]), float(horizon)),
            "probability_alive": model.probability_alive(*history),
            "expected_purchases": model.expected_purchases(*history, horizon=horizon),
        }
    )


def alive_path(
    fit: Any, transactions: IntoFrame, customer_id: object, **log: Unpack[LogKeywords]
) -> Any:
    """Follow the probability that a customer is alive, day by day from the first purchase.

    Parameters
    ----------
    fit : Fit or model
        Of purchases.
    transactions : frame
        The log.
    customer_id : object
        The customer.
    **log
        The keywords of `check_transactions`; the path ends at `as_of`, by default the last date in
        the log.

    Returns
    -------
    frame
        In the library of `transactions`, a row per day: date, purchase (whether the customer bought
        on it), the history at the end of that day (frequency, recency and T in the model's unit)
        and probability_alive.

    Raises
    ------
    InputError
        As `check_transactions`, or where the log has no purchase of such a customer.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> model = cv.MBGNBD(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> path = alive_path(model, log, 1, as_of="1997-09-30")
    >>> path.loc[path["purchase"], "date"].dt.strftime("%Y-%m-%d").tolist()
    ['1997-01-01', '1997-01-18', '1997-08-02']
    >>> print(path["probability_alive"].iloc[-1].round(3))
    0.706
    """
    model = getattr(fit, "model", fit)
    read = read_log(transactions, **log)
    ids = plain_ids(read.customers.values)
    own = np.isin(read.customers.codes, np.flatnonzero(ids == customer_id))
    if read.purchases is not None:
        own &= read.purchases
    if not own.any():
        raise InputError(
            f"the log has no purchase of a customer {customer_id!r}; its {len(ids):,} ids are of "
            f"type {type(plain(ids[0])).__name__}, such as {plain(ids[0])!r}"
        )
    bought = np.unique(read.days[own]).astype(np.int64)
    days = np.arange(bought[0], read.as_of + 1)
    purchases = np.searchsorted(bought, days, side="right")
    per_unit = UNITS[model.unit]
    history = purchases - 1, (bought[purchases - 1] - bought[0]) / per_unit
    age = (days - bought[0]) / per_unit
    return table(
        {
            "date": days.astype("datetime64[D]"),
            "purchase": np.isin(days, bought),
            "frequency": history[0],
            "recency": history[1],
            "T": age,
            "probability_alive": model.probability_alive(*history, age),
        },
        read.frame,
    )
