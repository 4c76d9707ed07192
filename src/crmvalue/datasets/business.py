"""`simulate_business`: a year of a manufacturer who sells to dealers and farms, with its ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue._stats import FloatArray, IntArray, Random, generator
from crmvalue.datasets._manufacturer import (
    ACTIVITIES,
    COST_OF_GOODS,
    DAYS,
    FREIGHT,
    HOME,
    PRICES,
    PROFILES,
    REGIONS,
    RESOURCES,
    RUSH_WITHIN,
)
from crmvalue.errors import InputError


def simulate_business(*, rng: Random, customers: int = 400) -> dict[str, pd.DataFrame]:
    """Simulate a manufacturer of spare parts in 2024, from customers to cost ledger.

    It sells to dealers and farms. Among the largest dealers are some who lose it money: deep
    discounts, many small rush orders, visits, returns, late payment. Among the small farms are some
    who earn it more than most dealers do, with few large orders at list price.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        Source of randomness.
    customers : int, default 400
        Number of customers, at least 25, all with an order.

    Returns
    -------
    dict of str to pandas.DataFrame
        Money is in euros, net of tax.

        - ``customers``: customer_id, kind (dealer, farm), size (small, medium, large: of the firm,
          not of its orders), region, salesperson;
        - ``transactions``: a row per line of an order: customer_id, order, date, product, units,
          amount (after the discount on the invoice), lead_days (0 to 3: a rush order), country. A
          return of a line is a row of its own, with units and amount below 0;
        - ``resources, resource_drivers, activity_drivers, activities``: the cost ledger that
          `activity_costs` takes. The log counts orders, lines (picking), rush orders, foreign
          orders (export papers) and returns; deliveries, visits and credit checks are known from
          elsewhere. Part of the cost is idle, unassigned or above the customers;
        - ``sales``: customer_id and the lines of `customer_statement`: list_revenue,
          on_invoice_discount, rebate, freight (carriers' bills), returns (credited; the goods are
          scrap), cost_of_goods;
        - ``receivables``: customer_id, days_outstanding (from invoice to payment).

        By customer, the amounts of ``transactions`` add up to list revenue less on-invoice
        discounts and returns.

    Raises
    ------
    InputError
        For fewer than 25 customers, too few for every kind of them.

    Examples
    --------
    >>> import crmvalue as cv, numpy as np
    >>> business = cv.datasets.simulate_business(rng=np.random.default_rng(1), customers=100)
    >>> business["customers"].groupby(["kind", "size"]).size().tolist()
    [9, 15, 16, 4, 21, 35]
    >>> ledger = ["resources", "resource_drivers", "activity_drivers", "activities"]
    >>> costs = cv.activity_costs(*(business[name] for name in ledger))
    >>> statement = cv.customer_statement(
    ...     business["sales"], costs=costs, receivables=business["receivables"],
    ...     annual_capital_rate=0.08,
    ... )
    >>> kinds = statement.merge(business["customers"])
    >>> large = kinds[(kinds["kind"] == "dealer") & (kinds["size"] == "large")]
    >>> int((large["contribution"] < 0).sum())
    4
    """
    if customers < 25:
        raise InputError(f"a business needs at least 25 customers; got customers={customers}")
    ids = np.arange(1, customers + 1)
    rng = generator(rng)
    profile = _profiles(customers, rng)
    traits = pd.DataFrame(PROFILES).iloc[profile].reset_index(drop=True)
    region = rng.integers(0, len(REGIONS), customers)
    names = np.array(list(REGIONS))[region]
    seller = rng.integers(1, 3, customers).astype(str)
    people = pd.DataFrame(
        {
            "customer_id": ids,
            "kind": traits["kind"],
            "size": traits["size"],
            "region": names,
            "salesperson": np.char.add(np.char.add(names, " "), seller),
        }
    )
    lines = _lines(traits, rng)
    lines["country"] = np.array(list(REGIONS.values()))[region][lines["who"]]
    sums = lines.groupby("who")[["listed", "amount", "credited"]].sum()
    bought = sums["amount"].to_numpy()
    listed = sums["listed"].to_numpy()
    credited = sums["credited"].to_numpy()
    sales = {
        "list_revenue": listed,
        "on_invoice_discount": listed - bought,
        "rebate": traits["rebate"] * (bought - credited),
        "freight": FREIGHT * listed,
        "returns": credited,
        "cost_of_goods": COST_OF_GOODS * listed,
    }
    days = np.round(traits["days_outstanding"].to_numpy() * rng.gamma(20.0, 1 / 20, customers))
    drivers = _drivers(lines, traits, days, rng)
    return {
        "customers": people,
        "transactions": _log(lines, rng),
        **_ledger(drivers, customers),
        "sales": pd.DataFrame({"customer_id": ids, **sales}).round(2),
        "receivables": pd.DataFrame({"customer_id": ids, "days_outstanding": days}),
    }


def _profiles(customers: int, rng: np.random.Generator) -> IntArray:
    """The profile of each customer: shares as stated, but for rounding, in random order."""
    ends = np.cumsum([profile.share for profile in PROFILES])
    places = (np.arange(customers) + 0.5) / customers
    return rng.permutation(np.searchsorted(ends[:-1], places, side="right"))


def _lines(traits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The lines of all orders, by date; `who` is the position of the customer."""
    size = len(traits)
    count = np.maximum(rng.poisson(traits["orders"] * rng.gamma(16.0, 1 / 16, size)), 1)
    who = np.repeat(np.arange(size), count)
    day = rng.integers(0, DAYS, len(who))
    by_date = np.lexsort((who, day))
    who, day = who[by_date], day[by_date]
    usual = traits["order_value"].to_numpy() * rng.lognormal(-0.03, 0.25, size)
    value = usual[who] * rng.lognormal(-0.045, 0.3, len(who))
    rush = rng.random(len(who)) < traits["rush"].to_numpy()[who]
    lead = np.where(
        rush,
        rng.integers(0, RUSH_WITHIN + 1, len(who)),
        rng.integers(RUSH_WITHIN + 4, 30, len(who)),
    )
    parts = 1 + np.minimum(rng.poisson(1.2, len(who)), len(PRICES) - 1)
    order = np.repeat(np.arange(len(who)), parts)
    # Each product once in an order: from a random one on, in the order of the list.
    place = np.arange(len(order)) - (np.cumsum(parts) - parts)[order]
    product = (rng.integers(0, len(PRICES), len(who))[order] + place) % len(PRICES)
    price = np.array(list(PRICES.values()))[product]
    units = np.maximum(np.round((value / parts)[order] / price), 1).astype(np.int64)
    lines = pd.DataFrame({"who": who[order], "order": order + 1, "day": day[order]})
    lines["product"] = np.array(list(PRICES))[product]
    lines["units"], lines["listed"], lines["lead_days"] = units, units * price, lead[order]
    discount = traits["discount"].to_numpy()[lines["who"]]
    lines["amount"] = np.round(lines["listed"] * (1 - discount), 2)
    returned = rng.random(len(lines)) < traits["returned"].to_numpy()[lines["who"]]
    lines["credited"] = np.where(returned, lines["amount"], 0.0)
    return lines


