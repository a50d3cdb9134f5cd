"""The live table of a terminal."""

from __future__ import annotations

import re

import pytest

from poptune.core.events import TrialAdded, TrialFailed
from poptune.core.population import Population
from poptune.schedulers.fifo import FIFOScheduler
from watching import RUN_DIR, exploit, live, reported, saved, two_trials


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


def test_a_very_narrow_terminal_shows_who_and_how_far_and_says_that_more_is_left_out():
    console, stream, _ = live(width=20)
    population = Population.of([TrialAdded(f"run_{i}", i, {"speed": i, "direction": i}) for i in range(2)])
    console.on_tick(population)
    console.on_end(population)
    shown = stream.getvalue()
    assert re.search(r"^0  +PEND\S* +0", shown, re.MULTILINE)
    assert "Not shown for lack" in shown


def test_names_of_wide_letters_are_cut_only_where_there_is_no_room():
    console, stream, _ = live(width=60)
    console.on_tick(
        Population.of([TrialAdded("試行番号一", 0, {"speed": 1}), TrialAdded("試行番号二", 1, {"speed": 2})])
    )
    assert "試行番号一  PENDING" in stream.getvalue()


def test_long_lines_are_left_for_the_terminal_to_wrap_so_that_they_can_be_copied():
    console, stream, clock = live(width=40)
    population = two_trials()
    console.on_tick(population)
    clock.now = 1.0
    said = "FileNotFoundError: there is no " + "/".join(f"directory {number}" for number in range(9))
    console.on_records([TrialFailed("a", said, f"Traceback\n{said}", False)], population)
    console.on_end(population)
    assert said in stream.getvalue()


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
