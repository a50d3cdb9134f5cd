"""Measure PopTune beside Ray Tune and beside the limit, in one run and in turns.

Each script of `scripts/` is run three ways: unchanged under Ray Tune, unchanged on PopTune by `poptune ray-script`, and
with `--bare`: the training functions alone. Figures are medians; all of them go to `results/<machine>.json`, and from
there, by `page.py`, into docs/performance.md.

    python benchmarks/bench.py --ray .venv-ray/bin/python
    python benchmarks/bench.py --quick
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import poptune

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "latest.json"
RECORDED = HERE / "results" / "recorded.json"
CORES = 2  # what the scripts' populations share
WORKER_START_S = 0.3  # of two workers that import what the trainable needs; torch adds its own import


@dataclass(frozen=True)
class Benchmark:
    """One comparison.

    Args:
        name: In the table.
        script: In `scripts/`.
        arguments: Its arguments.
        key: Which figure of its output counts.
        limit: From the output of the script with `--bare` to the least that this figure can be; None: no such thing.
        start: From the same output to the start of the workers, imports included, which the limit leaves out.
        allowed: From the limit and that start to the most that it should be for PopTune.
        times_faster: Than Ray Tune it should be, at least.
        ray: How often Ray Tune is measured; None: it cannot run this.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    key: str = "seconds"
    limit: Callable[[dict], float] | None = None
    start: Callable[[dict], float] = lambda bare: WORKER_START_S
    allowed: Callable[[float, float], float] | None = None
    times_faster: float | None = None
    ray: int | None = 1


def whole(bare: dict) -> float:
    return bare["seconds"]


def shared(trainings: int) -> Callable[[dict], float]:
    """The trainings, shared by the cores."""
    return lambda bare: statistics.median(bare["each"]) * trainings / CORES


def imports(bare: dict) -> float:
    """A worker, and what the first training of a process imports."""
    return WORKER_START_S + bare["each"][0] - statistics.median(bare["each"])


def toy(trials: int, start_s: float, times_faster: float | None, *more: str) -> Benchmark:
    kind = "async" if more else "sync"
    return Benchmark(
        f"toy, {trials} trials, {kind}",
        "toy.py",
        ("--trials", str(trials), *more),
        limit=whole,
        allowed=lambda limit, _: 2 * limit + start_s,
        times_faster=times_faster,
    )


def exchange(form: str, megabytes: int) -> Benchmark:
    return Benchmark(
        f"exploit, {megabytes} MB, {form}",
        "weights.py",
        (form, "--megabytes", str(megabytes)),
        limit=whole,
        allowed=lambda limit, _: 1.3 * limit,
        ray=1 if form == "files" else None,  # newer versions of Ray Tune have no checkpoints from dictionaries
    )


DIGITS = Benchmark(
    "digits, 8 trials on 2 cores",
    "digits.py",
    ("--trials", "8"),
    limit=shared(8),
    start=imports,
    allowed=lambda limit, start: 1.15 * limit + start,
    times_faster=50,
)
QUICK = [toy(2, WORKER_START_S, None), DIGITS]
BENCHMARKS = [
    toy(2, WORKER_START_S, 150),
    toy(2, WORKER_START_S, None, "--asynchronous"),
    toy(4, WORKER_START_S, None),
    toy(16, 0.4, 400),
    DIGITS,
    Benchmark(
        "digits, 32 trials on 2 slots, 10 epochs",
        "digits.py",
        ("--trials", "32", "--epochs", "10"),
        limit=shared(32),
        start=imports,
        allowed=lambda limit, start: 1.2 * limit + start,
        times_faster=1,
    ),
    Benchmark("exploit, set-up of 1 s, class", "restart.py", ("class",), allowed=lambda *_: 0.05),
    Benchmark("exploit, set-up of 1 s, function", "restart.py", ("function",)),
    exchange("files", 10),
    exchange("files", 100),
    exchange("files", 1000),
    exchange("dictionary", 100),
    exchange("dictionary", 1000),
    Benchmark("one report, in microseconds", "report.py", key="us", allowed=lambda *_: 150),
]


@dataclass
class Figures:
    """What was measured of one benchmark."""

    limit: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    poptune: list[float] = field(default_factory=list)
    ray: list[float] = field(default_factory=list)