def _log(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    back = lines[lines["credited"] > 0]
    later = np.minimum(back["day"] + rng.integers(5, 40, len(back)), DAYS - 1)
    back = back.assign(day=later, units=-back["units"], amount=-back["amount"])
    log = pd.concat([lines, back]).sort_values(["day", "order"], kind="stable", ignore_index=True)
    log["customer_id"] = log["who"] + 1
    dates = np.datetime64("2024-01-01", "D") + log["day"].to_numpy()
    log["date"] = dates.astype("datetime64[us]")
    columns = ["customer_id", "order", "date", "product", "units", "amount", "lead_days", "country"]
    return log[columns]


def _drivers(
    lines: pd.DataFrame, traits: pd.DataFrame, days: FloatArray, rng: np.random.Generator
) -> pd.DataFrame:
    """What each customer (row) causes in each activity (column)."""
    size = len(traits)
    orders = lines.drop_duplicates("order")

    def count(rows: pd.DataFrame) -> IntArray:
        return np.bincount(rows["who"], minlength=size)

    return pd.DataFrame(
        {
            "picking": count(lines),
            "order handling": count(orders),
            "rush orders": count(orders[orders["lead_days"] <= RUSH_WITHIN]),
            "delivery": count(orders) + rng.binomial(count(orders), 0.1),
            "export papers": count(orders[orders["country"] != HOME]),
            "returns desk": count(lines[lines["credited"] > 0]),
            "sales visits": rng.poisson(traits["visits"]),
            "credit": 1 + rng.poisson(np.maximum(days - 30.0, 0.0) / 15.0),
        }
    )


def _ledger(drivers: pd.DataFrame, customers: int) -> dict[str, pd.DataFrame]:
    spent = [(resource, cost * customers) for resource, (cost, _) in RESOURCES.items()]
    shares = [(r, a, share) for r, (_, parts) in RESOURCES.items() for a, share in parts.items()]
    volume = drivers.sum()
    stated = [
        (name, None if use is None else float(np.ceil(volume[name] / use)), level)
        for name, (level, use) in ACTIVITIES.items()
    ]
    caused = drivers.set_axis(drivers.index + 1).rename_axis("customer_id").reset_index()
    long = caused.melt("customer_id", var_name="activity", value_name="quantity")
    return {
        "resources": pd.DataFrame(spent, columns=["resource", "cost"]),
        "resource_drivers": pd.DataFrame(shares, columns=["resource", "activity", "share"]),
        "activity_drivers": long[long["quantity"] > 0].reset_index(drop=True),
        "activities": pd.DataFrame(stated, columns=["activity", "practical_volume", "level"]),
    }
