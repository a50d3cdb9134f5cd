"""A run in words, from plain records."""

from __future__ import annotations

import math

import pytest

from poptune.core.events import Overdue, TrialFailed, TrialFinished
from poptune.core.explore import Operation
from poptune.core.population import Population
from poptune.core.values import brief
from poptune.faces import sentences
from poptune.faces.table import Layout, table_of
from watching import HEIGHT, LOSS, RUN_DIR, exploit, reported, saved, two_trials


def test_an_exploit_says_who_copied_whom_and_what_changed():
    operations = (
        Operation("lr", 0.05, 0.06, "* 1.2"),
        Operation("net/momentum", 0.9, 0.4, "resample"),
        Operation("depth", 3, 4, ""),
    )
    assert sentences.exploit_sentence(exploit(score=-0.61, donor_score=-0.25, operations=operations), LOSS) == (
        "Exploit: a (loss 0.61 at iteration 4) takes over from b (loss 0.25)\n"
        "  lr 0.05 --- (* 1.2) --> 0.06, net/momentum 0.9 --- (resample) --> 0.4, depth 3 -----> 4"
    )


def test_an_exploit_without_changes_and_with_a_nan_can_be_said():
    assert sentences.exploit_sentence(exploit(score=math.nan, operations=()), HEIGHT) == (
        "Exploit: a (height nan at iteration 4) takes over from b (height 3)\n  with the same hyperparameters"
    )


@pytest.mark.parametrize(
    ("checkpoint", "retry", "end"),
    [
        (saved(6), True, "  It starts again from its checkpoint at iteration 6."),
        (None, True, "  It starts again from the beginning."),
        (saved(6), False, "  It does not start again."),
    ],
)
def test_a_failure_shows_the_traceback_and_what_happens_now(checkpoint, retry, end):
    failed = TrialFailed("a", "ValueError: too high", "Traceback:\n  line 3\nValueError: too high\n", retry)
    assert sentences.failure_sentence(failed, checkpoint).splitlines() == [
        "Trial a failed: ValueError: too high",
        "  Traceback:",
        "    line 3",
        "  ValueError: too high",
        end,
    ]


def test_advice_on_missing_checkpoints_says_how_to_save():
    advice = sentences.overdue_advice(Overdue("a", 5.0, 5.0, None), "training_iteration")
    assert "due for a decision at training_iteration 5 (perturbation_interval=5)" in advice
    assert "saved no checkpoint yet" in advice
    assert "tune.report(metrics, checkpoint=" in advice


@pytest.mark.parametrize(("interval", "every", "better"), [(5, 2, 6), (5, 10, 10), (0.5, 3, 3)])
def test_advice_on_rare_checkpoints_names_both_intervals_and_a_better_one(interval, every, better):
    advice = sentences.overdue_advice(Overdue("a", 5.0, interval, every), "training_iteration")
    assert f"perturbation_interval={interval}" in advice
    assert f"every {every} iterations" in advice
    assert advice.endswith(f"such as {better}.")


def test_advice_for_an_interval_in_seconds_does_not_count_iterations():
    advice = sentences.overdue_advice(Overdue("a", 61.5, 60.0, 1), "time_total_s")
    assert "at time_total_s 61.5 (perturbation_interval=60)" in advice
    assert "every 1 iteration." in advice
    assert "multiple" not in advice


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no words")


HUGE = 10**5000  # more digits than Python turns into text


@pytest.mark.parametrize(
    "value",
    [math.nan, None, "", Unspeakable(), "a\nb\x1b[31m", [1] * 1000, {"x": Unspeakable()}, b"\xff", [HUGE]],
    ids=lambda value: type(value).__name__,
)
def test_any_value_can_be_said_on_one_short_line(value):
    text = brief(value)
    assert text.isprintable()
    assert len(text) <= 40


def test_a_number_too_long_to_be_said_is_named_by_its_type():
    assert brief(HUGE) == "<int>"


@pytest.mark.parametrize("metrics", [{}, {"height": None}, {"height": "tall"}])
def test_a_report_without_a_comparable_metric_can_be_shown(metrics):
    population = two_trials()
    population.apply(reported("a", 1, **metrics))
    assert sentences.score_of(metrics, HEIGHT) is None
    assert "a" in [row[0] for row in table_of(list(population), HEIGHT, ["speed"], Layout()).rows]
    assert sentences.report_sentence(reported("a", 1, **metrics), HEIGHT).startswith("Report: a at iteration 1: ")
    assert "Best" not in the_summary(population)


def test_a_report_of_a_run_without_a_metric_shows_its_first_numbers():
    report = reported("a", 2, saved(2), loss=0.5, note="x", eval={"acc": 0.25}, timestamp=1)
    assert sentences.report_sentence(report, None) == (
        "Report: a at iteration 2: loss 0.5, eval/acc 0.25, with a checkpoint"
    )


def test_only_what_varies_is_worth_showing():
    data = Unspeakable()
    configs = [{"lr": 0.1, "data": data, "net": {"width": width}} for width in (8, 16)]
    assert sentences.varied(configs) == ["net/width"]
    assert sentences.varied([{"lr": 1}, {"lr": 1, "momentum": 0.5}]) == []
    many = {f"h{i}": i for i in range(10)}
    assert sentences.hyperparameters(many).endswith("h7 7 and 2 more")


def the_summary(population, best=None, objective=HEIGHT):
    return sentences.summary(
        population,
        12.34,
        run_dir=RUN_DIR,
        objective=objective,
        keys=["speed"],
        best=best,
        scheduler_line="PBT: 3 perturbs",
    )


def test_the_summary_names_the_best_at_the_end_and_the_better_one_before():
    population = two_trials()
    for record in [
        reported("a", 9, height=2.0),
        reported("b", 9, height=math.nan),
        TrialFinished("a"),
        TrialFailed("b", "ValueError: x", "Traceback ...", False),
    ]:
        population.apply(record)
    best = sentences.Best(2.5, "b", 7, {"speed": 3.0})
    assert the_summary(population, best).splitlines() == [
        "Run ended after 12.3 s: 1 TERMINATED, 1 ERROR.",
        "PBT: 3 perturbs",
        "Best at the end: a with height 2 at iteration 9",
        "  speed 1",
        "Best on the way: b with height 2.5 at iteration 7",
        "Failed: b; the tracebacks stand above.",
        f"Results in {RUN_DIR}",
    ]


def test_the_summary_of_a_run_that_was_cut_short_says_so():
    assert the_summary(two_trials()).startswith("Run stopped, with trials still alive, after 12.3 s: 2 PENDING.")
    assert the_summary(Population(), objective=None).splitlines()[-1] == f"Results in {RUN_DIR}"
