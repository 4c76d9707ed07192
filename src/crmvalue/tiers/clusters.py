"""Clusters of customers who are alike in several figures, ordered by value (extra ``ml``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame, Table, enter
from crmvalue._stats import (
    FloatArray,
    IntArray,
    Random,
    check_conserved,
    check_draws,
    generator,
    positive_total,
    safe_sum,
)
from crmvalue._table import Column, Labels, label_dtype, table
from crmvalue._value import Value
from crmvalue.errors import InputError
from crmvalue.tiers._cluster_search import best, distinct_points, search, sizes
from crmvalue.tiers._cluster_space import ClusterAxis, logged_columns, nearest, with_nearest
from crmvalue.tiers._k_means import similarities
from crmvalue.tiers._values import amounts, read_columns

RECOVERED, DISSOLVED = 0.75, 0.5


@dataclass(frozen=True, slots=False, eq=False)
class ValueClusters(Value):
    """Customers in clusters that were found once; cluster 1 is the most valuable.

    Attributes
    ----------
    by : str
        The column whose mean orders the clusters.
    axes : tuple of ClusterAxis
        The columns, with how each is logged and scaled.
    centres : tuple of tuple of float
        Each cluster's centre on these axes, the most valuable first.
    trials : tuple of (k, inertia, silhouette)
        What was tried.

    Notes
    -----
    Every column is first put on a log scale, sign(x) log(1 + |x|), and then in units of its spread,
    for otherwise the column with the largest numbers alone would decide. The log of 1 + x is that
    of x where amounts are well above 1: what is measured in cents, or below 1, gives other clusters
    than the same in thousands. k-means then finds the centres with the least sum of squared
    distances of the customers to theirs (MacQueen 1967). It finds k clusters in any data, also
    where there are none: look at `choice` and at `stability`.

    A customer belongs to the nearest centre, the more valuable of equally near ones, whoever else
    is there.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({
    ...     "customer_id": range(8),
    ...     "frequency": [1, 1, 2, 1, 9, 8, 9, 10],
    ...     "profit": [5.0, 6, 4, 5, 90, 80, 95, 85],
    ... })
    >>> clusters = ValueClusters.fit(customers, ["frequency", "profit"], by="profit", rng=1)
    >>> clusters
    ValueClusters(2 clusters by profit on frequency, profit)
    >>> clusters.assign(customers)["cluster"].tolist()
    ['2', '2', '2', '2', '1', '1', '1', '1']
    >>> clusters.choice["k"].tolist()
    [2, 3, 4, 5, 6, 7]
    """

    by: str
    axes: tuple[ClusterAxis, ...]
    centres: tuple[tuple[float, ...], ...]
    trials: tuple[tuple[int, float, float], ...]

    def __repr__(self) -> str:
        plural = "" if self.k == 1 else "s"
        return (
            f"ValueClusters({self.k} cluster{plural} by {self.by} on "
            f"{', '.join(axis.column for axis in self.axes)})"
        )

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.centres)

    @property
    def choice(self) -> pd.DataFrame:
        """The numbers of clusters that were tried, and how well each did.

        Returns
        -------
        pandas.DataFrame
            ``k, inertia`` (sum of squared distances of the customers to their centres, in scaled
            units: it falls with every cluster), ``silhouette`` (the mean over customers: 1 well
            apart, 0 on the edge; NaN for one cluster) and ``chosen``.
        """
        k, inertia, silhouettes = (list(each) for each in zip(*self.trials, strict=True))
        chosen = np.arange(len(k)) == best(silhouettes)
        return pd.DataFrame(
            {"k": k, "inertia": inertia, "silhouette": silhouettes, "chosen": chosen}
        )

    @classmethod
    def fit(
        cls,
        values: IntoFrame,
        columns: Sequence[str],
        *,
        by: str | None = None,
        k: int | None = None,
        log: bool | Sequence[str] = True,
        scale: Literal["standard", "robust"] = "standard",
        rng: Random,
    ) -> Self:
        """Find clusters of customers who are alike.

        Parameters
        ----------
        values : frame
            One row per customer; a frame that is lazy is collected once.
        columns : sequence of str
            What customers are compared by, for example inactive, frequency and total_spend.
        by : str, optional
            The column of value that orders the clusters by its mean; the last of `columns` by
            default, and it need not be one of them.
        k : int, optional
            How many clusters. By default 2 to 8 are tried, and the one with the highest silhouette
            is taken, the smallest of equals; one cluster where all customers are equal.
        log : bool or sequence of str
            Whether the columns, or which of them, are put on the log scale.
        scale : {"standard", "robust"}
            By mean and standard deviation, or by median and distance of the quartiles (by the
            standard deviation where that is 0). A constant column moves nobody.
        rng : numpy.random.Generator or int
            Draws the starts of the search and, of more than 3,000 customers, those whose
            silhouettes are computed. The same seed gives the same clusters, whatever the order of
            the rows.

        Raises
        ------
        InputError
            Where there are no rows, a value is missing, not finite or not a number, or there are
            fewer different customers than `k`. Customers who differ by less than a millionth of
            each column's spread count as equal here.
        MissingExtraError
            Where scikit-learn is not installed.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": range(5), "frequency": [1, 1, 2, 9, 8],
        ...                           "profit": [5.0, 6, 4, 90, 80]})
        >>> ValueClusters.fit(customers, ["frequency", "profit"], k=2, log=["profit"], rng=1)
        ValueClusters(2 clusters by profit on frequency, profit)
        """
        names = [columns] if isinstance(columns, str) else list(columns)
        logged = logged_columns(names, log)
        if scale not in ("standard", "robust"):
            raise InputError(f"scale must be 'standard' or 'robust'; got {scale!r}")
        random = generator(rng)
        by = names[-1] if by is None else by
        data = read_columns(values, by, *names)
        arrays = {name: amounts(data, name) for name in dict.fromkeys([by, *names])}
        data.finish("values")
        axes = tuple(
            ClusterAxis.fit(name, arrays[name], logged=name in logged, robust=scale == "robust")
            for name in names
        )
        places, inverse = distinct_points(axes, [arrays[name] for name in names])
        trials, found = search(places, sizes(k, len(places)), random)
        codes = found.codes[inverse]
        means = [safe_sum(arrays[by][codes == c]) / int((codes == c).sum()) for c in set(codes)]
        centres = [tuple(centre) for centre in found.centres.tolist()]
        ranked = sorted(zip(means, centres, strict=True), reverse=True)
        return cls(by, axes, tuple(centre for _, centre in ranked), tuple(trials))

    def assign(self, values: IntoFrame) -> Any:
        """Add the column ``cluster``; a query in gives a query out.

        Parameters
        ----------
        values : frame
            Any frame with the columns of the axes.

        Returns
        -------
        frame
            `values` with ``cluster`` added (or replaced): a categorical of "1" (the most valuable)
            to "k", null where a value is missing. Row order and the other columns are as they were.

        Raises
        ------
        InputError
            Where a column is missing or not of numbers.

        Examples
        --------
        >>> import pandas as pd
        >>> known = pd.DataFrame({"customer_id": range(5), "frequency": [1, 1, 2, 9, 8],
        ...                       "profit": [5.0, 6, 4, 90, 80]})
        >>> clusters = ValueClusters.fit(known, ["frequency", "profit"], k=2, rng=1)
        >>> others = pd.DataFrame({"customer_id": [5, 6], "frequency": [7, 1], "profit": [95, 9]})
        >>> clusters.assign(others)["cluster"].tolist()
        ['1', '2']
        """
        frame = enter(values, "values", [axis.column for axis in self.axes])
        dtype = label_dtype(frame, self._labels)
        labels = [nw.lit(label).cast(dtype) for label in self._labels]
        return with_nearest(frame, self.axes, self.centres, labels, self._labels).to_native()

    def profile(self, values: IntoFrame) -> Any:
        """Describe each cluster by its customers, their value, and means and medians.

        Parameters
        ----------
        values : frame
            One row per customer, with the columns of the axes and `by`.

        Returns
        -------
        frame
            In the library of `values`, one row per cluster, also for one without customers:
            ``cluster, customers, share_of_customers, value`` (the sum of `by`), ``share_of_value``
            (null where the total is not positive), and ``mean_`` and ``median_`` of each column.

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": range(5), "frequency": [1, 1, 2, 9, 8],
        ...                           "profit": [5.0, 6, 4, 90, 80]})
        >>> clusters = ValueClusters.fit(customers, ["frequency", "profit"], k=2, rng=1)
        >>> shown = ["cluster", "customers", "value", "median_frequency"]
        >>> print(clusters.profile(customers)[shown].to_string(index=False))
        cluster  customers  value  median_frequency
              1          2  170.0               8.5
              2          3   15.0               1.0
        """
        data, arrays = self._read(values)
        codes = self._codes(data)
        here = [codes == c for c in range(self.k)]
        customers = np.array([int(mask.sum()) for mask in here])
        value = np.array([safe_sum(arrays[self.by][mask]) for mask in here])
        check_conserved(f"clusters by {self.by}", safe_sum(arrays[self.by]), value)
        columns: dict[str, Column] = {
            "cluster": Labels(np.arange(self.k), self._labels),
            "customers": customers,
            "share_of_customers": customers / len(data),
            "value": value,
            "share_of_value": value / positive_total(arrays[self.by]),
        }
        for name, array in arrays.items():
            parts = [array[mask] for mask in here]
            columns[f"mean_{name}"] = np.array(
                [safe_sum(part) / len(part) if len(part) else np.nan for part in parts]
            )
            columns[f"median_{name}"] = np.array(
                [np.median(part) if len(part) else np.nan for part in parts]
            )
        return table(columns, like=data.frame)

    def stability(self, values: IntoFrame, n: int = 100, *, rng: Random) -> Any:
        """See whether the clusters come again among other customers of this kind.

        Customers are drawn with replacement, as many as there are but 10,000 at most, and clustered
        anew into k clusters on the same axes. Each cluster is compared with the most similar new
        one by the Jaccard index: those of the draw who are in both, over those in either.

        Parameters
        ----------
        values : frame
            One row per customer: those of the fit, as a rule.
        n : int, default 100
            How often.
        rng : numpy.random.Generator or int
            Draws the customers and the starts of the searches.

        Returns
        -------
        frame
            In the library of `values`, one row per cluster: ``cluster, customers, jaccard`` (the
            mean over the draws in which somebody of the cluster came), ``recovered`` (share of the
            draws above 0.75), ``dissolved`` (share of them at 0.5 or below). A mean of 0.75 or more
            is commonly called stable; a cluster below 0.6 should not be trusted.

        Raises
        ------
        InputError
            As `profile`, and where `n` or `rng` is none.
        MissingExtraError
            Where scikit-learn is not installed.

        References
        ----------
        C. Hennig (2007), "Cluster-wise assessment of cluster stability", Computational Statistics
        and Data Analysis 52.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": range(5), "frequency": [1, 1, 2, 9, 8],
        ...                           "profit": [5.0, 6, 4, 90, 80]})
        >>> clusters = ValueClusters.fit(customers, ["frequency", "profit"], k=2, rng=1)
        >>> again = clusters.stability(customers, n=20, rng=2)
        >>> bool((again["jaccard"] > 0.6).all())
        True
        """
        check_draws(n)
        random = generator(rng)
        data, arrays = self._read(values)
        points, _ = distinct_points(self.axes, [arrays[axis.column] for axis in self.axes])
        codes = nearest(points.places, self.centres)
        found = similarities(points, codes, self.k, n, random)
        there = ~np.isnan(found)
        draws = np.where(there.any(axis=0), there.sum(axis=0), np.nan)
        columns: dict[str, Column] = {
            "cluster": Labels(np.arange(self.k), self._labels),
            "customers": np.bincount(codes, points.counts, self.k).astype(np.int64),
            "jaccard": np.where(there, found, 0.0).sum(axis=0) / draws,
            "recovered": (found > RECOVERED).sum(axis=0) / draws,
            "dissolved": (found <= DISSOLVED).sum(axis=0) / draws,
        }
        return table(columns, like=data.frame)

    @property
    def _labels(self) -> tuple[str, ...]:
        return tuple(str(cluster) for cluster in range(1, self.k + 1))

    def _read(self, values: IntoFrame) -> tuple[Table, dict[str, FloatArray]]:
        names = list(dict.fromkeys([*(axis.column for axis in self.axes), self.by]))
        data = read_columns(values, self.by, *names)
        arrays = {name: amounts(data, name) for name in names}
        data.finish("values")
        return data, arrays

    def _codes(self, data: Table) -> IntArray:
        codes = [nw.lit(float(c)) for c in range(self.k)]
        found: Any = with_nearest(data.frame, self.axes, self.centres, codes)
        return np.asarray(found["cluster"].to_numpy()).astype(np.int64)
