"""A replay trains one trial with exactly the hyperparameters of a lineage."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import Overdue
from poptune.core.lineage import Segment
from poptune.errors import OptionError
from poptune.executors.processes import ProcessExecutor
from poptune.faces.sentences import exploit_sentence, overdue_advice
from poptune.run.schedule import Schedule
from poptune.schedulers import PopulationBasedTrainingReplay as Replay
from poptune.schedulers import stay
from poptune.testing.toys import Climber
from runs import events, pbt

LIMIT = 12


def climbs(config):
    """Climbs, saves every `config["every"]` iterations, and fails once at `config["fails_at"]`."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
        height, step = state["height"], state["step"]
    while True:
        step += 1
        if step == config.get("fails_at") and not Path(config["once"]).exists():
            Path(config["once"]).touch()
            raise ValueError("slipped")
        height += config["speed"]
        saves = step % config.get("every", 2) == 0
        saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if saves else None
        tune.report({"height": height}, checkpoint=saved)


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    """Return a function that runs a population, once for each kind of run."""
    known = {}

    def run(kind):
        if kind not in known:
            folder = tmp_path_factory.mktemp("population")
            fates = {"fails_at": 7, "once": str(folder / "slipped")} if kind == "failing" else {}
            options = {"explore only": {"exploit": stay()}, "asynchronous": {"synch": False}}.get(kind, {})
            known[kind] = tune.Tuner(
                climbs,
                param_space={"speed": tune.uniform(0.0, 10.0), "nested": {"depth": 3}, **fates},
                tune_config=tune.TuneConfig(num_samples=3, scheduler=pbt(**options), seed=1),
                run_config=tune.RunConfig(
                    stop={"training_iteration": LIMIT},
                    storage_path=folder,
                    failure_config=tune.FailureConfig(max_failures=1),
                    executor="inline",
                    verbose=0,
                ),
            ).fit()
        return known[kind]

    return run


def speeds(result):
    """The speed in force at each iteration."""
    assert [row["training_iteration"] for row in result.rows] == list(range(1, len(result.rows) + 1))
    return [row["config/speed"] for row in result.rows]


def scheduled(schedule):
    return [schedule.at(iteration)["speed"] for iteration in range(1, LIMIT + 1)]


def replayed(fit, source, **options):
    return fit(climbs, {}, scheduler=Replay(source), stop={"training_iteration": LIMIT}, **options)[0]


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "failing", "explore only"])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_it_trains_with_the_configs_of_the_lineage(fit, population, kind, executor):
    assert max(len(result.schedule) for result in population(kind)) > 1
    for result in population(kind):
        again = replayed(fit, result.schedule, executor=executor if executor == "inline" else ProcessExecutor(1))
        assert speeds(again) == scheduled(result.schedule)
        assert again.metrics["height"] == result.metrics["height"]  # own weights all the way
        assert again.schedule.at(LIMIT) == result.config


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "failing", "explore only"])
def test_it_follows_the_policy_file_of_a_run(fit, population, kind):
    clones = {exploit.trial for exploit in population(kind).exploits}
    assert clones
    for result in population(kind):
        policy = Path(result.path).parent / f"pbt_policy_{result.trial_id}.txt"
        assert policy.exists() == (result.trial_id in clones)
        if policy.exists():
            assert speeds(replayed(fit, policy)) == scheduled(result.schedule)


def test_it_follows_a_schedule_from_a_csv_file(fit, population, tmp_path):
    schedule = population("synchronous").get_best_result().schedule
    schedule.to_csv(tmp_path / "schedule.csv")
    assert speeds(replayed(fit, Schedule.from_csv(tmp_path / "schedule.csv"))) == scheduled(schedule)


def test_a_class_trainable_saves_at_the_changes(fit):
    lineage = [Segment("a", 1, 3, {"speed": 1.0}, None), Segment("b", 4, 8, {"speed": 5.0}, "a")]
    results = fit(Climber, {}, scheduler=Replay(lineage), stop={"training_iteration": 8})
    assert speeds(results[0]) == [1.0] * 3 + [5.0] * 5
    assert results[0].metrics["height"] == 28.0


