"""What a tier is entitled to, as a table, and who stands outside of it today."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, is_number
from crmvalue._table import table
from crmvalue.errors import DataWarning, FaultList, InputError
from crmvalue.tiers._policy_check import PolicyCheck, say_unknown
from crmvalue.tiers._snapshot import Scale
from crmvalue.tiers._tiered import FittedTiers, read_tiered
from crmvalue.tiers._values import amounts

LEVELS: Mapping[str, Mapping[str, Any]] = {
    "gold": {
        "service_level": "account manager",
        "discount_cap": 0.15,
        "credit_days": 60.0,
        "contacts_per_year": 24.0,
    },
    "steel": {
        "service_level": "inside sales",
        "discount_cap": 0.08,
        "credit_days": 30.0,
        "contacts_per_year": 8.0,
    },
    "lead": {
        "service_level": "self-service",
        "discount_cap": 0.0,
        "credit_days": 14.0,
        "contacts_per_year": 2.0,
    },
}
"""A place to start from, not a finding: every firm sets its own."""

RULES: Mapping[str, str] = {
    "discount_cap": "discount_rate",
    "credit_days": "credit_days",
    "contacts_per_year": "contacts_per_year",
}
"""The limits of a policy, and the column of customers that each of them is held against."""

YEAR = 365.25


def tier_policy(overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Any:
    """Give each tier its service level, discount cap, credit terms and contact frequency.

    Parameters
    ----------
    overrides : mapping of tier to mapping of column to value, optional
        What is to be different. A tier that the defaults don't have is added behind them, without
        limits but those that are given; None takes a limit away.

    Returns
    -------
    DataFrame
        In pandas, one row per tier: ``tier, service_level`` (text), ``discount_cap`` (the highest
        discount, a fraction of list revenue), ``credit_days`` (the longest time to pay),
        ``contacts_per_year`` (the most contacts); null: no limit. The defaults are a place to start
        from and no finding.

    Raises
    ------
    InputError
        Listing every fault: tiers and service levels that are no text, columns that there are not,
        limits that are no number of at least 0 (a discount: up to 1).

    Warns
    -----
    DataWarning
        Where a tier that is added is called almost as one of the defaults, which then stays as it
        is: "godl" for "gold".

    Examples
    --------
    >>> policy = tier_policy({"gold": {"discount_cap": 0.2},
    ...                       "platinum": {"service_level": "on site", "credit_days": 90}})
    >>> print(policy.to_string(index=False, na_rep="-"))
        tier   service_level  discount_cap  credit_days  contacts_per_year
        gold account manager          0.20         60.0               24.0
       steel    inside sales          0.08         30.0                8.0
        lead    self-service          0.00         14.0                2.0
    platinum         on site             -         90.0                  -
    """
    given = _mapping(overrides, "overrides", "{'gold': {'discount_cap': 0.2}}")
    faults = FaultList()
    levels = {tier: dict(level) for tier, level in LEVELS.items()}
    columns = ("service_level", *RULES)
    for tier, changes in given.items():
        if not isinstance(tier, str):
            expected = "expected the name of a tier as text, such as 'gold'"
            faults.add("not_a_tier", column="tier", examples=repr(tier), expected=expected)
            continue
        if not isinstance(changes, Mapping):
            expected = "expected a mapping of columns to values"
            faults.add("not_a_level", column=tier, examples=repr(changes), expected=expected)
            continue
        if odd := [name for name in changes if name not in columns]:
            faults.add(
                "unknown_column",
                column=tier,
                examples=", ".join(map(repr, odd)),
                expected=f"expected {', '.join(columns)}",
            )
        if not isinstance(service := changes.get("service_level"), str | None):
            faults.add(
                "not_a_service_level",
                column=f"{tier}.service_level",
                examples=repr(service),
                expected="expected text such as 'account manager', or None for no level",
            )
        for name in RULES:
            share = name == "discount_cap"
            fits = is_number(changes.get(name), 0, 1) if share else is_number(changes.get(name), 0)
            if not (changes.get(name) is None or fits):
                faults.add(
                    "not_a_limit",
                    column=f"{tier}.{name}",
                    examples=repr(changes[name]),
                    expected=f"expected a number {'from 0 to 1' if share else 'of at least 0'}, "
                    "or None for no limit",
                )
        levels.setdefault(tier, {}).update(changes)
    faults.raise_if_any("the policy")
    _say_near_names([name for name in levels if name not in LEVELS])
    return table(
        {
            "tier": list(levels),
            "service_level": [level.get("service_level") for level in levels.values()],
            **{
                rule: np.array([level.get(rule) for level in levels.values()], dtype=np.float64)
                for rule in RULES
            },
        }
    )


def _say_near_names(added: Sequence[str]) -> None:
    """Warn of added tiers that look like a slip of the pen."""
    known = {name.casefold(): name for name in LEVELS}
    meant = {
        name: known[near[0]]
        for name in added
        if (near := difflib.get_close_matches(name.casefold(), known, n=1))
    }
    if meant:
        pairs = ", ".join(f"{name!r} (meant {tier!r}?)" for name, tier in meant.items())
        warnings.warn(
            f"the policy gets further tiers {pairs} beside {', '.join(LEVELS)}, whose own terms "
            "stay as they are",
            DataWarning,
            stacklevel=3,
        )


def check_policy(
    values: IntoFrame,
    policy: IntoFrame | None = None,
    *,
    tiers: str | FittedTiers = "tier",
    revenue: str = "revenue",
    columns: Mapping[str, str] | None = None,
    contact_cost: float | None = None,
) -> PolicyCheck:
    """Count who is outside the policy of their tier today, and the money involved.

    Parameters
    ----------
    values : frame
        One row per customer: ``customer_id``, the tier, and what is known of `revenue` and the
        columns of the rules; null where a customer's figure isn't.
    policy : frame, optional
        As of `tier_policy` (its defaults where none is given): ``tier`` and any of the limits.
    tiers : str or ParetoTiers, ValuePyramid...
        The column of tiers, or the fitted tiers to put the customers into.
    revenue : str, default "revenue"
        The column of a year's revenue at list (money).
    columns : mapping of rule to column, optional
        Where the figures stand: by default ``discount_cap`` is held against ``discount_rate`` (a
        fraction of list revenue), ``credit_days`` and ``contacts_per_year`` against the columns of
        these names. A rule whose column isn't there is shown with all its customers unknown, and
        a `DataWarning` says so; leave such a rule out of `policy` to check the others alone.
    contact_cost : float, optional
        What a contact costs (money).

    Returns
    -------
    PolicyCheck
        Its tables come in the library of `values`. Money is of another kind with each rule, and is
        never added up over rules.

    Raises
    ------
    InputError
        Listing every fault: repeated customers, missing tiers, figures below 0, tiers that the
        policy has no row for, limits below 0.

    Warns
    -----
    DataWarning
        Where the column of a rule isn't there.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({
    ...     "customer_id": ["a", "b", "c"], "tier": ["gold", "lead", "lead"],
    ...     "revenue": [90e3, 8e3, 5e3], "discount_rate": [0.12, 0.10, 0.0],
    ...     "contacts_per_year": [30, 12, None],
    ... })
    >>> policy = tier_policy()[["tier", "discount_cap", "contacts_per_year"]]
    >>> check = check_policy(customers, policy, contact_cost=80.0)
    >>> print(check)  # doctest: +NORMALIZE_WHITESPACE
    PolicyCheck(2 of 3 customers outside, 1 unknown; discount_cap 800.00,
                contacts_per_year 1,280.00)
    >>> shown = ["customer_id", "tier", "rule", "limit", "actual", "money"]
    >>> print(check.customers[shown].to_string(index=False))
    customer_id tier              rule  limit  actual  money
              a gold contacts_per_year   24.0    30.0  480.0
              b lead      discount_cap    0.0     0.1  800.0
              b lead contacts_per_year    2.0    12.0  800.0
    """
    named = _mapping(columns, "columns", "{'credit_days': 'days'}")
    if odd := [rule for rule in named if rule not in RULES]:
        raise InputError(f"columns maps some of {', '.join(RULES)}; not known: {odd}")
    if not (contact_cost is None or is_number(contact_cost, 0)):
        raise InputError(f"contact_cost must be money, at least 0; got {contact_cost!r}")
    faults = FaultList()
    at = {**RULES, **named}
    read, scale = read_tiered(
        values, tiers, faults, columns=list(named.values()), optional=[revenue, *at.values()]
    )
    limits = _limits(tier_policy() if policy is None else policy, scale, read.labels, faults)
    missing = np.full(len(read.table), np.nan)

    def figure(column: str) -> FloatArray:
        there = column in read.table
        return amounts(read.table, column, null=True, minimum=0.0) if there else missing

    actual = {rule: figure(at[rule]) for rule in limits}
    income = amounts(read.table, revenue, null=True) if revenue in read.table else missing
    faults.raise_if_any("the check of the policy")
    if absent := [rule for rule in limits if at[rule] not in read.table]:
        say_unknown(absent, at, len(read.table))
    income = read.by_id(income)
    price = np.full(len(income), np.nan if contact_cost is None else float(contact_cost))
    prices = {"discount_cap": income, "credit_days": income / YEAR, "contacts_per_year": price}
    return PolicyCheck(
        customer_ids=read.ids.values,
        tier=read.tiers(scale),
        scale=scale.names,
        limits=limits,
        actual={rule: read.by_id(a) for rule, a in actual.items()},
        revenue=income,
        prices=prices,
        like=read.table.frame,
    )


def _mapping(given: Any, name: str, example: str) -> Mapping[Any, Any]:
    """Let a mapping in, empty where there is none."""
    if not (given is None or isinstance(given, Mapping)):
        raise InputError(f"{name} must be a mapping, such as {example}; got {given!r}")
    return given or {}


def _limits(
    policy: IntoFrame, scale: Scale, needed: Sequence[str], faults: FaultList
) -> dict[str, FloatArray]:
    """The limits of each rule of the policy by tier; NaN where there is none."""
    given = Table(policy, "policy", ["tier"], faults)
    keys = given.unique_keys("tier", "expected one row per tier")
    names = [str(name) for name in keys.values.to_list()]
    if absent := [name for name in needed if name not in names]:
        faults.add(
            "no_policy",
            column="policy.tier",
            examples=", ".join(map(repr, absent)),
            expected="expected a row for every tier that has customers; add it, with nulls where "
            "there is no limit",
        )
    rules = [rule for rule in RULES if rule in given]
    if not rules:
        faults.add("no_rule", column="policy", expected=f"expected some of {', '.join(RULES)}")
    found = {rule: amounts(given, rule, null=True, minimum=0.0) for rule in rules}
    if faults:
        return {rule: np.empty(0) for rule in rules}
    place = dict(zip(names, np.argsort(keys.codes), strict=True))
    rows = [place.get(name, len(given)) for name in scale.names]
    return {rule: np.append(limit, np.nan)[rows] for rule, limit in found.items()}
