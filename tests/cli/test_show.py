"""`poptune show`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

import edge_runs
import poptune as tune
from command import json_of, run
from poptune.faces.overview import Overview
from poptune.run.results import ResultGrid
from runs import three_climbers


@pytest.fixture
def climbed(fit):
    """Return the results of a run with four rounds of exploits."""
    return three_climbers(fit, metric="height", mode="max", pbt={"metric": None, "mode": None})


def test_it_shows_trials_winner_schedule_and_last_events(climbed):
    ran = run("show", climbed.experiment_path, "--events", 2)
    assert ran.exit_code == 0, ran.output
    best = climbed.get_best_result()
    headline, standing, directory, _, *lines = ran.stdout.splitlines()
    assert headline.startswith("Climber_")
    assert ": finished after " in headline
    assert standing == "3 TERMINATED; PopulationBasedTraining, height (max), seed 0"
    assert directory == climbed.experiment_path
    assert lines[:2][1].split() == ["trial", "status", "iter", "height", "exploits", "speed", "time"]
    assert lines[2].startswith(f"{best.trial_id}  TERMINATED     9  ")
    assert f"Winner: {best.trial_id} with height {best.metrics['height']:.4g} at iteration 9\n" in ran.stdout
    assert str(best.schedule) in ran.stdout
    assert all(f"Advice: {advice}" in ran.stdout for advice in climbed.health.advice)
    assert f"\nHealth\nExploits: {len(climbed.exploits)}; " in ran.stdout
    assert ran.stdout.count("Exploit: ") == 2
    assert f"Exploit: {climbed.exploits[-1].trial} " in lines[-2]


def test_programs_get_the_same_as_json(climbed):
    facts = json_of("show", climbed.experiment_path, "--events", 1)
    best = climbed.get_best_result()
    assert (facts["state"], facts["directory"], facts["metric"]) == ("finished", climbed.experiment_path, "height")
    assert [trial["trial_id"] for trial in facts["trials"]] == [result.trial_id for result in climbed]
    assert [trial["value"] for trial in facts["trials"]] == [result.metrics["height"] for result in climbed]
    assert facts["winner"]["trial_id"] == best.trial_id
    assert facts["winner"]["value"] == best.metrics["height"]
    assert [(s["first_iteration"], s["config"]) for s in facts["winner"]["schedule"]] == [
        (segment.first, segment.config) for segment in best.schedule
    ]
    health = climbed.health
    assert (facts["health"]["exploits"], facts["health"]["helped"]) == (health.exploits, health.helped)
    assert [advice["code"] for advice in facts["health"]["advice"]] == [advice.code for advice in health.advice]
    assert [(event["kind"], event["trial_id"]) for event in facts["events"]] == [
        ("Exploit", climbed.exploits[-1].trial)
    ]


def test_a_run_that_goes_on_can_be_looked_at(fit, tmp_path):
    seen = []

    class Look(tune.Callback):
        def on_trial_result(self, iteration, trials, trial, result, **info):
            if result["training_iteration"] == 5:
                path = trial.local_path.rpartition("/")[0]
                seen.extend([run("show", path), run("ls", path), run("replay", path)])
                seen.append(run("report", path, "-o", tmp_path / "page.html"))

    three_climbers(fit, callbacks=[Look()], metric="height", mode="max", pbt={"metric": None, "mode": None})
    assert [ran.exit_code for ran in seen] == [0] * 12
    assert all(": running for " in ran.stdout.splitlines()[0] for ran in seen[::4])
    assert all(ran.stdout.splitlines()[1].split()[1] == "running" for ran in seen[1::4])


def test_an_interrupted_run_says_how_to_go_on(edge_run):
    path = edge_run("crashed")
    assert f"To go on: Tuner.restore({str(path)!r}, learn).fit()" in run("show", path).stdout


@pytest.mark.parametrize("name", edge_runs.EDGE_RUNS)
def test_runs_at_the_edges_are_shown_and_nothing_in_them_is_obeyed(edge_run, name):
    path = edge_run(name)
    ran = run("show", path)
    assert ran.exit_code == 0, ran.output
    assert "\x1b" not in ran.stdout
    assert "\u202e" not in ran.stdout
    facts = json_of("show", path)
    assert len(facts["trials"]) == len(ResultGrid.from_path(path))
    if name in ("all_nan", "no_reports"):
        assert "No winner: no trial has a finite score." in ran.stdout
        assert facts["winner"] is None


@pytest.mark.parametrize("name", ["nested", "hostile", "long_names", "many_trials", "failing"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_lines_that_fit(edge_run, name, width):
    path = edge_run(name)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None)
    Overview.of(path).show(console)
    lines = screen.getvalue().splitlines()
    assert any(line.startswith("Winner: ") for line in lines)
    assert max(console.measure(line).maximum for line in lines) <= width
    winner = next(number for number, line in enumerate(lines) if line.startswith("Winner: "))
    title = next(number for number, line in enumerate(lines) if number > winner and line.startswith("iterations"))
    assert all(line[:1].isdigit() for line in lines[title + 1 : lines.index("", title)])  # one line per stretch


def test_colours_are_left_out_where_they_are_not_wanted(edge_run, monkeypatch):
    path = edge_run("failing")

    def shown():
        screen = io.StringIO()
        Overview.of(path).show(Console(file=screen, force_terminal=True, width=100))
        return screen.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31m" in shown()  # ERROR in red
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in shown()
