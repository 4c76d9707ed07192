"""Sentences on how well the model does, made of figures that stand in the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmvalue.report._format import column_floats, error, number, text


def holdout(frame: pd.DataFrame | None) -> list[str]:
    """What the model expected of the holdout, what happened, and how far off it was."""
    if frame is None:
        return []
    sentences = []
    for measure, actual, expected, off in zip(
        frame["measure"],
        *(column_floats(frame[c]) for c in ("actual", "expected", "error")),
        strict=True,
    ):
        name = text(measure)
        name = name[:1].upper() + name[1:]
        if np.isfinite(off):
            sentences.append(
                f"{name}: {number(expected, 'number')} expected, {number(actual, 'number')} "
                f"happened. The model {error(off)}."
            )
        elif np.isfinite(expected):
            sentences.append(f"{name}: {number(expected, 'number')}.")
    return sentences


def frequency(frame: pd.DataFrame) -> str:
    """The two ends of the table: who never came back, and who came back most."""
    actual, expected = column_floats(frame["actual"]), column_floats(frame["expected"])
    ends = [
        f"{number(actual[row], 'count')} customers made {_times(frame['purchases'].iloc[row])} "
        f"repeat purchases, where the model expects {number(expected[row], 'count')}"
        for row in dict.fromkeys((0, len(frame) - 1))
    ]
    return f"{'; '.join(ends)}."


def _times(purchases: object) -> str:
    """A number of purchases as a word: "no", "7 or more"."""
    written = text(purchases)
    return "no" if written == "0" else written.replace("+", " or more")
