"""`CLIReporter`: what its tables show, and when."""

from __future__ import annotations

import sys

import pytest

import poptune as tune
from poptune.core.events import Reported, TrialAdded, TrialFailed
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.trial import Progress
from poptune.errors import ModeError, OptionError
from poptune.faces.chronicle import Chronicle
from poptune.faces.plain import PlainConsole
from poptune.faces.reporters import Reporting
from poptune.faces.table import lines_of, table_of
from runs import pbt
from watching import RUN_DIR, SPACE, Clock, climb, exploit, live, reported, two_trials

SCORES = {"a": 0.2, "b": 0.9, "c": 0.5, "d": 0.7}


def four_trials():
    added = [TrialAdded(name, i, {"lr": 0.1 * (i + 1), "net": {"depth": i}}, "") for i, name in enumerate(SCORES)]
    population = Population.of(added)
    for name, score in SCORES.items():
        metrics = {"acc": score, "epoch": 3, "eval": {"loss": 1 - score}, "note": "x", "training_iteration": 4}
        population.apply(Reported(name, metrics, Progress(4, 1.0), None))
    return population


def shown(reporter, population=None):
    """Return the lines of the table of four trials, each a list of its words."""
    table = table_of(list(population or four_trials()), Objective("acc", "max"), ["lr"], reporter.layout)
    return [line.split() for line in lines_of(table)]


def trials(lines):
    return [line[0] for line in lines[1:] if line[0] in SCORES]


# Columns and rows.


def test_metric_columns():
    lines = shown(tune.CLIReporter(metric_columns=["epoch", "eval/loss", "nowhere"]))
    assert lines[0] == ["trial", "status", "epoch", "eval/loss", "nowhere", "exploits", "lr"]
    assert lines[1] == ["a", "PENDING", "3", "0.8", "-", "0", "0.1"]


def test_metric_columns_with_titles():
    assert "accuracy" in shown(tune.CLIReporter(metric_columns={"acc": "accuracy"}))[0]


@pytest.mark.parametrize(
    ("limit", "found"), [(0, ["acc"]), (1, ["acc"]), (2, ["acc", "epoch"]), (9, ["acc", "epoch", "eval/loss"])]
)
def test_without_metric_columns_some_numbers_are_found(limit, found):
    titles = shown(tune.CLIReporter(infer_limit=limit))[0]
    assert titles == ["trial", "status", "iter", *found, "exploits", "lr", "time"]


def test_columns_can_be_added():
    reporter = tune.CLIReporter(parameter_columns=["lr"])
    reporter.add_metric_column("eval/loss", "loss")
    reporter.add_parameter_column("net/depth")
    assert shown(reporter)[0] == ["trial", "status", "iter", "acc", "loss", "exploits", "lr", "net/depth", "time"]


def test_parameter_columns():
    lines = shown(tune.CLIReporter(metric_columns=["acc"], parameter_columns={"net/depth": "depth"}))
    assert lines[0] == ["trial", "status", "acc", "exploits", "depth"]
    assert [line[4] for line in lines[1:]] == ["0", "1", "2", "3"]
    assert "lr" not in shown(tune.CLIReporter(parameter_columns=[]))[0]


def test_most_rows():
    lines = shown(tune.CLIReporter(max_progress_rows=2))
    assert trials(lines) == ["a", "b"]
    assert lines[-1] == ["...", "2", "more"]


def test_most_rows_of_errors():
    population = four_trials()
    for name in "abc":
        population.apply(TrialFailed(name, "ValueError: slipped on the way", "", False))
    lines = shown(tune.CLIReporter(max_error_rows=2), population)
    assert lines[-5:] == [
        ["Failed", "trials:", "3"],
        ["trial", "failures", "error"],
        ["a", "1", "ValueError:", "slipped", "on", "the", "way"],
        ["b", "1", "ValueError:", "slipped", "on", "the", "way"],
        ["...", "1", "more"],
    ]


def test_sorted_by_the_metric_of_the_run_or_by_another():
    assert trials(shown(tune.CLIReporter(sort_by_metric=True))) == ["b", "d", "c", "a"]
    assert trials(shown(tune.CLIReporter(sort_by_metric=True, metric="eval/loss", mode="max"))) == ["a", "c", "d", "b"]
    assert trials(shown(tune.CLIReporter())) == ["a", "b", "c", "d"]


def test_long_texts_are_cut():
    lines = shown(tune.CLIReporter(metric_columns={"acc": "validation accuracy"}, max_column_length=8))
    assert "valid..." in lines[0]


# In a terminal.


def test_the_live_table_of_a_terminal_has_them_too():
    reporter = tune.CLIReporter(metric_columns=["acc"], max_progress_rows=2, total_samples=8)
    console, stream, _ = live(layout=reporter.layout)
    population = four_trials()
    population.apply(TrialFailed("d", "ValueError: slipped", "", False))
    console.on_tick(population)
    console.on_end(population)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert "Trials: 4 of 8" in lines
    assert any(line.split() == ["trial", "status", "acc", "exploits", "lr", "net/depth"] for line in lines)
    assert "... 2 more" in lines
    assert "d      1         ValueError: slipped" in lines


