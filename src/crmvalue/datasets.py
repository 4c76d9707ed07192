"""Real data and simulated data, for examples, tests and the demo."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any, Unpack

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import Frame, IntoFrame, Table
from crmvalue._stats import UNITS, FloatArray, safe_sum
from crmvalue._table import table
from crmvalue.costing import activity_costs, transaction_drivers
from crmvalue.errors import InputError, MissingExtraError
from crmvalue.summary import histories
from crmvalue.transactions import LogKeywords, read_log

DEMO_POOLS: dict[str, tuple[float, dict[str, float]]] = {
    "Advertising": (120_000.0, {"Winning customers": 1.0}),
    "Warehouse": (150_000.0, {"Packing": 0.75, "Order handling": 0.25}),
    "Customer service": (90_000.0, {"Order handling": 0.6, "Account care": 0.4}),
    "Newsletter and IT": (60_000.0, {"Account care": 0.5, "Running the shop": 0.5}),
}
"""Pools of the demo: a year's cost in dollars, and the share of it that each activity takes."""

DEMO_DRIVERS = {
    "Winning customers": "new_customers",
    "Order handling": "orders",
    "Account care": "active_months",
}
DEMO_LEVELS = {
    "Winning customers": "customer",
    "Order handling": "order",
    "Packing": "unit",
    "Account care": "customer",
    "Running the shop": "facility",
}
DEMO_USE = 0.8
"""Share of the packing capacity that is used."""

DEMO_COST_OF_GOODS = 0.6


def load_cdnow(sample: bool = False) -> pd.DataFrame:
    """Load the CDNOW purchase log: 23,570 customers who first bought in early 1997.

    Needs the extra ``lifetimes``, whose package carries the data; it is read without importing it.

    Parameters
    ----------
    sample : bool
        The 1/10 sample that the papers use, 2,357 customers under its own ids 1 to 2357.

    Returns
    -------
    pandas.DataFrame
        customer_id (int64), date (midnight), discs (int64), amount (US dollars, float64): 69,659
        rows, 6,919 in the sample. Rows of amount 0 are free orders.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2001), Forecasting repeat sales at CDNOW: a case study,
    Interfaces 31(3), S94-S107.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow()
    >>> len(log), log["customer_id"].nunique()
    (69659, 23570)
    """
    path = _data_folder() / ("CDNOW_sample.txt" if sample else "CDNOW_master.txt")
    columns = ["customer_id", "date", "discs", "amount"]
    names = ["master_id", *columns] if sample else columns
    log = pd.read_csv(path, sep=r"\s+", names=names, skiprows=0 if sample else 1)
    log["date"] = pd.to_datetime(log["date"].astype(str), format="%Y%m%d")
    return log[columns]


def load_donations() -> pd.DataFrame:
    """Load the donations to a public radio station by those who first gave in 1995.

    Each of the six years after that is an opportunity to give again. Needs the extra ``lifetimes``,
    whose package carries the data; it is read without importing it.

    Returns
    -------
    pandas.DataFrame
        frequency (years with a gift), recency (the last of them, 0 for none), n (6) and weight (how
        many donors share this history), int64: 22 rows, 11,104 donors.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time
    noncontractual setting, Marketing Science 29(6), 1086-1108, table 1.

    Examples
    --------
    >>> import crmvalue as cv
    >>> donations = cv.datasets.load_donations()
    >>> len(donations), donations["weight"].sum().item()
    (22, 11104)
    """
    donations = pd.read_csv(_data_folder() / "donations.csv")
    donations.columns = pd.Index(["frequency", "recency", "n", "weight"])
    return donations


def _data_folder() -> Path:
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "these data come with the lifetimes package: "
            "python -m pip install 'crmvalue[lifetimes]'"
        )
    return Path(spec.origin).parent / "datasets"


def simulate_transactions(
    customers: int,
    *,
    rng: np.random.Generator,
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
    rng : numpy.random.Generator
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


def demo_costs(transactions: IntoFrame, **log: Unpack[LogKeywords]) -> dict[str, Any]:
    """Make up a cost ledger for the demo: what a mail-order shop of this size might spend.

    The yearly sums are invented, stated in `DEMO_POOLS` and sized for the whole CDNOW log; only the
    drivers are real, since they are counted in the log. Packing works at 80 % of its capacity, so
    that a fifth of its cost is idle.

    Parameters
    ----------
    transactions : frame
        The log. A column ``discs`` counts units; without it, lines are counted.
    **log
        The keywords of `check_transactions`; `amount` is "amount" by default.

    Returns
    -------
    dict of str to table
        resources, resource_drivers, activities, activity_drivers, cost_lines and a note: what
        `value_customers` takes as ``costs``. Cost of goods is 60 % of revenue; the other cost lines
        are the ledger's own rates per order, active year and unit of revenue.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow()
    >>> ledger = cv.datasets.demo_costs(log)
    >>> print(ledger["resources"].round(0).to_string(index=False))
             resource     cost
          Advertising 179384.0
            Warehouse 224230.0
     Customer service 134538.0
    Newsletter and IT  89692.0
    """
    log.setdefault("amount", "amount")
    read = read_log(transactions, **log)
    found = histories(read)
    ages = (read.as_of - found.first) / UNITS["Y"]
    length = (read.as_of - int(found.first.min()) + 1) / UNITS["Y"]
    units = "discs" if "discs" in read.frame.columns else None
    drivers = transaction_drivers(
        transactions,
        quantity=units,
        drivers={**DEMO_DRIVERS, "Packing": "lines" if units is None else "units"},
        **log,
    )
    counted = Table(drivers, "drivers")
    packing = counted.frame["activity"].cast(nw.String) == "Packing"
    packed = safe_sum(counted.numbers("quantity")[packing.to_numpy()])
    pools = [(pool, cost * length) for pool, (cost, _) in DEMO_POOLS.items()]
    shares = [(p, a, share) for p, (_, parts) in DEMO_POOLS.items() for a, share in parts.items()]
    levels = [
        (a, packed / DEMO_USE if a == "Packing" else math.nan, level)
        for a, level in DEMO_LEVELS.items()
    ]
    ledger: dict[str, Any] = {
        "resources": _rows(("resource", "cost"), pools, read.frame),
        "resource_drivers": _rows(("resource", "activity", "share"), shares, read.frame),
        "activities": _rows(("activity", "practical_volume", "level"), levels, read.frame),
        "activity_drivers": drivers,
    }
    rates = activity_costs(**ledger).rates(
        {"Order handling": "order", "Packing": "order", "Account care": "active_year"},
        totals={"order": float(found.purchases.sum()), "active_year": float(ages.sum())},
    )
    given = Table(rates, "rates")
    lines = zip(
        *(given.frame[c].to_list() for c in ("line", "basis")), given.numbers("rate"), strict=True
    )
    goods = [("cost_of_goods", "revenue", DEMO_COST_OF_GOODS), *lines]
    ledger["cost_lines"] = _rows(("line", "basis", "rate"), goods, read.frame)
    ledger["note"] = (
        "The cost ledger is illustrative: its pools are made up for this demonstration, and only "
        "their drivers are counted in the log."
    )
    return ledger


def _rows(names: tuple[str, ...], rows: list[tuple[Any, ...]], like: Frame) -> Any:
    columns = {
        name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return table(
        {n: np.array(v) if isinstance(v[0], float) else v for n, v in columns.items()}, like
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
