"""Histories of opportunities: what BG/BB sees of a summary, checked, and counted once each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crmvalue._distinct import distinct_rows
from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray, group_sum
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._model.histories import Histories, read_weights

COLUMNS = ("frequency", "recency", "n")


def read_opportunities(
    summary: IntoFrame, *, weights: str | npt.ArrayLike | None = None
) -> Histories:
    """Read the histories of a summary to fit a model to; T is n, every fault in one error."""
    table = Table(summary, "summary", COLUMNS)
    columns = read_columns(table)
    given = read_weights(table, weights)
    table.finish()
    if not len(table):
        raise InputError("summary is empty; a fit needs customers with their opportunities")
    rows = distinct_rows(*(column.astype(np.int64) for column in columns), inverse=True)
    each = np.ones(len(table)) if given is None else given
    counts = group_sum(rows.inverse, each, len(rows.counts))
    kept = counts > 0
    x, recency, n = (column[kept].astype(np.float64) for column in rows.columns)
    if not np.any(x > 0):
        raise InputError(
            "nobody in summary took an opportunity (frequency is 0 in every row with a weight): "
            "nothing says how often customers buy. Cure: use a longer log, or shorter periods"
        )
    return Histories(x, recency, n, counts[kept])


def read_columns(table: Table) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequency, recency and n of a summary, with their faults noted in the table."""
    before = len(table.faults)
    x, recency, n = (table.numbers(column, minimum=0) for column in COLUMNS)
    if len(table.faults) == before:
        check_opportunities(x, recency, n, table.faults, prefix=f"{table.name}.")
    return x, recency, n


def check_opportunities(
    x: FloatArray, recency: FloatArray, n: FloatArray, faults: FaultList, *, prefix: str = ""
) -> None:
    """Note what can't be a history of opportunities: whole numbers with x <= t_x <= n."""
    values = {"frequency": x, "recency": recency, "n": n}

    def note(bad: npt.NDArray[np.bool_], fault: str, column: str, expected: str) -> None:
        if bad.any():
            faults.add(
                fault,
                column=prefix + column,
                rows=int(bad.sum()),
                examples=row_examples(bad, values[column]),
                expected=expected,
            )

    for column, value in values.items():
        bad = ~((value >= 0) & np.isfinite(value) & (value == np.rint(value)))
        note(bad, "not_whole", column, "expected whole numbers of at least 0")
    note(
        recency > n,
        "recency_above_n",
        "recency",
        "expected the number of the last opportunity with a purchase, at most n",
    )
    note(
        x > recency,
        "frequency_above_recency",
        "frequency",
        "expected at most one purchase for each opportunity up to the last with one (recency)",
    )
    note(
        (x == 0) & (recency > 0),
        "recency_without_purchase",
        "recency",
        "expected 0 where frequency is 0; the first purchase is no opportunity",
    )
