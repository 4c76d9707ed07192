"""The split of a budget over customers or tiers, by what the next money brings."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Eager, IntoFrame, enter
from crmvalue._keys import plain_ids
from crmvalue._numbers import LARGEST
from crmvalue._stats import FloatArray, IntArray, check_conserved, is_number, safe_sum
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._budget_split import BudgetSplit
from crmvalue.tiers._crossing import TOLERANCE
from crmvalue.tiers._customer_rows import CustomerRows
from crmvalue.tiers._snapshot import known_scale, ranking_of
from crmvalue.tiers._values import amounts
from crmvalue.tiers._water_filling import Responses, fill

STEEPEST = f"expected ceiling x steepness, the return of the first money, of at most {LARGEST:g}"


def split_budget(
    units: IntoFrame,
    budget: float | None = None,
    *,
    by: str = "customer_id",
    ceiling: str = "ceiling",
    steepness: str = "steepness",
    gain: str | None = None,
    present: str | None = None,
    minimum: float | str = 0.0,
    maximum: float | str = np.inf,
    least_return: float = 0.0,
) -> BudgetSplit:
    """Split a budget over customers or tiers so that it brings as much as possible.

    Spending x on a unit brings ``ceiling (1 - exp(-steepness x))``: ever less for the next money,
    never more than the ceiling.

    Parameters
    ----------
    units : frame
        One row per unit, with the columns named below.
    budget : float, optional
        The money to split; by default what is spent at present. Infinite only with a `least_return`
        above 0 or with maxima.
    by : str, default "customer_id"
        The column of units: customers, tiers, segments...
    ceiling : str, default "ceiling"
        The column with the most that spending on a unit can bring (money, not negative).
    steepness : str, default "steepness"
        The column with how fast it comes (per money, not negative). 0: spending brings nothing.
    gain : str, optional
        In place of `steepness`, the column with what the present spending brings (at least 0, below
        the ceiling): steepness = -ln(1 - gain / ceiling) / present. Leave a unit that loses money
        out, or give its gain as 0: then it gets its minimum, and others what it has at present.
    present : str, optional
        The column with what is spent at present (money, not negative).
    minimum, maximum : float or str
        The least and the most that a unit gets: one number for all, or a column. Where a column of
        maxima is null, and by default, there is no maximum.
    least_return : float, default 0
        Money is only spent, beyond the minima, where it brings at least this much: with 0 the
        whole budget, with 1 up to the point where a euro no longer brings a euro.

    Returns
    -------
    BudgetSplit
        Its tables come in the library of `units`, one row per unit: tiers by rank, where the
        column is an ordered categorical or their names are known (gold, steel, lead...); others by
        rising id.

    Raises
    ------
    InputError
        Listing every fault: no rows, repeated units, missing, negative or infinite figures, minima
        above maxima or above the budget, a budget that is none.
    ConservationError
        If what is spent and what is left don't add up to the budget.

    Notes
    -----
    Maximises sum of c_i (1 - exp(-k_i x_i)) over x_i with sum x_i <= budget. At the optimum all
    units between their minimum and maximum have one marginal return mu = k_i c_i exp(-k_i x_i), so
    x_i = ln(k_i c_i / mu) / k_i; who has less from the start gets the minimum. mu is found exactly,
    by sorting where units enter and leave, in O(n log n). For one unit with ceiling V c and
    ``least_return=1`` that is the optimum of Blattberg and Deighton, ln(k c V) / k.

    The whole budget is spent even where the last money brings nearly nothing; ``least_return=1``
    stops before. What can't be spent usefully (all ceilings 0, all at their maximum) is left.

    References
    ----------
    R. C. Blattberg and J. Deighton (1996), "Manage marketing by the customer equity test", Harvard
    Business Review 74(4). A. Charnes and W. W. Cooper (1958), "The theory of search: optimum
    distribution of search effort", Management Science 5(1).

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame({"tier": ["gold", "steel", "lead"], "ceiling": [50e3, 30e3, 2e3],
    ...                       "steepness": [1e-4, 2e-4, 1e-4], "spent": [8e3, 8e3, 8e3]})
    >>> split = split_budget(tiers, by="tier", present="spent")
    >>> split
    BudgetSplit(24,000.00 over 3 units by tier brings 63,908.97 instead of 52,578.00)
    >>> shown = ["tier", "present", "optimal", "marginal_return_present", "marginal_return"]
    >>> print(split.units[shown].round(2).to_string(index=False))
     tier  present  optimal  marginal_return_present  marginal_return
     gold   8000.0 15392.26                     2.25             1.07
    steel   8000.0  8607.74                     1.21             1.07
     lead   8000.0     0.00                     0.09             0.20
    """
    if present is None and (gain is not None or budget is None):
        raise InputError(
            "name what is spent at present with present=: it is the budget where none is given, "
            "and what brings gain="
        )
    faults = FaultList()
    read = _read_units(units, faults, by, ceiling, steepness, gain, present, minimum, maximum)
    _check_number(least_return, "least_return", faults)
    if budget is None:
        budget = 0.0 if faults else safe_sum(read.present)
    else:
        _check_number(budget, "budget", faults, endless=True)
    faults.raise_if_any("the split of the budget")
    return BudgetSplit(
        by=by,
        unit_ids=read.ids,
        responses=read.responses,
        optimal=_best(read.responses, float(budget), read.low, read.high, float(least_return)),
        present=read.present,
        maximum=read.high,
        budget=float(budget),
        like=read.like,
    )


class _Units(NamedTuple):
    """What is known of the units, in the order in which they are shown."""

    ids: nw.Series[Any]
    responses: Responses
    present: FloatArray
    low: FloatArray
    high: FloatArray
    like: Eager


def _read_units(
    units: IntoFrame,
    faults: FaultList,
    by: str,
    ceiling: str,
    steepness: str,
    gain: str | None,
    present: str | None,
    minimum: float | str,
    maximum: float | str,
) -> _Units:
    response = steepness if gain is None else gain
    named = [bound for bound in (minimum, maximum) if isinstance(bound, str)]
    named += [] if present is None else [present]
    dtype = enter(units, "units", [by]).collect_schema()[by]
    rows = CustomerRows(units, "units", by, faults, [ceiling, response, *named])
    top = _gains(rows, ceiling)
    steep = amounts(rows.table, response, minimum=0.0) if gain is None else _gains(rows, gain)
    spent = np.full(len(top), np.nan)
    if present is not None:
        spent = amounts(rows.table, present, minimum=0.0)
    low = _bound(rows, minimum, "minimum")
    high = _bound(rows, maximum, "maximum", endless=True)
    high = np.where(np.isnan(high), np.inf, high)
    rows.table.note(str(maximum), low > high, "below_minimum", "expected at least the minimum")
    if gain is not None:
        over = (steep > top) | ((steep == top) & (top > 0))
        rows.table.note(gain, over, "above_ceiling", "expected a gain below the ceiling")
        idle = (steep > 0) & (spent == 0)
        rows.table.note(gain, idle, "gain_of_nothing", "expected 0 where nothing is spent")
        steep = _steepness(top, steep, spent) if not faults else steep
    sound = (top > 0) & (steep > 0) & np.isfinite(top) & np.isfinite(steep)
    first = Responses(np.where(sound, top, 0.0), np.where(sound, steep, 0.0))
    rows.table.note(response, first.log_slope > np.log(LARGEST), "too_steep", STEEPEST)
    order = _by_rank(rows, by, dtype)
    top, steep, spent, low, high = (rows.by_id(a)[order] for a in (top, steep, spent, low, high))
    ids = rows.ids.values[order.tolist()]
    return _Units(ids, Responses(top, steep), spent, low, high, rows.table.frame)


def _gains(rows: CustomerRows, column: str) -> FloatArray:
    """Read what spending brings, or can bring: no money brings a loss that more would deepen."""
    found = amounts(rows.table, column)
    cure = f"expected numbers of at least 0; leave units that lose money out, or give 0 as {column}"
    rows.table.note(column, found < 0, "too_small", cure)
    return found


def _bound(
    rows: CustomerRows, given: float | str, name: str, *, endless: bool = False
) -> FloatArray:
    """Read a minimum or maximum: a column, or one number for all; NaN where there is none."""
    if isinstance(given, str):
        return amounts(rows.table, given, null=endless, minimum=0.0)
    sound = _check_number(given, name, rows.table.faults, endless=endless, column=True)
    return np.full(len(rows.table), float(given) if sound else np.nan)


def _by_rank(rows: CustomerRows, by: str, dtype: Any) -> IntArray:
    """The order of units: tiers by rank, as their type or their names tell it; others by id."""
    ids = plain_ids(rows.ids.values)
    if not len(ids) or ids.dtype != object:  # only names have a rank
        return np.arange(len(ids))
    ranked = ranking_of(dtype, rows.table.frame[by]) or known_scale(ids.tolist())
    if ranked is None:
        return np.arange(len(ids))
    place = {name: at for at, name in enumerate(ranked)}
    return np.argsort([place[name] for name in ids.tolist()], kind="stable")


def _best(
    responses: Responses, budget: float, low: FloatArray, high: FloatArray, least_return: float
) -> FloatArray:
    """Fill the budget in, up to the least return and no unit above its maximum."""
    least = safe_sum(low)
    if least > budget * (1 + TOLERANCE):
        raise InputError(
            f"the minima add up to {least:,.2f} and the budget is {budget:,.2f}; lower the minima "
            "or raise the budget"
        )
    worth = responses.spending_at(np.log(least_return) if least_return > 0 else -np.inf)
    high = np.minimum(high, np.maximum(low, worth))
    if np.isfinite(budget):
        high = np.minimum(high, low + max(budget - least, 0.0))  # what nobody can exceed anyway
    elif not np.isfinite(high).all():
        raise InputError(
            "an infinite budget is spent without end; give a least_return above 0 or maxima"
        )
    optimal = fill(responses, min(budget, safe_sum(high)), low, high)
    if np.isfinite(budget):
        spent = safe_sum(optimal)
        check_conserved("split of the budget", min(budget, safe_sum(high)), [spent])
    return optimal


def _steepness(ceiling: FloatArray, gain: FloatArray, spent: FloatArray) -> FloatArray:
    """How steep a response is that brings this gain for that spending; 0 where it brings none."""
    share = np.divide(gain, ceiling, out=np.zeros(len(gain)), where=gain > 0)
    return np.divide(-np.log1p(-share), spent, out=np.zeros(len(gain)), where=gain > 0)


def _check_number(
    given: Any, name: str, faults: FaultList, *, endless: bool = False, column: bool = False
) -> bool:
    """Note what is no number; `column` says that the name of a column would do as well."""
    sound = is_number(given, 0, np.inf if endless else LARGEST)
    if not sound:
        cure = "expected a number of at least 0" + (" or infinity" if endless else "")
        cure += ", or the name of a column with one for each unit" if column else ""
        faults.add(f"not_a_{name}", column=name, examples=repr(given), expected=cure)
    return sound
