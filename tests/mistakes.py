"""Mistakes that people make, each as a few lines of code, and the page that shows what PopTune says to them.

`python tests/mistakes.py --update` runs all of them and writes `docs/errors.md`; a test runs them and compares.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import poptune as tune
from poptune.errors import PopTuneError

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

SETTING = '''
import poptune as tune

def train(config):
    """Loses less and less, and saves."""
    for step in range(1, 5):
        loss = config["lr"] / step
        tune.report({"loss": loss, "step": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))

def pbt(**changes):
    """Return a scheduler, with some arguments changed."""
    arguments = {"metric": "loss", "mode": "min", "perturbation_interval": 2,
                 "hyperparam_mutations": {"lr": tune.uniform(0.1, 1.0)}}
    return tune.schedulers.PopulationBasedTraining(**{**arguments, **changes})

def fit(trainable=train, scheduler=None, space={"lr": 0.5}, tune_config=None, **run):
    """Run two trials, and return their results."""
    tune_config = {"num_samples": 2, "seed": 0, "scheduler": scheduler, **(tune_config or {})}
    run = {"name": "run", "storage_path": "runs", "executor": "inline", "verbose": 0, **run}
    return tune.Tuner(trainable, param_space=space, tune_config=tune.TuneConfig(**tune_config),
                      run_config=tune.RunConfig(**run)).fit()
'''


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: What was done wrong, as a heading.
        code: The code that does it, after `SETTING`.
    """

    name: str
    code: str


GROUPS: dict[str, list[Mistake]] = {
    "Metrics and reports": [
        Mistake("A misspelt metric", 'fit(scheduler=pbt(metric="los"))'),
        Mistake("No metric for PBT", "fit(scheduler=pbt(metric=None, mode=None))"),
        Mistake("The metric given twice", 'fit(scheduler=pbt(), tune_config={"metric": "loss", "mode": "min"})'),
        Mistake("A mode that is none", 'pbt(mode="minimize")'),
        Mistake("A time_attr that is not reported", 'fit(scheduler=pbt(time_attr="epoch"))'),
        Mistake(
            "A metric that is a list",
            """
            def train(config):
                tune.report({"loss": [0.5, 0.25]})

            fit(train, pbt())
            """,
        ),
        Mistake(
            "A tensor in a report",
            """
            def train(config):
                import torch
                tune.report({"loss": torch.ones(1)})

            fit(train, pbt())
            """,
        ),
        Mistake(
            "A report from another thread",
            """
            def train(config):
                import concurrent.futures
                with concurrent.futures.ThreadPoolExecutor() as pool:
                    for loss in (2.0, 1.0):
                        tune.report({"loss": loss})
                        pool.submit(tune.report, {"loss": loss}).result()

            raise fit(train)[0].error
            """,
        ),
    ],
    "Schedulers": [
        Mistake("Nothing to vary", "pbt(hyperparam_mutations={})"),
        Mistake("More than half of the population is replaced", "pbt(quantile_fraction=0.8)"),
        Mistake("No interval", "pbt(perturbation_interval=0)"),
        Mistake("A probability above 1", "pbt(resample_probability=25)"),
        Mistake("A mutation that is no choice", 'pbt(hyperparam_mutations={"lr": 0.1})'),
        Mistake("A class in place of an object", "fit(scheduler=tune.schedulers.PopulationBasedTraining)"),
        Mistake("A name in the wrong place", 'tune.PopulationBasedTraining(metric="loss", mode="min")'),
        Mistake("A policy file that is not there", 'tune.schedulers.PopulationBasedTrainingReplay("pbt_policy.txt")'),
    ],
    "Search spaces": [
        Mistake("A logarithm of zero", "tune.loguniform(0, 1)"),
        Mistake("A grid of nothing", 'fit(space={"lr": tune.grid_search([])})'),
        Mistake("No trials", "tune.TuneConfig(num_samples=0)"),
    ],
    "Trainables": [
        Mistake("No function", "tune.Tuner(None)"),
        Mistake("A function that takes no config", "tune.Tuner(lambda: None)"),
        Mistake(
            "A step that returns no dictionary",
            """
            class Net(tune.Trainable):
                def step(self):
                    return 0.5

            fit(Net, pbt(), stop={"training_iteration": 4})
            """,
        ),
        Mistake(
            "An object that cannot travel",
            """
            lock = __import__("threading").Lock()
            def train(config):
                with lock:
                    tune.report({"loss": 1.0})

            fit(train, executor="processes")
            """,
        ),
        Mistake("More cores than there are", 'fit(tune.with_resources(train, {"cpu": 100_000}))'),
        Mistake("A misspelt resource", 'fit(tune.with_resources(train, {"gpus": 1}))'),
        Mistake("Code that fails", 'fit(space={"lt": 0.5}, failure_config=tune.FailureConfig(fail_fast="raise"))'),
    ],
    "Checkpoints": [
        Mistake("A file in place of a directory", 'tune.Checkpoint("weights.pt")'),
        Mistake("A list in place of a dictionary", "tune.Checkpoint.from_dict([0.1, 0.2])"),
        Mistake(
            "An object that only pickle can hold",
            """
            class Net:
                pass

            def train(config):
                tune.report({"loss": 1.0}, checkpoint=tune.Checkpoint.from_dict({"net": Net()}))

            fit(train, pbt())
            """,
        ),
        Mistake(
            "A directory that all trials share",
            """
            def train(config):
                __import__("os").makedirs("model", exist_ok=True)
                tune.report({"loss": 1.0}, checkpoint=tune.Checkpoint("model"))

            fit(train, pbt())
            """,
        ),
        Mistake("No checkpoint to keep", "tune.CheckpointConfig(num_to_keep=0)"),
        Mistake(
            "A frequency for a function",
            "fit(checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=5))",
        ),
    ],
    "Runs": [
        Mistake("A number of iterations as a criterion", "fit(stop=100)"),
        Mistake("A threshold that is no number", 'fit(stop={"loss": "low"})'),
        Mistake("A misspelt executor", 'tune.RunConfig(executor="process")'),
        Mistake("A path as a name", 'tune.RunConfig(name="runs/first")'),
        Mistake("An address as a directory", 'tune.RunConfig(storage_path="s3://bucket/runs")'),
        Mistake("A directory as an address", 'tune.RunConfig(upload_to="runs")'),
        Mistake(
            "A file where the directory should be",
            """
            __import__("pathlib").Path("results").touch()
            fit(storage_path="results")
            """,
        ),
        Mistake("Callbacks that are no list", "tune.RunConfig(callbacks=print)"),
        Mistake("Two wishes that exclude each other", "tune.FailureConfig(max_failures=3, fail_fast=True)"),
    ],
    "Results": [
        Mistake("No metric to compare by", "fit().get_best_result()"),
        Mistake("A metric that nobody reported", 'fit().get_best_result("los", "min")'),
        Mistake("Results before the run", "tune.Tuner(train).get_results()"),
        Mistake(
            "Every trial failed",
            'fit(space={"lt": 0.5}).get_best_result("loss", "min")',
        ),
    ],
    "Going on": [
        Mistake(
            "A misspelt path",
            """
            fit()
            tune.Tuner.restore("runs/rum", train)
            """,
        ),
        Mistake(
            "The directory above",
            """
            fit()
            tune.Tuner.restore("runs", train)
            """,
        ),
        Mistake(
            "Another function",
            """
            fit()
            tune.Tuner.restore("runs/run", lambda config: None)
            """,
        ),
        Mistake(
            "Another seed",
            """
            fit()
            tune.Tuner.restore("runs/run", train, tune_config=tune.TuneConfig(seed=1))
            """,
        ),
        Mistake(
            "Another scheduler",
            """
            fit(scheduler=pbt())
            tune.Tuner.restore("runs/run", train,
                               tune_config=tune.TuneConfig(scheduler=pbt(perturbation_interval=4)))
            """,
        ),
        Mistake(
            "A run that goes on",
            """
            class Second(tune.Callback):
                def on_trial_start(self, iteration, trials, trial, **info):
                    try:
                        tune.Tuner.restore("runs/run", train).fit()
                    except tune.errors.StorageError as error:
                        self.said = error

            second = Second()
            fit(callbacks=[second])
            raise second.said
            """,
        ),
        Mistake(
            "A directory that holds no run",
            """
            __import__("os").makedirs("photos")
            tune.ResultGrid.from_path("photos")
            """,
        ),
        Mistake(
            "A damaged journal",
            """
            fit()
            __import__("pathlib").Path("runs/run/journal.sqlite").write_text("some other file")
            tune.Tuner.restore("runs/run", train)
            """,
        ),
    ],
}

