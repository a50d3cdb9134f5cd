"""Runs at the edges of what views have to show, written into a directory within a second each, without processes.

`EDGE_RUNS` names them all: `EDGE_RUNS["all_nan"](folder)` returns the directory of the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import poptune as tune
from interrupting import Interrupted
from poptune.core.decisions import Exploit, Stop
from poptune.core.domains import Domain
from poptune.core.events import Reported, TrialStarted
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.schedulers import PopulationBasedTraining, step
from poptune.storage.journal import Journal
from poptune.storage.records import Record

ATTACK = "<img src=x onerror=alert(1)>"
BREAKOUT = "</script><script>alert(2)</script>"
UNICODE = "学習率 e\u0301 🐙 \u202edrah"
LONG = "a_hyperparameter_whose_name_goes_on_" * 6

LR = {"lr": tune.loguniform(1e-4, 1.0)}


def learn(config: dict[str, Any]) -> None:
    """Learn as well as `lr` lets it: best near 0.03 at first and near 0.003 later."""
    state = {"step": 0, "score": 0.0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = _learned(state, config["lr"])
        saves = tune.Checkpoint.from_dict(state) if state["step"] % 5 == 0 else None
        tune.report({"score": state["score"]}, checkpoint=saves)


def _learned(state: dict[str, Any], lr: float) -> dict[str, Any]:
    number = state["step"] + 1
    fit = math.exp(-abs(math.log10(lr) - (-1.5 - number / 60)))
    wobble = 0.01 * math.sin(12.9898 * number + 78.233 * lr)
    return {"step": number, "score": state["score"] + 0.08 * fit * (1 - state["score"]) + wobble}


def one_trial(folder: Path) -> Path:
    """One trial, which has nobody to copy."""
    return _fitted(folder, "one_trial", trials=1)


def two_trials(folder: Path) -> Path:
    """Two trials, of which the worse always copies the better."""
    return _fitted(folder, "two_trials", trials=2)


def many_trials(folder: Path, trials: int = 64) -> Path:
    """A large population."""
    return _fitted(folder, "many_trials", trials=trials, iterations=40)


def asynchronous(folder: Path) -> Path:
    """Eight trials that wait for nobody."""
    return _fitted(folder, "asynchronous", trials=8, pbt={"synch": False})


def all_nan(folder: Path) -> Path:
    """Nobody ever reports a number."""

    def diverge(config: dict[str, Any]) -> None:
        while True:
            tune.report({"score": math.nan}, checkpoint=tune.Checkpoint.from_dict({}))

    return _fitted(folder, "all_nan", diverge)


def no_reports(folder: Path) -> Path:
    """Training has begun, and nobody has reported yet."""
    return _interrupted(folder, "no_reports", _InterruptedAtStart())


def crashed(folder: Path) -> Path:
    """The run ended in the middle, as a killed process does, with all its trials alive."""
    return _interrupted(folder, "crashed", Interrupted(after=47))


def failing(folder: Path) -> Path:
    """One trial of four fails for good, and another one once, after which it goes on."""

    def fall(config: dict[str, Any]) -> None:
        number = int(tune.get_context().get_trial_id().rpartition("_")[2])
        for n in range(1, 31):
            if n == 8 and (number == 1 or (number == 2 and not (folder / "fell_once").exists())):
                (folder / "fell_once").touch()
                raise ValueError(f"fell at {n}")
            tune.report({"score": n * config["lr"]}, checkpoint=tune.Checkpoint.from_dict({}) if n % 5 == 0 else None)

    return _fitted(folder, "failing", fall, failure_config=tune.FailureConfig(max_failures=1))


def nested(folder: Path) -> Path:
    """Three hyperparameters with nested names: log scale, whole numbers, a choice. Smaller is better."""
    space = {
        "optimizer": {"lr": tune.loguniform(1e-4, 1.0), "schedule": {"warmup": tune.randint(1, 100)}},
        "model": {"activation": tune.choice(["relu", "gelu", "tanh"])},
    }

    def train(config: dict[str, Any]) -> None:
        state = {"step": 0, "score": 0.0}
        if checkpoint := tune.get_checkpoint():
            state = checkpoint.to_dict()
        while True:
            state = _learned(state, config["optimizer"]["lr"])
            tune.report({"eval": {"loss": 1 - state["score"]}}, checkpoint=tune.Checkpoint.from_dict(state))

    return _fitted(folder, "nested", train, space=space, metric="eval/loss", mode="min")


def no_metric(folder: Path) -> Path:
    """Trials that train without a scheduler and a metric."""
    return _fitted(folder, "no_metric", scheduler=None)


def hostile(folder: Path) -> Path:
    """Every name is markup: of the run, the metric, hyperparameters, values, and trials."""
    return _named(folder, "hostile", f"{ATTACK}{BREAKOUT}", choices=[ATTACK, "=1+1", "\x1b[2J", "javascript:alert(3)"])


def unicode_names(folder: Path) -> Path:
    """Every name is made of signs that few programs were tested with, some of them written from right to left."""
    return _named(folder, "学習 🐙", UNICODE, choices=["はい", "нет", "👩\u200d🚀"])


def long_names(folder: Path) -> Path:
    """Every name has more than 200 characters."""
    return _named(folder, "long_names", LONG, choices=["short", "v" * 250])


def extreme(folder: Path) -> Path:
    """Values at the ends of what a float can say and beyond, and choices among functions and infinities."""

    def diverge(config: dict[str, Any]) -> None:
        while True:
            for value in (10**400, 1e308, -1e308, 1e307 * config["lr"], config["lr"]):
                tune.report({"score": value}, checkpoint=tune.Checkpoint.from_dict({}))

    choices = {"act": tune.choice([math.tanh, math.erf]), "clip": tune.choice([0.5, math.inf])}
    return _fitted(folder, "extreme", diverge, space={**LR, **choices, "scale": tune.uniform(-1e308, 0.7e308)})


def close(folder: Path) -> Path:
    """Values that are far larger than the differences between them."""

    def train(config: dict[str, Any]) -> None:
        state = {"step": 0, "score": 0.0}
        while True:
            state = _learned(state, config["lr"])
            tune.report({"score": state["score"] - 1234567}, checkpoint=tune.Checkpoint.from_dict({}))

    return _fitted(folder, "close", train, space={**LR, "day": tune.randint(20240101, 20240131)})


EDGE_RUNS: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (
        *(one_trial, two_trials, many_trials, asynchronous, all_nan, no_reports, crashed, failing),
        *(nested, no_metric, hostile, unicode_names, long_names, extreme, close),
    )
}


def large(folder: Path, trials: int = 64, iterations: int = 5000, interval: int = 100) -> Path:
    """Write the journal of a large run: real decisions about a simulated training, without running anything.

    Args:
        folder: Where the directory of the run is made.
        trials: Size of the population.
        iterations: Reports of each trial.
        interval: Iterations between its decisions.
    """
    pattern = _fitted(folder, "pattern", trials=trials, iterations=1)
    with Journal.open(pattern) as journal:
        about, records = journal.about, list(journal.records())[:trials]
    scheduler, population = _pbt(interval=interval, quantile_fraction=0.25), Population.of(records, about["seed"])
    states = {trial.id: {"step": 0, "score": 0.0} for trial in population}
    run_dir = folder / "large"
    run_dir.mkdir()
    with Journal.create(run_dir, {**about, "name": "large"}, records) as journal:
        for number in range(1, iterations + 1):
            decided: list[Record] = []
            for trial, state in states.items():
                states[trial] = learned = _learned(state, population[trial].config["lr"])
                progress = Progress(number, float(number))
                saved = SavedCheckpoint(f"{trial}@{number}", trial, progress) if number % interval == 0 else None
                metrics = {"training_iteration": number, "score": learned["score"]}
                decided += step(scheduler, population, Reported(trial, metrics, progress, saved))
            scores = {trial: state["score"] for trial, state in states.items()}
            for exploit in (record for record in decided if isinstance(record, Exploit)):
                states[exploit.trial] = {"step": number, "score": scores[exploit.donor]}
            journal.append(decided)
        journal.append([Stop(trial, f"training_iteration >= {iterations}") for trial in states])
    return run_dir


class _InterruptedAtStart(tune.Callback):
    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        raise KeyboardInterrupt


def _pbt(
    space: dict[str, Any] = LR, metric: str = "score", mode: Any = "max", interval: int = 5, **options: Any
) -> PopulationBasedTraining:
    settings = {"quantile_fraction": 0.5, "synch": True, **options}
    return PopulationBasedTraining(
        "training_iteration",
        metric=metric,
        mode=mode,
        perturbation_interval=interval,
        hyperparam_mutations=space,
        **settings,
    )


def _tuner(
    folder: Path,
    name: str,
    trainable: Any = learn,
    *,
    trials: int = 4,
    iterations: int = 30,
    space: dict[str, Any] = LR,
    pbt: dict[str, Any] | None = None,
    metric: str = "score",
    mode: str = "max",
    **run: Any,
) -> tune.Tuner:
    scheduler = run.pop("scheduler", _pbt(space, metric, mode, **pbt or {}))
    return tune.Tuner(
        trainable,
        param_space=space,
        tune_config=tune.TuneConfig(num_samples=trials, seed=3, scheduler=scheduler),
        run_config=tune.RunConfig(
            name=name,
            storage_path=folder,
            executor="inline",
            verbose=0,
            stop={"training_iteration": iterations},
            **run,
        ),
    )


def _fitted(folder: Path, name: str, trainable: Any = learn, **options: Any) -> Path:
    return Path(_tuner(folder, name, trainable, **options).fit().experiment_path)


def _interrupted(folder: Path, name: str, callback: tune.Callback) -> Path:
    try:
        _tuner(folder, name, callbacks=[callback]).fit()
    except KeyboardInterrupt:
        return folder / name
    raise AssertionError("the run was not interrupted")


def _named(folder: Path, run: str, name: str, choices: list[str]) -> Path:
    """Write a run in which everything that can have a name has this one."""
    space: dict[str, Domain] = {f"lr {name}": tune.loguniform(1e-4, 1.0), name: tune.choice(choices)}
    metric = f"score {name}"

    def train(config: dict[str, Any]) -> None:
        state = {"step": 0, "score": 0.0}
        while True:
            state = _learned(state, config[f"lr {name}"])
            if state["step"] == 20 and tune.get_context().get_trial_id().endswith("1"):
                raise ValueError(name)
            tune.report({metric: state["score"]}, checkpoint=tune.Checkpoint.from_dict({"name": name}))

    plain = _fitted(folder, f"plain {run}", train, space=space, metric=metric)
    return _renamed(plain, folder / run, name)


def _renamed(plain: Path, run_dir: Path, name: str) -> Path:
    """Write a run's journal anew with a name before the id of each trial, which PopTune itself would never give."""
    run_dir.mkdir()
    with Journal.open(plain) as journal:
        about = {**journal.about, "name": name, "trainable": name}
        records = [_with_ids(record, name) for record in journal.records()]
    Journal.create(run_dir, about, records).close()
    return run_dir


def _with_ids(record: Record, name: str) -> Record:
    ids = {field.name: f"{name} {getattr(record, field.name)}" for field in fields(record) if field.name in _IDS}
    place = {"hostname": name} if isinstance(record, TrialStarted) else {}
    return replace(record, **ids, **place)


_IDS = ("trial", "donor")
