"""The vocabulary of the tests of what a person sees of a run."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialAdded
from poptune.core.explore import Operation
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.faces.chronicle import Chronicle
from poptune.faces.live import LiveConsole
from poptune.faces.plain import PlainConsole
from runs import pbt

HEIGHT = Objective("height", "max")
LOSS = Objective("loss", "min")
RUN_DIR = Path("/runs/climb")


def added(*configs):
    return [TrialAdded(name, i, config) for i, (name, config) in enumerate(zip("abcdefgh", configs, strict=False))]


def two_trials():
    return Population.of(added({"speed": 1.0}, {"speed": 3.0}))


def reported(trial, iteration, checkpoint=None, **metrics):
    return Reported(trial, {"training_iteration": iteration, **metrics}, Progress(iteration), checkpoint)


def saved(iteration, trial="a"):
    return SavedCheckpoint(f"{trial}/{iteration}", trial, Progress(iteration))


def exploit(trial="a", donor="b", score=1.0, donor_score=3.0, config=None, operations=None):
    return Exploit(
        trial=trial,
        donor=donor,
        checkpoint=saved(4, donor),
        config=config or {"speed": 3.6},
        donor_config={"speed": 3.0},
        operations=(Operation("speed", 3.0, 3.6, "* 1.2"),) if operations is None else operations,
        iteration=4,
        time=4.0,
        score=score,
        donor_score=donor_score,
        generation=1,
        donor_generation=1,
    )


class Clock:
    """Tells the time it was set to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.TextIOWrapper):
    """A stream that claims to be one."""

    def isatty(self):
        return True


def plain(scheduler=None, verbose=1):
    stream, clock = io.StringIO(), Clock()
    chronicle = Chronicle(scheduler or pbt(), RUN_DIR, 7, verbose)
    return PlainConsole(chronicle, stream, clock), stream, clock


def live(scheduler=None, width=100, height=30, verbose=1, layout=None):
    stream, clock = io.StringIO(), Clock()
    terminal = Console(file=stream, force_terminal=True, width=width, height=height, color_system=None)
    chronicle = Chronicle(scheduler or pbt(), RUN_DIR, 7, verbose)
    return LiveConsole(chronicle, stream, clock, terminal, layout), stream, clock


def climb(config):
    height = 0.0
    if checkpoint := tune.get_checkpoint():
        height = checkpoint.to_dict()["height"]
    while True:
        height += config["speed"]
        if config["speed"] == 2.0:
            raise ValueError("slipped")
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))


SPACE = {"speed": tune.grid_search([1.0, 2.0, 3.0])}


def words(html):
    """Return what a reader sees, without tags and style."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL).split())
