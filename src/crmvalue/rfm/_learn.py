"""What a summary teaches: the cut points of every axis, from the customers who have bought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmvalue._frame import Frame, Table, row_examples
from crmvalue._stats import FloatArray
from crmvalue._threads import side_by_side
from crmvalue.rfm._apply import purchase_column
from crmvalue.rfm._cuts import Scores, have_bought
from crmvalue.rfm._plan import AxisPlan
from crmvalue.rfm.axis import LETTERS, ScoreAxis

LARGEST = 1e300
"""Beyond this the distance between two values might no longer be a finite number."""


def learn_axes(frame: Frame, plans: Sequence[AxisPlan], *, nested: bool) -> list[ScoreAxis]:
    """Cut the axes of the plans, of which recency and frequency come first."""
    values = _read_buyers(frame, plans)
    rows = len(values[0])
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
    return axes + side_by_side(cut, range(len(axes), len(plans)), rows=rows)


def _read_buyers(frame: Frame, plans: Sequence[AxisPlan]) -> list[FloatArray]:
    """The columns of the axes, of those who have bought; NaN where a value is not known."""
    columns = [plan.column for plan in plans]
    counts = purchase_column(frame)
    table = Table(frame.select(*dict.fromkeys([*columns, *counts])), "summary")
    values = table.all_numbers([*columns, *counts], null=True)
    for plan, array in zip(plans, values, strict=False):
        if plan.cuts is None:
            _check_size(table, plan.column, array)
    bought = have_bought(values[0], values[1], values[len(columns) :])
    if not bought.any() and any(plan.cuts is None for plan in plans):
        table.faults.add(
            "no_purchases",
            rows=len(table),
            expected=f"expected customers whose {columns[0]} and {columns[1]} are known to learn "
            "from",
        )
    table.finish()
    known = values[: len(columns)]
    return known if bought.all() else [column[bought] for column in known]


def _check_size(table: Table, column: str, array: FloatArray) -> None:
    """Values too large to take quantiles of are a fault."""
    if not len(array) or -LARGEST <= np.fmin.reduce(array) <= np.fmax.reduce(array) <= LARGEST:
        return
    large = np.isfinite(array) & (np.abs(array) > LARGEST)
    if large.any():
        table.faults.add(
            "too_large",
            column=f"{table.name}.{column}",
            rows=int(large.sum()),
            examples=row_examples(large, array),
            expected=f"expected values of at most {LARGEST:g}, so that quantiles can be taken",
        )
