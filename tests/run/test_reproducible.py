"""A seeded synchronous run makes the same decisions and metrics, wherever and however often it runs."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import poptune as tune
from poptune.core.events import Reported
from poptune.core.randomness import GlobalGenerators, Purpose, borrowed_globals, rng_for
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.run.results import ResultGrid
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import decisions, events, pbt, stable_rows


def noisy(config):
    """Draws from every global generator, and from numerical code."""
    import torch

    state, step = np.zeros(4), 0
    if checkpoint := tune.get_checkpoint():
        data = checkpoint.to_dict()
        state, step = data["state"], data["step"]
    while True:
        step += 1
        noise = np.random.normal(size=4) + random.random() + torch.rand(4).numpy()
        state = state + config["speed"] * noise
        report = {"height": float(state.sum()), "noise": float(noise[0])}
        saved = tune.Checkpoint.from_dict({"state": state, "step": step}) if step % 2 == 0 else None
        tune.report(report, checkpoint=saved)


def run(fit, executor, seed=0):
    return fit(
        noisy,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=4,
        scheduler=pbt(),
        stop={"training_iteration": 12},
        executor=executor,
        seed=seed,
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    tuner = tune.Tuner(
        noisy,
        param_space={"speed": tune.uniform(0.0, 10.0)},
        tune_config=tune.TuneConfig(num_samples=4, scheduler=pbt(), seed=0),
        run_config=tune.RunConfig(
            stop={"training_iteration": 12},
            executor="inline",
            verbose=0,
            storage_path=tmp_path_factory.mktemp("reference"),
        ),
    )
    return tuner.fit()


def test_the_reference_has_something_to_compare(reference):
    assert len(reference.exploits) == 10
    assert [len(rows) for rows in stable_rows(reference)] == [12] * 4


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_decisions_and_metrics_do_not_depend_on_the_executor(fit, reference, workers):
    results = run(fit, ProcessExecutor(workers) if workers else InlineExecutor())
    assert decisions(results) == decisions(reference)
    assert stable_rows(results) == stable_rows(reference)
    assert policies(results) == policies(reference)


def policies(results):
    """Return the policy files of a run, byte by byte."""
    files = {path.name: path.read_bytes() for path in Path(results.experiment_path).glob("pbt_*.txt")}
    assert len(files["pbt_global.txt"].splitlines()) == len(results.exploits)
    return files


def test_decisions_and_metrics_do_not_depend_on_who_is_fast(fit):
    def seconds(favourite):
        return lambda trial, iteration: 0.1 if trial.endswith(str(favourite)) else 1.0 + (iteration * 7 % 5)

    runs = [
        fit(
            Climber,
            {"speed": tune.uniform(0.0, 10.0)},
            num_samples=4,
            scheduler=pbt(),
            stop={"training_iteration": 12},
            executor=SimulatedExecutor(workers, seconds(favourite)),
        )
        for workers, favourite in [(2, 0), (2, 3), (3, 1), (4, 2)]
    ]
    order = [[report.trial for report in events(results, Reported)] for results in runs]
    assert len({tuple(reporters) for reporters in order}) == len(runs)
    for results in runs[1:]:
        assert policies(results) == policies(runs[0])
        assert decisions(results) == decisions(runs[0])
        assert stable_rows(results) == stable_rows(runs[0])


def test_another_seed_gives_another_run(fit, reference):
    assert decisions(run(fit, "inline", seed=1)) != decisions(reference)


@pytest.mark.parametrize("seed", [0, None])
def test_the_users_generators_are_left_alone(fit, seed):
    import torch

    random.seed(5)
    np.random.seed(6)
    torch.manual_seed(7)
    fit(
        noisy,
        {"speed": tune.sample_from(lambda: random.random() + np.random.random()), "other": 1},
        num_samples=2,
        scheduler=pbt(hyperparam_mutations={"other": lambda: random.randint(1, 5)}),
        stop={"training_iteration": 6},
        seed=seed,
    )
    drawn = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(5)
    np.random.seed(6)
    torch.manual_seed(7)
    assert drawn == (random.random(), np.random.random(), torch.rand(1).item())


SEEDED = """
import random, sys
import numpy as np
import poptune as tune
from poptune.testing.toys import Climber

random.seed(int(sys.argv[1]))
np.random.seed(int(sys.argv[2]))
for name in ("first", "second"):
    tune.Tuner(
        Climber,
        param_space={"speed": tune.uniform(0.0, 10.0)},
        tune_config=tune.TuneConfig(num_samples=4),
        run_config=tune.RunConfig(name, sys.argv[3], {"training_iteration": 2}, executor="inline", verbose=0),
    ).fit()
"""


def test_without_a_seed_it_is_taken_from_the_global_generators_and_recorded(tmp_path):
    def seeded(python, numpy, folder):
        subprocess.run([sys.executable, "-c", SEEDED, str(python), str(numpy), tmp_path / folder], check=True)
        runs = [ResultGrid.from_path(tmp_path / folder / name) for name in ("first", "second")]
        return [(results[0].trial_id[:5], stable_rows(results)) for results in runs]

    once = seeded(1, 2, "once")
    assert seeded(1, 2, "again") == once
    assert seeded(1, 3, "other")[0] != once[0]
    assert seeded(2, 2, "another")[0] != once[0]
    assert once[0] != once[1]  # a loop of runs is not one run many times


def test_torch_takes_part_once_it_is_imported():
    import torch

    state = GlobalGenerators.capture()
    undisturbed = float(torch.rand(()))
    state.restore()
    with contextlib.suppress(KeyError), borrowed_globals(rng_for(0, Purpose.DECISION, 0)):
        lent = float(torch.rand(()))
        raise KeyError
    assert float(torch.rand(())) == undisturbed
    with borrowed_globals(rng_for(0, Purpose.DECISION, 0)):
        assert float(torch.rand(())) == lent
    assert lent != undisturbed
