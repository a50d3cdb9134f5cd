"""Reporters of one's own: classes derived from `ProgressReporter` or `CLIReporter`."""

from __future__ import annotations

import io

import poptune as tune
from poptune.faces.console import console_for
from poptune.faces.live import LiveConsole
from poptune.faces.plain import PlainConsole
from runs import pbt
from watching import RUN_DIR, Terminal, climb


class Endings(tune.CLIReporter):
    """Prints a table whenever a trial has ended."""

    ended = 0

    def should_report(self, trials, done=False):
        before, self.ended = self.ended, sum(trial.status == "TERMINATED" for trial in trials)
        return self.ended > before


def test_a_subclass_says_when_tables_appear(fit, capsys):
    fit(lambda config: {"acc": 1.0}, {"x": tune.grid_search([1, 2])}, verbose=1, progress_reporter=Endings())
    out = capsys.readouterr().out
    assert 1 <= out.count("trial        status") <= 2
    assert "TERMINATED" in out


class Diary(tune.ProgressReporter):
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def setup(self, start_time=None, total_samples=None, metric=None, mode=None, **info):
        self.told.append((total_samples, metric, mode))

    def should_report(self, trials, done=False):
        return done

    def report(self, trials, done, *sys_info):
        self.told.append([(trial.status, trial.last_result["acc"], trial.evaluated_params) for trial in trials])
        self.told.append((done, sys_info[1]))


def test_a_reporter_sees_all_trials(fit):
    diary = Diary()
    space = {"x": tune.grid_search([1, 2])}
    fit(lambda config: {"acc": config["x"]}, space, verbose=1, metric="acc", mode="max", progress_reporter=diary)
    assert diary.told == [
        (2, "acc", "max"),
        [("TERMINATED", 1, {"x": 1}), ("TERMINATED", 2, {"x": 2})],
        (True, "FIFO: trials train independently"),
    ]


def test_a_reporter_that_raises_is_named_once_and_stops_nothing(fit, capsys):
    class Broken(tune.ProgressReporter):
        def should_report(self, trials, done=False):
            raise ZeroDivisionError("nothing to divide")

    results = fit(climb, {"speed": 1.0}, stop={"training_iteration": 3}, verbose=1, progress_reporter=Broken())
    assert results[0].metrics["height"] == 3.0
    printed = capsys.readouterr()
    assert printed.err.count("Broken failed and is left out from here on; training goes on.") == 1
    assert "Run ended after" in printed.out


def test_a_reporter_of_ones_own_takes_the_place_of_the_live_table():
    def console(reporter):
        return console_for(pbt(), RUN_DIR, 0, 1, Terminal(io.BytesIO(), encoding="utf-8"), reporter)

    assert isinstance(console(tune.CLIReporter()), LiveConsole)
    assert isinstance(console(tune.JupyterNotebookReporter()), LiveConsole)
    assert isinstance(console(Endings()), PlainConsole)
    assert isinstance(console(Diary()), PlainConsole)
