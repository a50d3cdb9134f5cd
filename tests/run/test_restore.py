"""A run that was interrupted goes on from its journal, and ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from interrupting import ITERATIONS, Interrupted, Told, climb, go_on, told
from poptune.core.events import TrialEvicted
from poptune.core.trial import Progress
from poptune.errors import StorageError, UsageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from poptune.storage.store import CheckpointStore
from runs import pbt


@pytest.mark.parametrize("synch", [True, False], ids=["synchronous", "asynchronous"])
@pytest.mark.parametrize("after", [0, 1, 5, 8, 9, 14, 23, 40])
def test_a_restored_run_decides_as_if_nothing_had_happened(begin, interrupt, after, synch):
    calm = begin("calm", scheduler=pbt(interval=2, synch=synch)).fit()
    path = interrupt("hurt", after, scheduler=pbt(interval=2, synch=synch))
    hurt = go_on(path)
    assert [result.metrics["training_iteration"] for result in hurt] == [ITERATIONS] * 4
    if synch:  # asynchronous decisions depend on who comes first, which an interruption changes
        assert told(hurt) == told(calm)
    assert [[row["training_iteration"] for row in result.rows] for result in hurt] == [
        list(range(1, ITERATIONS + 1)) for _ in hurt
    ] or not synch


def test_a_run_can_be_interrupted_again_and_again(begin, interrupt):
    calm = begin("calm").fit()
    path = interrupt("hurt", 7)
    for after in (3, 1, 11):
        with pytest.raises(KeyboardInterrupt):
            go_on(path, callbacks=[Interrupted(after)])
    assert told(go_on(path)) == told(calm)


def test_a_run_that_is_over_is_only_read(begin):
    first = begin("done").fit()
    assert told(go_on(first.experiment_path)) == told(first)


def test_what_a_run_has_so_far_can_be_had_without_going_on_with_it(interrupt):
    path = interrupt("hurt", 10)
    so_far = told(ResultGrid.from_path(path))
    tuner = tune.Tuner.restore(path, climb, run_config=tune.RunConfig(callbacks=[]))
    assert told(tuner.get_results()) == so_far
    assert told(tuner.fit()) == told(tuner.get_results()) != so_far


def test_hyperparameters_stay_what_they_had_become(interrupt):
    path = interrupt("hurt", 30)
    perturbed = [result.config for result in ResultGrid.from_path(path)]
    hurt = tune.Tuner.restore(
        path,
        climb,
        param_space={"speed": tune.sample_from(lambda config: 0.0)},
        run_config=tune.RunConfig(callbacks=[]),
        force=True,
    ).fit()
    assert perturbed != [row.rows[0]["config/speed"] for row in hurt]
    assert all(result.rows[-1]["config/speed"] > 0 for result in hurt)
    with Journal.open(path) as journal:
        first = next(record for record in journal.records(TrialEvicted))
    assert first.reason == "the run was interrupted"


def test_callbacks_hear_only_what_is_new(interrupt):
    path = interrupt("hurt", 20)
    known = {(r.trial_id[-1], row["training_iteration"]) for r in ResultGrid.from_path(path) for row in r.rows}
    callback = Told()
    go_on(path, callbacks=[callback])
    again = [heard for heard in callback.iterations if heard in known]
    assert len(callback.iterations) == len(set(callback.iterations))
    assert len(again) < 8  # what came after the newest checkpoints was lost, and came again
    assert callback.iterations[-1][1] == ITERATIONS


def test_what_a_killed_process_left_half_done_is_removed(interrupt):
    path = interrupt("hurt", 20)
    trial = ResultGrid.from_path(path)[0].path
    orphan = tune.Checkpoint.from_dict({})
    CheckpointStore(path).save(orphan, trial="a", folder=Path(trial).name, number=77, progress=Progress())
    (Path(trial) / "notes_of_mine").mkdir()
    (path / ".staging" / "x").mkdir(parents=True)
    go_on(path)
    assert not (Path(trial) / "checkpoint_000077").exists()
    assert (Path(trial) / "notes_of_mine").is_dir()
    assert not (path / ".staging").exists()


def test_unfinished_trials_can_be_left_as_they_are(interrupt):
    path = interrupt("hurt", 20)
    before = ResultGrid.from_path(path)
    after = go_on(path, resume={"resume_unfinished": False})
    assert [len(r.rows) for r in after] == [len(r.rows) for r in before]
    assert after.num_terminated == 4


def test_another_trainable_is_refused(interrupt):
    path = interrupt("hurt", 5)

    def fall(config):
        raise ValueError("it fell")

    with pytest.raises(UsageError, match="The run trained 'climb': give that, not 'fall'"):
        go_on(path, fall)


def test_only_runs_can_be_restored(interrupt, tmp_path):
    assert tune.Tuner.can_restore(interrupt("hurt", 5))
    assert not tune.Tuner.can_restore(tmp_path)
    with pytest.raises(StorageError, match="is not the directory of a run, but holds runs"):
        tune.Tuner.restore(tmp_path, climb)


def test_a_run_that_goes_on_elsewhere_cannot_be_restored(interrupt):
    path = interrupt("hurt", 5)
    tuner = tune.Tuner.restore(path, climb, run_config=tune.RunConfig(callbacks=[]))
    elsewhere = Journal.resume(path)
    with pytest.raises(StorageError, match=r"goes on in process \d+ on .*\. Wait for its end, or stop it\."):
        tuner.fit()
    elsewhere.close()
    assert len(tuner.fit()) == 4
