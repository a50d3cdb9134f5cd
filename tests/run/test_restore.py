"""A run that was interrupted goes on from its journal, and ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import TrialEvicted
from poptune.errors import OptionError, StorageError, UsageError
from poptune.run.results import ResultGrid
from poptune.schedulers import FIFOScheduler
from poptune.storage.journal import Journal
from runs import decisions, pbt, stable_rows

ITERATIONS = 12


def climb(config):
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        saves = state["step"] % 2 == 0
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if saves else None)


class Interrupted(tune.Callback):
    """Ends a run in the middle, as Ctrl-C does: after so many results."""

    def __init__(self, after):
        self.after = after

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt


class Enough(tune.Stopper):
    def __call__(self, trial_id, result):
        return result["training_iteration"] >= ITERATIONS

    def stop_all(self):
        return False


class Told(tune.Callback):
    def __init__(self):
        self.iterations = []

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.iterations.append((trial.trial_id[-1], result["training_iteration"]))


SPACE = {"speed": tune.uniform(0.0, 10.0)}
ENOUGH = {"training_iteration": ITERATIONS}


@pytest.fixture
def begin(tmp_path):
    """Return a function that makes a tuner for four climbers."""

    def make(name, stop=ENOUGH, space=SPACE, trainable=climb, scheduler=None, **run):
        scheduler = scheduler or pbt(interval=2)
        return tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=4, seed=1),
            run_config=tune.RunConfig(name=name, storage_path=tmp_path, executor="inline", verbose=0, stop=stop, **run),
        )

    return make


@pytest.fixture
def interrupt(begin, tmp_path):
    """Return a function that begins a run, interrupts it, and returns its directory."""

    def interrupt(name, after, **options):
        callbacks = [Interrupted(after), *options.pop("callbacks", [])]
        with pytest.raises(KeyboardInterrupt):
            begin(name, callbacks=callbacks, **options).fit()
        return tmp_path / name

    return interrupt


def go_on(path, trainable=climb, *, tune_config=None, param_space=None, resume=None, **run):
    run = {"callbacks": [], **run}
    return tune.Tuner.restore(
        path,
        trainable,
        param_space=param_space,
        tune_config=tune_config,
        run_config=tune.RunConfig(**run),
        **(resume or {}),
    ).fit()


def told(results):
    """Return what results and files say, without what differs between two runs of the same thing."""
    rows = [
        [{k: v for k, v in row.items() if k != "iterations_since_restore"} for row in t] for t in stable_rows(results)
    ]
    policies = sorted(Path(results.experiment_path).glob("pbt_*.txt"))
    tables = [(Path(result.path) / "progress.csv").read_text().count("\n") for result in results]
    return decisions(results), rows, {file.name: file.read_text() for file in policies}, tables


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


def test_hyperparameters_stay_what_they_had_become(interrupt):
    path = interrupt("hurt", 30)
    perturbed = [result.config for result in ResultGrid.from_path(path)]
    hurt = tune.Tuner.restore(
        path,
        climb,
        param_space={"speed": tune.sample_from(lambda config: 0.0)},
        run_config=tune.RunConfig(callbacks=[]),
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
    (Path(trial) / "checkpoint_000077").mkdir()
    (Path(trial) / "notes_of_mine").mkdir()
    (path / ".staging" / "x").mkdir(parents=True)
    go_on(path)
    assert not (Path(trial) / "checkpoint_000077").exists()
    assert (Path(trial) / "notes_of_mine").is_dir()
    assert not (path / ".staging").exists()


# Trials that failed.


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


def test_unfinished_trials_can_be_left_as_they_are(interrupt):
    path = interrupt("hurt", 20)
    before = ResultGrid.from_path(path)
    after = go_on(path, resume={"resume_unfinished": False})
    assert [len(r.rows) for r in after] == [len(r.rows) for r in before]
    assert after.num_terminated == 4


# What a directory cannot hold.


class Boots:
    def __init__(self, size=42):
        self.size = size

    def __repr__(self):
        return f"Boots({self.size})"


class Twins(Boots):
    def __repr__(self):
        return "Twins()"


def slow(speed):
    return speed / 2


def fast(speed):
    return speed


def gait_of(seen):
    """Return a trainable that notes what its configs hold besides the speed."""

    def climb_with(config):
        seen.append({key: value for key, value in config.items() if key != "speed"})
        climb(config)

    return climb_with


OBJECTS = {
    "constant": {"gear": {"boots": Boots()}},
    "choice": {"gait": tune.choice([slow, fast])},
    "grid": {"gait": tune.grid_search([slow, fast])},
    "of dictionaries": {"gear": tune.choice([{"boots": Boots(40)}, {"boots": Boots(41)}])},
    "sample_from": {"boots": tune.sample_from(lambda config: Boots(int(config["speed"])))},
    "keys that are no text": {"gear": {1: Boots()}},
    "in a list": {"gear": [Boots(1), Boots(2)]},
}


@pytest.mark.parametrize("space", OBJECTS.values(), ids=OBJECTS)
def test_values_without_a_text_form_come_from_the_search_space(interrupt, space):
    space = {**SPACE, **space}
    seen = []
    path = interrupt("hurt", 20, space=space, trainable=gait_of(seen))
    with pytest.raises(UsageError, match=r"which a journal cannot hold: give the search space again"):
        go_on(path, gait_of([]))
    again = []
    results = go_on(path, gait_of(again), param_space=space)
    assert results.errors == []
    assert {result.metrics["step"] for result in results} == {ITERATIONS}
    assert again
    assert {repr(config) for config in again} <= {repr(config) for config in seen}
    assert not any("." in str(config.get("gait", "")) and isinstance(config["gait"], str) for config in again)


def test_values_that_were_varied_come_from_the_mutations(interrupt):
    space = {**SPACE, "gait": slow}
    scheduler = pbt(hyperparam_mutations={**SPACE, "gait": [slow, fast]}, resample_probability=1.0)
    path = interrupt("hurt", 26, space=space, trainable=gait_of([]), scheduler=scheduler)
    became = [result.config["gait"] for result in ResultGrid.from_path(path)]
    assert any("fast" in gait for gait in became)
    with pytest.raises(OptionError, match=r"hyperparam_mutations\['gait'\]\[0\] was the function slow\."):
        go_on(path, gait_of([]), param_space=space)
    again = []
    go_on(
        path,
        gait_of(again),
        param_space=space,
        tune_config=tune.TuneConfig(scheduler=scheduler),
    )
    assert all(config["gait"] in (slow, fast) for config in again)
    first = {name.rpartition(".")[2] for name in became}
    assert {config["gait"].__name__ for config in again[:4]} <= first | {"fast", "slow"}


def test_values_that_print_alike_are_not_mixed_up(interrupt):
    space = {**SPACE, "boots": tune.choice([Twins(1), Twins(2)])}
    sizes = {}

    def climb_in_boots(config):
        assert sizes.setdefault(config["speed"], config["boots"].size) == config["boots"].size
        climb(config)

    path = interrupt("hurt", 40, space=space, trainable=climb_in_boots, scheduler=FIFOScheduler())
    results = go_on(path, climb_in_boots, param_space=space)
    assert results.errors == []
    assert set(sizes.values()) == {1, 2}


def test_another_search_space_is_refused_if_values_are_missing(interrupt):
    path = interrupt("hurt", 20, space={**SPACE, "boots": Boots(1)}, trainable=gait_of([]))
    with pytest.raises(UsageError, match=r"'boots' in the config of trial \w+ was Boots\(1\).*no value has this text"):
        go_on(path, gait_of([]), param_space={**SPACE, "boots": Boots(2)})


def test_a_stop_function_must_be_given_again(interrupt):
    path = interrupt("hurt", 5, stop=Enough())
    with pytest.raises(OptionError, match=r"had a stop function or Stopper\..*run_config=RunConfig\(stop=\.\.\.\)"):
        tune.Tuner.restore(path, climb)
    results = go_on(path, stop=Enough())
    assert [result.metrics["step"] for result in results] == [ITERATIONS] * 4


def test_what_is_given_at_a_restore_is_kept_for_the_next(interrupt):
    path = interrupt("hurt", 5, stop=Enough())
    with pytest.raises(KeyboardInterrupt):
        go_on(path, stop={"step": 14}, callbacks=[Interrupted(5)])
    results = go_on(path)
    assert [result.metrics["step"] for result in results] == [14] * 4


def test_a_scheduler_with_functions_must_be_given_again(interrupt):
    scheduler = pbt(custom_explore_fn=lambda config: {**config, "speed": 3.0})
    path = interrupt("hurt", 17, scheduler=scheduler)
    with pytest.raises(OptionError, match=r"custom_explore_fn was the function \S+\. .*TuneConfig\(scheduler=\.\.\.\)"):
        go_on(path)
    results = go_on(path, tune_config=tune.TuneConfig(scheduler=scheduler))
    assert {exploit.config["speed"] for exploit in results.exploits} == {3.0}


def test_a_scheduler_of_ones_own_must_be_given_again(interrupt):
    class Mine(tune.schedulers.PopulationBasedTraining):
        pass

    options = {"time_attr": "training_iteration", "metric": "height", "mode": "max", "perturbation_interval": 2}
    mine = Mine(**options, hyperparam_mutations=SPACE)
    path = interrupt("hurt", 17, scheduler=mine)
    with pytest.raises(OptionError, match=r"had the scheduler Mine\. .*TuneConfig\(scheduler=\.\.\.\)"):
        go_on(path)
    assert len(go_on(path, tune_config=tune.TuneConfig(scheduler=mine))) == 4


def test_callbacks_that_are_not_given_again_are_missed_aloud(interrupt):
    path = interrupt("hurt", 5, callbacks=[Told()])
    with pytest.warns(UserWarning, match=r"had callbacks, which a directory cannot hold, and goes on without"):
        tune.Tuner.restore(path, climb)


@pytest.mark.parametrize(
    ("tune_config", "run", "message"),
    [
        ({"num_samples": 9}, {}, "num_samples of this run is 4 and cannot become 9"),
        ({"seed": 9}, {}, "seed of this run is 1 and cannot become 9"),
        ({"metric": "depth"}, {}, "metric of this run is 'height' and cannot become 'depth'"),
        ({"scheduler": pbt(metric="step")}, {}, "metric of this run is 'height'; its scheduler cannot have 'step'"),
        ({"scheduler": pbt(mode="min")}, {}, "mode of this run is 'max'; its scheduler cannot have 'min'"),
        ({}, {"name": "other"}, "The run is 'hurt' and cannot become 'other'"),
        ({}, {"storage_path": "elsewhere"}, "The run stays in "),
    ],
)
def test_what_cannot_change_is_refused(interrupt, tune_config, run, message):
    path = interrupt("hurt", 5)
    with pytest.raises(OptionError, match=message):
        go_on(path, tune_config=tune.TuneConfig(**tune_config), **run)


def test_what_is_given_as_it_was_is_accepted(interrupt, tmp_path):
    path = interrupt("hurt", 5)
    same = tune.TuneConfig(metric="height", mode="max", num_samples=4, seed=1)
    assert len(go_on(path, tune_config=same, name="hurt", storage_path=tmp_path)) == 4


def test_another_trainable_is_refused(interrupt):
    path = interrupt("hurt", 5)
    with pytest.raises(UsageError, match="The run trained 'climb': give that, not 'stumble'"):
        go_on(path, stumble)


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
