"""Whether a model says more than a simpler one that it contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy import stats

from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._fit import Fit

# Models that others turn into at the edge of their parameters, and what that edge says. Where
# nobody leaves, the parameters of leaving mean nothing.
_EDGES = {
    ("NBD", "BGNBD"): "nobody leaves",
    ("NBD", "MBGNBD"): "nobody leaves",
    ("NBD", "ParetoNBD"): "nobody leaves",
    ("NBD", "GGompertzNBD"): "nobody leaves",
    ("ParetoNBD", "GGompertzNBD"): "the hazard of leaving doesn't rise with age (b = 0)",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class LikelihoodRatio(Value):
    """What `likelihood_ratio_test` found.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log-likelihoods.
    df : int
        Parameters that the full model has more.
    p_value : float
        Probability of such a statistic, or a larger one, if the restricted model is true.
    message : str
        What was compared, and what limits the answer.
    """

    statistic: float
    df: int
    p_value: float
    message: str


def likelihood_ratio_test(restricted: Fit[Any], full: Fit[Any]) -> LikelihoodRatio:
    """Test a model against one that contains it, both fitted to the same customers.

    Twice the difference of the log-likelihoods is compared with the chi-square law of as many
    degrees of freedom as the full model has parameters more (Wilks 1938). Where the restricted
    model is the edge of the full one (NBD: nobody leaves) that law overstates p: the test is
    conservative, and the message says so (Self and Liang 1987).

    Parameters
    ----------
    restricted, full : Fit
        A model without and with (more) covariates or other effects; or NBD in BG/NBD, MBG/NBD,
        Pareto/NBD or GGompertz/NBD; or Pareto/NBD in GGompertz/NBD.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    InputError
        Where the models aren't nested, or the fits aren't of the same customers by maximum
        likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> from crmvalue.lifetime import MBGNBD
    >>> from crmvalue.lifetime import NBD
    >>> model = MBGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
    >>> customers = model.sample(2000, T=40.0, rng=np.random.default_rng(1))
    >>> found = likelihood_ratio_test(NBD.fit(customers), MBGNBD.fit(customers))
    >>> found.df, found.p_value < 0.001
    (2, True)
    """
    names = f"{_name(restricted)} against {_name(full)}"
    edge = _EDGES.get((type(restricted.model).__name__, type(full.model).__name__))
    if edge is None and not _contains(full, restricted):
        raise InputError(
            f"{names}: the first model is not a special case of the second (or is the same). "
            "Cure: compare models that aren't nested by aic or bic, the lower the better; for "
            "nested ones give the restricted fit first"
        )
    _check_same_data(restricted, full, names)
    difference = full.log_likelihood - restricted.log_likelihood
    if difference < -1e-6 * max(1.0, abs(full.log_likelihood)):
        raise InputError(
            f"{names}: the full model is less likely than the one it contains, by "
            f"{-difference:.4g}: the fits are of different data, or one of them missed its "
            "maximum (see Fit.messages)"
        )
    statistic = max(2 * difference, 0.0)
    df = full.n_parameters - restricted.n_parameters
    p_value = float(stats.chi2.sf(statistic, df))
    said = [f"{names}: chi-square {statistic:.4g} with df {df}, p = {p_value:.3g}"]
    if edge is not None:
        said.append(
            f"the restricted model is the edge of the full one where {edge}; there this p is an "
            "upper bound, and the test is conservative"
        )
    said += [
        f"{_name(fit)}: {message}"
        for fit in (restricted, full)
        if not fit.converged
        for message in fit.messages
    ]
    return LikelihoodRatio(statistic=statistic, df=df, p_value=p_value, message="; ".join(said))


def _contains(full: Fit[Any], restricted: Fit[Any]) -> bool:
    """Whether the models are of one kind, and the full one has effects that the other lacks."""
    one, other = (getattr(fit.model, "base", fit.model) for fit in (full, restricted))
    return type(one) is type(other) and (
        set(restricted.model._estimates()) < set(full.model._estimates())
    )


def _check_same_data(restricted: Fit[Any], full: Fit[Any], names: str) -> None:
    faults = FaultList()
    for fit in (restricted, full):
        if fit.penalty:
            faults.add(
                "penalised",
                examples=f"{_name(fit)} with penalty={fit.penalty:g}",
                expected="its likelihood is not at a maximum; fit with penalty=0",
            )
    units = [getattr(fit.model, "unit", None) for fit in (restricted, full)]
    if units[0] != units[1]:
        faults.add(
            "different_unit",
            examples=f"{units[0]!r} and {units[1]!r}",
            expected="densities of times in different units can't be compared; fit both with one "
            "unit",
        )
    if (
        restricted.n_customers != full.n_customers
        # The restricted model may see less of a customer, never more.
        or restricted.n_histories > full.n_histories
    ):
        faults.add(
            "different_customers",
            examples=f"{restricted.n_customers:,} customers with {restricted.n_histories:,} "
            f"distinct histories, and {full.n_customers:,} with {full.n_histories:,}",
            expected="fit both models to the same customers",
        )
    faults.raise_if_any(names)


def _name(fit: Fit[Any]) -> str:
    base = getattr(fit.model, "base", None)
    return type(fit.model).__name__ if base is None else f"{type(base).__name__} with covariates"
