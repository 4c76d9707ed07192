"""Lifetime models: who is still a customer, and what they will buy."""

from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime.bg_nbd import BGNBD
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.lifetime.mbg_nbd import MBGNBD
from crmvalue.lifetime.tracking import tracking

__all__ = ["BGNBD", "MBGNBD", "Fit", "GammaGamma", "tracking"]
