"""`check`: a table of what is as it was, and what has drifted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from crmvalue._frame import Table
from crmvalue._keys import ID
from crmvalue.baseline import _figures
from crmvalue.baseline._fits import ERRORS, error_line
from crmvalue.baseline._lines import Line, absolute_line, difference, relative, text_line
from crmvalue.baseline._reconciliation import reconcile
from crmvalue.baseline._stability import stability_lines
from crmvalue.baseline.record import Baseline, read_baseline
from crmvalue.baseline.source import Result, Source, read_source
from crmvalue.baseline.tolerances import read_tolerances, tolerance_of
from crmvalue.customers import CustomerValue
from crmvalue.customers.previous import check_earlier, check_same_figure, check_same_ids
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers.migration import migration

Reference: TypeAlias = "Baseline | CustomerValue | str | PathLike[str]"

WIDER = 10
"""A standard error of the baseline counts up to so many times the one of the result."""

RELATIVE = ("counts", "totals")
"""Families whose figures drift by their relative change; the others by their difference."""


def check(
    result: Result,
    baseline: Reference,
    tolerances: Mapping[str, float] | None = None,
    *,
    previous: Result | None = None,
) -> pd.DataFrame:
    """Hold a result against what it was like when it was good.

    Parameters
    ----------
    result : CustomerValue or path
        From `value_customers`, or the folder that ``crmvalue value`` wrote.
    baseline : Baseline, CustomerValue or path
        What to hold it against: the baseline of an earlier result, that result itself, or the path
        of either (a baseline.json, a folder).
    tolerances : mapping of str to float, optional
        The most that a line may drift, by the name of the line or the beginning of it up to a dot
        (``{"totals": 0.2, "totals.profit": 0.5}``); the others are those of `TOLERANCES`.
    previous : CustomerValue or path, optional
        An earlier result, to see who changed tier; `baseline` where that is a result.

    Returns
    -------
    pandas.DataFrame
        ``line, expected, got, drift, tolerance, passed``, one row for each of:

        - ``schema.TABLE``: drift = how many columns were lost, are new or are of another kind; all
          of them where the table is gone
        - ``terms.NAME``: unit, horizon, discount rate, ...: drift = 1 where it is another one
        - ``reconciliation.NAME``: what must add up in `result` itself: drift = what is missing
          (of the group or row that misses most), or how many rows or cells are wrong; for figures
          that the model gives, the largest relative difference of a row. expected is what a table
          or a whole says, got what its parts give. Of figures by group both are the sums, or the
          number of figures that make no sum; where a group differs, the figure of the one that
          differs most, with its name (``"gold: 4,646.58"``). Of figures by row both are the sums
          over all rows; where some differ, got says how many. Of a table that is made again both
          are the number of its cells; where some differ, got says in which columns
        - ``counts.NAME, totals.NAME``: drift = relative change
        - ``left_out.NAME``: share of the rows of the log; ``tier_share.TIER,
          segment_share.SEGMENT``: share of the customers; ``concentration.FIGURE.NAME``: Gini
          coefficient and top shares: drift = difference
        - ``psi.FIGURE``: drift = population stability index
        - ``parameter.MODEL.NAME``: drift = difference in standard errors of the baseline
        - ``migration.changed``: share of the customers of both results whose tier is another one;
          ``migration.lost``: share of the customers of `previous` that are gone

        A line has passed where drift <= tolerance. Two unknown figures equal each other; one that
        is known does not equal one that isn't, and its line has failed. Figures that the baseline
        does not keep because they would tell of less than 10 customers have no line.

    Raises
    ------
    InputError
        If a folder or file isn't there or isn't what it should be; if a tolerance is of no line
        that this check has; if `previous` has tiers by another figure or ids of another type, or
        was made later than `result`.

    Notes
    -----
    The index compares shares of customers between the cut points of the baseline: the sum of
    (q - p) ln(q / p), with values that are missing as a bin of their own (Siddiqi, 2006, Credit
    Risk Scorecards, Wiley: below 0.1 no significant change, above 0.25 a large one). Each bin
    counts half a customer more on both sides, p = (k + 1/2) / (n + bins / 2), so that an empty one
    is no infinity.

    Standard errors shrink with the data: over a million customers a shift of several of them may
    be of no importance. A parameter whose standard error the baseline does not have is held by
    that of `result`, and none of the baseline counts for more than ten times that of `result`;
    where neither has one, any change is infinitely many of them.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> baseline = cv.value_customers(log).baseline()
    >>> dearer = cv.value_customers(log.assign(amount=1.5 * log["amount"]))
    >>> table = check(dearer, baseline, {"psi": 0.1, "parameter": 4})
    >>> print(table.loc[~table["passed"], ["line", "drift"]].round(3).to_string(index=False))
                     line  drift
           totals.revenue  0.500
    totals.lifetime_value  0.500
          psi.total_spend  0.354
       psi.lifetime_value  2.706
    """
    current = read_source(result)
    kept, earlier = _reference(baseline)
    yardstick = []
    if earlier is not None and "parameters" in earlier:
        yardstick.append(error_line(earlier, f"{ERRORS}.baseline"))
    if previous is not None:
        earlier = read_source(previous, "previous")
        _check_previous(earlier, current)
    lines = [
        *_schema(current, kept),
        *_terms(current, kept),
        *reconcile(current),
        *yardstick,
        *_figure_lines(current, kept),
        *stability_lines(current, kept),
        *_parameters(current, kept),
        *([] if earlier is None else _migration(earlier, current)),
    ]
    limits = read_tolerances(tolerances, [line.line for line in lines])
    allowed = [tolerance_of(line.line, limits) for line in lines]
    drift = np.array([line.drift for line in lines])
    return pd.DataFrame(
        {
            "line": [line.line for line in lines],
            "expected": pd.Series([line.expected for line in lines], dtype="object"),
            "got": pd.Series([line.got for line in lines], dtype="object"),
            "drift": drift,
            "tolerance": np.array(allowed, dtype=np.float64),
            "passed": drift <= np.array(allowed),
        }
    )


def _check_previous(earlier: Source, current: Source) -> None:
    """Refuse an earlier result that this one can't be compared with, as `value_customers` does."""
    faults = FaultList()
    check_same_figure(earlier.model, current.model.tiers.by, faults)
    frames = [source.tables["customers"] for source in (earlier, current)]
    if all(ID in frame for frame in frames):
        before, after = (Table(frame[[ID]], "customers").frame[ID] for frame in frames)
        check_same_ids(before, after, faults)
    faults.raise_if_any("previous")
    check_earlier(earlier.as_of, current.as_of, "the result")


