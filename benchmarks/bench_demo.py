"""Time the demo and the import, each in new processes, with peak memory.

python benchmarks/bench_demo.py
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = {
    "import crmvalue": "import crmvalue",
    "its dependencies": "import pandas, narwhals.stable.v2, scipy.special, scipy.optimize",
}


def seconds(*arguments: str) -> float:
    """Wall time of a new Python process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    empty = statistics.median(seconds("-c", "") for _ in range(runs))
    for turn in range(runs + 1):  # the first turn warms the disk
        for name, code in IMPORTS.items():
            found = seconds("-c", code) - empty
            if turn:
                times[name].append(found)
    ours, theirs = (statistics.median(found) for found in times.values())
    pairs = [a / b for a, b in zip(*times.values(), strict=True)]
    print(
        f"import crmvalue {ours:.3f} s, pandas + narwhals + scipy {theirs:.3f} s, "
        f"ratio {statistics.median(pairs):.3f} (median of {runs} pairs)"
    )
    with tempfile.TemporaryDirectory() as folder:
        demo = [
            seconds("-m", "crmvalue.cli", "demo", "--out", str(Path(folder) / str(run)))
            for run in range(3)
        ]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"demo {statistics.median(demo):.2f} s (median of 3), peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
