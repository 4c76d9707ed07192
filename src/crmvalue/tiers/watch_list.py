"""The watch list: customers who step down, what it costs, and the likely cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame
from crmvalue._keys import take
from crmvalue._stats import (
    FloatArray,
    IntArray,
    check_conserved,
    is_number,
    is_whole,
    safe_sum,
    snap_zero,
)
from crmvalue._table import Column, Labels, table
from crmvalue.errors import FaultList
from crmvalue.tiers._causes import (
    CAUSES,
    History,
    HistoryColumns,
    effects,
    likely_causes,
    warn_of_sums_from_the_start,
)
from crmvalue.tiers._crossing import TOLERANCE
from crmvalue.tiers._snapshot import LOST, Scale, Snapshot, scale_of
from crmvalue.tiers._values import amounts

COSTS = ("cost_of_goods_sold", "activity_cost")


def watch_list(
    before: IntoFrame,
    after: IntoFrame,
    *,
    by: str = "value",
    earlier: IntoFrame | None = None,
    tier: str = "tier",
    order: Sequence[str] | None = None,
    dropped: int | None = 1,
    value_drop: float | None = 0.3,
    explain: str | None = None,
    orders: str = "n_purchases",
    revenue: str = "total_spend",
    costs: Sequence[str] | None = None,
    products: str = "n_products",
) -> Any:
    """List the customers who step down, those who take most value away first.

    Parameters
    ----------
    before, after : frame
        One row per customer at each date: ``customer_id``, their tier and their value. For the
        cause to be read from their histories, the columns of orders, revenue and cost must be
        about two periods of equal length, not both from the start of the log.
    by : str, default "value"
        The column of both frames with the value (money), such as profit.
    earlier : frame, optional
        The tiers one period before `before` (``customer_id`` and tier), to find who stepped down
        two periods running.
    tier, order
        As in `migration`; the tiers must have a rank.
    dropped : int or None, default 1
        List who stayed and fell by this many tiers or more. None: not for that reason.
    value_drop : float or None, default 0.3
        List who lost this share of their value or more (above 0, at most 1); for a value of 0 or
        less before there is no such share. None: not for that reason.
    explain : str, optional
        The column of both frames (money) whose change is split into effects; `by` by default.
        Where `by` is an expectation, such as a lifetime value, name what was earned in the
        periods: profit or revenue.
    orders, revenue : str
        Columns with the number of orders and their money. Used where both frames have both.
    costs : sequence of str, optional
        Columns with costs, as positive numbers. By default those of ``cost_of_goods_sold`` and
        ``activity_cost`` that both frames have, unless it is the revenue that is explained.
    products : str
        Column with the number of different products bought. Used where both frames have it.

    Returns
    -------
    frame
        In the library of `before`, one row per customer on the list, by falling loss of value,
        equal losses by rising id:

        - customer_id, from_tier, to_tier ("lost": not in `after`)
        - tiers_dropped: how many tiers lower, lost counting as the one below the last; below 0 for
          a rise
        - value_before, value_after, change (money; a lost customer has 0 after)
        - share_lost: - change / value_before; null where value_before is not above 0
        - the reasons, true or false: dropped and dropped_twice (false without `earlier`), both
          only of who stayed; value_fell; lost. All lost customers are on the list.
        - cause: the effect that takes most away, of fewer orders, smaller orders, lost products
          (smaller orders of who buys fewer different products), more cost, other (also where no
          effect takes anything away); "value held" for who stayed without a fall of value (limits
          of tiers rose, or go by another figure); "unknown" where no column tells of the history
        - orders_effect, order_value_effect, cost_effect, other_effect (money): they sum to
          explained_change, which is change unless `explain` names another column; null where a
          column is missing or null, and then in other_effect
        - orders_before, orders_after, products_before, products_after: null where not known

        A column of the history that is null throughout in one of the frames counts as missing.

    Raises
    ------
    InputError
        With every fault of the frames at once, as `migration`, for tiers without a rank, orders
        below 0, or options outside their range.

    Warns
    -----
    DataWarning
        Where, of the customers in both frames, nobody has fewer orders after and 20 or more have
        more: as from the start of the log, where no orders can become fewer and no cause be read.

    Notes
    -----
    value = orders x average order value - cost + other. The change of the product is split by
    Shapley's rule: the effect of the orders is their change times the mean of both average order
    values, and the reverse. Who ordered nothing in a period has no average in it; all of it is
    the effect of the orders.

    References
    ----------
    L. S. Shapley (1953), "A value for n-person games", in Contributions to the Theory of Games II.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.DataFrame({
    ...     "customer_id": [1, 2, 3], "tier": ["gold", "gold", "steel"],
    ...     "profit": [80.0, 60.0, 10.0], "n_purchases": [10, 6, 2],
    ...     "total_spend": [100.0, 90.0, 20.0], "activity_cost": [20.0, 30.0, 10.0]})
    >>> after = pd.DataFrame({
    ...     "customer_id": [1, 2], "tier": ["steel", "gold"],
    ...     "profit": [30.0, 35.0], "n_purchases": [5, 6],
    ...     "total_spend": [50.0, 90.0], "activity_cost": [20.0, 55.0]})
    >>> print(watch_list(before, after, by="profit")[
    ...     ["customer_id", "from_tier", "to_tier", "change", "cause", "orders_effect",
    ...      "cost_effect"]].to_string(index=False))
     customer_id from_tier to_tier  change        cause  orders_effect  cost_effect
               1      gold   steel   -50.0 fewer orders          -50.0          0.0
               2      gold    gold   -25.0    more cost            0.0        -25.0
               3     steel    lost   -10.0 fewer orders          -20.0         10.0
    """
    _check_options(dropped, value_drop, costs)
    explain = by if explain is None else explain
    named = tuple(costs or ())
    if costs is None and explain != revenue:
        costs = COSTS
    history = HistoryColumns(explain, orders, revenue, tuple(costs or ()), products)
    pair = _read((before, after, earlier), tier, order, by, named, history)
    at = pair.new.ids.find(pair.old.ids.values)  # each of before's customers among after's, or -1
    then, now = pair.histories[0], pair.histories[1].at(at)
    warn_of_sums_from_the_start(then.orders, now.orders, at >= 0, orders)
    steps = _steps(pair, at, dropped, value_drop)
    found = {
        "tiers_dropped": steps.tier_now - steps.tier_then,
        "value_before": steps.value_then,
        "value_after": steps.value_now,
        "change": steps.change,
        "share_lost": steps.share_lost,
        **steps.reasons,
        **_explained(then, now, steps),
    }
    listed = np.flatnonzero(np.any(list(steps.reasons.values()), axis=0))
    listed = listed[np.argsort(steps.change[listed], kind="stable")]
    tiers = pair.scale.names
    columns: dict[str, Column] = {
        "customer_id": pair.old.ids.values[listed.tolist()],
        "from_tier": Labels(steps.tier_then[listed], tiers),
        "to_tier": Labels(steps.tier_now[listed], (*tiers, LOST)),
        **{name: array[listed] for name, array in found.items()},
    }
    columns["cause"] = Labels(found["cause"][listed], CAUSES)
    return table(columns, like=pair.old.table.frame)


class _Pair(NamedTuple):
    """Both frames, read; values and histories by rising id of their own frame."""

    old: Snapshot
    new: Snapshot
    past: Snapshot | None
    scale: Scale
    values: list[FloatArray]
    histories: tuple[History, History]


def _read(
    frames: tuple[IntoFrame, IntoFrame, IntoFrame | None],
    tier: str,
    order: Sequence[str] | None,
    by: str,
    costs: Sequence[str],
    history: HistoryColumns,
) -> _Pair:
    """Read all frames; `costs` are those that were asked for, and so must be there."""
    faults, (before, after, earlier) = FaultList(), frames
    wanted = [by, history.value, *costs]
    optional = [history.orders, history.revenue, history.products, *history.costs]
    old, new = (
        Snapshot(frame, name, tier, faults, columns=wanted, optional=optional)
        for frame, name in ((before, "before"), (after, "after"))
    )
    past = None if earlier is None else Snapshot(earlier, "earlier", tier, faults)
    scale = scale_of([old, new, *([] if past is None else [past])], order, faults)
    if not scale.ranked:
        expected = "name all tiers, the best first, with order="
        faults.add("no_rank", examples=", ".join(scale.names), expected=expected)
    histories = history.read(old, new)
    if by == history.value:
        values = [side.value for side in histories]
    else:
        values = [side.by_id(amounts(side.table, by)) for side in (old, new)]
    faults.raise_if_any("the frames of watch_list")
    return _Pair(old, new, past, scale, values, histories)


class _Steps(NamedTuple):
    """What became of each of before's customers, and which reasons put them on the list."""

    tier_then: IntArray
    tier_now: IntArray
    value_then: FloatArray
    value_now: FloatArray
    change: FloatArray
    share_lost: FloatArray
    reasons: dict[str, npt.NDArray[np.bool_]]


