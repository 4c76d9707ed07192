"""Formulas of covariates, such as ``age + C(channel)``, read by formulaic.

A formula is an expression of Python, and a saved model holds it: only arithmetic, comparisons and
the functions named here are let through, so that loading a model never runs foreign code.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmvalue._frame import need
from crmvalue._stats import FloatArray, IntArray
from crmvalue.errors import FaultList, InputError

_FUNCTIONS = {
    *("C", "I", "center", "scale", "standardize", "poly", "bs", "cr", "cs", "cc"),
    *("log", "log2", "log10", "exp"),
    *(f"np.{name}" for name in ("log", "log1p", "log2", "log10", "exp", "expm1", "sqrt")),
    *(f"np.{name}" for name in ("abs", "square", "minimum", "maximum", "floor", "sign")),
    *(f"contr.{name}" for name in ("treatment", "SAS", "sum", "helmert", "diff", "poly")),
}
_NODES = (
    *(ast.Expression, ast.Constant, ast.Load, ast.keyword, ast.List, ast.Tuple),
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop, ast.cmpop),
)


def columns_of(formula: str, faults: FaultList, process: str) -> tuple[list[str], set[str]] | None:
    """Columns that a formula needs, and which of them are factors since they stand in ``C()``.

    None, and faults noted, where it is not a formula or holds what isn't let through.
    """
    before = len(faults)
    try:
        parts = _factors(formula)
    except InputError as error:
        _note(faults, process, repr(formula), str(error))
        return None
    names, factors = dict[str, None](), set[str]()
    for expression, is_column in parts:
        if is_column:
            names[expression] = None
            continue
        try:
            said = _walk(ast.parse(expression, mode="eval").body, names, factors)
        except SyntaxError:
            said = "it is not an expression"
        if said:
            known = ", ".join(sorted(_FUNCTIONS))
            expected = f"expected columns, numbers, arithmetic and {known}"
            _note(faults, process, f"{expression!r}: {said}", expected)
    if len(faults) == before and not names:
        _note(faults, process, repr(formula), "expected a formula that names a column")
    return None if len(faults) > before else (list(names), factors)


def categories(codes: IntArray, levels: Sequence[Any]) -> Any:
    """A factor as formulaic reads it; levels that no row has stay levels."""
    kind = pd.CategoricalDtype(list(levels))
    return pd.Categorical.from_codes(codes, dtype=kind)


def learn(
    formula: str, columns: Mapping[str, Any], faults: FaultList, process: str
) -> tuple[list[str], FloatArray, dict[str, Any]] | None:
    """Names and values of the covariates, without the intercept, and what transforms keep."""
    frame = pd.DataFrame(dict(columns))
    # Rows in an order of their own, so that what transforms keep doesn't depend on theirs.
    order = np.lexsort([getattr(column, "codes", column) for column in columns.values()])
    try:
        found = _materialize(_parsed(formula), frame.iloc[order].reset_index(drop=True), {})
    except InputError as error:
        faults.add(
            "not_a_formula",
            column=f"covariates[{process!r}]",
            examples=repr(formula),
            expected=str(error),
        )
        return None
    names, matrix, transforms = found
    back = np.empty_like(matrix)
    back[order] = matrix
    return names, back, transforms


def evaluate(formula: str, columns: Mapping[str, Any], transforms: dict[str, Any]) -> FloatArray:
    """Values of the covariates for other rows; the formula is checked again, for it may be read."""
    faults = FaultList()
    columns_of(formula, faults, "formula")
    faults.raise_if_any("the formula of this model")
    return _materialize(_parsed(formula), pd.DataFrame(dict(columns)), transforms)[1]


def _note(faults: FaultList, process: str, examples: str, expected: str) -> None:
    column = f"covariates[{process!r}]"
    faults.add("not_a_formula", column=column, examples=examples, expected=expected)


def _parsed(formula: str) -> Any:
    """The formula as formulaic's; `InputError` where it is none."""
    formulaic = need("formulaic", "formula", "a formula of covariates")
    try:
        parsed = formulaic.Formula(formula)
    except (formulaic.errors.FormulaicError, SyntaxError, ValueError):
        parsed = None
    if not isinstance(parsed, formulaic.SimpleFormula):
        raise InputError("expected one formula without ~ and |, such as 'age + C(channel)'")
    return parsed


def _materialize(
    parsed: Any, frame: pd.DataFrame, transforms: dict[str, Any]
) -> tuple[list[str], FloatArray, dict[str, Any]]:
    formulaic = need("formulaic", "formula", "a formula of covariates")
    spec = formulaic.ModelSpec(
        formula=parsed,
        transform_state=copy.deepcopy(transforms),
        output="numpy",
        na_action="ignore",
    )
    try:
        with np.errstate(all="ignore"):  # what isn't finite is a fault, with its rows
            found = spec.get_model_matrix(frame)
    except (formulaic.errors.FormulaicError, ValueError, TypeError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"expected a formula that these columns can be put in ({said})") from error
    names = list(found.model_spec.column_names)
    kept = [j for j, name in enumerate(names) if name != "Intercept"]
    matrix = np.asarray(found, dtype=np.float64).reshape(len(frame), len(names))[:, kept]
    state = {name: kept for name, kept in found.model_spec.transform_state.items() if kept}
    return [names[j] for j in kept], matrix, state


def _factors(formula: str) -> list[tuple[str, bool]]:
    """The factors that a formula is made of, and whether each is a column itself."""
    return [
        (factor.expr, factor.eval_method.value == "lookup")
        for term in _parsed(formula)
        for factor in term.factors
        if factor.eval_method.value != "literal"
    ]


def _walk(node: ast.AST, names: dict[str, None], factors: set[str]) -> str:
    """Gather the columns of an expression; what is not let through in it, or nothing."""
    if isinstance(node, ast.Name):
        names[node.id] = None
        return ""
    if isinstance(node, ast.Attribute):
        return "" if ast.unparse(node) in _FUNCTIONS else f"{ast.unparse(node)} is not known"
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        function = ast.unparse(node.func)
        if function not in _FUNCTIONS:
            return f"{function} is not known"
        parts.remove(node.func)
        if function == "C":
            if not (node.args and isinstance(node.args[0], ast.Name)):
                return "C() takes the name of a column"
            factors.add(node.args[0].id)
    elif not isinstance(node, _NODES):
        return f"{ast.unparse(node) or type(node).__name__} is not known"
    return next((said for part in parts if (said := _walk(part, names, factors))), "")
