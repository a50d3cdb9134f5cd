"""What the scheduler costs per report, from small populations to very large ones.

The core alone, without executor, journal and files: an asynchronous population in which every trial has reported, and
one report after another, each taken in with all that follows from it, as `poptune.schedulers.step` does. *Decision* is
the part of an exploit that chooses the donor and varies the hyperparameters. The machine may be shared: of several
medians the lowest counts.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time

from flood import resident_mb
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialAdded
from poptune.core.population import Population
from poptune.core.space import loguniform, randint, uniform
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.schedulers import PopulationBasedTraining, step

INTERVAL = 10
TARGET_US = 50.0
NOT_DUE, CONTINUES, EXPLOITS, DECISION = "not due", "due, continues", "due, exploits", "decision"

SCHEDULER = PopulationBasedTraining(
    "training_iteration",
    "accuracy",
    "max",
    perturbation_interval=INTERVAL,
    hyperparam_mutations={"lr": loguniform(1e-5, 1e-1), "dropout": uniform(0.0, 0.5), "width": randint(16, 512)},
)


def report(trial: str, iteration: int, accuracy: float, *, saves: bool) -> Reported:
    """Return a report as a runner would hand it over."""
    progress = Progress(iteration, float(iteration))
    saved = SavedCheckpoint(f"{trial}/checkpoint_{iteration:06d}", trial, progress) if saves else None
    return Reported(trial, {"accuracy": accuracy, "training_iteration": iteration}, progress, saved)


def everybody_has_reported(size: int, rng: random.Random) -> Population:
    """Return a population of which every trial has passed its first decision."""
    population = Population()
    for index in range(size):
        config = {"lr": 1e-3, "dropout": 0.1, "width": 64, "seed": index}
        population.apply(TrialAdded(f"t{index:06d}", index, config, str(index), f"t{index:06d}"))
    for trial in [trial.id for trial in population]:
        step(SCHEDULER, population, report(trial, INTERVAL, rng.random(), saves=True))
    return population


def medians_us(population: Population, reports: int, rng: random.Random) -> dict[str, float]:
    """Return the median microseconds of a report of each kind: half of the reports are due."""
    trials = [trial.id for trial in population]
    times: dict[str, list[int]] = {NOT_DUE: [], CONTINUES: [], EXPLOITS: [], DECISION: []}
    clock = time.perf_counter_ns
    for turn in range(reports):
        trial = population[rng.choice(trials)]
        is_due = bool(turn % 2)
        ahead = INTERVAL if is_due else 1
        news = report(trial.id, int(trial.last_ready) + ahead, rng.random(), saves=is_due)
        began = clock()
        population.apply(news)
        verdict = SCHEDULER.judge(population, news)
        if verdict is None:
            times[NOT_DUE].append(clock() - began)
            continue
        population.apply(verdict)
        asked = clock()
        (decision,) = SCHEDULER.decide(population)
        answered = clock()
        population.apply(decision)
        ended = clock()
        if isinstance(decision, Exploit):
            times[EXPLOITS].append(ended - began)
            times[DECISION].append(answered - asked)
        else:
            times[CONTINUES].append(ended - began)
    return {kind: statistics.median(values) / 1000 for kind, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--reports", type=int, default=4_000, help="per median")
    parser.add_argument("--repetitions", type=int, default=7, help="medians, of which the lowest counts")
    arguments = parser.parse_args()
    sizes = sorted(arguments.sizes)

    rng = random.Random(0)
    figures: dict[int, dict[str, float]] = {}
    print(f"microseconds per report, the lowest of {arguments.repetitions} medians; growth since the row above")
    print(
        f"{'trials':>8}" + "".join(f"{kind:>22}" for kind in (NOT_DUE, CONTINUES, EXPLOITS, DECISION)) + f"{'log n':>8}"
    )
    for size in sizes:
        before = resident_mb()
        population = everybody_has_reported(size, rng)
        kilobytes = (resident_mb() - before) * 1024 / size
        found = [medians_us(population, arguments.reports, rng) for _ in range(arguments.repetitions)]
        figures[size] = {kind: min(median[kind] for median in found) for kind in found[0]}
        above = sizes[max(sizes.index(size) - 1, 0)]
        cells = [f"{us:13.1f} (x{us / figures[above][kind]:5.2f})" for kind, us in figures[size].items()]
        print(f"{size:8d}" + "".join(f"{cell:>22}" for cell in cells) + f" (x{math.log(size) / math.log(above):.2f})")

    smallest, largest = figures[sizes[0]], figures[sizes[-1]]
    allowed = math.log(sizes[-1]) / math.log(sizes[0])
    growth = {kind: largest[kind] / smallest[kind] for kind in largest}
    print(f"from {sizes[0]:,} to {sizes[-1]:,} trials log n grows x{allowed:.2f}; the costs grow", end=" ")
    print(", ".join(f"x{factor:.2f} ({kind})" for kind, factor in growth.items()))
    print(f"grows no faster than log n: {'yes' if max(growth.values()) <= allowed else 'NO'}")
    print(f"memory of a trial among {sizes[-1]:,}: {kilobytes:.2f} kB")
    verdict = "yes" if largest[DECISION] < TARGET_US else "NO"
    print(f"exploit decision at {sizes[-1]:,} under {TARGET_US:g} us: {verdict} ({largest[DECISION]:.1f} us)")
    print(json.dumps({"us": largest[DECISION], "growth": max(growth.values()), "kilobytes": kilobytes}))


if __name__ == "__main__":
    main()
