"""Recency, frequency, monetary value: scores, and the segments that are read off them."""

from crmvalue.rfm.axis import ScoreAxis
from crmvalue.rfm.gates import rfm_gates
from crmvalue.rfm.nested import NestedCuts
from crmvalue.rfm.scores import RFMScorer
from crmvalue.rfm.segment_summary import segment_summary
from crmvalue.rfm.segment_tables import NO_PURCHASE, NO_SEGMENT
from crmvalue.rfm.segments import (
    NEWER_SEGMENTS,
    OLDER_SEGMENTS,
    RECENCY_FREQUENCY_GRID,
    SegmentTable,
)

__all__ = [
    "NEWER_SEGMENTS",
    "NO_PURCHASE",
    "NO_SEGMENT",
    "OLDER_SEGMENTS",
    "RECENCY_FREQUENCY_GRID",
    "NestedCuts",
    "RFMScorer",
    "ScoreAxis",
    "SegmentTable",
    "rfm_gates",
    "segment_summary",
]
