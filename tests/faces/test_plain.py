"""The console where there is no terminal: from records, and over real runs."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

import poptune as tune
from poptune.core.decisions import Continue
from poptune.core.events import Overdue, TrialEvicted, TrialStarted
from poptune.core.trial import Progress
from poptune.errors import MetricError
from poptune.faces.chronicle import Chronicle
from poptune.faces.console import console_for
from poptune.faces.live import LiveConsole
from poptune.faces.plain import PlainConsole
from runs import pbt
from watching import RUN_DIR, SPACE, Terminal, climb, exploit, plain, reported, saved, two_trials


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


# Real runs.


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