def output(command: list[str], script: str, arguments: tuple[str, ...], folder: str) -> dict:
    """Run a script, which writes into a folder, and return what it prints last."""
    environment = {**os.environ, "RAY_DEDUP_LOGS": "0", "PYTHONWARNINGS": "ignore", "TMPDIR": folder}
    finished = subprocess.run(
        [*command, str(HERE / "scripts" / script), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if finished.returncode:
        sys.exit(f"{script} {' '.join(arguments)} failed:\n{finished.stdout}{finished.stderr}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def measure(benchmark: Benchmark, repetitions: int, ray: str | None, folder: str) -> Figures:
    """Measure one benchmark, each way in turn. What runs write stays in the folder, as users let it stay."""
    figures = Figures()
    ours = [sys.executable, "-m", "poptune.compat.ray"]
    for repetition in range(repetitions):
        if benchmark.limit:
            bare = output(ours, benchmark.script, (*benchmark.arguments, "--bare"), folder)
            figures.limit.append(benchmark.limit(bare))
            figures.start.append(benchmark.start(bare))
        figures.poptune.append(output(ours, benchmark.script, benchmark.arguments, folder)[benchmark.key])
        if ray and benchmark.ray and repetition < benchmark.ray:
            figures.ray.append(output([ray], benchmark.script, benchmark.arguments, folder)[benchmark.key])
    return figures


def verdict(benchmark: Benchmark, figures: Figures) -> str:
    """Say in one line what was found, and whether it is what it should be."""
    median = statistics.median
    poptune = median(figures.poptune)
    spread = f"{min(figures.poptune):.4g} to {max(figures.poptune):.4g}"
    parts = [f"{benchmark.name:34} {poptune:9.4g}  ({spread})"]
    limit = median(figures.limit) if figures.limit else 0.0
    if limit:
        parts.append(f"limit {limit:.4g}, {poptune / limit:.2f} x")
    if benchmark.allowed:
        allowed = benchmark.allowed(limit, median(figures.start or [0.0]))
        parts.append(f"allowed {allowed:.4g}: {'yes' if poptune <= allowed else 'NO'}")
    if figures.ray:
        factor = median(figures.ray) / poptune
        asked = f", asked {benchmark.times_faster:g}" if benchmark.times_faster else ""
        is_met = not benchmark.times_faster or factor >= benchmark.times_faster
        parts.append(f"Ray Tune {median(figures.ray):.4g}, {factor:.0f} x{asked}: {'yes' if is_met else 'NO'}")
    return "; ".join(parts)


def guard(measured: dict[str, Figures]) -> list[str]:
    """Return what is more than twice as far from the limit as it was when it was recorded.

    The best repetitions count: what else runs on the machine slows down the others.
    """
    recorded = json.loads(RECORDED.read_text())
    found = []
    for name, figures in measured.items():
        distance = min(figures.poptune) / (min(figures.limit) + min(figures.start))
        if distance > 2 * recorded[name]:
            found.append(f"{name}: {distance:.2f} times the limit and the start; recorded was {recorded[name]:.2f}")
    return found


def keep(benchmark: Benchmark, figures: Figures) -> None:
    """Write down what was measured, beside what was measured of others."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    benchmarks = known.get("benchmarks", {}) | {benchmark.name: asdict(figures)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**known, "machine": machine(), "benchmarks": benchmarks}, indent=1) + "\n")


def machine() -> dict:
    return {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure PopTune beside Ray Tune and beside the limit.")
    parser.add_argument("--ray", help="the Python of an environment with Ray Tune; without it, Ray is not measured")
    parser.add_argument("--quick", action="store_true", help="only the toy and the digits, without Ray, as a guard")
    parser.add_argument("--only", default="", help="only benchmarks whose name contains this")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    chosen = [each for each in (QUICK if arguments.quick else BENCHMARKS) if arguments.only in each.name]
    compileall.compile_dir(Path(poptune.__file__).parent, quiet=1)  # as whoever installs it does
    measured: dict[str, Figures] = {}
    # Removed at the end only: ext4 looks for free inodes through all that were deleted in the minutes before, so that
    # each run that is removed would slow down the next.
    with tempfile.TemporaryDirectory() as folder:
        for benchmark in chosen:
            measured[benchmark.name] = measure(benchmark, arguments.repetitions, arguments.ray, folder)
            print(verdict(benchmark, measured[benchmark.name]), flush=True)
            if not arguments.quick:
                keep(benchmark, measured[benchmark.name])
    if arguments.quick and (far := guard(measured)):
        sys.exit("More than twice as far from the limit as recorded:\n" + "\n".join(far))


if __name__ == "__main__":
    main()
