"""Lifetime models: who is still a customer, and what they will buy.

A model is a file (`bg_nbd.py`, `pareto_nbd.py`, ...) on the mathematics of its family: files of
`_beta_geometric`, `_condensed` (regular buyers), `_independent_dropout` (Pareto, Gompertz),
`_opportunities` (BG/BB), `_renewals` (contracts), `_spend`. What all models do stands once:
`_estimation` fits by `_search`, `_fit` is the result, `_uncertainty` and `_profile` say how sure it
is; `_mechanism` names what a model gives, `_expectations` and `_distributions` answer from that.
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
from crmvalue.lifetime.groups import GroupFits, fit_groups
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
