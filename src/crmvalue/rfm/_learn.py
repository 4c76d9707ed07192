"""What a summary teaches: the cut points of every axis, from the customers who have bought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmvalue._frame import Frame, Table
from crmvalue._numbers import LARGEST, refuse_large
from crmvalue._stats import NumberArray
from crmvalue._threads import by_blocks
from crmvalue.rfm._buyers import have_bought, purchase_column
from crmvalue.rfm._cuts import Scores
from crmvalue.rfm._plan import AxisPlan
from crmvalue.rfm.axis import LETTERS, ScoreAxis


def learn_axes(frame: Frame, plans: Sequence[AxisPlan], *, nested: bool) -> list[ScoreAxis]:
    """Cut the axes of the plans, of which recency and frequency come first."""
    values = _read_buyers(frame, plans)
    within: dict[str, int] = {}
    scores: dict[str, Scores] = {}

    def cut(place: int) -> ScoreAxis:
        plan, inner = plans[place], nested and plans[place].name in LETTERS
        return ScoreAxis.fit(
            plan.name,
            plan.column,
            values[place],
            bins=plan.bins,
            less_is_better=plan.less_is_better,
            cuts=plan.cuts,
            within=within if inner else None,
            scores=scores,
        )

    axes = []
    for place in range(len(LETTERS) if nested else 0):  # each waits for those around it
        axes.append(cut(place))
        scores[axes[-1].name] = axes[-1].scores(values[place], scores)
        within[axes[-1].name] = axes[-1].bins
    return axes + [cut(place) for place in range(len(axes), len(plans))]


def _read_buyers(frame: Frame, plans: Sequence[AxisPlan]) -> list[NumberArray]:
    """The columns of the axes, of those who have bought; NaN where a value is not known."""
    columns = [plan.column for plan in plans]
    counts = purchase_column(frame)
    table = Table(frame.select(*dict.fromkeys([*columns, *counts])), "summary")
    values = {column: table.raw_numbers(column) for column in table.frame.columns}
    bought = np.empty(len(table), dtype=np.bool_)

    def look(rows: slice) -> set[str]:
        """Find out who has bought, and which columns hold something out of bounds."""
        block = {column: array[rows] for column, array in values.items()}
        buys = have_bought(block[columns[0]], block[columns[1]], [block[name] for name in counts])
        bought[rows] = buys
        return {column for column, array in block.items() if _out_of_bounds(array)}

    odd = set().union(*by_blocks(look, len(table)))
    learnt = {plan.column for plan in plans if plan.cuts is None}
    for column in values:
        if column in odd:
            array = table.numbers(column, null=True)  # which names the infinite ones
            if column in learnt:
                refuse_large(
                    array, table.faults, f"{table.name}.{column}", "quantiles can be taken"
                )
    if not bought.any() and learnt:
        table.faults.add(
            "no_purchases",
            rows=len(table),
            expected=f"expected customers whose {columns[0]} and {columns[1]} are known to learn "
            "from",
        )
    table.finish()
    everybody = bool(bought.all())
    return [values[name] if everybody else values[name][bought] for name in columns]


def _out_of_bounds(array: NumberArray) -> bool:
    """Whether a value is infinite or too large, or none is known."""
    if array.dtype.kind != "f":
        return False
    return not -LARGEST <= np.fmin.reduce(array) <= np.fmax.reduce(array) <= LARGEST
