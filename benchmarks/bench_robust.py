"""Fits to thousands of random and degenerate data sets, beside `lifetimes` on the same sets.

Usage: python benchmarks/bench_robust.py [--sets 2000] [--degenerate 200] [--peer-sets 2000]

A fit is good where its log-likelihood is at least that at the simulating parameters and at the
peer's estimates (less 1e-6 of itself); one that says by its messages that the data leave it open
is diagnosed; anything else is a fault. Data without any repeat purchase may be refused. The peer
fails where it raises, or gives parameters or a log-likelihood that aren't finite; it falls short
where its log-likelihood is below the better of ours and that at the truth.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import multiprocessing
import signal
import time
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from crmvalue.errors import InputError
from crmvalue.lifetime import BGNBD, MBGNBD, ParetoNBD

PEERS = {BGNBD: "BetaGeoFitter", MBGNBD: "ModifiedBetaGeoFitter", ParetoNBD: "ParetoNBDFitter"}
PATIENCE = 120  # seconds for one fit of the peer


def random_set(model: Any, seed: int) -> tuple[pd.DataFrame, Any]:
    """Customers of parameters, sizes, ages and units drawn over some orders of magnitude."""
    rng = np.random.default_rng(seed)
    size = int(10 ** rng.uniform(1.3, 3.7))
    span = 10 ** rng.uniform(0.7, 2.5)
    shapes = 10 ** rng.uniform(-0.8, 0.8, 4)
    times = span * 10 ** rng.uniform(-1.3, 0.7, 2)
    names = model._parameters
    values = {
        name: float(times[i // 2]) if name in model._times else float(shapes[i])
        for i, name in enumerate(names)
    }
    truth = model(**values)
    ages = rng.uniform(0.3, 1.0, size) * span
    if rng.random() < 0.5:
        ages = np.floor(ages * 7) / 7
    return truth.sample(size, T=ages, rng=rng), truth


def degenerate_set(seed: int) -> tuple[pd.DataFrame, None]:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 300))
    x, share, T = rng.poisson(2.0, size), rng.random(size), rng.uniform(5, 50, size)
    kind = seed % 10
    if kind == 0:  # all one-time buyers, but one
        x[:] = 0
        x[0] = 1
    elif kind == 1:  # everyone equal
        x[:], share[:], T[:] = rng.integers(1, 9), 0.8, 30
    elif kind == 2:  # two customers
        x, share, T = x[:2] + 1, share[:2], T[:2]
    elif kind == 3:  # an age of one day
        T[:] = 1 / 7
        x = np.minimum(x, 1)
        share[:] = 1
    elif kind == 4:  # one enormous buyer
        x[0] = 10 ** rng.integers(3, 6)
    elif kind == 5:  # nobody leaves
        share[:] = 1
    elif kind == 6:  # everybody left at once
        share[:], T[:] = 1e-3, 200
    elif kind == 7:  # everybody bought once more, on the same day
        x[:], share[:], T[:] = 1, 0.5, 40
    elif kind == 8:  # one customer
        x, share, T = x[:1] + 1, share[:1], T[:1]
    else:  # no repeat purchase at all
        x[:] = 0
    recency = np.where(x > 0, share * T, 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T}), None


def peer_fit(model: Any, data: pd.DataFrame) -> Any:
    """Estimates of the peer as our model; None where it fails."""

    def give_up(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        silent = contextlib.redirect_stdout(io.StringIO())  # the peer prints its failures
        with warnings.catch_warnings(), np.errstate(all="ignore"), silent:
            warnings.simplefilter("ignore")
            np.random.seed(0)  # noqa: NPY002 - the peer starts at random
            fitter = getattr(importlib.import_module("lifetimes"), PEERS[model])()
            fitter.fit(data["frequency"], data["recency"], data["T"])
            return model(**{name: float(fitter.params_[name]) for name in model._parameters})
    except Exception:
        return None
    finally:
        signal.alarm(0)


def trial(job: tuple[Any, int, bool, bool]) -> tuple[str, str, str, int, float]:
    """The model, our verdict, the peer's, the seed, and our seconds."""
    model, seed, degenerate, with_peer = job
    data, truth = degenerate_set(seed) if degenerate else random_set(model, seed)
    history = data["frequency"], data["recency"], data["T"]
    began = time.perf_counter()
    fit = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = model.fit(data)
        except InputError:
            ours = (
                "refused: no repeat purchase" if not data["frequency"].any() else "FAULT: refused"
            )
        except Exception as error:
            ours = f"FAULT: {type(error).__name__}"
    seconds = time.perf_counter() - began
    found = peer_fit(model, data) if with_peer else None
    peer, targets = "", []
    if truth is not None:
        targets.append(float(truth.log_likelihood(*history).sum()))
    if with_peer:
        value = float(found.log_likelihood(*history).sum()) if found is not None else np.nan
        peer = "failed" if not np.isfinite(value) else "good"
        if np.isfinite(value):
            targets.append(value)
    if fit is not None:
        best, slack = max(targets, default=-np.inf), 1e-6 * max(1.0, abs(fit.log_likelihood))
        finite = all(np.isfinite(v) and v > 0 for v in fit.model._estimates().values())
        if not finite or fit.log_likelihood < best - slack:
            ours = f"FAULT: {'not finite' if not finite else 'below the target'}"
            if finite and fit.messages:
                ours += ", diagnosed"
        else:
            ours = "diagnosed" if fit.messages else "good"
        if peer == "good" and value < max([fit.log_likelihood, *targets]) - slack:
            peer = "short"
    return model.__name__, ours, peer, seed, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--degenerate", type=int, default=200)
    parser.add_argument("--peer-sets", type=int, default=2000)
    parser.add_argument("--models", nargs="+", default=[model.__name__ for model in PEERS])
    options = parser.parse_args()
    for model in PEERS:
        if model.__name__ not in options.models:
            continue
        jobs = [(model, seed, False, seed < options.peer_sets) for seed in range(options.sets)]
        jobs += [(model, seed, True, True) for seed in range(options.degenerate)]
        with multiprocessing.Pool(2) as pool:
            results = pool.map(trial, jobs, chunksize=20)
        for title, part in (
            ("random", results[: options.sets]),
            ("degenerate", results[options.sets :]),
        ):
            ours = Counter(verdict for _, verdict, _, _, _ in part)
            peer = Counter(verdict for _, _, verdict, _, _ in part if verdict)
            seconds = sum(second for *_, second in part)
            print(f"{model.__name__:10} {title:10} {len(part):5} sets, {seconds:7.1f} s of ours")
            print(f"{'':10} ours: {dict(ours)}")
            print(f"{'':10} peer: {dict(peer)}")
            for _, verdict, _, seed, _ in part:
                if verdict.startswith("FAULT"):
                    print(f"{'':10} {verdict} at {title} seed {seed}")


if __name__ == "__main__":
    main()
