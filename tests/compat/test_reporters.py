"""`CLIReporter`: which columns and rows the table in the terminal shows."""

from __future__ import annotations

import pytest
from rich.console import Console, ConsoleDimensions

import poptune as tune
from poptune.core.events import Reported, TrialAdded
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.trial import Progress
from poptune.errors import ModeError, OptionError
from poptune.faces.table import table_of

SCORES = {"a": 0.2, "b": 0.9, "c": 0.5, "d": 0.7}


def shown(reporter, width=100, height=40, keys=("lr",)):
    """Return the lines of the table of four trials, each a list of its words."""
    added = [TrialAdded(name, i, {"lr": 0.1 * (i + 1), "net": {"depth": i}}, "") for i, name in enumerate(SCORES)]
    population = Population.of(added)
    for name, score in SCORES.items():
        metrics = {"acc": score, "epoch": 3, "eval": {"loss": 1 - score}, "training_iteration": 4}
        population.apply(Reported(name, metrics, Progress(4, 1.0), None))
    size = ConsoleDimensions(width, height)
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(table_of(population, Objective("acc", "max"), list(keys), [], size=size, reporter=reporter))
    return [line.split() for line in capture.get().splitlines() if line.strip()]


def trials(lines):
    return [line[0] for line in lines[1:] if line[0] in SCORES]


def test_without_a_reporter_the_best_comes_first():
    lines = shown(None)
    assert lines[0] == ["trial", "status", "iter", "acc", "exploits", "lr", "time"]
    assert trials(lines) == ["b", "d", "c", "a"]


def test_metric_columns():
    lines = shown(tune.CLIReporter(metric_columns=["epoch", "eval/loss", "nowhere"]))
    assert lines[0] == ["trial", "status", "epoch", "eval/loss", "nowhere", "exploits", "lr"]
    assert lines[1][0] == "a"
    assert lines[1][2:] == ["3", "0.8", "-", "0", "0.1"]


def test_metric_columns_with_titles():
    assert "accuracy" in shown(tune.CLIReporter(metric_columns={"acc": "accuracy"}))[0]


def test_parameter_columns():
    lines = shown(tune.CLIReporter(parameter_columns={"net/depth": "depth"}))
    assert lines[0] == ["trial", "status", "iter", "acc", "exploits", "depth", "time"]
    assert [line[5] for line in lines[1:]] == ["0", "1", "2", "3"]


def test_no_parameter_columns():
    assert "lr" not in shown(tune.CLIReporter(parameter_columns=[]))[0]


def test_most_rows():
    lines = shown(tune.CLIReporter(max_progress_rows=2))
    assert trials(lines) == ["a", "b"]
    assert lines[-1] == ["...", "2", "more"]


def test_sorted_by_the_metric_of_the_run_or_by_another():
    assert trials(shown(tune.CLIReporter(sort_by_metric=True))) == ["b", "d", "c", "a"]
    assert trials(shown(tune.CLIReporter(sort_by_metric=True, metric="eval/loss", mode="max"))) == ["a", "c", "d", "b"]
    assert trials(shown(tune.CLIReporter())) == ["a", "b", "c", "d"]


def test_long_texts_are_cut():
    lines = shown(tune.CLIReporter(metric_columns={"acc": "validation accuracy"}, max_column_length=8))
    assert "validat…" in lines[0]


def test_a_run_takes_one(fit):
    results = fit(
        lambda config: {"acc": 1},
        {},
        progress_reporter=tune.JupyterNotebookReporter(metric_columns=["acc"]),
    )
    assert results[0].metrics["acc"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric_columns": "acc"}, "metric_columns must be a list of names"),
        ({"parameter_columns": 3}, "parameter_columns must be a list of names"),
        ({"max_progress_rows": 0}, "max_progress_rows must be a whole number from 1"),
        ({"max_column_length": True}, "max_column_length must be a whole number from 1"),
    ],
)
def test_what_cannot_work_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        tune.CLIReporter(**options)


def test_other_refusals():
    with pytest.raises(ModeError):
        tune.CLIReporter(mode="best")
    with pytest.raises(
        TypeError, match=r"CLIReporter has no argument 'metric_column'\. Did you mean 'metric_columns'\?"
    ):
        tune.CLIReporter(metric_column=["acc"])
    with pytest.raises(OptionError, match=r"progress_reporter must be a CLIReporter\(\.\.\.\)"):
        tune.RunConfig(progress_reporter="table")


def test_what_has_no_meaning_is_named_in_one_warning():
    with pytest.warns(UserWarning, match="JupyterNotebookReporter ignores overwrite, max_error_rows"):
        tune.JupyterNotebookReporter(overwrite=True, max_error_rows=3)
