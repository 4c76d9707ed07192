"""`Baseline`: what a result was like, in figures that name no customer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from crmvalue._value import FORMAT, Value
from crmvalue._version import __version__
from crmvalue.baseline import _figures
from crmvalue.baseline.source import NEEDED, Result, read_source
from crmvalue.errors import InputError

CURE = "write it anew from a sound result: result.baseline().to_json()"

MOST = 1 << 53
"""Whole numbers up to here are exact as floats."""


@dataclass(frozen=True, slots=False, eq=False, repr=False)
class Baseline(Value):
    """What a result was like: the figures that `check` holds another one against.

    It can be kept beside the code: there is no customer's id in it, and no figure of a single
    customer. Sums and Gini coefficients are kept of at least 10 customers, top shares where the
    top holds as many, distributions as counts between deciles rounded to two digits (with 10
    customers or more to a bin), shares of tiers and segments without their money. Neither extremes
    nor thresholds of tiers, which are some customer's own, are kept. The same result gives the
    same bytes of JSON.

    Attributes
    ----------
    version : str
        The crmvalue that made it.
    terms : mapping of str to str
        unit, horizon, annual_discount_rate, tier_by, the shares that gold and lead go by, the
        name of the table of segments, and those of the models.
    figures : mapping of str to float
        counts (customers, purchases, rows), left_out (shares of the rows), totals (money),
        tier_share, segment_share, concentration and parameter, by the name of their line; NaN is
        null in JSON.
    standard_errors : mapping of str to float
        Of the parameters, where they are known.
    bins : mapping of str to mapping
        For each main figure ``cuts``, rising, and ``customers``: how many have at most the first
        cut, ..., more than the last, and no such figure.
    schema : mapping of str to mapping
        The columns of each table that `check` reads; those of customers with their kind (number,
        text, date, truth, empty, other).

    Raises
    ------
    InputError
        Where the fields are not such mappings: the baseline was changed by hand, cut short or
        written by an earlier crmvalue. Customers are a whole number of at least 1, each
        distribution counts all of them, and standard errors are above 0.

    Examples
    --------
    >>> import crmvalue as cv
    >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    >>> baseline = result.baseline()
    >>> baseline
    Baseline(2,357 customers, revenue 244,091.94, tiers by lifetime_value, crmvalue 0.1.0)
    >>> baseline.bins["frequency"]["cuts"], baseline.bins["frequency"]["customers"]
    ((0.0, 1.0, 2.0, 3.0, 5.0), (1218, 403, 209, 149, 155, 223, 0))
    >>> Baseline.from_json(baseline.to_json()) == baseline
    True
    """

    version: str
    terms: Mapping[str, str]
    figures: Mapping[str, float]
    standard_errors: Mapping[str, float]
    bins: Mapping[str, Mapping[str, Any]]
    schema: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        sound = (
            isinstance(self.version, str)
            and _is_mapping(self.terms, str)
            and _is_mapping(self.figures, int | float)
            and _is_mapping(self.standard_errors, int | float)
            and _is_mapping(self.bins, Mapping)
            and _are_errors(self.standard_errors)
            and set(self.bins) == set(_figures.SPREAD)
            and all(map(_are_bins, self.bins.values()))
            and self._counts_everybody()
            and _is_mapping(self.schema, Mapping)
            and set(self.schema) >= set(NEEDED)
            and all(_is_mapping(columns, str) for columns in self.schema.values())
        )
        if not sound:
            raise InputError(
                "this baseline was changed by hand, cut short or written by an earlier crmvalue; "
                f"{CURE}"
            )

    def _counts_everybody(self) -> bool:
        """Whether there are customers, and each distribution is that of all of them."""
        size = self.figures.get("counts.customers", math.nan)
        return (
            1 <= size <= MOST
            and size == int(size)
            and all(sum(spread["customers"]) == size for spread in self.bins.values())
        )

    @classmethod
    def of(cls, result: Result) -> Self:
        """Keep what a result is like.

        Parameters
        ----------
        result : CustomerValue or path
            From `value_customers`, or the folder that ``crmvalue value`` wrote.

        Returns
        -------
        Baseline

        Raises
        ------
        InputError
            Where `result` is neither, or its folder lacks a file.

        Examples
        --------
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> Baseline.of(result).figures["counts.customers"]
        2357.0
        """
        source = read_source(result)
        size = len(source.tables["customers"])
        kept = {
            line: float(figure)
            for line, figure in _figures.figures(source).items()
            if _figures.may_be_kept(line, size)
        }
        spread = {column: _figures.bins(source, column) for column in _figures.SPREAD}
        return cls(
            version=__version__,
            terms=_figures.terms(source),
            figures=kept,
            standard_errors=_figures.standard_errors(source),
            bins={
                column: {"cuts": tuple(b.cuts.tolist()), "customers": tuple(b.customers.tolist())}
                for column, b in spread.items()
            },
            schema=_figures.schema(source),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the baseline as plain mappings: a line for each figure, to be read in a diff.

        Examples
        --------
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> saved = Baseline.of(result).to_dict()
        >>> list(saved)[:4], saved["terms"]["tier_by"]
        (['type', 'format', 'version', 'terms'], 'lifetime_value')
        """
        body = {name: _plain(getattr(self, name)) for name in _names()}
        return {"type": "Baseline", "format": FORMAT, **body}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the baseline that `to_dict` described.

        Raises
        ------
        InputError
            Where `data` is not what `to_dict` gave, or is of a newer crmvalue.

        Examples
        --------
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> baseline = Baseline.of(result)
        >>> Baseline.from_dict(baseline.to_dict()) == baseline
        True
        """
        if isinstance(data, Mapping):
            data = {k: _decodable(v) if k in _names() else v for k, v in data.items()}
            if not isinstance(data.get("format", FORMAT), int):
                raise InputError(f"a saved Baseline has a whole number as its format; {CURE}")
        return super().from_dict(data)

    def __repr__(self) -> str:
        customers = self.figures.get("counts.customers", math.nan)
        revenue = self.figures.get("totals.revenue", math.nan)
        return (
            f"Baseline({customers:,.0f} customers, revenue {revenue:,.2f}, tiers by "
            f"{self.terms.get('tier_by')}, crmvalue {self.version})"
        )


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file."""
    if not path.is_file():
        raise InputError(
            f"there is no file {str(path)!r}; expected the baseline.json of an earlier result"
        )
    try:
        return Baseline.from_json(path.read_bytes())
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is no baseline: {error}") from error


def _names() -> list[str]:
    return [field.name for field in fields(Baseline)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _decodable(value: Any) -> Any:
    """As `Value` writes mappings, with NaN for null."""
    if isinstance(value, Mapping):
        return {"map": [[name, _decodable(part)] for name, part in value.items()]}
    return {"float": "nan"} if value is None else value


def _is_mapping(value: object, kind: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(k, str) and isinstance(v, kind) and not isinstance(v, bool)
        for k, v in value.items()
    )


def _are_errors(values: Mapping[str, float]) -> bool:
    return all(0 < value < math.inf for value in values.values())


def _are_bins(value: Mapping[str, Any]) -> bool:
    cuts, customers = value.get("cuts"), value.get("customers")
    if not (isinstance(cuts, tuple) and isinstance(customers, tuple)):
        return False
    numbers = all(isinstance(v, int | float) and abs(v) < math.inf for v in (*cuts, *customers))
    return (
        numbers
        and all(count == int(count) for count in customers)
        and len(customers) == len(cuts) + 2
        and list(cuts) == sorted(set(cuts))
        and min(customers) >= 0
    )
