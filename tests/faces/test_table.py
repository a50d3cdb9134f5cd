"""The table of the trials as data and as text."""

from __future__ import annotations

import math

from poptune.core.events import TrialFailed, TrialFinished, TrialStarted
from poptune.core.population import Population
from poptune.core.trial import Progress
from poptune.faces.sentences import places
from poptune.faces.table import Layout, best_first, failures, lines_of, table_of
from watching import HEIGHT, LOSS, added, reported, two_trials


def test_the_best_come_first_and_those_without_a_number_last():
    population = Population.of(added({}, {}, {}, {}))
    for trial, loss in zip("abcd", [0.5, math.nan, 0.25, None], strict=True):
        population.apply(reported(trial, 1, loss=loss))
    assert [trial.id for trial in best_first(population, LOSS, 10)] == ["c", "a", "b", "d"]
    assert [trial.id for trial in best_first(population, LOSS, 1)] == ["c"]
    assert [trial.id for trial in best_first(population, None, 10)] == list("abcd")


def test_machines_are_named_where_there_are_several():
    population = two_trials()
    for trial, worker, host in (("a", 0, "alpha"), ("b", 1, "beta")):
        population.apply(TrialStarted(trial, "first", Progress(), worker, 1, host, "10.0.0.1"))
    assert lines_of(table_of(list(population), HEIGHT, ["speed"], Layout())) == [
        "trial  status    host  iter  height  exploits  speed   time",
        "a      RUNNING  alpha     0       -         0      1  0.0 s",
        "b      RUNNING   beta     0       -         0      3  0.0 s",
    ]
    assert places(population) == "On alpha 1 trials, beta 1"
    population.apply(TrialFinished("a"))
    assert places(population) == ""


def test_numbers_stand_below_each_other():
    population = two_trials()
    population.apply(reported("a", 9, height=2.0))
    population.apply(reported("b", 10, height=0.25))
    population.apply(TrialFinished("a"))
    assert lines_of(table_of(list(population), HEIGHT, ["speed"], Layout())) == [
        "trial  status      iter  height  exploits  speed   time",
        "a      TERMINATED     9       2         0      1  0.0 s",
        "b      PENDING       10    0.25         0      3  0.0 s",
    ]


def test_a_run_without_trials_has_a_table_of_titles():
    assert lines_of(table_of([], None, [], Layout())) == ["trial  status  iter  exploits  time"]


def test_failed_trials_have_a_table_of_their_own():
    population = Population.of(added({}, {}, {}))
    for trial in "abc":
        population.apply(TrialFailed(trial, f"ValueError: {trial}\x1b[31m", "Traceback ...", False))
    table = table_of(list(population), HEIGHT, [], Layout(max_error_rows=2))
    assert failures(table) == [
        "Failed trials: 3",
        "trial  failures  error",
        "a      1         ValueError: a\\x1b[31m",
        "b      1         ValueError: b\\x1b[31m",
        "... 1 more",
    ]
    assert failures(table_of(list(population), HEIGHT, [], Layout(max_error_rows=0))) == []


def test_a_trial_that_starts_again_has_not_failed():
    population = two_trials()
    population.apply(TrialFailed("a", "ValueError: x", "", True))
    assert failures(table_of(list(population), HEIGHT, [], Layout())) == []