def test_without_intermediate_tables_a_terminal_shows_the_last_one_only():
    console, stream, _ = live(layout=tune.CLIReporter(print_intermediate_tables=False).layout)
    console.on_tick(four_trials())
    assert "4 PENDING after 0.0 s" in stream.getvalue()
    assert "trial  status" not in stream.getvalue()
    console.on_end(four_trials())
    assert "trial  status" in stream.getvalue()


# Everywhere else: lines on the standard output, at intervals.


def piped(reporter, clock):
    reporting = Reporting(reporter, Chronicle(pbt(), RUN_DIR, 7, 1), clock=clock)
    return PlainConsole(Chronicle(pbt(), RUN_DIR, 7, 1), sys.stdout, clock, reporting)


def times_of_tables(capsys, seconds, **options):
    clock = Clock()
    console = piped(tune.CLIReporter(clock=clock, **options), clock)
    population = two_trials()
    console.on_records([], population)
    found = []
    for clock.now in seconds:
        capsys.readouterr()
        console.on_tick(population)
        if "trial  status" in capsys.readouterr().out:
            found.append(clock.now)
    return found


def test_tables_are_printed_at_intervals(capsys):
    assert times_of_tables(capsys, [0, 1, 4.9, 5, 6, 9.9, 10, 30, 31]) == [5, 10, 30]
    assert times_of_tables(capsys, [0, 1, 1.5, 2, 2.5], max_report_frequency=1) == [1, 2]
    assert times_of_tables(capsys, [0, 5, 10], print_intermediate_tables=False) == []


def test_a_printed_table_stands_below_where_the_run_stands(capsys):
    clock = Clock()
    console = piped(tune.CLIReporter(clock=clock, total_samples=4, metric_columns=["height"]), clock)
    population = two_trials()
    console.on_tick(population)
    clock.now = 10.0
    records = [reported("a", 1, height=2.0)]
    population.apply(records[0])
    console.on_records(records, population)
    console.on_tick(population)
    assert capsys.readouterr().out.splitlines() == [
        f"Training 2 trials with seed 7 in {RUN_DIR}",
        "",
        "Trials: 2 of 4",
        "2 PENDING after 10.0 s",
        "PopulationBasedTraining: 0 checkpoints, 0 perturbs",
        "trial  status   height  exploits  speed",
        "a      PENDING       2         0      1",
        "b      PENDING       -         0      3",
    ]


def test_a_hyperparameter_that_begins_to_vary_gets_a_column(capsys):
    clock = Clock()
    console = piped(tune.CLIReporter(clock=clock), clock)
    population = Population.of([TrialAdded("a", 0, {"speed": 1.0}), TrialAdded("b", 1, {"speed": 1.0})])
    titles = []
    for clock.now, records in ((0.0, []), (5.0, []), (10.0, [exploit("a", "b")])):
        for record in records:
            population.apply(record)
        console.on_records(records, population)
        console.on_tick(population)
        titles += [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("trial")]
    assert titles == [
        ["trial", "status", "iter", "height", "exploits", "time"],
        ["trial", "status", "iter", "height", "exploits", "speed", "time"],
    ]


def test_a_run_ends_with_the_table_and_the_summary(fit, capsys):
    reporter = tune.CLIReporter(max_progress_rows=2, max_report_frequency=60, sort_by_metric=True)
    fit(climb, SPACE, scheduler=pbt(), stop={"training_iteration": 4}, verbose=1, progress_reporter=reporter)
    lines = capsys.readouterr().out.splitlines()
    table = lines[lines.index("... 1 more") - 3 :]
    assert table[0].split() == ["trial", "status", "iter", "height", "exploits", "speed", "time"]
    assert [line.split()[1] for line in table[1:3]] == ["TERMINATED", "TERMINATED"]
    assert table[4] == "Failed trials: 1"
    assert table[6].endswith("ValueError: slipped")
    assert table[8].startswith("Run ended after")


def test_a_quiet_run_prints_no_tables(fit, capsys):
    fit(climb, {"speed": 1.0}, stop={"training_iteration": 2}, progress_reporter=tune.CLIReporter())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric_columns": "acc"}, "metric_columns must be a list of names"),
        ({"parameter_columns": 3}, "parameter_columns must be a list of names"),
        ({"total_samples": 0}, "total_samples must be a whole number from 1"),
        ({"max_progress_rows": 0}, "max_progress_rows must be a whole number from 1"),
        ({"max_error_rows": -1}, "max_error_rows must be a whole number from 0"),
        ({"max_column_length": True}, "max_column_length must be a whole number from 1"),
        ({"infer_limit": 1.5}, "infer_limit must be a whole number from 0"),
        ({"max_report_frequency": "5"}, "max_report_frequency must be a number of seconds"),
        ({"max_report_frequency": -1}, "max_report_frequency must be 0 or more seconds"),
    ],
)
def test_what_cannot_work_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        tune.CLIReporter(**options)


def test_other_refusals():
    with pytest.raises(ModeError):
        tune.CLIReporter(mode="best")
    with pytest.raises(TypeError, match="metric_column"):
        tune.JupyterNotebookReporter(metric_column=["acc"])
    with pytest.raises(OptionError, match=r"progress_reporter must be a CLIReporter\(\.\.\.\)"):
        tune.RunConfig(progress_reporter="table")
