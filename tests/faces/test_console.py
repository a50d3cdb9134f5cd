"""The console: its words from plain records, and both its forms over real runs."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import poptune as tune
from poptune.core.decisions import Continue, Exploit
from poptune.core.events import Overdue, Reported, TrialAdded, TrialEvicted, TrialFailed, TrialFinished, TrialStarted
from poptune.core.explore import Operation
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import MetricError
from poptune.faces import sentences
from poptune.faces.chronicle import Chronicle
from poptune.faces.console import LiveConsole, PlainConsole, console_for
from poptune.faces.table import best_first, row
from poptune.schedulers.fifo import FIFOScheduler
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


def plain(scheduler=None, verbose=1):
    stream, clock = io.StringIO(), Clock()
    chronicle = Chronicle(scheduler or pbt(), RUN_DIR, 7, verbose)
    return PlainConsole(chronicle, stream, clock), stream, clock


def live(scheduler=None, width=100, height=30, verbose=1):
    stream, clock = io.StringIO(), Clock()
    terminal = Console(file=stream, force_terminal=True, width=width, height=height, color_system=None)
    chronicle = Chronicle(scheduler or pbt(), RUN_DIR, 7, verbose)
    return LiveConsole(chronicle, stream, clock, terminal), stream, clock


# Words.


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
    text = sentences.brief(value)
    assert text.isprintable()
    assert len(text) <= 40


def test_a_number_too_long_to_be_said_is_named_by_its_type():
    assert sentences.brief(HUGE) == "<int>"


@pytest.mark.parametrize("metrics", [{}, {"height": None}, {"height": "tall"}])
def test_a_report_without_a_comparable_metric_can_be_shown(metrics):
    population = two_trials()
    population.apply(reported("a", 1, **metrics))
    assert sentences.score_of(metrics, HEIGHT) is None
    assert row(population["a"], HEIGHT, ["speed"])[:3] == ["a", "PENDING", "1"]
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


def test_the_best_come_first_and_those_without_a_number_last():
    population = Population.of(added({}, {}, {}, {}))
    for trial, loss in zip("abcd", [0.5, math.nan, 0.25, None], strict=True):
        population.apply(reported(trial, 1, loss=loss))
    assert [trial.id for trial in best_first(population, LOSS, 10)] == ["c", "a", "b", "d"]
    assert [trial.id for trial in best_first(population, LOSS, 1)] == ["c"]
    assert [trial.id for trial in best_first(population, None, 10)] == list("abcd")


# Following a run.


def told(records, population=None, **options):
    console, stream, _ = plain(**options)
    population = population or two_trials()
    for record in records:
        population.apply(record)
    console.on_records([], two_trials())  # so that it knows the first configs
    console.on_records(records, population)
    return stream.getvalue().splitlines()[1:]


def test_the_first_line_says_what_runs_and_where():
    console, stream, _ = plain()
    console.on_records([TrialStarted("a", "first", Progress(), 0, 1, "host", "1.2.3.4")], two_trials())
    assert stream.getvalue() == f"Training 2 trials with seed 7 in {RUN_DIR}\n"


def test_advice_is_given_once_for_each_reason():
    never, rarely = Overdue("a", 5, 5, None), Overdue("a", 15, 5, 10)
    said = told([never, Overdue("b", 5, 5, None), rarely, Overdue("b", 15, 5, 10)])
    assert [line.partition(",")[0] for line in said if line.startswith("Advice")] == [
        "Advice: trial a is due for a decision at training_iteration 5 (perturbation_interval=5)",
        "Advice: trial a is due for a decision at training_iteration 15 (perturbation_interval=5)",
    ]


def test_a_note_is_said_once_for_each_text():
    console, stream, _ = plain()
    population = two_trials()
    console.on_records([Continue("a", "x failed"), Continue("b", "x failed"), Continue("b")], population)
    console.on_records([Continue("a", "y failed")], population)
    assert stream.getvalue().splitlines()[1:] == [
        "Trial a goes on as it is: x failed",
        "Trial a goes on as it is: y failed",
    ]


def test_an_eviction_says_where_the_trial_goes_on():
    assert told([TrialEvicted("a", "its worker died")]) == [
        "Trial a lost its place: its worker died. It goes on from the beginning."
    ]


def test_reports_are_told_only_if_asked_for():
    report = reported("a", 3, height=0.5)
    assert told([report]) == []
    assert told([report], verbose=2) == ["Report: a at iteration 3: height 0.5"]


def test_the_best_is_shown_with_the_config_it_was_trained_with():
    console, stream, clock = plain()
    population = two_trials()
    console.on_tick(population)
    assert stream.getvalue() == ""
    console.on_records([], population)
    records = [reported("a", 4, saved(4), height=5.0), exploit(), reported("a", 5, height=4.0)]
    for record in records:
        population.apply(record)
    clock.now = 10.0
    console.on_records(records, population)
    console.on_tick(population)
    console.on_tick(population)
    assert stream.getvalue().splitlines()[-1] == (
        "Status: 1 PENDING, 1 RUNNING after 10.0 s; PopulationBasedTraining: 1 checkpoints, 1 perturbs;"
        " Best so far: height 5 by a at iteration 4 (speed 1)"
    )
    assert stream.getvalue().count("Status") == 1


def test_output_of_workers_passes_line_by_line():
    console, stream, _ = plain()
    for worker, text in [(0, "load"), (1, "hi\n"), (0, "ing\nepoch 1\r\n 10%\r 55%"), (0, "\r100%\nend")]:
        console.on_output(worker, text)
    assert stream.getvalue().splitlines() == [
        "(worker 1) hi",
        "(worker 0) loading",
        "(worker 0) epoch 1",
        "(worker 0) 100%",
    ]
    console.on_end(two_trials())
    assert "(worker 0) end\n" in stream.getvalue()


def test_a_line_break_in_two_parts_is_one_line():
    console, stream, _ = plain()
    console.on_output(0, "done\r")
    console.on_output(0, "\n\n")
    assert stream.getvalue() == "(worker 0) done\n(worker 0)\n"


def test_a_stream_that_knows_only_ascii_gets_the_rest_escaped():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    PlainConsole(Chronicle(pbt(), RUN_DIR, 0, 1), stream).on_output(0, "naïve\n")
    assert stream.buffer.getvalue() == b"(worker 0) na\\xefve\n"


def test_a_program_without_a_standard_output_can_run():
    console = PlainConsole(Chronicle(pbt(), RUN_DIR, 0, 1), None)
    console.on_output(0, "x\n")
    console.on_end(two_trials())


# Live.


def test_the_live_table_shows_the_run_and_its_trials():
    console, stream, clock = live()
    population = two_trials()
    console.on_tick(population)
    clock.now = 2.0
    records = [reported("b", 4, saved(4, "b"), height=5.0), exploit()]
    for record in records:
        population.apply(record)
    console.on_records(records, population)
    shown = stream.getvalue()
    assert "Exploit: a (height 1 at iteration 4) takes over from b (height 3)" in shown
    frame = shown[shown.rindex("Exploit:") :].splitlines()
    assert "1 PENDING, 1 RUNNING after 2.0 s" in frame
    assert "Best so far: height 5 by b at iteration 4 (speed 3)" in frame
    assert f"Seed 7, {RUN_DIR}" in frame
    table = [line.split() for line in frame[-3:]]
    assert table[0] == ["trial", "status", "iter", "height", "exploits", "speed", "time"]
    assert table[1:] == [
        ["b", "PENDING", "4", "5", "0", "3", "0.0", "s"],
        ["a", "RUNNING", "4", "-", "1", "3.6", "0.0", "s"],
    ]
    console.on_end(population)
    assert stream.getvalue().splitlines()[-1] == f"Results in {RUN_DIR}"


def test_the_live_table_is_refreshed_four_times_a_second_at_most():
    console, stream, clock = live()
    sizes = []
    for now in (0.0, 0.1, 0.2, 0.25, 0.3, 0.5):
        clock.now = now
        console.on_tick(two_trials())
        sizes.append(len(stream.getvalue()))
    console.on_end(two_trials())
    assert [b > a for a, b in zip([0, *sizes], sizes, strict=False)] == [True, False, False, True, False, True]


def test_names_that_look_like_markup_are_shown_as_they_are():
    console, stream, _ = live()
    name = "a[/red][bold]"
    population = Population.of([TrialAdded(name, 0, {"[x]": "[/y]"}), TrialAdded("b", 1, {"[x]": 1})])
    console.on_records([TrialFailed(name, "ValueError: [/z]", "", True)], population)
    console.on_end(population)
    for text in (name, "[x]", "[/y]", "ValueError: [/z]"):
        assert text in stream.getvalue()


def test_a_large_population_and_many_hyperparameters_are_cut_to_the_terminal():
    console, stream, _ = live(width=60, height=12)
    configs = [{f"hyperparameter_{k}": k * i for k in range(1, 8)} for i in range(50)]
    population = Population.of([TrialAdded(f"t{i:02d}", i, config) for i, config in enumerate(configs)])
    console.on_tick(population)
    console.on_end(population)
    lines = stream.getvalue().splitlines()
    assert any("... 47 more" in line for line in lines)
    assert any(line.startswith("Not shown for lack of room: hyperparameter_2") for line in lines)
    assert all(len(line) <= 60 for line in lines if line.startswith(("t0", "trial")))


def test_a_failing_scheduler_leaves_the_terminal_in_order():
    class Silent(FIFOScheduler):
        def describe(self, population):
            if any(trial.progress.iteration for trial in population):
                raise RuntimeError("nothing to say")
            return "ok"

    console, stream, clock = live(Silent())
    population = two_trials()
    console.on_tick(population)
    assert stream.getvalue().count("\x1b[?25l") == 1  # the cursor is hidden
    population.apply(reported("a", 1))
    clock.now = 1.0
    with pytest.raises(RuntimeError, match="nothing to say"):
        console.on_tick(population)
    assert stream.getvalue().count("\x1b[?25h") == 1  # and shown again


# Real runs.


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


def test_a_plain_run_from_beginning_to_end(fit, capsys):
    results = fit(climb, SPACE, scheduler=pbt(), stop={"training_iteration": 4}, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    first, middle, last = lines[0], lines[1:-6], lines[-6:]
    assert first == f"Training 3 trials with seed 0 in {results.experiment_path}"
    assert "  ValueError: slipped" in middle
    assert any(line.startswith("Trial ") and line.endswith("failed: ValueError: slipped") for line in middle)
    exploits = [line for line in middle if line.startswith("Exploit: ")]
    assert len(exploits) == len(results.exploits) == 1
    assert "(height 2 at iteration 2) takes over from" in exploits[0]
    best = results.get_best_result()
    assert last[0].endswith(": 2 TERMINATED, 1 ERROR.")
    assert last[2] == f"Best at the end: {best.trial_id} with height {best.metrics['height']:.4g} at iteration 4"
    assert last[5] == f"Results in {results.experiment_path}"


def test_a_run_that_cannot_work_ends_the_console_too(fit, capsys):
    with pytest.raises(MetricError):
        fit(climb, {"speed": 1.0}, scheduler=pbt(metric="heigth"), verbose=1)
    assert "Run stopped, with trials still alive" in capsys.readouterr().out


class Terminal(io.TextIOWrapper):
    """A stream that claims to be one."""

    def isatty(self):
        return True


def test_a_file_or_a_terminal_without_unicode_gets_plain_lines():
    assert isinstance(console_for(pbt(), RUN_DIR, 0, 1, io.StringIO()), PlainConsole)
    ascii_only = Terminal(io.BytesIO(), encoding="ascii")
    assert isinstance(console_for(pbt(), RUN_DIR, 0, 1, ascii_only), PlainConsole)


@pytest.mark.parametrize(("term", "kind"), [("xterm", LiveConsole), ("dumb", PlainConsole)])
def test_a_dumb_terminal_gets_plain_lines(monkeypatch, term, kind):
    monkeypatch.setenv("TERM", term)
    assert isinstance(console_for(pbt(), RUN_DIR, 0, 1, Terminal(io.BytesIO(), encoding="utf-8")), kind)


def test_importing_poptune_does_not_import_rich():
    code = "import sys, poptune, poptune.faces.console; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_quiet_run_passes_on_what_training_code_prints_and_nothing_else(capfd, tmp_path):
    def chatty(config):
        print("from the training")
        return {"height": 1.0}

    for executor in ("inline", "processes"):
        run = tune.RunConfig(storage_path=tmp_path, executor=executor, verbose=0)
        tune.Tuner(chatty, run_config=run).fit()
        assert capfd.readouterr().out == "from the training\n"
