"""Three scores and a tier for ten million customers, beside polars' sort and pandas' qcut.

The peers in pandas are what an analyst writes: `qcut` of three columns, and tiers either by `qcut`
too (which needs no sums: so many customers, not so much value) or by a cumulative sum of the sorted
values. Ours also give the text of the scores and the segment.

Run: python benchmarks/bench_tiers.py [customers]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from crmvalue.rfm import RFMScorer
from crmvalue.tiers import ParetoTiers

ROUNDS = 4
AXES = ("inactive", "frequency", "total_spend")


def best_of(rounds: int, work: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least time of each, run in turn so that a busy minute meets all of them."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def customers(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frequency = rng.geometric(0.3, n) - 1
    return pl.DataFrame(
        {
            "customer_id": np.arange(n),
            "frequency": frequency,
            "inactive": rng.integers(0, 700, n) / 7.0,
            "n_purchases": frequency + 1,
            "total_spend": np.round(rng.lognormal(4.0, 1.0, n), 2),
        }
    )


def main(n: int) -> None:
    polars_frame = customers(n)
    pandas_frame = polars_frame.to_pandas()

    def sort_polars() -> Any:
        return polars_frame.select("customer_id", "total_spend").sort("total_spend")

    def qcut() -> Any:
        return [pd.qcut(pandas_frame[axis], 5, labels=False, duplicates="drop") for axis in AXES]

    def qcut_tiers() -> Any:
        return pd.qcut(pandas_frame["total_spend"], [0, 0.5, 0.8, 1], labels=["c", "b", "a"])

    def sorted_tiers() -> Any:
        value = pandas_frame["total_spend"].sort_values(ascending=False)
        return pd.cut(value.cumsum() / value.sum(), [0, 0.8, 2], labels=["gold", "steel"])

    work: dict[str, Callable[[], Any]] = {
        "polars: sort (id, value) by value": sort_polars,
        "pandas: qcut of three columns": qcut,
        "pandas: tiers by qcut": qcut_tiers,
        "pandas: tiers by sort and cumsum": sorted_tiers,
    }
    for library, frame in (("polars", polars_frame), ("pandas", pandas_frame)):
        scorer = RFMScorer.fit(frame)
        tiers = ParetoTiers.fit(frame, by="total_spend")
        work |= {
            f"{library}: fit scores": lambda f=frame: RFMScorer.fit(f),
            f"{library}: score": lambda f=frame, s=scorer: s.score(f),
            f"{library}: fit tiers": lambda f=frame: ParetoTiers.fit(f, by="total_spend"),
            f"{library}: assign tiers": lambda f=frame, t=tiers: t.assign(f),
        }
    seconds = best_of(ROUNDS, work)
    sort, cut, cut_tiers, sum_tiers = list(seconds.values())[:4]

    print(f"{n:,} customers, best of {ROUNDS} rounds")
    for name, time_taken in seconds.items():
        print(f"  {name:36s} {time_taken:7.3f} s")
    for library in ("polars", "pandas"):
        score = seconds[f"{library}: score"]
        scores = score + seconds[f"{library}: fit scores"]
        frozen = score + seconds[f"{library}: assign tiers"]
        everything = scores + frozen - score + seconds[f"{library}: fit tiers"]
        print(f"{library}:")
        print(f"  all four                             {everything:7.3f} s")
        print(f"  all four, of the sort                {everything / sort:7.2f}")
        print(f"  with frozen thresholds, of the sort  {frozen / sort:7.2f}")
        print(f"  qcut / fit and score                 {cut / scores:7.2f}")
        print(f"  qcut / score                         {cut / score:7.2f}")
        print(f"  qcut of all four / all four          {(cut + cut_tiers) / everything:7.2f}")
        print(f"  qcut and cumsum / all four           {(cut + sum_tiers) / everything:7.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
