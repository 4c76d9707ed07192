"""Recency, frequency, monetary value: scores, and the segments that are read off them."""

from crmvalue.rfm.axis import ScoreAxis
from crmvalue.rfm.scores import NO_PURCHASE, RFMScorer
from crmvalue.rfm.segments import RECENCY_FREQUENCY_GRID, SegmentTable

__all__ = [
    "NO_PURCHASE",
    "RECENCY_FREQUENCY_GRID",
    "RFMScorer",
    "ScoreAxis",
    "SegmentTable",
]
