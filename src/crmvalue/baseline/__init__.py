"""The gate: what a result was like when it was good, and whether another one still is.

=====================================================  =========================================
line                                                   file
=====================================================  =========================================
schema, terms, counts, left_out, totals, tier_share,   check.py; figures in _figures.py
segment_share, concentration, parameter, migration
psi                                                    _stability.py
reconciliation.* of sums: rows, money_in, left_out,    _reconciliation.py, which calls the others
revenue, distinct_customers, repeated_rows, profit,
lifetime_value, tiers, segments, statement,
contribution, statement_by_tier, headline, ledger,
activity_cost, parameters
reconciliation.* of each row: purchases, ages, dates,  _rows.py
probability_alive, order, statement.*, customers_csv
reconciliation.* of the model: scores, labels,         _model_rows.py
expectations, valuation, facts
reconciliation.* of what was fitted: standard_errors,  _fits.py
tiers.fitted, scores.fitted
reconciliation.* of tables made again: tiers.shares,   _overview.py; cells in _cells.py
segments.figures, concentration, headline.figures,
statement_by_tier.shares, rfm_grid, frequency,
whale_peak, gold_gap, gold_at_risk, tier_policy,
data_gates
reconciliation.* of what is drawn from the customers:  _derived.py; cells in _cells.py
whale_curve, cohorts, migration, movements,
migration_shares, watch_list
=====================================================  =========================================

_lines.py has the kinds of lines, source.py reads a result, record.py is the baseline, tolerances.py
how far a line may drift, report.py the text.
"""

from crmvalue.baseline.check import Reference, check
from crmvalue.baseline.record import Baseline
from crmvalue.baseline.report import drift_text
from crmvalue.baseline.source import Result
from crmvalue.baseline.tolerances import TOLERANCES

__all__ = ["TOLERANCES", "Baseline", "Reference", "Result", "check", "drift_text"]
