"""What callbacks of the user are told, and that they cannot harm a run."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import Reported, TrialStarted
from poptune.errors import StopError
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import truncation
from poptune.stopper import TimeoutStopper
from poptune.storage.journal import Journal
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt

EXECUTORS = [pytest.param(InlineExecutor, id="inline"), pytest.param(lambda: ProcessExecutor(2), id="processes")]
STEPS = ("on_step_begin", "on_step_end")


class Diary(tune.Callback):
    """Writes down each hook: its name, the number of the trial, and what `tells` finds worth telling of it."""

    def __init__(self, tells=lambda trial, info: ()):
        self.lines = []
        self.tells = tells

    def __getattribute__(self, name):
        if not name.startswith("on_") and name != "setup":
            return super().__getattribute__(name)
        return lambda **info: self.write(name, **info)

    def write(self, hook, *, trial=None, **info):
        about = () if trial is None else (int(trial.trial_id[-1]), *self.tells(trial, info))
        self.lines.append((hook, *about))

    def told(self, *hooks):
        """Return what some hooks were told, by default all but the steps of the loop."""
        return [line for line in self.lines if (line[0] in hooks if hooks else line[0] not in STEPS)]


def walk(config):
    """Reports two steps, the second with a checkpoint."""
    tune.report({"height": 1.0, "nested": {"depth": 1}})
    tune.report({"height": 2.0}, checkpoint=tune.Checkpoint.from_dict({"height": 2.0}))


def climb(config):
    """Climbs for ever, and saves each step."""
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        tune.report({"height": state["height"]}, checkpoint=tune.Checkpoint.from_dict(state))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_life_of_a_trial_is_told_in_order(fit, executor):
    diary = Diary()
    fit(walk, {}, executor=executor(), callbacks=[diary])
    assert diary.told() == [
        ("setup",),
        ("on_trial_start", 0),
        ("on_trial_result", 0),
        ("on_trial_result", 0),
        ("on_checkpoint", 0),
        ("on_trial_save", 0),
        ("on_trial_complete", 0),
        ("on_experiment_end",),
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_result_is_told_once_complete_and_as_it_was(fit, executor):
    class Rows(tune.Callback):
        def __init__(self):
            self.rows = {}

        def on_trial_result(self, iteration, trials, trial, result, **info):
            assert result["config"] == trial.config
            assert result is trial.last_result
            assert result["experiment_tag"] == trial.experiment_tag
            self.rows.setdefault(trial.trial_id, []).append(dict(result))

    callback = Rows()
    results = fit(
        climb,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0])},
        scheduler=pbt(),
        stop={"training_iteration": 8},
        executor=executor(),
        callbacks=[callback],
    )
    assert len(results.exploits) > 0
    for result in results:
        told = [tune.core.nested.flatten(row) for row in callback.rows[result.trial_id]]
        assert told == result.rows
        assert [row["done"] for row in told] == [False] * 7 + [True]


def test_a_clone_is_started_and_restored_with_the_donors_checkpoint(fit):
    def weights(trial, info):
        return (trial.config["speed"], trial.checkpoint and trial.checkpoint.to_dict()["height"])

    diary = Diary(weights)
    results = fit(
        climb,
        {"speed": tune.grid_search([1.0, 2.0])},
        scheduler=pbt(),
        stop={"training_iteration": 4},
        callbacks=[diary],
    )
    (exploit,) = results.exploits
    speed = exploit.config["speed"]
    assert diary.told("on_trial_start", "on_trial_restore") == [
        ("on_trial_start", 0, 1.0, None),
        ("on_trial_start", 1, 2.0, None),
        ("on_trial_start", 0, speed, 4.0),
        ("on_trial_restore", 0, speed, 4.0),
    ]


def test_a_trial_shows_what_ray_tune_shows(fit):
    class Looks(tune.Callback):
        def on_trial_start(self, iteration, trials, trial, **info):
            self.trial = trial
            self.seen = [(trial.status, trial.last_result, trial.checkpoint, repr(trial))]

        def on_trial_result(self, iteration, trials, trial, result, **info):
            assert trials[0] is trial is self.trial
            self.seen.append((trial.status, result["height"], trial.checkpoint is not None))

        def on_trial_complete(self, iteration, trials, trial, **info):
            self.seen.append((trial.status, trial.last_result["done"], trial.checkpoint.to_dict()))

    callback = Looks()
    space = {"speed": tune.grid_search([1.0]), "net": {"depth": tune.choice([3])}, "name": "constant"}
    (result,) = fit(walk, space, callbacks=[callback])
    trial = callback.trial
    assert callback.seen == [
        ("RUNNING", {}, None, f"TrialView({result.trial_id}, RUNNING)"),
        ("RUNNING", 1.0, False),
        ("RUNNING", 2.0, True),
        ("TERMINATED", True, {"height": 2.0}),
    ]
    assert trial.trial_id == result.trial_id
    assert trial.evaluated_params == {"speed": 1.0, "net/depth": 3}
    assert trial.experiment_tag == "0_depth=3,speed=1.0000"
    assert trial.local_path == trial.path == trial.logdir == result.path
    assert trial.config == result.config


@pytest.mark.parametrize("failures", [0, 1])
def test_failures_are_told_and_whether_the_trial_recovers(fit, failures):
    diary = Diary(lambda trial, info: (trial.status,))
    fit(
        Climber,
        {"speed": 1.0, "raises_at": 4},
        scheduler=pbt(exploit=truncation(0)),
        failure_config=tune.FailureConfig(max_failures=failures),
        callbacks=[diary],
    )
    recovery = [
        ("on_trial_recover", 0, "PENDING"),
        ("on_trial_start", 0, "RUNNING"),
        ("on_trial_restore", 0, "RUNNING"),
    ]
    assert diary.told("on_trial_start", "on_trial_restore", "on_trial_recover", "on_trial_error") == [
        ("on_trial_start", 0, "RUNNING"),
        *recovery * failures,
        ("on_trial_error", 0, "ERROR"),
    ]


def test_a_trial_that_lost_its_worker_recovers(fit):
    diary = Diary()
    fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0])},
        scheduler=pbt(exploit=truncation(0)),
        stop={"training_iteration": 4},
        executor=SimulatedExecutor(workers=1, losses=[(3.5, 0)]),
        failure_config=tune.FailureConfig(max_failures=1),
        callbacks=[diary],
    )
    assert sorted(diary.told("on_trial_recover")) == [("on_trial_recover", 0), ("on_trial_recover", 1)]
    assert len(diary.told("on_trial_complete")) == 2


def test_a_logger_is_told_the_same_with_fewer_words(fit):
    class Log(tune.logger.LoggerCallback):
        def __init__(self):
            self.lines = []

        def log_trial_start(self, trial):
            self.lines.append("start")

        def log_trial_restore(self, trial):
            self.lines.append("restore")

        def log_trial_save(self, trial):
            self.lines.append("save")

        def log_trial_result(self, iteration, trial, result):
            self.lines.append(result["training_iteration"])

        def log_trial_end(self, trial, failed=False):
            self.lines.append("failed" if failed else "end")

    log, failing = Log(), Log()
    fit(walk, {}, callbacks=[log])
    assert log.lines == ["start", 1, 2, "save", "end"]
    fit(
        Climber,
        {"speed": 1.0, "raises_at": 4},
        scheduler=pbt(),
        failure_config=tune.FailureConfig(max_failures=1),
        callbacks=[failing],
    )
    assert failing.lines == ["start", 1, 2, "save", 3, "start", "restore", 3, "failed"]


def test_setup_comes_first_and_says_what_is_planned(fit):
    class Plan(tune.Callback):
        def setup(self, stop=None, num_samples=None, total_num_samples=None, **info):
            self.plan = stop, num_samples, total_num_samples

    def train(config):
        assert plan.plan
        tune.report({"height": 1.0})

    plan = Plan()
    results = fit(train, {"speed": tune.grid_search([1, 2])}, num_samples=3, callbacks=[plan])
    assert results.errors == []
    assert plan.plan == (None, 3, 6)
    fit(train, {}, stop={"height": 1}, time_budget_s=1000, callbacks=[plan])
    (criterion, budget), *counts = plan.plan
    assert (criterion, budget.timeout_s, counts) == ({"height": 1}, 1000, [1, 1])
    assert isinstance(budget, TimeoutStopper)


def test_steps_of_the_loop_begin_and_end_in_turns_around_all_else(fit):
    diary = Diary()
    diary.write = lambda hook, **info: diary.lines.append((hook, info.get("iteration")))
    fit(walk, {}, callbacks=[diary])
    setup, *steps, end = diary.lines
    assert (setup[0], end[0]) == ("setup", "on_experiment_end")
    step = 0
    for before, after in zip([("on_step_end", 0), *steps], steps, strict=False):
        if after[0] == "on_step_begin":
            assert before == ("on_step_end", step)
        elif after[0] == "on_step_end":
            step += 1
        assert after[1] == step


def test_hooks_are_called_when_the_journal_has_it(fit):
    class Reader(tune.Callback):
        found = 0

        def on_trial_result(self, iteration, trials, trial, result, **info):
            with Journal.open(Path(trial.path).parent) as journal:
                reports = [record for record in journal.records(Reported) if isinstance(record, Reported)]
            self.found += any(report.metrics["height"] == result["height"] for report in reports)

    reader = Reader()
    fit(walk, {}, callbacks=[reader])
    assert reader.found == 2


def test_every_checkpoint_can_be_copied_although_only_the_newest_stays(fit):
    class Archive(tune.Callback):
        def __init__(self):
            self.steps = []

        def on_checkpoint(self, iteration, trials, trial, checkpoint, **info):
            self.steps.append(checkpoint.to_dict()["step"])

    archive = Archive()
    (result,) = fit(
        climb,
        {"speed": 1.0},
        stop={"training_iteration": 20},
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        callbacks=[archive],
    )
    assert sorted(archive.steps) == list(range(1, 21))
    assert len(result.best_checkpoints) == 1


def test_what_a_callback_does_to_a_result_stays_with_it(fit):
    class Scribbler(tune.Callback):
        def on_trial_result(self, iteration, trials, trial, result, **info):
            result["height"] = -1.0
            result["mine"] = True
            result["config"]["speed"] = -1.0
            result.get("nested", {})["depth"] = -1
            trial.config["speed"] = -1.0

        def on_trial_complete(self, iteration, trials, trial, **info):
            self.last = trial.last_result

    scribbler, diary = Scribbler(), Diary(lambda trial, info: (trial.last_result.get("height"),))
    (result,) = fit(walk, {"speed": 1.0}, callbacks=[scribbler, diary])
    assert [(row["height"], row["config/speed"]) for row in result.rows] == [(1.0, 1.0), (2.0, 1.0)]
    assert result.rows[0]["nested/depth"] == 1
    assert diary.told("on_trial_result") == [("on_trial_result", 0, 1.0), ("on_trial_result", 0, 2.0)]
    assert (scribbler.last["mine"], scribbler.last["done"]) == (True, True)


@pytest.mark.parametrize("hook", ["setup", "on_step_begin", "on_trial_result", "on_trial_complete"])
def test_a_callback_that_raises_is_reported_once_and_left_out(fit, capsys, hook):
    def fails(**info):
        raise RuntimeError("the dashboard is down")

    faulty, steady = tune.Callback(), Diary()
    setattr(faulty, hook, fails)
    faulty.on_experiment_end = fails
    results = fit(walk, {}, num_samples=2, callbacks=[faulty, steady])
    assert results.num_terminated == 2
    assert len(steady.told("on_trial_result")) == 4
    assert steady.told()[-1] == ("on_experiment_end",)
    errors = capsys.readouterr().err
    assert errors.count("Callback failed and is left out from here on; training goes on.") == 1
    assert errors.count("RuntimeError: the dashboard is down") == 1


def test_a_run_that_breaks_off_tells_its_end_too(fit):
    def fails(trial_id, result):
        raise LookupError("no such threshold")

    diary = Diary()
    with pytest.raises(StopError):
        fit(walk, {}, stop=fails, callbacks=[diary])
    assert diary.told() == [("setup",), ("on_trial_start", 0), ("on_trial_result", 0), ("on_experiment_end",)]


def test_what_is_no_callback_is_refused():
    for callbacks in (tune.Callback(), [tune.Callback], ["wandb"]):
        with pytest.raises(ValueError, match="callbacks must be"):
            tune.RunConfig(callbacks=callbacks)


def test_a_run_with_callbacks_decides_as_one_without(fit):
    space = {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0])}
    plain = fit(climb, space, scheduler=pbt(), stop={"training_iteration": 8})
    watched = fit(climb, space, scheduler=pbt(), stop={"training_iteration": 8}, callbacks=[Diary()])
    assert [e.config for e in plain.exploits] == [e.config for e in watched.exploits]
    assert len(events(plain, TrialStarted)) == len(events(watched, TrialStarted))
