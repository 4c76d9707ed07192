"""Fits of Pareto/NBD and NBD, Pareto/NBD beside `lifetimes` on the same data in one run.

Usage: python benchmarks/bench_pareto.py [--customers 100000 1000000] [--runs 3]
       [--peer-runs 3] [--peer-at-most 100000] [--peer-times FILE]

Kind data have daily ages, as a log of dates gives them; unkind data have ages to the second, so
that no two histories are alike. A time counts only where the log-likelihood is no lower than the
peer's; both log-likelihoods are printed in the same formula (ours). The peer takes half a minute
for 100,000 customers and draws its start at random: its time is the median of --peer-runs, its
estimates are the best of them, and it runs on no more customers than --peer-at-most. --peer-times
keeps what it took and found in a file, and takes it from there if it is there: to try a change of
ours on the same machine, not to publish a ratio.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

TRUTH = ParetoNBD(r=0.55, alpha=10.6, s=0.61, beta=11.7)
MODELS = {"Pareto/NBD": ParetoNBD, "NBD": NBD}


def simulate(customers: int, *, daily: bool) -> pd.DataFrame:
    rng = np.random.default_rng(customers)
    days = rng.uniform(182, 455, customers)
    summary = TRUTH.sample(customers, T=(np.floor(days) if daily else days) / 7, rng=rng)
    if daily:
        summary["recency"] = np.floor(summary["recency"] * 7) / 7
    return summary


def timed(run: Callable[[], Any], runs: int) -> tuple[float, list[Any]]:
    """The median time of some runs, and their results."""
    times, results = [], []
    for _ in range(runs):
        start = time.perf_counter()
        results.append(run())
        times.append(time.perf_counter() - start)
    return statistics.median(times), results


def fit_peer(data: pd.DataFrame) -> dict[str, float] | None:
    """Its estimates; None where it fails."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fitter = importlib.import_module("lifetimes").ParetoNBDFitter(penalizer_coef=0.0)
        try:
            fitter.fit(data["frequency"], data["recency"], data["T"])
        except Exception:  # the peer raises its own ConvergenceError on some data
            return None
    found = {name: float(value) for name, value in fitter.params_.items()}
    return found if np.isfinite(list(found.values())).all() else None


def peer(data: pd.DataFrame, runs: int) -> tuple[float, float | None]:
    """The median time of the peer, and its best log-likelihood, if any run got to one."""
    seconds, results = timed(lambda: fit_peer(data), runs)
    history = (data["frequency"], data["recency"], data["T"])
    models = [ParetoNBD(**found) for found in results if found]
    values = [float(model.log_likelihood(*history).sum()) for model in models]
    return seconds, max(values, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-runs", type=int, default=3)
    parser.add_argument("--peer-at-most", type=int, default=100_000)
    parser.add_argument("--peer-times", type=Path)
    options = parser.parse_args()
    known = {}
    if options.peer_times and options.peer_times.exists():
        known = json.loads(options.peer_times.read_text())
    print(
        f"{'model':10} {'data':7} {'customers':>10} {'histories':>10} {'ours s':>8} {'peer s':>8} "
        f"{'ratio':>6} {'our LL':>16} {'LL - peer LL':>13}"
    )
    for name, model in MODELS.items():
        for kind in ("kind", "unkind"):
            for customers in options.customers:
                data = simulate(customers, daily=kind == "kind")
                ours, (fit, *_) = timed(lambda m=model, d=data: m.fit(d), options.runs)
                row = f"{name:10} {kind:7} {customers:10,} {fit.n_histories:10,} {ours:8.3f}"
                if model is NBD or customers > options.peer_at_most:
                    print(f"{row} {'':8} {'':6} {fit.log_likelihood:16.3f}", flush=True)
                    continue
                key = f"{kind} {customers}"
                if key not in known:
                    known[key] = peer(data, options.peer_runs)
                    if options.peer_times:
                        options.peer_times.write_text(json.dumps(known))
                seconds, value = known[key]
                gain = "failed" if value is None else f"{fit.log_likelihood - value:13.6f}"
                print(
                    f"{row} {seconds:8.3f} {seconds / ours:6.1f} {fit.log_likelihood:16.3f} {gain}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
