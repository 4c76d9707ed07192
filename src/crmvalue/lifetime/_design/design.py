"""Columns of a summary as covariates: numbers as they are, names by treatment coding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from crmvalue._frame import Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray
from crmvalue._value import Value
from crmvalue.lifetime._design import formula as formulas
from crmvalue.lifetime._design.checks import check_finite, check_rank, constant
from crmvalue.lifetime._design.factors import Factor, Level, read_factor

Read: TypeAlias = "dict[tuple[str, bool], FloatArray | Factor | None]"
"""Columns that were read, by name and whether as a factor; None for what has faults."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Design(Value):
    """How columns of a summary become the covariates of one process.

    Attributes
    ----------
    labels : tuple of str
        Names of the covariates, one for each effect.
    columns : tuple of str
        Columns of the summary that they come from.
    levels : dict of str to tuple
        The known levels of columns that are factors, in their declared order, or a rising one; the
        first is the reference.
    formula : str, optional
        What a formula made of the columns; without one each column stands for itself.
    transforms : dict
        What transforms of the formula, such as ``center``, keep of the data they were made from.
    """

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    levels: dict[str, tuple[Level, ...]]
    formula: str | None = None
    transforms: dict[str, Any] = field(default_factory=dict)

    def matrix(self, table: Table, read: Read) -> FloatArray:
        """Covariates of the rows of a table, shape (rows, effects); zeros where it has faults.

        The faults are noted in the table; `read` keeps what was read of it.
        """
        before = len(table.faults)
        columns: dict[str, FloatArray | Factor] = {}
        for column in self.columns:
            key = column, column in self.levels
            if key not in read:
                read[key] = _known(table, column, self.levels.get(column))
            found = read[key]
            if found is not None:
                columns[column] = found
        none = np.zeros((len(table), len(self.labels)))
        if len(columns) < len(self.columns) or not len(table):
            return none
        if self.formula is None:
            return _coded(columns)[1]
        matrix = formulas.evaluate(self.formula, _formula_columns(columns), self.transforms)
        check_finite(matrix, self.labels, table.faults, f"{table.name}.")
        return none if len(table.faults) > before else matrix


def learn_design(
    asked: Sequence[str] | str,
    table: Table,
    rows: npt.NDArray[np.bool_] | slice,
    process: str,
    read: Read,
) -> tuple[Design, FloatArray] | None:
    """The design that a list of columns or a formula asks for, and its matrix for some rows.

    What is wrong is noted in the table's faults; None where it leaves no design. `read` keeps what
    was read of these rows.
    """
    faults = table.faults
    formula = asked if isinstance(asked, str) else None
    if formula is None:
        names, factors = list(asked), set[str]()
    else:
        needed = formulas.columns_of(formula, faults, process)
        if needed is None:
            return None
        names, factors = needed
    columns: dict[str, FloatArray | Factor] = {}
    for column in names:
        key = column, column in factors
        if key not in read:
            read[key] = _learn_column(table, *key, rows)
        found = read[key]
        if found is not None:
            columns[column] = found
    transforms: dict[str, Any] = {}
    if formula is None:
        labels, matrix = _coded(columns)
    elif len(columns) < len(names):
        return None
    else:
        learned = formulas.learn(formula, _formula_columns(columns), faults, process)
        if learned is None:
            return None
        labels, matrix, transforms = learned
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        faults.add(
            "named_twice",
            column=f"covariates[{process!r}]",
            examples=", ".join(twice),
            expected="expected each column once",
        )
    if check_finite(matrix, labels, faults, f"{process}:"):
        check_rank(matrix, labels, faults, f"{process}:")
    levels = {c: values.levels for c, values in columns.items() if isinstance(values, Factor)}
    design = Design(
        labels=tuple(labels),
        columns=tuple(names),
        levels=levels,
        formula=formula,
        transforms=transforms,
    )
    return design, matrix


def _learn_column(
    table: Table, column: str, factor: bool, rows: npt.NDArray[np.bool_] | slice
) -> FloatArray | Factor | None:
    """Some rows of a column as numbers or as a factor; None where it has faults."""
    before = len(table.faults)
    if column not in table:
        _missing_column(table, column)
        return None
    dtype = table.frame[column].dtype
    read: FloatArray | Factor
    if not factor and (dtype.is_numeric() or dtype == nw.Object):
        read = table.numbers(column)[rows]
    else:
        codes, levels = read_factor(table, column)
        seen, codes = np.unique(codes[rows], return_inverse=True)
        read = Factor(codes, tuple(levels[code] for code in seen) if levels else ())
        if len(read.levels) == 1:
            constant(table.faults, f"{table.name}.{column}", read.levels[0])
    return read if len(table.faults) == before else None


def _known(
    table: Table, column: str, known: tuple[Level, ...] | None
) -> FloatArray | Factor | None:
    """A column as numbers, or as a factor of known levels; None where it has faults."""
    before = len(table.faults)
    if column not in table:
        _missing_column(table, column)
        return None
    if known is None:
        values = table.numbers(column)
        return values if len(table.faults) == before else None
    found = read_factor(table, column)
    if len(table.faults) > before or not len(table):
        return None
    place = {level: code for code, level in enumerate(known)}
    codes = np.array([place.get(level, -1) for level in found.levels])[found.codes]
    unknown = codes < 0
    if unknown.any():
        names = np.array(found.levels, dtype=object)[found.codes]
        table.faults.add(
            "unknown_level",
            column=f"{table.name}.{column}",
            rows=int(unknown.sum()),
            examples=row_examples(unknown, names),
            expected=f"the fit knows {', '.join(map(repr, known))}; fit again with such "
            "customers, or give them a level that it knows",
        )
        return None
    return Factor(codes, known)


def _coded(read: Mapping[str, FloatArray | Factor]) -> tuple[list[str], FloatArray]:
    labels: list[str] = []
    columns: list[FloatArray] = []
    for name, values in read.items():
        if isinstance(values, Factor):
            for code, level in list(enumerate(values.levels))[1:]:
                labels.append(f"{name}[{level}]")
                columns.append((values.codes == code).astype(np.float64))
        else:
            labels.append(name)
            columns.append(values)
    return labels, np.stack(columns, axis=1) if columns else np.empty((0, 0))


def _formula_columns(read: Mapping[str, FloatArray | Factor]) -> dict[str, Any]:
    return {
        name: formulas.categories(*values) if isinstance(values, Factor) else values
        for name, values in read.items()
    }


def _missing_column(table: Table, column: str) -> None:
    table.faults.add(
        "missing_column",
        column=f"{table.name}.{column}",
        expected=f"{table.name} has {', '.join(map(repr, table.frame.columns))}; add the "
        "covariate, or name another",
    )
