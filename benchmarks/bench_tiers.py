"""Three scores and a tier for ten million customers, beside polars' sort and pandas' qcut.

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

AXES = ("inactive", "frequency", "total_spend")


def best_of(runs: int, work: Callable[[], Any]) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


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

    peers = {
        "polars: sort (id, value) by value": best_of(3, sort_polars),
        "pandas: qcut of three columns": best_of(2, qcut),
    }
    ours: dict[str, float] = {}
    for library, frame in (("polars", polars_frame), ("pandas", pandas_frame)):
        scorer = RFMScorer.fit(frame)
        tiers = ParetoTiers.fit(frame, by="total_spend")
        ours[f"{library}: fit scores"] = best_of(3, lambda f=frame: RFMScorer.fit(f))
        ours[f"{library}: score"] = best_of(3, lambda f=frame, s=scorer: s.score(f))
        ours[f"{library}: fit tiers"] = best_of(
            3, lambda f=frame: ParetoTiers.fit(f, by="total_spend")
        )
        ours[f"{library}: assign tiers"] = best_of(3, lambda f=frame, t=tiers: t.assign(f))
        kinds = ("fit scores", "score", "fit tiers", "assign tiers")
        ours[f"{library}: all four"] = sum(ours[f"{library}: {kind}"] for kind in kinds)
        ours[f"{library}: score and assign"] = (
            ours[f"{library}: score"] + ours[f"{library}: assign tiers"]
        )

    print(f"{n:,} customers")
    for name, seconds in peers.items():
        print(f"  {name:36s} {seconds:7.3f} s")
    sort, cut = peers.values()
    print(f"  {'':36s} {'':9s} {'of the sort':>12s} {'qcut / ours':>12s}")
    for name, seconds in ours.items():
        print(f"  {name:36s} {seconds:7.3f} s {seconds / sort:12.2f} {cut / seconds:12.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