def _steps(pair: _Pair, at: IntArray, dropped: int | None, value_drop: float | None) -> _Steps:
    scale, lost = pair.scale, at < 0
    tier_then = pair.old.tiers(scale)
    tier_now = take(pair.new.tiers(scale), at, len(scale.names))
    fallen = tier_now - tier_then
    value_then, value_now = pair.values[0], take(pair.values[1], at, 0.0)
    change = snap_zero(value_now - value_then, np.abs(value_then) + np.abs(value_now))
    share = (0.0 - change) / np.where(value_then > 0, value_then, np.nan)
    again = _steps_before(pair.past, pair.old, tier_then, scale) > 0
    least = np.inf if value_drop is None else value_drop * (1 - TOLERANCE)
    reasons = {
        "dropped": ~lost & (fallen >= (np.inf if dropped is None else dropped)),
        "dropped_twice": ~lost & (fallen > 0) & again,
        "value_fell": share >= least,
        "lost": lost,
    }
    return _Steps(tier_then, tier_now, value_then, value_now, change, share, reasons)


def _steps_before(
    past: Snapshot | None, old: Snapshot, tier_then: IntArray, scale: Scale
) -> IntArray:
    """How many tiers each of before's customers fell in the period before; 0 where not known."""
    if past is None:
        return np.zeros(len(old), dtype=np.int64)
    at = past.ids.find(old.ids.values)
    return np.where(at >= 0, tier_then - take(past.tiers(scale), at, 0), 0)


