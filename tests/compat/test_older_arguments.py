"""Configs, resources and trainables with the arguments that Ray Tune had."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import poptune
from poptune.compat import air, train, tune
from poptune.compat.tune.logger import CSVLoggerCallback, JsonLoggerCallback, TBXLoggerCallback
from poptune.errors import OptionError, StorageError, UsageError


def climb(config):
    for step in range(1, config.get("steps", 3) + 1):
        tune.report({"height": config["speed"] * step})


class TestRunConfig:
    def test_it_is_one_in_all_generations(self):
        assert air.RunConfig is train.RunConfig is tune.RunConfig

    def test_none_is_the_default(self):
        given = tune.RunConfig(storage_path=None, failure_config=None, checkpoint_config=None, verbose=None)
        assert given == tune.RunConfig()
        assert given.storage_path == "poptune_results"

    def test_local_dir_is_storage_path(self, tmp_path):
        with pytest.warns(DeprecationWarning, match="local_dir is deprecated in RunConfig: use storage_path") as caught:
            given = air.RunConfig(local_dir=str(tmp_path))
        assert given.storage_path == str(tmp_path)
        assert caught[0].filename == __file__
        with pytest.raises(OptionError, match="give storage_path alone"):
            air.RunConfig(local_dir="a", storage_path="b")

    def test_what_has_no_meaning_is_named(self):
        with pytest.warns(UserWarning, match=r"RunConfig ignores log_to_file \(.*\); sync_config \(.*\)\."):
            tune.RunConfig(sync_config=tune.SyncConfig(sync_period=60), log_to_file=True)

    def test_another_filesystem_is_refused(self):
        with pytest.raises(OptionError, match="no storage_filesystem"):
            tune.RunConfig(storage_filesystem=object())

    def test_remote_storage_is_where_a_run_is_uploaded_to(self):
        given = tune.RunConfig(storage_path="s3://bucket/runs")
        assert (given.storage_path, given.upload_to) == ("poptune_results", "s3://bucket/runs")

    def test_loggers_of_files_that_are_written_anyway_are_taken(self):
        given = tune.RunConfig(callbacks=[CSVLoggerCallback(), JsonLoggerCallback()])
        assert not given.tensorboard

    @pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs tensorboardX")
    def test_the_logger_of_event_files_turns_them_on(self):
        assert tune.RunConfig(callbacks=[TBXLoggerCallback()]).tensorboard


class TestTuneConfig:
    def test_reusing_actors_is_what_happens_anyway(self):
        assert tune.TuneConfig(reuse_actors=True).num_samples == 1

    def test_names_of_ones_own_have_no_meaning(self):
        with pytest.warns(UserWarning, match=r"TuneConfig ignores trial_dirname_creator .* trial_name_creator"):
            tune.TuneConfig(trial_name_creator=str, trial_dirname_creator=str)


class TestResources:
    def test_bundles_add_up(self, tmp_path):
        def tell(config):
            return dict(tune.get_context().get_trial_resources())

        bundles = tune.PlacementGroupFactory([{"CPU": 0.5}, {"CPU": 0.5, "GPU": 0}], strategy="SPREAD")
        assert bundles.required_resources == {"cpu": 1.0, "gpu": 0.0}
        assert len(bundles) == 2
        run_config = tune.RunConfig(storage_path=tmp_path, executor="inline", verbose=0)
        (result,) = tune.Tuner(tune.with_resources(tell, bundles), run_config=run_config).fit()
        assert (result.metrics["cpu"], result.metrics["gpu"]) == (1.0, 0.0)

    def test_a_bundle_without_cores_asks_for_none(self):
        assert tune.with_resources(climb, tune.PlacementGroupFactory([{}, {"CPU": 2}])).resources.cpu == 2

    @pytest.mark.parametrize("bundles", [[], [{"CPU": -1}]])
    def test_bundles_that_no_machine_has_are_refused(self, bundles):
        with pytest.raises(OptionError):
            tune.PlacementGroupFactory(bundles)

    def test_what_only_a_cluster_can_have_is_refused_on_one_machine(self, tmp_path):
        asks = tune.with_resources(climb, tune.PlacementGroupFactory([{"TPU": 1}]))
        with pytest.raises(UsageError, match="asks for 'tpu', and workers of this machine have 'cpu' and 'gpu'"):
            tune.Tuner(asks, run_config=tune.RunConfig(storage_path=tmp_path, verbose=0)).fit()


class TestByName:
    def test_a_registered_trainable_is_given_by_name(self, tmp_path):
        tune.register_trainable("climb", climb)
        for executor in ("inline", "processes"):
            run_config = tune.RunConfig(storage_path=tmp_path, executor=executor, verbose=0)
            (result,) = tune.Tuner("climb", param_space={"speed": 2}, run_config=run_config).fit()
            assert result.metrics["height"] == 6

    def test_the_newer_one_counts(self, tmp_path):
        tune.register_trainable("one", climb)
        tune.register_trainable("one", lambda config: {"height": -1})
        run_config = tune.RunConfig(storage_path=tmp_path, executor="inline", verbose=0)
        assert tune.Tuner("one", run_config=run_config).fit()[0].metrics["height"] == -1

    def test_an_unknown_name_is_refused(self):
        tune.register_trainable("climb", climb)
        with pytest.raises(UsageError, match=r"registered as 'clmib'\. Did you mean 'climb'\?"):
            tune.Tuner("clmib")

    def test_what_is_no_trainable_is_not_registered(self):
        with pytest.raises(UsageError, match="must be a function"):
            tune.register_trainable("three", 3)
        with pytest.raises(OptionError, match="registered under a text"):
            tune.register_trainable("", climb)


class TestExperiments:
    def test_each_is_a_run_of_its_own(self, tmp_path):
        both = {"storage_path": tmp_path, "executor": "inline", "verbose": 0}
        first = tune.Experiment("first", climb, config={"speed": 1}, num_samples=2)
        second = tune.Experiment("second", climb, config={"speed": 5}, stop={"height": 5})
        trials = tune.run_experiments([first, second], scheduler="fifo", **both)
        assert [trial.last_result["height"] for trial in trials] == [3, 3, 5]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
        (trial,) = tune.run_experiments(tune.Experiment("third", climb, config={"speed": 1}), **both)
        assert trial.last_result["height"] == 3

    def test_failures_are_an_error_once_all_runs_are_over(self, tmp_path):
        both = {"storage_path": tmp_path, "executor": "inline", "verbose": 0}
        spec = {"first": {"run": climb}, "second": {"run": climb, "config": {"speed": 1}}}
        with pytest.raises(tune.TuneError, match="1 of 1 trials failed"):
            tune.run_experiments(spec, **both)
        assert (tmp_path / "second").is_dir()
        trials = tune.run_experiments(spec, raise_on_failed_trial=False, **both)
        assert [trial.status for trial in trials] == ["ERROR", "TERMINATED"]

    @pytest.mark.parametrize("given", [[climb], climb, {"first": climb}, {"first": {"config": {}}}])
    def test_what_is_no_experiment_is_refused(self, given):
        with pytest.raises(OptionError):
            tune.run_experiments(given)

    def test_tune_run_names_the_function_for_them(self):
        with pytest.raises(UsageError, match="run_experiments"):
            tune.run(tune.Experiment("first", climb))


class TestGoingOn:
    def test_a_run_is_restored_with_a_resume_config(self, tmp_path):
        def stumble(config):
            tune.report({"height": 1})
            if not (tmp_path / "repaired").exists():
                raise RuntimeError("fell")

        run_config = tune.RunConfig(name="hill", storage_path=tmp_path, executor="inline", verbose=0)
        assert tune.Tuner(stumble, run_config=run_config).fit().num_errors == 1
        (tmp_path / "repaired").touch()
        what = tune.ResumeConfig.ResumeType
        skipping, restarting = tune.ResumeConfig(), tune.ResumeConfig(errored=what.RESTART)
        assert tune.Tuner.restore(tmp_path / "hill", stumble, _resume_config=skipping).fit().num_errors == 1
        assert tune.Tuner.restore(tmp_path / "hill", stumble, _resume_config=restarting).fit().num_errors == 0

    def test_a_restored_trainable_may_be_named(self, tmp_path):
        tune.register_trainable("climb", climb)
        run_config = tune.RunConfig(name="hill", storage_path=tmp_path, executor="inline", verbose=0)
        tune.Tuner("climb", param_space={"speed": 1}, run_config=run_config).fit()
        assert tune.Tuner.restore(tmp_path / "hill", "climb").fit()[0].metrics["height"] == 3
        with pytest.raises(OptionError, match="no storage_filesystem"):
            tune.Tuner.restore(tmp_path / "hill", "climb", storage_filesystem=object())
        with pytest.raises(StorageError):
            tune.Tuner.restore(tmp_path, "climb")

    @pytest.mark.parametrize(("whose", "what"), [("finished", "RESUME"), ("unfinished", "RESTART")])
    def test_what_cannot_be_resumed_is_refused(self, whose, what):
        with pytest.raises(OptionError, match=whose):
            tune.ResumeConfig(**{whose: tune.ResumeConfig.ResumeType[what]})


@pytest.mark.parametrize(
    ("config", "argument"), [(poptune.TuneConfig, "reuse_actors"), (poptune.RunConfig, "local_dir")]
)
def test_what_only_the_older_classes_take_says_so(config, argument):
    name = f"poptune.compat.tune.{config.__name__}"
    with pytest.raises(TypeError, match=rf"{config.__name__} has no argument '{argument}'; {name}, .* has"):
        config(**{argument: True})
