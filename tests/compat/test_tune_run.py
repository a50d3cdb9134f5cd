"""`tune.run`, the older form of `Tuner(...).fit()`."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import poptune as tune
from poptune.compat.tune import ExperimentAnalysis
from poptune.compat.tune import run as compat_run
from poptune.errors import OptionError, TrialError, UsageError
from poptune.run.results import ResultGrid
from poptune.schedulers import FIFOScheduler
from poptune.testing.toys import Climber
from runs import pbt


def climb(config):
    for step in range(1, 4):
        tune.report({"height": config["speed"] * step})


def stumble(config):
    tune.report({"height": config["speed"]})
    if config["speed"] == 2:
        raise LookupError("no foothold")


SPEEDS = {"speed": {"grid_search": [1, 3, 2]}}


@pytest.fixture
def run(tmp_path):
    """Return `tune.run`, inline and silent, in a folder of the test."""

    def quiet(trainable, **options):
        where = {} if "local_dir" in options else {"storage_path": tmp_path}
        return tune.run(trainable, **{**where, "executor": "inline", "verbose": 0, "seed": 0, **options})

    return quiet


def test_it_trains_and_names_the_best(run):
    analysis = run(climb, config=SPEEDS, metric="height", mode="max")
    assert analysis.best_config == {"speed": 3}
    assert analysis.best_result["height"] == 9
    assert analysis.best_trial.last_result["training_iteration"] == 3
    assert [trial.status for trial in analysis.trials] == ["TERMINATED"] * 3


def test_the_function_in_compat_is_the_same(run, tmp_path):
    analysis = compat_run(climb, config=SPEEDS, storage_path=tmp_path, executor="inline", verbose=0)
    assert len(analysis.trials) == 3


def test_a_run_in_worker_processes(run):
    assert len(run(climb, config=SPEEDS, executor="processes").trials) == 3


def test_name_stop_and_samples(run, tmp_path):
    analysis = run(climb, config={"speed": 1}, name="hill", stop={"height": 2}, num_samples=2)
    assert analysis.experiment_path == str(tmp_path / "hill")
    assert [result["height"] for result in analysis.results.values()] == [2, 2]


def test_a_scheduler_object(run):
    analysis = run(Climber, config={"speed": 1.0}, scheduler=pbt(), num_samples=4, stop={"training_iteration": 4})
    assert ResultGrid.from_path(analysis.experiment_path).exploits
    assert analysis.default_metric == "height"


def test_pbt_by_name_varies_what_has_a_domain(run):
    # Its default interval is 60 seconds, so nobody is cloned here.
    space = {"speed": tune.uniform(0, 1), "model": {"width": tune.randint(1, 9), "depth": 2}}
    analysis = run(climb, config=space, scheduler="pbt", metric="height", mode="max")
    assert 0 <= analysis.best_config["speed"] <= 1


def test_pbt_by_name_needs_a_domain(run):
    with pytest.raises(OptionError, match="config has none"):
        run(climb, config={"speed": 1, "model": {"depth": 2}}, scheduler="pbt", metric="height", mode="max")


def test_fifo_by_name(run):
    assert len(run(climb, config=SPEEDS, scheduler="fifo").trials) == 3


def test_an_unknown_scheduler_is_refused_with_the_nearest_name(run):
    with pytest.raises(OptionError, match=r"not 'pbt_repaly'\. Did you mean 'pbt_replay'\?"):
        run(climb, config=SPEEDS, scheduler="pbt_repaly")


def test_create_scheduler():
    assert isinstance(tune.schedulers.create_scheduler("FIFO"), FIFOScheduler)
    assert tune.schedulers.create_scheduler("pbt", hyperparam_mutations={"lr": [1, 2]}).synch is False


def test_a_failed_trial_is_an_error_after_the_others_have_trained(run, tmp_path):
    with pytest.raises(TrialError, match=r"(?s)1 of 3 trials failed: \w+_00002\. .*no foothold"):
        run(stumble, config=SPEEDS, name="hill")
    assert [result.metrics["height"] for result in ResultGrid.from_path(tmp_path / "hill")] == [1, 3, 2]


def test_a_failed_trial_is_returned_on_request(run):
    analysis = run(stumble, config=SPEEDS, raise_on_failed_trial=False)
    assert [trial.status for trial in analysis.trials] == ["TERMINATED", "TERMINATED", "ERROR"]


def test_a_failed_trial_may_start_again(run):
    with pytest.raises(TrialError, match="1 of 3"):
        run(stumble, config=SPEEDS, max_failures=1)


def test_resources_per_trial(run):
    def tell(config):
        return {"cpus": tune.get_context().get_trial_resources()["cpu"]}

    assert [result["cpus"] for result in run(tell, resources_per_trial={"cpu": 2}).results.values()] == [2.0]


def test_callbacks_and_time_budget_reach_the_run(run):
    class Count(tune.Callback):
        seen = 0

        def on_trial_result(self, iteration, trials, trial, result, **info):
            self.seen += 1

    count = Count()
    run(climb, config=SPEEDS, callbacks=[count], time_budget_s=600)
    assert count.seen == 9


def test_an_unknown_argument_is_refused_with_the_nearest_name(run):
    with pytest.raises(TypeError, match=r"no argument 'num_sample'\. Did you mean 'num_samples'\?"):
        run(climb, config=SPEEDS, num_sample=4)


@pytest.mark.parametrize(
    "argument",
    [
        *("export_formats", "restore", "storage_filesystem", "global_checkpoint_period", "loggers", "queue_trials"),
        *("ray_auto_init", "return_trials", "run_errored_only", "server_port", "sync_on_checkpoint", "sync_to_cloud"),
        *("_remote", "sync_to_driver", "trial_executor", "upload_dir", "with_server"),
    ],
)
def test_what_cannot_be_done_is_refused(run, argument):
    with pytest.raises(UsageError, match=f"tune.run has no {argument}: "):
        run(climb, config=SPEEDS, **{argument: "anything"})
    assert len(run(climb, config=SPEEDS, **{argument: None}).trials) == 3


def test_what_has_no_meaning_is_named_in_one_warning(run):
    with pytest.warns(UserWarning, match=r"tune\.run ignores log_to_file \(.*\); sync_config \(.*\)\.") as caught:
        run(climb, config=SPEEDS, sync_config=object(), log_to_file=True, trial_name_creator=None)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_only_sampling_searches(run):
    assert len(run(climb, config=SPEEDS, search_alg="random").trials) == 3
    with pytest.raises(ValueError, match=r"search_alg must be None or one of .* not 'bayesopt'"):
        run(climb, config=SPEEDS, search_alg="bayesopt")


class TestDeprecatedArguments:
    def test_local_dir_is_storage_path(self, run, tmp_path):
        with pytest.warns(DeprecationWarning, match=r"local_dir is deprecated in tune\.run: use storage_path"):
            analysis = run(climb, config=SPEEDS, local_dir=tmp_path / "here")
        assert Path(analysis.experiment_path).parent == tmp_path / "here"

    def test_local_dir_beside_storage_path_is_refused(self, run, tmp_path):
        with pytest.raises(OptionError, match="give storage_path alone"):
            tune.run(climb, local_dir=tmp_path, storage_path=tmp_path)

    def test_few_checkpoints_by_a_score_stay(self, run):
        def train(config):
            for loss in (3, 1, 2, 4):
                tune.report({"loss": loss}, checkpoint=tune.Checkpoint.from_dict({"loss": loss}))

        with pytest.warns(DeprecationWarning, match="is deprecated in tune.run") as caught:
            analysis = run(train, keep_checkpoints_num=1, checkpoint_score_attr="min-loss")
        assert len(caught) == 2
        assert analysis.get_best_checkpoint(analysis.trials[0], "loss", "min").to_dict()["loss"] == 1

    def test_class_trainables_save_every_so_often(self, run):
        with pytest.warns(DeprecationWarning, match=r"CheckpointConfig\(checkpoint_\w+=\.\.\.\)") as caught:
            analysis = run(
                Climber,
                config={"speed": 1.0},
                stop={"training_iteration": 4},
                checkpoint_freq=2,
                checkpoint_at_end=False,
            )
        assert len(caught) == 2
        results = ResultGrid.from_path(analysis.experiment_path)
        assert [metrics["training_iteration"] for _, metrics in results[0].best_checkpoints] == [2, 4]

    def test_beside_checkpoint_config_they_are_refused(self, run):
        with pytest.raises(OptionError, match="checkpoint_freq and checkpoint_config are both given"):
            run(Climber, checkpoint_config=tune.CheckpointConfig(), checkpoint_freq=2)


def test_everything_but_the_trainable_is_given_by_name():
    kinds = {parameter.kind for parameter in list(inspect.signature(compat_run).parameters.values())[1:-1]}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_package_keeps_its_modules():
    assert tune.run.results.ResultGrid is ResultGrid
    assert ExperimentAnalysis.__name__ == "ExperimentAnalysis"
