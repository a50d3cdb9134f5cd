"""Policy files: what Ray Tune and PopTune write is read, put right where it is wrong, or refused."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

import poptune as tune
from poptune.errors import OptionError
from poptune.schedulers import PopulationBasedTrainingReplay as Replay
from poptune.schedulers.policy import Change, parse_policy
from runs import pbt

RAYS_LINE = (
    '["1_h0=1.0000", "0_h0=0.0000", 4, 3, {"lr": 0.05, "h0": 0.0, "h1": 1.0, "checkpoint_interval": 4},'
    ' {"lr": 0.06, "h0": 0.0, "h1": 0.8, "checkpoint_interval": 4}]'
)


def line(trial, donor, iteration, donor_iteration, old, new):
    return json.dumps([trial, donor, iteration, donor_iteration, {"lr": old}, {"lr": new}])


def changes(*lines, **options):
    policy = parse_policy("\n".join(lines), "policy.txt", **options)
    return [(change.iteration, change.config["lr"]) for change in policy.changes], policy.note


def test_a_line_of_ray_tune_whose_donor_triggered_the_round_is_put_right(tmp_path):
    (tmp_path / "policy.txt").write_text(RAYS_LINE)
    with pytest.warns(UserWarning, match="logged one iteration too early"):
        replay = Replay(tmp_path / "policy.txt")
    assert replay.changes == (
        Change(0, {"lr": 0.05, "h0": 0.0, "h1": 1.0, "checkpoint_interval": 4}),
        Change(4, {"lr": 0.06, "h0": 0.0, "h1": 0.8, "checkpoint_interval": 4}),
    )


def test_a_file_that_an_editor_marked_with_its_encoding_is_read(tmp_path):
    (tmp_path / "policy.txt").write_bytes(codecs.BOM_UTF8 + line("1", "0", 4, 4, 0.1, 0.2).encode())
    assert [change.iteration for change in Replay(tmp_path / "policy.txt").changes] == [0, 4]


def test_iterations_may_be_written_as_floats(tmp_path):
    assert changes(line("1", "0", 8.0, 8.0, 0.1, 0.2))[0] == [(0, 0.1), (8, 0.2)]
    with pytest.raises(OptionError, match="is not a line of a policy file"):
        changes(line("1", "0", 8.5, 8.5, 0.1, 0.2))


def climbs(config):
    """Climbs, and saves every `config["every"]` iterations."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
    while True:
        step += 1
        height += config["speed"]
        saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if step % config["every"] == 0 else None
        tune.report({"height": height}, checkpoint=saved)


def as_ray_tune_logs(policy, last):
    """Write a policy file as Ray Tune would have: whoever came last in a round is logged one iteration too early."""
    lines = [json.loads(text) for text in policy.read_text().splitlines()]
    for line in lines:
        line[2] -= last == "clone"
        line[3] -= last == "donor"
    policy.with_name("ray").mkdir(exist_ok=True)
    file = policy.with_name("ray") / policy.name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.filterwarnings("ignore:.* were logged")
@pytest.mark.parametrize("last", ["clone", "donor", "another"])
@pytest.mark.parametrize("every", [1, 4])
def test_a_function_replays_what_ray_tune_logged_at_the_iterations_of_the_run(fit, every, last):
    space, stop = {"speed": tune.uniform(0.0, 10.0), "every": every}, {"training_iteration": 14}
    population = fit(climbs, space, scheduler=pbt(4), num_samples=3, stop=stop, seed=1)
    clone = max(population, key=lambda result: len(result.schedule))
    assert len(clone.schedule) > 2
    policy = as_ray_tune_logs(Path(clone.path).parent / f"pbt_policy_{clone.trial_id}.txt", last)
    (again,) = fit(climbs, {}, scheduler=Replay(policy), stop=stop)
    assert [row["config/speed"] for row in again.rows] == [clone.schedule.at(i)["speed"] for i in range(1, 15)]
    assert again.metrics["height"] == clone.metrics["height"]


@pytest.mark.parametrize("start", [0, 50])
@pytest.mark.parametrize("last", ["clone", "donor", "another"])
def test_whoever_reported_last_in_a_synchronous_run_of_ray_tune(start, last):
    def logged(iteration):
        return iteration - (last == "clone"), iteration - (last == "donor")

    lines = [
        line("b", "a", *logged(start + 7), 0.1, 0.2),
        line("c", "b", *logged(start + 14), 0.2, 0.3),
        line("b", "c", *logged(start + 28), 0.3, 0.4),
    ]
    found, note = changes(*lines)
    assert found == [(0, 0.1), (start + 7, 0.2), (start + 14, 0.3), (start + 28, 0.4)]
    assert ("3 of 3 changes were logged one iteration too early" in note) is (last == "donor")


def test_a_file_of_an_asynchronous_run_is_taken_at_its_word():
    found, note = changes(line("b", "a", 6, 5, 0.1, 0.2), line("c", "b", 20, 13, 0.2, 0.3))
    assert found == [(0, 0.1), (5, 0.2), (13, 0.3)]
    assert "asynchronous" in note


def test_iterations_that_poptune_wrote_are_right():
    assert changes(line("b", "a", 4, 3, 0.1, 0.2), is_exact=True) == ([(0, 0.1), (3, 0.2)], "")


def test_a_file_beside_a_journal_is_one_of_poptune(tmp_path):
    (tmp_path / "policy.txt").write_text(RAYS_LINE)
    (tmp_path / "journal.sqlite").touch()
    assert [change.iteration for change in Replay(tmp_path / "policy.txt").changes] == [0, 3]


def test_lines_of_weights_that_were_thrown_away_do_not_count():
    stale = line("c", "d", 4, 4, 9.0, 9.1)
    assert changes(stale, line("b", "a", 8, 8, 0.1, 0.2), line("c", "b", 12, 12, 0.2, 0.3))[0] == [
        (0, 0.1),
        (8, 0.2),
        (12, 0.3),
    ]


def test_a_tag_that_a_failure_changed_is_the_same_trial():
    lines = [line("b", "a", 4, 4, 0.1, 0.2), line("c", "b@perturbed[lr=0.2000]", 8, 8, 0.2, 0.3)]
    assert changes(*lines)[0] == [(0, 0.1), (4, 0.2), (8, 0.3)]


def test_a_change_that_trained_nothing_is_left_out():
    lines = [line("b", "a", 4, 4, 0.1, 0.2), line("c", "b", 8, 4, 0.2, 0.3)]
    assert changes(*lines, is_exact=True)[0] == [(0, 0.1), (4, 0.3)]
    assert changes(line("b", "a", 4, 0, 0.1, 0.2), is_exact=True)[0] == [(0, 0.2)]


def test_the_home_directory_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "policy.txt").write_text(line("b", "a", 4, 4, 0.1, 0.2))
    assert len(Replay("~/policy.txt").changes) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to replay"),
        ("\n\n", "nothing to replay"),
        ("no json", r"line 1 of .*policy.txt is not a line of a policy file: 'no json'"),
        (line("b", "a", 4, 4, 1, 2) + "\n[1, 2]", "line 2 of"),
        ("{}", "line 1 of"),
        ('["b", "a", 4, "4", {}, {}]', "line 1 of"),
        ('["b", "a", 4, -4, {}, {}]', "line 1 of"),
        ('["b", "a", 4, 4, [], {}]', "line 1 of"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, message):
    (tmp_path / "policy.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        Replay(str(tmp_path / "policy.txt"))
