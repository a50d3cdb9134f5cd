"""How PBT behaves with 1,000 and 10,000 workers: a study on virtual time, for docs/scaling.md.

Scheduler, runner, journal and files are the real ones and are measured; training and workers are simulated. One
iteration takes 60 s on average, decisions come every 5 iterations, each trial trains 10. What differs:

* even: iterations differ by 5 %;
* stragglers: besides, one worker in a hundred takes three times as long;
* losses: besides, a node of 8 workers is lost every 10 s per 10,000 workers, so that each is lost once in some 2 hours.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import poptune as tune
from flood import resident_mb
from poptune.core.events import Reported, TrialFailed, TrialStarted
from poptune.schedulers import PopulationBasedTraining
from poptune.storage.journal import Journal
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber

ITERATION_S = 60.0
INTERVAL = 5
ITERATIONS = 10
NODE = 8
ANSWER_S = 0.0024  # what one answer takes through Ray, measured by benchmarks/cluster.py
RESULTS = Path(__file__).parent / "results" / "scaling.json"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "scaling.png"


def lengths(kind: str):
    """Return how long an iteration takes, the same for the same trial and iteration in all studies."""

    def seconds(trial: str, iteration: int) -> float:
        rng = random.Random(f"{trial}/{iteration}")
        slow = 3.0 if kind == "stragglers" and int(trial[-5:]) % 100 == 7 else 1.0
        return ITERATION_S * slow * max(0.5, rng.gauss(1.0, 0.05)) + (ANSWER_S if iteration % INTERVAL == 0 else 0.0)

    return seconds


def losses(workers: int) -> list[tuple[float, int]]:
    """Return when which workers are lost, until long after the end."""
    rng = random.Random(0)
    every_s = 10.0 * 10_000 / workers
    nodes = ((every_s * (1 + number), rng.randrange(workers // NODE)) for number in range(int(6000 / every_s)))
    return [(when, NODE * node + place) for when, node in nodes for place in range(NODE)]


def study(workers: int, *, synch: bool, kind: str) -> dict[str, float | str]:
    """Run one population, with as many workers as trials, and return what it cost."""
    seconds = lengths(kind)
    executor = SimulatedExecutor(workers, seconds, losses(workers) if kind == "losses" else ())
    scheduler = PopulationBasedTraining(
        "training_iteration",
        "height",
        "max",
        perturbation_interval=INTERVAL,
        hyperparam_mutations={"speed": tune.uniform(0.0, 10.0)},
        synch=synch,
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            Climber,
            param_space={"speed": tune.uniform(0.0, 10.0)},
            tune_config=tune.TuneConfig(num_samples=workers, seed=0, scheduler=scheduler),
            run_config=tune.RunConfig(
                storage_path=folder,
                executor=executor,
                stop={"training_iteration": ITERATIONS},
                failure_config=tune.FailureConfig(max_failures=-1),
                verbose=0,
            ),
        )
        begun, cpu = time.perf_counter(), time.process_time()
        results = tuner.fit()
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
        with Journal.open(Path(results.experiment_path)) as journal:
            ends = {one.trial: one.metrics["timestamp"] for one in journal.records(Reported)}
            iterations = [(one.trial, one.progress.iteration) for one in journal.records(Reported)]
            failed = sum(1 for _ in journal.records(TrialFailed))
            restarts = sum(start.cause == "recovery" for start in journal.records(TrialStarted))
            size_mb = journal.path.stat().st_size / 1e6
    assert all(result.metrics["training_iteration"] == ITERATIONS for result in results)
    return {
        "workers": workers,
        "mode": "synchronous" if synch else "asynchronous",
        "kind": kind,
        "virtual_s": executor.now,
        "most_ended_s": sorted(ends.values())[int(0.95 * len(ends))],
        "waited": 1 - sum(seconds(*one) for one in iterations) / sum(ends.values()),
        "trained_again": len(iterations) / (workers * ITERATIONS) - 1,
        "cpu_us_per_report": 1e6 * cpu_s / len(iterations),
        "load": cpu_s / executor.now,
        "wall_s": wall_s,
        "exploits": len(results.exploits),
        "failed": failed,
        "restarts": restarts,
        "journal_mb": size_mb,
        "resident_mb": resident_mb(),
    }


def draw(found: list[dict[str, float | str]]) -> None:
    """Draw what is lost to waiting, and what the controller has to do."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    kinds = ["even", "stragglers", "losses"]
    for place, (mode, color) in enumerate({"synchronous": "#c8382d", "asynchronous": "#1f4e79"}.items()):
        of_mode = {(one["workers"], one["kind"]): one for one in found if one["mode"] == mode}
        shares = [100 * max(0.0, of_mode[1000, kind]["waited"]) for kind in kinds]
        bars = left.barh([row + 0.36 * place for row in range(3)], shares, 0.34, color=color, label=mode)
        left.bar_label(bars, fmt="%.0f %%", padding=3)
        even = sorted((one["workers"], one["load"]) for (_, kind), one in of_mode.items() if kind == "even")
        right.plot(*zip(*((workers, 100 * load) for workers, load in even), strict=True), "o-", color=color, label=mode)
    left.set(yticks=[row + 0.18 for row in range(3)], yticklabels=kinds, xlim=(0, 65))
    left.set(title="Time of 1,000 workers lost to waiting", xlabel="percent")
    left.invert_yaxis()
    right.set(xscale="log", yscale="log", xlabel="workers", ylabel="percent of a core")
    right.minorticks_off()
    right.set(xticks=[1000, 10_000], xticklabels=["1,000", "10,000"], yticks=[0.5, 1, 2, 5, 10])
    right.set_yticklabels(["0.5", "1", "2", "5", "10"])
    right.set_title("The controller, iterations of 60 s")
    right.legend(frameon=False)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="PBT with many workers, on virtual time.")
    parser.add_argument("--workers", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--kinds", nargs="*", default=["even", "stragglers", "losses"])
    arguments = parser.parse_args()
    known: list[dict[str, float | str]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for workers in arguments.workers:
        for kind in arguments.kinds:
            for mode in ("synchronous", "asynchronous"):
                one = study(workers, synch=mode == "synchronous", kind=kind)
                print({key: round(value, 4) if isinstance(value, float) else value for key, value in one.items()})
                same = {"workers": workers, "kind": kind, "mode": mode}
                known = [other for other in known if any(other[key] != value for key, value in same.items())]
                known.append(one)
                RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    draw(known)


if __name__ == "__main__":
    main()