MISTAKES = {mistake.name: mistake for mistakes in GROUPS.values() for mistake in mistakes}


def said(mistake: Mistake) -> str:
    """Make a mistake in a folder of its own, and return what is said to it."""
    with tempfile.TemporaryDirectory() as folder, _working_in(Path(folder)), _quiet():
        names: dict[str, object] = {"__name__": "__main__", "tune": tune}
        try:
            exec(SETTING, names)
            exec(textwrap.dedent(mistake.code), names)
        except (PopTuneError, AttributeError, TypeError, ValueError) as error:
            return _stable(f"{type(error).__name__}: {error}", Path(folder))
    raise AssertionError(f"nothing is said to: {mistake.name}")


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _stable(text: str, folder: Path) -> str:
    """Return a message without what differs from machine to machine."""
    text = text.partition("\n\nTraceback")[0]
    text = text.replace(os.path.realpath(folder), "/home/me").replace(str(folder), "/home/me")
    text = text.replace(socket.gethostname(), "my-machine")
    text = re.sub(r"process \d+", "process 4711", text)
    text = re.sub(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", "2026-01-31_12-00-00", text)
    text = re.sub(r"this machine has \d+", "this machine has 8", text)
    return re.sub(r"0x[0-9a-f]+", "0x7f00", text)


def page() -> str:
    """Return the page."""
    parts = [HEAD.format(setting=SETTING.strip())]
    number = 0
    for group, mistakes in GROUPS.items():
        parts.append(f"## {group}\n\n| | mistake | what is said |\n| --- | --- | --- |")
        for mistake in mistakes:
            number += 1
            parts.append(row(number, mistake, said(mistake)))
        parts.append("")
    return "\n".join(parts)


def row(number: int, mistake: Mistake, message: str) -> str:
    """Return the row of the table for a mistake."""
    code = _cell(textwrap.dedent(mistake.code).strip())
    return f"| {number} | {mistake.name}<br><code>{code}</code> | {_cell(message)} |"


def _cell(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|").replace("*", "\\*")
    lines = (re.sub(r"^ +", lambda spaces: "&nbsp;" * len(spaces[0]), line) for line in text.splitlines())
    return "<br>".join(lines)


HEAD = """# What PopTune says to mistakes

Every mistake that can be seen is refused before anything trains or, where only a report shows it, at the first report.
The message says what happened, where, and what to do; a misspelt word comes with the nearest one that is known. The
classes are those of `poptune.errors`, and most are a `ValueError`, too, as in Ray Tune. An error of training code
comes with its traceback, which is left out here.

This page is written by `python tests/mistakes.py --update`, which makes each mistake, and a test compares. What is not
shown in a row is this:

```python
{setting}
```
"""


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python tests/mistakes.py --update")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{len(MISTAKES)} mistakes, written to {PAGE}")
