"""`fit_groups`: a model for each group of customers that is large enough to bear one."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import IntArray, group_sum, safe_sum
from crmvalue.errors import InputError
from crmvalue.lifetime._design.factors import read_factor
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._model.histories import read_weights
from crmvalue.lifetime._model.model import Model
from crmvalue.lifetime.group_fits import GroupFit, GroupFits
from crmvalue.lifetime.mbg_nbd import MBGNBD


def fit_groups(
    summary: IntoFrame,
    by: str,
    *,
    model: type[Model] = MBGNBD,
    min_customers: int = 200,
    unit: str = "W",
    weights: str | npt.ArrayLike | None = None,
) -> GroupFits:
    """Fit a model to each group of customers, such as a country or a channel.

    A group takes the fit of everybody, all groups pooled, where it has fewer than `min_customers`,
    no repeat purchase, or a fit of its own that did not converge or is not identified.

    Parameters
    ----------
    summary : frame
        One row per customer: what the model is fitted to, and the column of groups.
    by : str
        Column of groups: text, categories, booleans or numbers.
    model : class
        `MBGNBD` (default), `BGNBD`, `ParetoNBD` or another model of purchases.
    min_customers : int
        Customers (weights summed) that a fit of its own takes. Under 200 the parameters of a model
        are rarely known to better than a factor of 2.
    unit : {"W", "D", "M", "Y"}
        What recency and T are measured in.
    weights : str or array_like of shape (rows,), optional
        How many customers each row stands for.

    Returns
    -------
    GroupFits

    Raises
    ------
    InputError
        Where the summary can't be used: all faults are listed.

    Warns
    -----
    ConvergenceWarning
        Where the fit of everybody is not sound. What a group's own fit lacks is the reason why it
        is not used, in `GroupFits.table`.

    Examples
    --------
    >>> import numpy as np
    >>> from crmvalue.lifetime import MBGNBD
    >>> rng = np.random.default_rng(1)
    >>> country = rng.choice(["AT", "DE", "LI"], 3000, p=[0.3, 0.69, 0.01])
    >>> alpha = np.where(country == "AT", 4.0, 8.0)
    >>> customers = MBGNBD(r=0.5, alpha=alpha, a=0.9, b=2.5).sample(3000, T=40.0, rng=rng)
    >>> groups = fit_groups(customers.assign(country=country), "country")
    >>> groups
    GroupFits(MBGNBD by 'country', 3 groups: 2 with a fit of their own, 1 with that of all)
    >>> print(groups.table()[["group", "source"]].to_string(index=False))
    group source
       AT    own
       DE    own
       LI pooled
    >>> groups.table()["reason"].iloc[-1]
    '25 customers, fewer than min_customers=200'
    """
    if not (isinstance(model, type) and issubclass(model, Model) and hasattr(model, "_fitted")):
        raise InputError(
            f"model must be a class of models of purchases such as MBGNBD; got {model!r}"
        )
    if not (isinstance(min_customers, int | np.integer) and min_customers >= 1):
        raise InputError(
            f"min_customers must be a whole number of at least 1; got {min_customers!r}"
        )
    make: Any = model
    read = Table(summary, "summary", (by,))
    codes, levels = read_factor(read, by)
    given = read_weights(read, weights)
    faults = read.faults
    try:
        native = read.frame.to_native()
        pooled = make._fitted(native, unit=unit, weights=weights, stacklevel=4)
    except InputError as error:
        for fault in error.faults:
            if fault not in list(faults):
                faults.append(fault)
        if not len(faults):
            raise
    read.finish()
    counts = np.ones(len(read)) if given is None else given
    frequency = read.numbers("frequency")
    columns = [read.numbers(name) for name in _history_columns(pooled.model, read)]
    by_everybody = counts * pooled.model.log_likelihood(*columns)
    sizes = group_sum(codes, counts, len(levels))
    groups = []
    for rows, level, size in zip(_rows_of_groups(codes), levels, sizes, strict=True):
        own, reason = None, ""
        if size < min_customers:
            reason = f"{size:,.6g} customers, fewer than min_customers={min_customers}"
        elif not np.any(frequency[rows] * counts[rows] > 0):
            reason = "no repeat purchase"
        else:
            found = _quiet_fit(make, read, rows, unit, weights)
            own = found if found.converged else None
            reason = "" if found.converged else "not identified: " + "; ".join(found.messages)
        value = safe_sum(by_everybody[rows])
        groups.append(
            GroupFit(
                group=level,
                n_customers=round(size),
                fit=own,
                reason=reason,
                log_likelihood=value if own is None else own.log_likelihood,
                pooled_log_likelihood=value,
            )
        )
    return GroupFits(by=by, pooled=pooled, groups=tuple(groups))


def _history_columns(model: Any, read: Table) -> list[str]:
    """Columns of a summary that the likelihood of a model takes, as far as they are there."""
    return [name for name in inspect.signature(model.log_likelihood).parameters if name in read]


def _rows_of_groups(codes: IntArray) -> list[IntArray]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _quiet_fit(
    make: Any, read: Table, rows: IntArray, unit: str, weights: str | npt.ArrayLike | None
) -> Fit[Any]:
    """A fit of some rows; what it would warn of is in its messages."""
    part = read.frame[rows].to_native()
    if weights is not None and not isinstance(weights, str):
        weights = np.asarray(weights)[rows]
    fit: Fit[Any] = make._fitted(part, unit=unit, weights=weights, stacklevel=None)
    return fit
