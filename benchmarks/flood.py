"""How many reports a second PopTune takes, and what it keeps of them: memory over a million reports.

Trials report in a tight loop, on a lease. The memory is that of the driver, looked at whenever another tenth of the
reports is in the journal.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import poptune as tune
from poptune.errors import StorageError
from poptune.storage.journal import Journal

WORKERS = [1, 2, 8, 64]


def flood(config):
    for _ in range(config["reports"]):
        tune.report({"loss": 0.5})


def fit(folder: str, trials: int, reports: int, executor: str) -> float:
    """Return the seconds that reports of several trials take."""
    resources = tune.with_resources(flood, {"cpu": os.cpu_count() / trials})  # as many workers as trials
    tuner = tune.Tuner(
        resources,
        param_space={"reports": reports // trials},
        tune_config=tune.TuneConfig(num_samples=trials, seed=0),
        run_config=tune.RunConfig(executor=executor, storage_path=folder, name="flood", verbose=0),
    )
    began = time.perf_counter()
    tuner.fit()
    return time.perf_counter() - began


def rate(trials: int, reports: int, executor: str = "processes") -> float:
    """Return the reports of a second, the start of the workers left out."""
    with tempfile.TemporaryDirectory() as folder:
        start = fit(f"{folder}/start", trials, trials, executor)
        return reports / (fit(folder, trials, reports, executor) - start)


def resident_mb() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(reports: int) -> list[float]:
    """Return the driver's memory in MB after each tenth of the reports."""
    found: list[float] = []
    has_ended = threading.Event()

    def watch(run_dir: Path) -> None:
        while not has_ended.wait(0.02):
            try:
                with Journal.open(run_dir) as journal:
                    (count,) = next(journal._query("SELECT max(seq) FROM events"))
            except StorageError:  # it has not begun
                continue
            if count >= reports // 10 * (len(found) + 1):
                found.append(resident_mb())
                print(f"  {count:9,} reports: {found[-1]:6.1f} MB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        watcher = threading.Thread(target=watch, args=(Path(folder, "flood"),))
        watcher.start()
        fit(folder, 2, reports, "processes")
        has_ended.set()
        watcher.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=1_000_000, help="of the look at the memory")
    parser.add_argument("--rate-reports", type=int, default=100_000)
    arguments = parser.parse_args()
    rates = {"inline": rate(1, arguments.rate_reports, "inline")}
    rates |= {f"{workers} workers": rate(workers, arguments.rate_reports) for workers in WORKERS}
    for name, figure in rates.items():
        print(f"{name:12} {figure:9,.0f} reports a second", flush=True)
    found = memory(arguments.reports)
    growth = max(found) / found[0]
    print(f"memory over {arguments.reports:,} reports: {growth:.3f} times that after the first tenth")
    print(json.dumps({**{f"reports a second, {name}": figure for name, figure in rates.items()}, "growth": growth}))


if __name__ == "__main__":
    main()
