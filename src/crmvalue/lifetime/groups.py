"""`fit_groups`: a model for each group of customers that is large enough to bear one."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, IntArray, group_sum, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue._value import Value
from crmvalue.errors import DataWarning, InputError
from crmvalue.lifetime._design.factors import Level, read_factor
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._model.histories import read_customers, read_weights
from crmvalue.lifetime._model.model import Model
from crmvalue.lifetime.mbg_nbd import MBGNBD

SOURCES = ("own", "pooled", "unknown")
"""Whose fit a prediction is by: the group's, everybody's, or everybody's for an unknown group."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroupFit(Value):
    """What was found of one group.

    Attributes
    ----------
    group : str, int or float
        Its value in the column of groups.
    n_customers : int
        Customers in it (the sum of their weights).
    fit : Fit or None
        Its own fit; None where it takes that of everybody.
    reason : str
        Why it has no fit of its own; empty where it has one.
    log_likelihood, pooled_log_likelihood : float
        Of its customers, under the fit that it takes and under that of everybody.
    """

    group: Level
    n_customers: int
    fit: Fit[Any] | None
    reason: str
    log_likelihood: float
    pooled_log_likelihood: float

    @property
    def source(self) -> str:
        """``"own"`` or ``"pooled"``."""
        return "pooled" if self.fit is None else "own"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroupFits(Value):
    """A fit for each group, and one of everybody for groups that don't bear their own.

    Made by `fit_groups`.

    Attributes
    ----------
    by : str
        The column of groups.
    pooled : Fit
        Of all customers.
    groups : tuple of GroupFit
        By rising group.

    Examples
    --------
    >>> import crmvalue as cv
    >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
    >>> summary["month"] = summary["first_purchase"].dt.month
    >>> groups = cv.fit_groups(summary, "month", min_customers=800)
    >>> groups
    GroupFits(MBGNBD by 'month', 3 groups: 1 with a fit of their own, 2 with that of all)
    >>> groups.fits[1] == groups.pooled
    True
    """

    by: str
    pooled: Fit[Any]
    groups: tuple[GroupFit, ...]

    def __repr__(self) -> str:
        own = sum(found.fit is not None for found in self.groups)
        return (
            f"GroupFits({type(self.pooled.model).__name__} by {self.by!r}, {len(self.groups)} "
            f"groups: {own} with a fit of their own, {len(self.groups) - own} with that of all)"
        )

    @property
    def fits(self) -> dict[Level, Fit[Any]]:
        """The fit that each group takes: its own, or the pooled one."""
        return {found.group: found.fit or self.pooled for found in self.groups}

    def table(self) -> pd.DataFrame:
        """What was found of each group.

        Returns
        -------
        pandas.DataFrame
            Columns group, n_customers, source (own or pooled), reason (why pooled; empty
            otherwise), log_likelihood (under the fit that it takes), pooled_log_likelihood.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> summary["month"] = summary["first_purchase"].dt.month
        >>> groups = cv.fit_groups(summary, "month", min_customers=800)
        >>> print(groups.table()[["group", "n_customers", "source"]].to_string(index=False))
         group  n_customers source
             1          781 pooled
             2          857    own
             3          719 pooled
        """
        names = (
            *("group", "n_customers", "source", "reason"),
            *("log_likelihood", "pooled_log_likelihood"),
        )
        columns = {name: [getattr(found, name) for found in self.groups] for name in names}
        return pd.DataFrame(columns)

    def params(self) -> pd.DataFrame:
        """The parameters that each group takes.

        Returns
        -------
        pandas.DataFrame
            Columns group, source and those of `Fit.params`: parameter, estimate, std_error, lower,
            upper.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> summary["month"] = summary["first_purchase"].dt.month
        >>> groups = cv.fit_groups(summary, "month", min_customers=800)
        >>> r = groups.params().query("parameter == 'r'")
        >>> print(r[["group", "source", "estimate"]].round(2).to_string(index=False))
         group source  estimate
             1 pooled      0.62
             2    own      0.77
             3 pooled      0.62
        """
        parts = []
        for found in self.groups:
            part = (found.fit or self.pooled).params()
            part.insert(0, "group", [found.group] * len(part))
            part.insert(1, "source", found.source)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def comparison(self) -> pd.DataFrame:
        """Fits of the groups against the fit of everybody.

        Returns
        -------
        pandas.DataFrame
            Rows separate and pooled; columns fit, log_likelihood (of all customers),
            n_parameters, aic, bic (the lower the better). The parameters of the pooled fit count
            once among the separate ones where some group takes them.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> summary["month"] = summary["first_purchase"].dt.month
        >>> groups = cv.fit_groups(summary, "month", min_customers=800)
        >>> compared = groups.comparison()[["fit", "n_parameters", "aic"]]
        >>> print(compared.round(1).to_string(index=False))
             fit  n_parameters     aic
        separate             8 34266.8
          pooled             4 34262.7
        """
        separate = safe_sum([found.log_likelihood for found in self.groups])
        size = sum(found.fit.n_parameters for found in self.groups if found.fit is not None)
        if any(found.fit is None for found in self.groups):
            size += self.pooled.n_parameters
        values = np.array([separate, self.pooled.log_likelihood])
        sizes = np.array([size, self.pooled.n_parameters])
        return pd.DataFrame(
            {
                "fit": ["separate", "pooled"],
                "log_likelihood": values,
                "n_parameters": sizes,
                "aic": 2.0 * sizes - 2.0 * values,
                "bic": sizes * np.log(max(self.pooled.n_customers, 1)) - 2.0 * values,
            }
        )

    def predict(
        self, summary: IntoFrame, *, horizon: float | None = None, level: float | None = None
    ) -> Any:
        """Predict for each customer by the fit that the customer's group takes.

        Parameters
        ----------
        summary : frame
            As for `Fit.predict`, with the column of groups.
        horizon : float
            How far ahead, in the unit of the models.
        level : float, optional
            Confidence of intervals, as for `Fit.predict`.

        Returns
        -------
        table in the library of `summary`, rows by rising customer_id
            The columns of `Fit.predict`, and source: own, pooled, or unknown for a group that the
            fits don't know, predicted by the fit of everybody.

        Raises
        ------
        InputError
            Where the summary can't be used.

        Warns
        -----
        DataWarning
            Where customers are in groups that the fits don't know: how many, and which groups.

        Examples
        --------
        >>> import crmvalue as cv
        >>> summary = cv.customer_summary(cv.datasets.load_cdnow(sample=True), amount="amount")
        >>> summary["month"] = summary["first_purchase"].dt.month
        >>> groups = cv.fit_groups(summary, "month", min_customers=800)
        >>> groups.predict(summary, horizon=52.0)["source"].value_counts().to_dict()
        {'pooled': 1500, 'own': 857, 'unknown': 0}
        """
        read = Table(summary, "summary", ("customer_id", self.by))
        codes, levels = read_factor(read, self.by)
        ids, order = read_customers(read)
        places = {found.group: place for place, found in enumerate(self.groups)}
        place = np.array([places.get(level, -1) for level in levels], dtype=np.int64)[codes]
        own = np.array([found.fit is not None for found in self.groups] + [False])[place]
        if (place < 0).any():
            _warn_unknown(place, codes, levels, self.by)
        taken = np.where(own, place, -1)[order]  # by customer id, and so are the predictions
        columns: dict[str, Column] = {"customer_id": ids}
        values: dict[str, FloatArray] = {}
        # A summary without rows has the columns of any other.
        for one in np.unique(taken) if len(taken) else [-1]:
            fit = self.pooled if one < 0 else self.groups[one].fit
            assert fit is not None
            rows = np.flatnonzero(taken == one)
            part = read.frame[order[rows]].to_native()
            found = nw.from_native(fit.predict(part, horizon=horizon, level=level), eager_only=True)
            for name in found.columns:
                if name != "customer_id":
                    values.setdefault(name, np.empty(len(taken)))[rows] = found[name].to_numpy()
        sources = np.where(place < 0, 2, np.where(own, 0, 1))[order]
        columns |= {**values, "source": Labels(sources, SOURCES)}
        return table(columns, like=read.frame)


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


def _warn_unknown(place: IntArray, codes: IntArray, levels: tuple[Level, ...], by: str) -> None:
    rows = place < 0
    unknown = [levels[code] for code in np.unique(codes[rows])]
    shown = ", ".join(map(repr, unknown[:5])) + ", ..." * (len(unknown) > 5)
    warnings.warn(
        f"{int(rows.sum()):,} customers are in groups of {by!r} that the fits don't know ({shown}) "
        "and are predicted by the fit of everybody",
        DataWarning,
        stacklevel=3,
    )
