"""Lifetime models: who is still a customer, and what they will buy.

A model is a file, and so is each question about models or fits; what they rest on lies in folders.
Each line imports from those below it, never from above (a contract in `pyproject.toml`)::

    questions     groups (gives group_fits), frequency, tracking, paths, likelihood_ratio
                  migrate (from `lifetimes`)
    models        bg_nbd, mbg_nbd   bg_cnbd, mbg_cnbd   nbd, pareto_nbd, ggompertz_nbd
      on          _beta_geometric   _condensed          _independent_dropout
                  bg_bb             shifted_beta_geometric    gamma_gamma, normal_spend
      on          _opportunities    _contracts                _spend, independence
    all purchases _purchases: expectations and distributions from what a model gives
    covariates    _covariates makes a _covariate_model, through _design
    every model   _model: its base, the histories it reads, the one estimation flow
    the result    _fit, with bootstrap
    how sure      _inference: search for the maximum, profile, intervals
    numbers       _mathematics

A new model is a file that gives its likelihood and the future of a living customer
(`_model/mechanism.py` names the hooks), on the folder of its family.
"""

from crmvalue.lifetime._covariate_model import CovariateModel
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime.bg_bb import BGBB
from crmvalue.lifetime.bg_cnbd import BGCNBD
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.bootstrap import Bootstrap
from crmvalue.lifetime.frequency import frequency_table
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.ggompertz_nbd import GGompertzNBD
from crmvalue.lifetime.group_fits import GroupFits
from crmvalue.lifetime.groups import fit_groups
from crmvalue.lifetime.independence import spend_independence
from crmvalue.lifetime.likelihood_ratio import likelihood_ratio_test
from crmvalue.lifetime.mbg_cnbd import MBGCNBD
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.migrate import from_lifetimes
from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.normal_spend import NormalSpend
from crmvalue.lifetime.pareto_nbd import ParetoNBD
from crmvalue.lifetime.paths import alive_path, history_grid
from crmvalue.lifetime.shifted_beta_geometric import ShiftedBetaGeometric
from crmvalue.lifetime.tracking import tracking

__all__ = [
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "Bootstrap",
    "CovariateModel",
    "Fit",
    "GGompertzNBD",
    "GammaGamma",
    "GroupFits",
    "NormalSpend",
    "ParetoNBD",
    "ShiftedBetaGeometric",
    "alive_path",
    "fit_groups",
    "frequency_table",
    "from_lifetimes",
    "history_grid",
    "likelihood_ratio_test",
    "spend_independence",
    "tracking",
]
