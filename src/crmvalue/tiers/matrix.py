"""Two axes, cut into bands: the one mechanism behind every quadrant."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, enter
from crmvalue._numbers import number_expr
from crmvalue._stats import check_conserved, group_sum, safe_sum
from crmvalue._table import Column, Labels, label_dtype, table
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._axis import Cut, Cuts, MatrixAxis
from crmvalue.tiers._thresholds import ThresholdTiers
from crmvalue.tiers._values import amounts, read_columns, with_labels

TINY = 1e-300
"""Below this a cut stands for "above 0" and prints as 0."""


@dataclass(frozen=True, slots=False, eq=False)
class TwoAxisMatrix(Value):
    """Customers by two of their figures at once: a matrix of bands, each cell with a name.

    Parameters
    ----------
    x, y : MatrixAxis
        The axes.
    names : mapping of (band of x, band of y) to str
        What each cell is called; cells may share a name.

    Raises
    ------
    InputError
        Where a cell has no name, or a name no cell.

    Notes
    -----
    ``value >= cut`` is the higher band, on both axes. Thresholds are kept and applied by
    comparison, so equal customers never part, whoever else is there.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": [1, 2, 3, 4], "revenue": [10, 80, 90, 20],
    ...                           "growth": [.3, -.1, .2, 0]})
    >>> matrix = TwoAxisMatrix.fit(
    ...     customers, x="revenue", y="growth", cuts=("median", 0.1),
    ...     names={("low", "low"): "small", ("high", "low"): "at rest",
    ...            ("low", "high"): "rising", ("high", "high"): "star"},
    ... )
    >>> matrix
    TwoAxisMatrix(x revenue at 50, y growth at 0.1)
    >>> matrix.assign(customers)["quadrant"].tolist()
    ['rising', 'at rest', 'star', 'small']
    """

    x: MatrixAxis
    y: MatrixAxis
    names: Mapping[tuple[str, str], str]

    def __post_init__(self) -> None:
        cells = list(itertools.product(self.x.bands, self.y.bands))
        if self.x.column == self.y.column:
            raise InputError(f"x and y are both {self.x.column!r}; name two columns")
        given = {tuple(cell): name for cell, name in dict(self.names).items()}
        missing = [cell for cell in cells if not isinstance(given.get(cell), str)]
        odd = [cell for cell in given if cell not in cells]
        if missing or odd:
            raise InputError(
                f"names maps each (band of {self.x.column}, band of {self.y.column}) to a text; "
                f"without a name: {missing}; not such a pair: {odd}"
            )
        object.__setattr__(self, "names", {cell: given[cell] for cell in cells})

    def __repr__(self) -> str:
        axes = []
        for name, axis in (("x", self.x), ("y", self.y)):
            cuts = (0.0 if abs(cut) < TINY else cut for cut in axis.cuts)
            axes.append(f"{name} {axis.column} at {', '.join(f'{cut:g}' for cut in cuts)}")
        return f"TwoAxisMatrix({', '.join(axes)})"

    @property
    def quadrants(self) -> tuple[str, ...]:
        """The names, each once, in the order of the cells: the lowest band of x first."""
        return tuple(dict.fromkeys(self.names.values()))

    @classmethod
    def fit(
        cls,
        values: IntoFrame,
        *,
        x: str,
        y: str,
        cuts: Cut | tuple[Cuts, Cuts] = "median",
        bands: tuple[Sequence[str], Sequence[str]] | None = None,
        names: Mapping[tuple[str, str], str] | None = None,
    ) -> Self:
        """Find the thresholds of both axes.

        Parameters
        ----------
        values : frame
            One row per customer; a frame that is lazy is collected once.
        x, y : str
            The columns of the axes.
        cuts : cut or (cuts of x, cuts of y)
            A cut is a number, ``"median"``, ``"mean"`` or a percentile such as ``"p80"`` (linear
            between two values). An axis with several cuts in rising order has one band more; one
            cut alone is that of both axes.
        bands : (names of x, names of y), optional
            Names of the bands, the lowest first; by default low and high, low, middle and high,
            or 1, 2, 3...
        names : mapping of (band of x, band of y) to str, optional
            The names of the cells, by default "x / y".

        Raises
        ------
        InputError
            Where there are no rows, a value is missing, not finite or not a number, or the cuts are
            none or don't rise.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": [1, 2, 3], "revenue": [10, 80, 300],
        ...                           "growth": [.3, -.1, .2]})
        >>> matrix = TwoAxisMatrix.fit(customers, x="revenue", y="growth", cuts=((50, 200), 0))
        >>> matrix.quadrants[:3]
        ('low / low', 'low / high', 'middle / low')
        """
        data = read_columns(values, x, y)
        columns = [amounts(data, column) for column in (x, y)]
        data.finish("values")
        both = cuts if isinstance(cuts, tuple) else (cuts, cuts)
        names_of_bands = bands or (None, None)
        if len(both) != 2 or len(names_of_bands) != 2:
            raise InputError(
                "cuts must be one cut or a pair (cuts of x, cuts of y), and bands a pair of names; "
                f"got {cuts!r} and {bands!r}"
            )
        axes = [
            MatrixAxis.fit(column, array, rule, label)
            for column, array, rule, label in zip(
                (x, y), columns, both, names_of_bands, strict=True
            )
        ]
        return cls(axes[0], axes[1], names or _joined(*axes))

    @classmethod
    def from_tiers(
        cls,
        x: ThresholdTiers,
        y: ThresholdTiers,
        names: Mapping[tuple[str, str], str] | None = None,
    ) -> Self:
        """Cross two tierings: customers by two of their scores at once.

        Parameters
        ----------
        x, y : ParetoTiers, ValuePyramid, ABCClasses or FixedTiers
            Fitted tiers by two different columns; their thresholds are kept, and so are their
            tiers: a customer's quadrant is that of both (positive values too small to be normal
            numbers, below 2.3e-308, count as 0).
        names : mapping of (tier of x, tier of y) to str, optional
            The names of the cells, by default "x / y".

        Raises
        ------
        InputError
            Where one is no tiering, both are by the same column, a cell has no name, or a name no
            cell.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmvalue.tiers.fixed import FixedTiers
        >>> from crmvalue.tiers.pareto import ParetoTiers
        >>> customers = pd.DataFrame({"customer_id": list("abc"), "profit": [90, 20, -5],
        ...                           "loyalty": [10, 70, 95]})
        >>> matrix = TwoAxisMatrix.from_tiers(
        ...     ParetoTiers.fit(customers, by="profit"),
        ...     FixedTiers("loyalty", names=("loyal", "new"), thresholds=(50,)),
        ... )
        >>> matrix.assign(customers)["quadrant"].tolist()
        ['gold / new', 'steel / loyal', 'lead / loyal']
        """
        for name, tiers in (("x", x), ("y", y)):
            if not isinstance(tiers, ThresholdTiers):
                raise InputError(
                    f"{name} must be fitted tiers, such as ParetoTiers.fit(...); "
                    f"got {type(tiers).__name__}"
                )
        axes = x.as_axis(), y.as_axis()
        return cls(*axes, names or _joined(*axes))

    def assign(self, values: IntoFrame) -> Any:
        """Add the column ``quadrant``; a query in gives a query out.

        Parameters
        ----------
        values : frame
            Any frame with the columns of both axes.

        Returns
        -------
        frame
            `values` with ``quadrant`` added (or replaced): a categorical of `quadrants`, null where
            either value is missing. Row order and the other columns are as they were.

        Raises
        ------
        InputError
            Where a column is missing or not of numbers.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": [1, 2], "revenue": [10, 80],
        ...                           "growth": [.3, -.1]})
        >>> matrix = TwoAxisMatrix.fit(customers, x="revenue", y="growth", cuts=(50, 0))
        >>> matrix.assign(customers)["quadrant"].tolist()
        ['low / high', 'high / low']
        """
        frame = enter(values, "values", [self.x.column, self.y.column])
        faults = FaultList()
        x, y = (number_expr(frame, "values", axis.column, faults) for axis in (self.x, self.y))
        faults.raise_if_any("values")
        dtype = label_dtype(frame, self.quadrants)
        quadrant: Any = None
        for (i, j), name in zip(self._cells(), self.names.values(), strict=True):
            here = nw.when(self.x.within(x, i) & self.y.within(y, j))
            label = here.then(nw.lit(name).cast(dtype))
            quadrant = label if quadrant is None else label.otherwise(quadrant)
        return with_labels(frame, "quadrant", quadrant, self.quadrants).to_native()

    def table(self, values: IntoFrame) -> Any:
        """Count each cell's customers and add up both of their figures.

        Parameters
        ----------
        values : frame
            One row per customer, with the columns of both axes.

        Returns
        -------
        frame
            In the library of `values`, one row per cell, also for one without customers, the lowest
            band of x first: ``quadrant, x_band, y_band`` (categoricals), ``customers,
            share_of_customers, x_sum, y_sum``.

        Raises
        ------
        InputError
            Where there are no rows, or a value is missing, not finite or not a number.

        Examples
        --------
        >>> import pandas as pd
        >>> customers = pd.DataFrame({"customer_id": [1, 2, 3], "revenue": [10, 80, 90],
        ...                           "growth": [.3, -.1, -.2]})
        >>> matrix = TwoAxisMatrix.fit(customers, x="revenue", y="growth", cuts=(50, 0))
        >>> shown = ["quadrant", "customers", "x_sum"]
        >>> print(matrix.table(customers)[shown].to_string(index=False))
           quadrant  customers  x_sum
          low / low          0    0.0
         low / high          1   10.0
         high / low          2  170.0
        high / high          0    0.0
        """
        data = read_columns(values, self.x.column, self.y.column)
        x, y = (amounts(data, axis.column) for axis in (self.x, self.y))
        data.finish("values")
        size, width = len(self.names), len(self.y.bands)
        cell = self.x.codes(x) * width + self.y.codes(y)
        customers = np.bincount(cell, minlength=size)
        sums = [group_sum(cell, figures, size) for figures in (x, y)]
        for axis, figures, parts in zip((self.x, self.y), (x, y), sums, strict=True):
            check_conserved(f"quadrants by {axis.column}", safe_sum(figures), parts)
        names, rows = self.quadrants, np.arange(size)
        columns: dict[str, Column] = {
            "quadrant": Labels(np.array([names.index(n) for n in self.names.values()]), names),
            "x_band": Labels(rows // width, self.x.bands),
            "y_band": Labels(rows % width, self.y.bands),
            "customers": customers,
            "share_of_customers": customers / len(data),
            "x_sum": sums[0],
            "y_sum": sums[1],
        }
        return table(columns, like=data.frame)

    def _cells(self) -> Iterable[tuple[int, int]]:
        return itertools.product(range(len(self.x.bands)), range(len(self.y.bands)))


def _joined(x: MatrixAxis, y: MatrixAxis) -> dict[tuple[str, str], str]:
    return {cell: " / ".join(cell) for cell in itertools.product(x.bands, y.bands)}