def _reference(baseline: Reference) -> tuple[Baseline, Source | None]:
    """The baseline, and the earlier result where that is at hand."""
    if isinstance(baseline, Baseline):
        return baseline, None
    if isinstance(baseline, str | PathLike) and not Path(baseline).is_dir():
        return read_baseline(Path(baseline)), None
    if not isinstance(baseline, CustomerValue | str | PathLike):
        raise InputError(
            "baseline must be a Baseline, an earlier CustomerValue, or the path of one of them; "
            f"got {type(baseline).__name__}"
        )
    return Baseline.of(baseline), read_source(baseline, "baseline")


def _schema(current: Source, kept: Baseline) -> list[Line]:
    """What became of the columns of each table that the baseline knows; one that is gone fails."""
    found = _figures.schema(current)
    lines = []
    for name, before in kept.schema.items():
        now = found.get(name, {})
        if name not in found:
            if name != "parameters" or not _is_applied(current, kept):
                gone = float(max(len(before), 1))
                lines.append(Line(f"schema.{name}", f"{len(before)} columns", "no table", gone))
            continue
        changes = [f"lost {column}" for column in before if column not in now]
        changes += [f"new {column}" for column in now if column not in before]
        changes += [
            f"{column} is {now[column]}, was {before[column]}"
            for column in before
            if column in now and now[column] != before[column]
        ]
        got = "; ".join(changes) or f"{len(now)} columns"
        lines.append(Line(f"schema.{name}", f"{len(before)} columns", got, float(len(changes))))
    return lines


def _is_applied(current: Source, kept: Baseline) -> bool:
    """Whether nothing was fitted, so that no table of parameters is due.

    Then nothing was held out, and the parameters are still those of the baseline.
    """
    told = current.text("facts", "item") if "facts" in current else ()
    figures = _figures.parameters(current).items()
    same = [difference(kept.figures.get(f"parameter.{n}", math.nan), f) == 0 for n, f in figures]
    return "calibration_end" not in told and all(same)


def _terms(current: Source, kept: Baseline) -> list[Line]:
    found = _figures.terms(current)
    return [
        text_line(f"terms.{name}", kept.terms.get(name, "none"), found.get(name, "none"))
        for name in dict.fromkeys((*kept.terms, *found))
    ]


def _figure_lines(current: Source, kept: Baseline) -> list[Line]:
    """Counts, totals, shares and concentration. A tier or segment that isn't there holds nobody."""
    found, lines = _figures.figures(current), []
    customers = int(kept.figures["counts.customers"])
    for name in dict.fromkeys((*kept.figures, *found)):
        family = name.partition(".")[0]
        if family == "parameter":
            continue
        if name not in kept.figures and not _figures.may_be_kept(name, customers):
            continue
        absent = 0.0 if family.endswith("_share") else math.nan
        expected, got = kept.figures.get(name, absent), found.get(name, absent)
        if family in RELATIVE:
            lines.append(Line(name, expected, got, relative(expected, got)))
        else:
            lines.append(absolute_line(name, expected, got))
    return lines


def _parameters(current: Source, kept: Baseline) -> list[Line]:
    found, errors = _figures.parameters(current), _figures.standard_errors(current)
    expected = {
        name.partition(".")[2]: figure
        for name, figure in kept.figures.items()
        if name.startswith("parameter.")
    }
    lines = []
    for name in dict.fromkeys((*expected, *found)):
        before, now = expected.get(name, math.nan), found.get(name, math.nan)
        apart = difference(before, now)
        own = errors.get(name, 0.0)
        error = kept.standard_errors.get(name, own)
        if own > 0:  # so that wider ones, written into the baseline, let no more pass
            error = min(error, WIDER * own)
        if apart:
            apart = apart / error if error > 0 or math.isnan(apart) else math.inf
        lines.append(Line(f"parameter.{name}", before, now, apart))
    return lines


def _migration(earlier: Source, current: Source) -> list[Line]:
    """Who changed tier, of those who are in both results, and who is gone."""
    before, after = (
        pd.DataFrame(
            {
                "customer_id": source.tables["customers"].get("customer_id", default=math.nan),
                "tier": _figures.groups(source, "tier").astype(str),
            }
        )
        .dropna()
        .drop_duplicates("customer_id")
        for source in (earlier, current)
    )
    if before.empty or after.empty:
        return [Line(f"migration.{name}", 0.0, math.nan, math.nan) for name in ("changed", "lost")]
    moves = migration(before, after).customers
    size = moves.shape[1] - 1
    there, stayed = moves[:size, :size].sum(), moves[:size, :size].trace()
    changed = float(1 - stayed / there) if there else 0.0
    lost = float(moves[:size, size].sum() / moves[:size].sum())
    return [
        Line("migration.changed", 0.0, changed, changed),
        Line("migration.lost", 0.0, lost, lost),
    ]
