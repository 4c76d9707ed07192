"""Who takes part in a comparison: models to fit, fitted ones, and baselines by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList
from crmvalue.evaluation.baselines import BASELINES, Forecaster
from crmvalue.evaluation.holdout import Holdout
from crmvalue.lifetime import Fit
from crmvalue.lifetime._covariate_model import CovariateModel
from crmvalue.lifetime._purchases.model import PurchaseModel

Contender: TypeAlias = (
    "type[PurchaseModel] | Fit[Any] | PurchaseModel | CovariateModel | Forecaster"
)


class Showing(NamedTuple):
    """What a contender forecasts, and how likely calibration is under it (NaN for a baseline).

    `spend` is that of a baseline; of a model it takes a model of spend, too.
    """

    purchases: FloatArray
    spend: FloatArray | None
    log_likelihood: float
    aic: float
    bic: float


def read_contenders(models: Mapping[str, Any] | Sequence[Any], unit: str) -> dict[str, Contender]:
    """Contenders by the name of their row, checked."""
    faults = FaultList()
    named: list[tuple[str, Any]] = []
    if isinstance(models, Mapping):
        named = [(str(name), each) for name, each in models.items()]
    elif isinstance(models, list | tuple):
        named = [(_name(each), each) for each in models]
    if not named:
        faults.add(
            "no_models",
            examples=repr(models)[:60],
            expected="expected a list of models and names of baselines, such as [BGNBD, "
            "'cell_mean'], or a mapping from names of your own to them",
        )
    names = [name for name, _ in named]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            faults.add(
                "same_name",
                examples=name,
                expected="expected one of each; give a mapping from names of your own to the "
                "models, such as {'before': fit, 'now': BGNBD}",
            )
    found = {name: contender(each, unit, faults) for name, each in named}
    faults.raise_if_any("models")
    return {name: each for name, each in found.items() if each is not None}


def contender(given: Any, unit: str, faults: FaultList) -> Contender | None:
    """A model or baseline as the caller gives it; None with a fault where it is neither."""
    if isinstance(given, str):
        if given in BASELINES:
            return BASELINES[given]
        faults.add(
            "unknown_baseline",
            examples=repr(given),
            expected=f"the baselines are {', '.join(map(repr, BASELINES))}",
        )
        return None
    if isinstance(given, type) and issubclass(given, PurchaseModel):
        return given
    model = getattr(given, "model", given)
    if not isinstance(model, PurchaseModel | CovariateModel):
        faults.add(
            "not_a_model",
            examples=repr(given)[:60],
            expected="expected a model of purchases in continuous time (its class, a fit, or one "
            f"with parameters) or a baseline: {', '.join(map(repr, BASELINES))}",
        )
        return None
    if model.unit != unit:
        faults.add(
            "other_unit",
            examples=f"{_name(given)} in {model.unit!r}",
            expected=f"expected models in unit={unit!r}; fit it in that unit, or pass unit=",
        )
        return None
    kept: Contender = given
    return kept


def showing(given: Contender, holdout: Holdout) -> Showing:
    """Fit where there is something to fit, and forecast the holdout period."""
    if not isinstance(given, type | Fit | PurchaseModel | CovariateModel):
        return Showing(*given(holdout), math.nan, math.nan, math.nan)
    make: Any = given
    fitted = make.fit(holdout.summary, unit=holdout.unit) if isinstance(given, type) else given
    if isinstance(fitted, Fit):
        model, parameters = fitted.model, fitted.n_parameters
    else:
        model, parameters = fitted, len(fitted._estimates())
    value = holdout.log_likelihood(model)
    return Showing(
        holdout.expected(model),
        None,
        value,
        2.0 * parameters - 2.0 * value,
        parameters * math.log(len(holdout)) - 2.0 * value,
    )


def _name(given: Any) -> str:
    if isinstance(given, str):
        return given
    return str(getattr(given, "__name__", type(getattr(given, "model", given)).__name__))
