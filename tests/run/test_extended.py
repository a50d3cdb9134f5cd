"""A run that ended is extended, and any other difference is shown and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from interrupting import SPACE, Enough, climb, go_on, told
from poptune.errors import OptionError, UsageError
from runs import pbt

LONG = {"training_iteration": 24}


@pytest.mark.parametrize("middle", [12, 11, 13])
def test_a_run_that_was_extended_is_as_one_that_was_as_long_from_the_beginning(begin, middle):
    calm = begin("calm", stop=LONG).fit()
    short = begin("short", stop={"training_iteration": middle}).fit()
    assert told(go_on(short.experiment_path, stop=LONG)) == told(calm)


def test_a_run_that_was_extended_twice_is_as_one_that_was_as_long_from_the_beginning(begin):
    calm = begin("calm", stop=LONG).fit()
    path = begin("short", stop={"training_iteration": 4}).fit().experiment_path
    go_on(path, stop={"training_iteration": 18})
    assert told(go_on(path, stop=LONG)) == told(calm)


def test_an_interrupted_run_can_be_extended(begin, interrupt):
    calm = begin("calm", stop=LONG).fit()
    path = interrupt("hurt", 45, stop={"training_iteration": 12})  # the first of four have trained enough
    assert told(go_on(path, stop=LONG)) == told(calm)


def test_a_run_that_a_stop_function_ended_can_be_extended(begin):
    calm = begin("calm", stop=LONG).fit()
    short = begin("short", stop=Enough()).fit()
    assert told(go_on(short.experiment_path, stop=LONG)) == told(calm)


def test_trials_that_have_trained_enough_by_the_new_criterion_stay_ended(begin):
    short = begin("short").fit()
    again = go_on(short.experiment_path, stop=Enough())
    assert told(again) == told(short)


def test_what_returned_does_not_go_on(fit):
    def finish(config):
        tune.report({"height": 1.0}, checkpoint=tune.Checkpoint.from_dict({"height": 1.0}))

    first = fit(finish, {}, stop={"height": 5.0})
    again = go_on(first.experiment_path, finish, stop={"height": 9.0})
    assert [len(result.rows) for result in again] == [1]


def test_asynchronous_runs_can_be_extended(begin):
    short = begin("short", scheduler=pbt(interval=2, synch=False)).fit()
    longer = go_on(short.experiment_path, stop=LONG)
    assert [result.metrics["training_iteration"] for result in longer] == [24] * 4
    assert longer.exploits[: len(short.exploits)] == short.exploits
    assert len(longer.exploits) > len(short.exploits)


def test_files_show_an_extended_run_as_one(begin):
    short = begin("short").fit()
    longer = go_on(short.experiment_path, stop=LONG)
    lines = (Path(longer[0].path) / "result.json").read_text().splitlines()
    assert len(lines) == 24
    assert ['"done": true' in line for line in lines] == [False] * 23 + [True]


def test_more_trials_join_with_the_configs_that_they_would_have_begun_with(begin):
    first = begin("few").fit()
    scheduler = pbt(interval=2)
    many = tune.Tuner(
        climb,
        param_space=SPACE,
        tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=6, seed=1),
        run_config=tune.RunConfig(
            name="many", storage_path=Path(first.experiment_path).parent, executor="inline", verbose=0, stop={"step": 1}
        ),
    ).fit()
    more = go_on(first.experiment_path, tune_config=tune.TuneConfig(num_samples=6), param_space=SPACE)
    assert [result.metrics["training_iteration"] for result in more] == [12] * 6
    assert [r.rows[0]["config/speed"] for r in more] == [r.rows[0]["config/speed"] for r in many]
    with pytest.raises(OptionError, match="num_samples of this run is 6 and can only grow, not become 4"):
        go_on(first.experiment_path, tune_config=tune.TuneConfig(num_samples=4))


def test_more_trials_need_the_search_space(begin):
    first = begin("few").fit()
    with pytest.raises(UsageError, match=r"New trials begin with what the search space says: give it again"):
        go_on(first.experiment_path, tune_config=tune.TuneConfig(num_samples=6))


def test_more_trials_join_a_run_that_has_no_search_space(begin, fit):
    first = begin("few", space=None).fit()
    many = fit(climb, None, scheduler=pbt(), num_samples=6, seed=1, stop={"step": 1})
    more = go_on(first.experiment_path, tune_config=tune.TuneConfig(num_samples=6))
    assert [result.metrics["training_iteration"] for result in more] == [12] * 6
    assert [r.rows[0]["config/speed"] for r in more] == [r.rows[0]["config/speed"] for r in many]


def test_a_run_with_nothing_left_to_train_says_so(begin, capsys):
    first = begin("done").fit()
    capsys.readouterr()
    go_on(first.experiment_path)
    said = capsys.readouterr().err
    assert f"The run {first.experiment_path} is over: no trial is left to train. To extend it, give" in said
    assert "resume_errored" not in said


def test_a_run_that_is_over_says_how_its_failed_trials_go_on(fit, tmp_path, capsys):
    def stumble(config):
        raise ValueError("it fell")

    path = fit(stumble, {}).experiment_path
    go_on(path, stumble)
    assert "tune_config=TuneConfig(num_samples=...); failed trials go on with resume_errored=True." in (
        capsys.readouterr().err
    )


def test_a_scheduler_with_other_settings_is_shown_and_refused_unless_forced(interrupt):
    path = interrupt("hurt", 9)
    other = tune.TuneConfig(scheduler=pbt(interval=4, quantile_fraction=0.25))
    with pytest.raises(OptionError) as refusal:
        go_on(path, tune_config=other)
    assert str(refusal.value).splitlines()[:3] == [
        "What is given differs from what the run was begun with:",
        "  scheduler: perturbation_interval was 2.0, now 4.0",
        "  scheduler: quantile_fraction was 0.5, now 0.25",
    ]
    assert len(go_on(path, tune_config=other, resume={"force": True})) == 4


def test_the_same_settings_in_another_place_are_no_difference(interrupt):
    path = interrupt("hurt", 9)
    same = tune.TuneConfig(metric="height", mode="max", scheduler=pbt(interval=2.0, metric=None, mode=None))
    assert len(go_on(path, tune_config=same)) == 4


def test_another_kind_of_scheduler_is_refused_unless_forced(interrupt):
    path = interrupt("hurt", 9)
    other = tune.TuneConfig(scheduler=tune.schedulers.FIFOScheduler())
    with pytest.raises(OptionError, match="scheduler was PopulationBasedTraining, now FIFOScheduler"):
        go_on(path, tune_config=other)


def test_another_search_space_is_shown_and_refused_unless_forced(interrupt):
    path = interrupt("hurt", 9)
    other = {"speed": 7.5, "wind": 1}
    with pytest.raises(
        OptionError, match=r"first config of trial \w+: speed was [\d.]+, now 7.5\n.*wind was not there"
    ):
        go_on(path, param_space=other)
    assert len(go_on(path, param_space=other, resume={"force": True})) == 4
