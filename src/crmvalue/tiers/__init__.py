"""Tiers by value: who is in them, how concentrated value is, who moves, and what follows."""

from crmvalue.tiers._axis import MatrixAxis
from crmvalue.tiers._budget_split import BudgetSplit
from crmvalue.tiers._cohort_table import CohortTable
from crmvalue.tiers._migration_result import Migration
from crmvalue.tiers._policy_check import PolicyCheck
from crmvalue.tiers.abc_classes import ABCClasses
from crmvalue.tiers.account_managers import AccountManagers, account_managers
from crmvalue.tiers.allocation import split_budget
from crmvalue.tiers.clusters import ValueClusters
from crmvalue.tiers.cohorts import cohort_table
from crmvalue.tiers.concentration import (
    effective_number,
    gini,
    herfindahl,
    pareto_point,
    top_share,
)
from crmvalue.tiers.concentration_change import compare_concentration
from crmvalue.tiers.cost_to_serve import cost_to_serve_map
from crmvalue.tiers.curves import lorenz_curve, whale_curve
from crmvalue.tiers.fixed import FixedTiers
from crmvalue.tiers.gold_at_risk import GoldAtRisk, gold_at_risk
from crmvalue.tiers.gold_gap import gold_gap
from crmvalue.tiers.matrix import TwoAxisMatrix
from crmvalue.tiers.migration import migration
from crmvalue.tiers.misallocation import Misallocation, misallocation
from crmvalue.tiers.pareto import ParetoTiers
from crmvalue.tiers.policy import check_policy, tier_policy
from crmvalue.tiers.pyramid import ValuePyramid
from crmvalue.tiers.watch_list import watch_list
from crmvalue.tiers.whale import WhalePeak, whale_peak

__all__ = [
    "ABCClasses",
    "AccountManagers",
    "BudgetSplit",
    "CohortTable",
    "FixedTiers",
    "GoldAtRisk",
    "MatrixAxis",
    "Migration",
    "Misallocation",
    "ParetoTiers",
    "PolicyCheck",
    "TwoAxisMatrix",
    "ValueClusters",
    "ValuePyramid",
    "WhalePeak",
    "account_managers",
    "check_policy",
    "cohort_table",
    "compare_concentration",
    "cost_to_serve_map",
    "effective_number",
    "gini",
    "gold_at_risk",
    "gold_gap",
    "herfindahl",
    "lorenz_curve",
    "migration",
    "misallocation",
    "pareto_point",
    "split_budget",
    "tier_policy",
    "top_share",
    "watch_list",
    "whale_curve",
    "whale_peak",
]
