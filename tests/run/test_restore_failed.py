"""A restored run: trials that had failed are skipped, go on, or begin again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import poptune as tune
from interrupting import Told
from runs import pbt


def stumble(config):
    """Climb; the second climber falls at step 5, unless there is a rope."""
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + 1, "step": state["step"] + 1}
        if state["step"] == 5 and config["who"] == 1 and not Path(config["rope"]).exists():
            raise ValueError("it fell")
        saves = state["step"] % 2 == 0
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if saves else None)


@pytest.mark.parametrize(
    ("resume", "first_new_step"),
    [({}, None), ({"resume_errored": True}, 5), ({"restart_errored": True}, 1)],
    ids=["skipped", "resumed", "restarted"],
)
def test_failed_trials_are_skipped_resumed_or_restarted(begin, tmp_path, resume, first_new_step):
    rope = tmp_path / "rope"
    space = {"who": tune.grid_search([0, 1]), "rope": str(rope)}
    tuner = tune.Tuner(
        stumble,
        param_space=space,
        run_config=tune.RunConfig(name="fell", storage_path=tmp_path, executor="inline", verbose=0, stop={"step": 8}),
    )
    fell = tuner.fit()
    assert [len(result.rows) for result in fell] == [8, 4]
    rope.touch()
    callback = Told()
    again = tune.Tuner.restore(
        tmp_path / "fell", stumble, **resume, run_config=tune.RunConfig(callbacks=[callback])
    ).fit()
    steps = [step for _, step in callback.iterations]
    if first_new_step is None:
        assert (again.num_errors, steps) == (1, [])
        return
    assert again.num_errors == 0
    assert steps == list(range(first_new_step, 9))
    assert [row["step"] for row in again[1].rows] == list(range(1, 9))
    assert [(segment.first, segment.last) for segment in again[1].lineage] == [(1, 8)]
    table = (Path(again[1].path) / "progress.csv").read_text().splitlines()
    assert len(table) == 1 + 8


def test_a_clone_that_begins_again_has_its_first_config_and_no_history(begin, tmp_path):
    rope = tmp_path / "rope"

    def fall_as_clone(config):
        state = tune.get_checkpoint().to_dict() if tune.get_checkpoint() else {"height": 0.0, "step": 0}
        is_clone = state.get("who", config["who"]) != config["who"]
        if is_clone and config["who"] == 0 and not rope.exists():
            raise ValueError("it fell")
        while True:
            state = {"height": state["height"] + config["speed"], "step": state["step"] + 1, "who": config["who"]}
            tune.report(state, checkpoint=tune.Checkpoint.from_dict(state))

    space = {"who": tune.grid_search([0, 1]), "speed": tune.sample_from(lambda config: 1.0 + config["who"])}
    tuner = tune.Tuner(
        fall_as_clone,
        param_space=space,
        tune_config=tune.TuneConfig(seed=1, scheduler=pbt(interval=6, private=["who"])),
        run_config=tune.RunConfig(name="fell", storage_path=tmp_path, executor="inline", verbose=0, stop={"step": 8}),
    )
    fell = tuner.fit()
    assert fell[0].error
    assert "@perturbed" in fell[0].metrics["experiment_tag"] or fell[0].config["speed"] != 1.0
    policy = tmp_path / "fell" / f"pbt_policy_{fell[0].trial_id}.txt"
    assert policy.exists()
    rope.touch()
    again = tune.Tuner.restore(tmp_path / "fell", fall_as_clone, restart_errored=True).fit()
    assert again.num_errors == 0
    assert [row["step"] for row in again[0].rows] == list(range(1, 9))
    assert {row["config/speed"] for row in again[0].rows} == {1.0}
    assert [(s.first, s.last, s.config["speed"], s.donor) for s in again[0].lineage] == [(1, 8, 1.0, None)]
    assert not policy.exists()


def test_what_a_trial_gave_up_when_it_began_again_is_in_no_file_and_no_checkpoint(tmp_path):
    rope = tmp_path / "rope"

    def fall_at_once(config):
        raise ValueError("it fell")

    fall_at_once.__name__ = fall_at_once.__qualname__ = "stumble"
    stumbled = tune.Tuner(
        stumble,
        param_space={"who": 1, "rope": str(rope)},
        run_config=tune.RunConfig(name="again", storage_path=tmp_path, executor="inline", verbose=0, stop={"step": 8}),
    ).fit()
    path = tmp_path / "again"
    assert len((Path(stumbled[0].path) / "result.json").read_text().splitlines()) == 4
    (fallen,) = tune.Tuner.restore(path, fall_at_once, restart_errored=True).fit()
    assert fallen.error
    assert fallen.rows == []
    for name in ("result.json", "progress.csv"):
        file = Path(fallen.path) / name
        assert not file.exists() or file.read_text() == ""
    assert fallen.best_checkpoints == []
    assert fallen.get_best_checkpoint("height", "max") is None


def test_what_made_a_trial_fail_is_drawn_anew_when_it_starts_again(tmp_path, fit):
    def gamble(config):
        with open(tmp_path / "draws", "a") as draws:
            print(random.random(), file=draws)
        raise ValueError("lost")

    fit(gamble, {}, failure_config=tune.FailureConfig(max_failures=5))
    draws = (tmp_path / "draws").read_text().split()
    assert len(draws) == len(set(draws)) == 6
