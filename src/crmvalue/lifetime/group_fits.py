"""What `fit_groups` gives: a fit for each group, its tables and its predictions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, IntArray, safe_sum
from crmvalue._table import Column, Labels, table
from crmvalue._value import Value
from crmvalue.errors import DataWarning
from crmvalue.lifetime._design.factors import Level, read_factor
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._model.histories import read_customers

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