@pytest.mark.parametrize("max_failures", [1, -1])
def test_a_failure_on_the_way_changes_nothing(fit, population, tmp_path, max_failures):
    schedule = population("synchronous").get_best_result().schedule
    fate = {"fails_at": 6, "once": str(tmp_path / "slipped")}
    segments = [Segment(s.trial, s.first, s.last, {**s.config, **fate}, s.donor) for s in schedule]
    result = replayed(fit, segments, failure_config=tune.FailureConfig(max_failures=max_failures))
    assert Path(fate["once"]).exists()
    assert speeds(result) == scheduled(schedule)


def change_at(iteration, every=2, **config):
    config = {"every": every, **config}
    return [
        Segment("a", 1, iteration, {"speed": 1.0, **config}, None),
        Segment("b", iteration + 1, iteration + 2, {"speed": 2.0, **config}, "a"),
        Segment("b", iteration + 3, LIMIT, {"speed": 3.0, **config}, "b"),
    ]


def test_without_a_checkpoint_a_change_waits_for_the_next_one_and_the_run_says_so(fit, capsys):
    result = replayed(fit, change_at(3, every=4), verbose=1)
    assert speeds(result) == [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    said = capsys.readouterr()
    assert "the schedule has a change for trial" in said.out + said.err


def test_changes_that_were_missed_meanwhile_are_skipped(fit):
    results = fit(climbs, {}, scheduler=Replay(change_at(3, every=6)), stop={"training_iteration": LIMIT})
    assert speeds(results[0]) == [1.0] * 6 + [3.0] * 6
    assert [(o.time, o.interval) for o in events(results, Overdue)] == [(3, None)]


def test_a_trial_that_never_saves_trains_on_with_the_first_config(fit):
    assert speeds(replayed(fit, change_at(3, every=100))) == [1.0] * LIMIT


def test_the_whole_config_is_that_of_the_schedule(fit):
    with pytest.warns(UserWarning, match="param_space is not used"):
        results = fit(climbs, {"speed": 9.0, "more": 1}, scheduler=Replay(change_at(4)), stop={"training_iteration": 2})
    assert results[0].config == {"speed": 1.0, "every": 2}


@pytest.mark.parametrize("space", [{}, {"speed": 1.0, "every": 2}])
def test_nothing_to_warn_of_if_no_other_config_is_given(fit, space):
    fit(climbs, space, scheduler=Replay(change_at(4)), stop={"training_iteration": 1})


@pytest.mark.parametrize("options", [{"num_samples": 2}, {"space": {"speed": tune.grid_search([1.0, 2.0])}}])
def test_a_second_trial_is_refused_before_the_training(fit, tmp_path, options):
    space = options.pop("space", {})
    with pytest.raises(ValueError, match="exactly one trial, not 2"):
        fit(climbs, space, scheduler=Replay(change_at(4)), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_metric_can_be_shown(fit):
    result = replayed(fit, change_at(4), metric="height", mode="max")
    assert result.metrics["height"] == 4 * 1.0 + 2 * 2.0 + 6 * 3.0


def test_the_console_says_that_it_goes_on_by_itself(fit):
    results = fit(climbs, {}, scheduler=Replay(change_at(4)), stop={"training_iteration": 5})
    (change,) = results.exploits
    trial = results[0].trial_id
    assert exploit_sentence(change, None) == (
        f"Explore: {trial} (at iteration 4) goes on with its own weights\n  speed 1 -----> 2"
    )
    assert [s.donor for s in results[0].lineage] == [None, trial]
    assert "multiple" not in overdue_advice(Overdue(trial, 3, None, 4), "training_iteration")


def test_the_status_line_is_that_of_ray_tune(fit, capsys):
    replayed(fit, change_at(4), verbose=1)
    assert f"PopulationBasedTraining replay: Step {LIMIT}, perturb 2" in capsys.readouterr().out


def test_what_is_no_schedule_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Cannot read the policy file .*none.txt: No such file"):
        Replay(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="nothing to replay"):
        Replay(Schedule(()))
    with pytest.raises(ValueError, match="must follow one another"):
        Replay(change_at(4)[::-1])
    with pytest.raises(OptionError, match="policy_file must be a path or a schedule, not int"):
        Replay(3)


@pytest.mark.parametrize("schedule", [{"lr": 0.1}, [{"lr": 0.1}], [1]], ids=repr)
def test_a_schedule_of_something_else_is_refused(schedule):
    with pytest.raises(OptionError, match=r"consists of segments, as Result\.lineage does, not of"):
        Replay(schedule)
