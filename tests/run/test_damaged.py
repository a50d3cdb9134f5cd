"""A damaged checkpoint is found out before it is used, and whoever should go on from it goes on from an older one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import CheckpointLost, TrialReset
from poptune.errors import StorageError
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.run.results import ResultGrid
from runs import events, pbt

LIMIT = 12


def climb(config):
    state = {"height": 0.0, "past": []}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "past": [*state["past"], config["speed"]]}
        tune.report({"height": state["height"]}, checkpoint=tune.Checkpoint.from_dict(state))
        if config.get("fails") and len(state["past"]) == 5 and not Path(config["fails"]).exists():
            Path(config["fails"]).touch()
            raise ValueError("the loss exploded")


def flip(folder):
    (file,) = folder.iterdir()
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)


def cut(folder):
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1])


class Vandal(tune.Callback):
    """Damages a checkpoint as soon as it is told of it: those that `is_victim` picks by trial index and iteration."""

    def __init__(self, run_dir, is_victim, damage):
        self.run_dir, self.is_victim, self.damage = run_dir, is_victim, damage

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if self.is_victim(int(trial.trial_id[-1]), result["training_iteration"]):
            self.damage(Path(trial.local_path, result["checkpoint_dir_name"]))


def run(fit, tmp_path, is_victim, damage=flip, speeds=(1.0, 2.0), executor=InlineExecutor, interval=2, **options):
    return fit(
        climb,
        {"speed": tune.grid_search([*speeds]), **options.pop("space", {})},
        scheduler=pbt(interval=interval, quantile_fraction=0.5),
        stop={"training_iteration": LIMIT},
        callbacks=[Vandal(tmp_path / "run", is_victim, damage)],
        executor=executor(),
        name="run",
        **options,
    )


def consistent(results):
    """Say whether each trial's weights are what its lineage says: the hyperparameters of every iteration in order."""
    for result in results:
        past = [s.config["speed"] for s in result.lineage for _ in range(s.first, s.last + 1)]
        state = result.checkpoint.to_dict()
        assert state["past"] == past
        assert state["height"] == result.metrics["height"]
    return True


@pytest.mark.parametrize("executor", [InlineExecutor, lambda: ProcessExecutor(2)])
@pytest.mark.parametrize("damage", [flip, cut, shutil.rmtree])
def test_a_clone_whose_donor_has_a_damaged_checkpoint_goes_on_from_the_one_before(fit, tmp_path, damage, executor):
    results = run(fit, tmp_path, lambda trial, iteration: (trial, iteration) == (1, 2), damage, executor=executor)
    (lost,) = events(results, CheckpointLost)
    assert lost.path.endswith("checkpoint_000001")
    exploits = [exploit for exploit in results.exploits if exploit.checkpoint.progress.iteration == 1]
    assert [(exploit.donor, exploit.operations) for exploit in exploits] == [(lost.trial, ())]
    assert results.errors == []
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, LIMIT]
    assert consistent(results)


def test_checkpoints_that_were_swapped_are_not_those_that_were_saved(fit, tmp_path):
    """Weights of one trial never train with the config of another, although each file is whole."""
    seen = []

    def swap(folder):
        seen.append(folder)
        if len(seen) == 2:
            first, second = seen
            first.rename(tmp_path / "between")
            second.rename(first)
            (tmp_path / "between").rename(second)

    results = run(fit, tmp_path, lambda trial, iteration: iteration == 2, swap)
    (lost,) = events(results, CheckpointLost)
    assert lost.path.endswith("checkpoint_000001")
    assert "is damaged" in lost.reason
    assert results.errors == []
    assert consistent(results)


def test_with_one_checkpoint_to_keep_a_clone_goes_on_from_its_own(fit, tmp_path):
    results = run(
        fit,
        tmp_path,
        lambda trial, iteration: (trial, iteration) == (1, 2),
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
    )
    (lost,) = events(results, CheckpointLost)
    alone = [exploit for exploit in results.exploits if exploit.trial == exploit.donor]
    assert [exploit.checkpoint.progress.iteration for exploit in alone] == [2]
    assert lost.trial != alone[0].trial
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, LIMIT]
    assert consistent(results)


def test_a_trial_that_failed_goes_on_from_an_older_checkpoint_of_its_own(fit, tmp_path):
    results = run(
        fit,
        tmp_path,
        lambda trial, iteration: iteration == 5 and not (tmp_path / "failed").exists(),
        speeds=(1.0,),
        space={"fails": str(tmp_path / "failed")},
        failure_config=tune.FailureConfig(max_failures=1),
    )
    (result,) = results
    assert result.error is None
    assert result.metrics["training_iteration"] == LIMIT


@pytest.mark.parametrize("also", [None, "checkpoint_000003"])
def test_a_clone_that_failed_goes_on_from_what_it_copied_and_not_from_what_it_had_given_up(fit, tmp_path, also):
    """Trial 0 copies trial 1 at iteration 4; what it saves at 5 is damaged, and perhaps what it copied is, too."""

    def flip_both(folder):
        flip(folder)
        if also:
            (donor,) = (tmp_path / "run").glob("*_00001_*")
            flip(donor / also)

    results = run(
        fit,
        tmp_path,
        lambda trial, iteration: (trial, iteration) == (0, 5),
        flip_both,
        interval=4,
        space={"fails": str(tmp_path / "failed")},
        failure_config=tune.FailureConfig(max_failures=1),
    )
    exploits = [exploit for exploit in results.exploits if exploit.trial.endswith("0")]
    taken = [(exploit.donor[-1], exploit.checkpoint.progress.iteration, exploit.config) for exploit in exploits]
    copied = exploits[0].config
    assert taken[:2] == [("1", 4, copied), ("1", 4, copied)]
    assert (("1", 3, copied) in taken) == bool(also)
    assert results.errors == []
    assert consistent(results)


def test_without_any_checkpoint_left_a_trial_begins_again(fit, tmp_path):
    results = run(
        fit,
        tmp_path,
        lambda trial, iteration: iteration <= 5,
        speeds=(1.0,),
        space={"fails": str(tmp_path / "failed")},
        failure_config=tune.FailureConfig(max_failures=1),
    )
    (result,) = results
    assert len(events(results, TrialReset)) == 1
    assert (result.metrics["training_iteration"], result.metrics["height"]) == (LIMIT, 12.0)
    assert [row["training_iteration"] for row in result.rows] == list(range(1, LIMIT + 1))


def test_whoever_opens_a_damaged_checkpoint_of_a_result_is_told(fit, tmp_path):
    run(fit, tmp_path, lambda trial, iteration: False, speeds=(1.0,))
    fresh = ResultGrid.from_path(tmp_path / "run")[0].checkpoint
    flip(fresh.directory)
    for use in (lambda: fresh.path, fresh.to_dict, fresh.to_directory, lambda: fresh.as_directory().__enter__()):
        with pytest.raises(StorageError, match="is damaged: its files are not those that were saved"):
            use()


def test_facts_can_be_attached_to_a_stored_checkpoint(fit, tmp_path):
    run(fit, tmp_path, lambda trial, iteration: False, speeds=(1.0,))
    ResultGrid.from_path(tmp_path / "run")[0].checkpoint.set_metadata({"by": "me"})
    checkpoint = ResultGrid.from_path(tmp_path / "run")[0].checkpoint
    assert checkpoint.to_dict()["height"] == LIMIT
    assert checkpoint.get_metadata() == {"by": "me"}
