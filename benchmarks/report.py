"""What one `report()` costs, inline and in worker processes, beside an empty round trip through a pipe.

A trial's function reports in a tight loop and measures itself, from its first report to its last. In worker processes
it can be no faster than the driver reads, so both sides are in the figure. *On a lease* nobody needs to answer a
report; *answered* means that a stop function looks at each one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time

import poptune as tune

TARGETS_US = {"inline": 60, "processes": 150}


def flood(config):
    import time

    for _ in range(config["warm_up"]):
        tune.report({"loss": 0.5})
    began = time.perf_counter()
    for _ in range(config["reports"]):
        tune.report({"loss": 0.5})
    seconds = time.perf_counter() - began
    tune.report({"loss": 0.5, "us": 1e6 * seconds / config["reports"]})


def cost_us(executor: str, reports: int, stop) -> float:
    """Return the microseconds of one report."""
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            flood,
            param_space={"reports": reports, "warm_up": 100},
            tune_config=tune.TuneConfig(seed=0),
            run_config=tune.RunConfig(executor=executor, storage_path=folder, verbose=0, stop=stop),
        )
        return tuner.fit()[0].metrics["us"]


def never(trial_id, result):
    return False


def echo(pipe):
    while (message := pipe.recv_bytes()) != b"end":
        pipe.send_bytes(message)


def round_trip_us(count: int = 5000) -> float:
    """Return the microseconds of an empty round trip through a pipe to another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=echo, args=(theirs,))
    process.start()
    for _ in range(100):
        ours.send_bytes(b"x")
        ours.recv_bytes()
    began = time.perf_counter()
    for _ in range(count):
        ours.send_bytes(b"x")
        ours.recv_bytes()
    seconds = time.perf_counter() - began
    ours.send_bytes(b"end")
    process.join()
    return 1e6 * seconds / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--reports", type=int, default=5000)
    arguments = parser.parse_args()
    rows: dict[str, list[float]] = {}
    for _ in range(arguments.repetitions):
        rows.setdefault("empty pipe round trip", []).append(round_trip_us())
        for executor in TARGETS_US:
            rows.setdefault(f"{executor}, on a lease", []).append(cost_us(executor, arguments.reports, None))
            rows.setdefault(f"{executor}, answered", []).append(cost_us(executor, arguments.reports, never))
    print(f"microseconds per report, medians of {arguments.repetitions} runs of {arguments.reports} reports")
    for name, figures in rows.items():
        target = TARGETS_US.get(name.partition(",")[0]) if "lease" in name else None
        median = statistics.median(figures)
        verdict = f"  target {target}: {'yes' if median <= target else 'NO'}" if target else ""
        print(f"  {name:24} {median:7.1f}  ({min(figures):.1f} to {max(figures):.1f}){verdict}")
    print(json.dumps({name: statistics.median(figures) for name, figures in rows.items()}))


if __name__ == "__main__":
    main()
