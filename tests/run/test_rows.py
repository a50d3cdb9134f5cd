"""The results of a trial are the fold of its records: each exactly once, whatever happened to it."""

from __future__ import annotations

from poptune.core.decisions import Exploit, Stop
from poptune.core.events import Reported, TrialAdded, TrialFinished, TrialStarted
from poptune.core.explore import Operation
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.run.rows import rows

ADDED = TrialAdded("a", 0, {"lr": 0.5}, "0_lr=0.5000")


def report(iteration, saves=False, **metrics):
    progress = Progress(iteration)
    saved = SavedCheckpoint(f"a/checkpoint_{iteration:06d}", "a", progress) if saves else None
    return Reported("a", {"training_iteration": iteration, **metrics}, progress, saved)


def start(cause, iteration, pid=1):
    return TrialStarted("a", cause, Progress(iteration), 0, pid, "host", "0.0.0.0")


def clone(iteration, donor_iteration, lr):
    weights = SavedCheckpoint("b/checkpoint_000000", "b", Progress(donor_iteration))
    operations = (Operation("lr", 0.5, lr, "resample"),)
    return Exploit("a", "b", weights, {"lr": lr}, {"lr": 0.5}, operations, iteration, 0.0, 0.0, 0.0, 1, 1)


def story(*records, key="training_iteration"):
    return [row.get(key) for row in rows([ADDED, *records])]


def test_what_came_after_the_newest_checkpoint_is_undone_by_a_failure():
    reports = [report(1), report(2, saves=True), report(3), report(4)]
    assert story(*reports, start("recovery", 2), report(3), report(4)) == [1, 2, 3, 4]


def test_without_a_checkpoint_all_is_undone():
    assert story(report(1), report(2), start("recovery", 0), report(1)) == [1]


def test_what_a_trial_reported_before_it_was_a_clone_is_not_undone():
    before = [report(iteration) for iteration in (8, 9, 10)]
    after = [clone(10, 8, 0.1), start("exploit", 8), report(9)]
    assert story(*before, *after, start("recovery", 8), report(9), report(10)) == [8, 9, 10, 9, 10]


def test_a_second_failure_undoes_no_more_than_the_first():
    reports = [report(1, saves=True), report(2)]
    assert story(*reports, start("recovery", 1), start("recovery", 1), report(2)) == [1, 2]


def test_config_and_tag_are_those_in_force_at_the_report():
    records = [report(1), clone(1, 1, 0.125), start("exploit", 1), report(2)]
    assert story(*records, key="config/lr") == [0.5, 0.125]
    assert story(*records, key="experiment_tag") == ["0_lr=0.5000", "0_lr=0.5000@perturbed[lr=0.1250]"]
    again = [*records, clone(2, 2, 0.25), report(3)]
    assert story(*again, key="experiment_tag")[-1] == "0_lr=0.5000@perturbed[lr=0.2500]"


def test_the_last_result_is_marked_as_done():
    assert story(report(1), report(2), Stop("a", "enough"), key="done") == [None, True]
    undone = [report(1, saves=True), report(2), start("recovery", 1), TrialFinished("a")]
    assert story(*undone, key="done") == [True]
    assert story(TrialFinished("a")) == []


def test_a_report_may_hold_any_timestamp():
    assert story(report(1, timestamp="yesterday"), report(2, timestamp=1e300), key="date") == [None, None]
    assert story(report(1, timestamp=0.0), key="date")[0].startswith("19")
