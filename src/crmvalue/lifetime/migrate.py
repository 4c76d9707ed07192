"""From the `lifetimes` package: its fitted objects as models of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from crmvalue.errors import InputError
from crmvalue.lifetime._model.model import Model
from crmvalue.lifetime.bg_bb import BGBB
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD


class _Peer(NamedTuple):
    """Our model for a fitter, and what that one calls the parameters, in our order."""

    model: type[Model]
    names: tuple[str, ...]


_PEERS = {
    "BetaGeoFitter": _Peer(BGNBD, ("r", "alpha", "a", "b")),
    "ModifiedBetaGeoFitter": _Peer(MBGNBD, ("r", "alpha", "a", "b")),
    "ParetoNBDFitter": _Peer(ParetoNBD, ("r", "alpha", "s", "beta")),
    "BetaGeoBetaBinomFitter": _Peer(BGBB, ("alpha", "beta", "gamma", "delta")),
    "GammaGammaFitter": _Peer(GammaGamma, ("p", "q", "v")),
}


def from_lifetimes(fitter: Any, *, unit: str | None = None) -> Any:
    """Turn a fitted object of the `lifetimes` package into the model of the same parameters.

    The fitter is recognised by the name of its class; that package is not imported. The parameters
    are taken as they are, also where they were estimated with a penalizer or on rounded ages: to
    estimate them without, fit the model here.

    Parameters
    ----------
    fitter : BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter, GammaGammaFitter or \
BetaGeoBetaBinomFitter
        Fitted, or loaded with its parameters.
    unit : {"W", "D", "M", "Y"}, optional
        What its recency and T were measured in, which the fitter doesn't know: the ``freq`` of its
        summary. By default that of the model: weeks, or years between the opportunities of BG/BB.
        Gamma-gamma has none.

    Returns
    -------
    BGNBD, MBGNBD, ParetoNBD, GammaGamma or BGBB

    Raises
    ------
    InputError
        Where this is not one of those fitters, it has not been fitted, its parameters are not
        positive numbers, or gamma-gamma is given a unit.

    Examples
    --------
    >>> class BetaGeoFitter:  # stands in for that of lifetimes
    ...     params_ = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    >>> from_lifetimes(BetaGeoFitter())
    BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit='W')
    """
    name = type(fitter).__name__
    peer = _PEERS.get(name)
    if peer is None:
        raise InputError(
            f"from_lifetimes takes a fitted {', '.join(_PEERS)} of the lifetimes package; got "
            f"{name}. Cure: pass the fitter itself; or fit a model of crmvalue to the same summary"
        )
    given = getattr(fitter, "params_", None)
    if given is None:
        raise InputError(
            f"this {name} has not been fitted: it has no params_. Cure: call its fit first, or fit "
            f"{peer.model.__name__} to the same summary"
        )
    found: Mapping[str, Any] = dict(given)
    if set(found) != set(peer.names):
        raise InputError(
            f"expected a {name} with the parameters {', '.join(peer.names)}; got "
            f"{', '.join(map(str, found)) or 'none'}. Models with other parameters are not known"
        )
    make: Any = peer.model
    values = {
        ours: found[theirs] for ours, theirs in zip(make._parameters, peer.names, strict=True)
    }
    if unit is None:
        return make(**values)
    if peer.model is GammaGamma:
        raise InputError("spend is per purchase and has no unit of time; leave unit out")
    return make(**values, unit=unit)