def _explained(then: History, now: History, steps: _Steps) -> dict[str, npt.NDArray[Any]]:
    """The likely cause, as a code, and the figures that it is read from."""
    parts = effects(then, now)
    check_conserved("the effects", safe_sum(parts.change), np.nan_to_num(np.concatenate(parts[1:])))
    held = (steps.change >= 0) & ~steps.reasons["lost"]
    figures = {
        "cause": likely_causes(parts, then, now, held),
        "explained_change": parts.change,
        "orders_effect": parts.orders,
        "order_value_effect": parts.order_value,
        "cost_effect": parts.cost,
        "other_effect": parts.other,
        "orders_before": then.orders,
        "orders_after": now.orders,
        "products_before": then.products,
        "products_after": now.products,
    }
    unknown = np.full(len(held), np.nan)
    return {name: unknown if array is None else array for name, array in figures.items()}


def _check_options(dropped: int | None, value_drop: float | None, costs: object) -> None:
    found = FaultList()
    if isinstance(costs, str) or not (costs is None or isinstance(costs, Iterable)):
        found.add("costs", examples=repr(costs), expected="expected a list of columns, or None")
    if dropped is not None and not is_whole(dropped, 1):
        expected = "expected a whole number of tiers, at least 1, or None"
        found.add("dropped", examples=repr(dropped), expected=expected)
    if value_drop is not None and not (is_number(value_drop, 0, 1) and value_drop > 0):
        expected = "expected a share above 0 and at most 1, such as 0.3, or None"
        found.add("value_drop", examples=repr(value_drop), expected=expected)
    found.raise_if_any("the options of watch_list")
