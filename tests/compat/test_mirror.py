"""`import ray` answered by PopTune: what is there, what is not, and how far it reaches."""

from __future__ import annotations

import importlib
import sys

import pytest

from poptune.compat import mirror
from poptune.executors import worker


@pytest.fixture
def answered():
    """Let `import ray` be answered by PopTune during a test."""
    mirror.install()
    yield
    mirror.remove()


IMPORTS = """
ray: init is_initialized shutdown put get ObjectRef __version__ cluster_resources available_resources nodes get_gpu_ids
ray.air: session Checkpoint CheckpointConfig FailureConfig Result RunConfig
ray.air.checkpoint: Checkpoint
ray.air.config: CheckpointConfig FailureConfig RunConfig
ray.air.constants: TRAINING_ITERATION
ray.air.result: Result
ray.air.session: report get_checkpoint get_trial_id get_trial_dir get_trial_name get_experiment_name get_world_rank
ray.exceptions: RayActorError RayError RayTaskError
ray.train: report get_checkpoint get_context Checkpoint CheckpointConfig FailureConfig RunConfig SyncConfig Result
ray.tune: Tuner TuneConfig RunConfig FailureConfig CheckpointConfig Checkpoint report get_checkpoint get_context run
ray.tune: run_experiments Experiment ExperimentAnalysis ResultGrid Result TuneError SyncConfig ResumeConfig Callback
ray.tune: PlacementGroupFactory register_trainable with_parameters with_resources Trainable Stopper CLIReporter choice
ray.tune: JupyterNotebookReporter ProgressReporter create_scheduler checkpoint_dir uniform loguniform sample_from
ray.tune: TuneContext
ray.tune.analysis: ExperimentAnalysis
ray.tune.analysis.experiment_analysis: ExperimentAnalysis
ray.tune.callback: Callback
ray.tune.context: TuneContext get_context
ray.tune.error: TuneError
ray.tune.execution.placement_groups: PlacementGroupFactory
ray.tune.experiment: Experiment Trial
ray.tune.experiment.trial: Trial
ray.tune.logger: LoggerCallback JsonLoggerCallback pretty_print
ray.tune.logger.csv: CSVLoggerCallback
ray.tune.logger.json: JsonLoggerCallback
ray.tune.logger.tensorboardx: TBXLoggerCallback
ray.tune.progress_reporter: CLIReporter JupyterNotebookReporter ProgressReporter
ray.tune.registry: register_trainable
ray.tune.result: TRAINING_ITERATION DEFAULT_METRIC TIME_TOTAL_S DONE
ray.tune.result_grid: ResultGrid
ray.tune.sample: uniform Domain
ray.tune.schedulers: PopulationBasedTraining PopulationBasedTrainingReplay FIFOScheduler TrialScheduler create_scheduler
ray.tune.schedulers: PB2
ray.tune.schedulers.pb2: PB2
ray.tune.schedulers.pbt: PopulationBasedTraining PopulationBasedTrainingReplay
ray.tune.schedulers.trial_scheduler: FIFOScheduler TrialScheduler
ray.tune.search: BasicVariantGenerator
ray.tune.search.basic_variant: BasicVariantGenerator
ray.tune.search.sample: uniform Domain Float Integer Categorical
ray.tune.search.variant_generator: grid_search
ray.tune.stopper: Stopper MaximumIterationStopper TrialPlateauStopper TimeoutStopper CombinedStopper
ray.tune.stopper.maximum_iteration: MaximumIterationStopper
ray.tune.suggest.basic_variant: BasicVariantGenerator
ray.tune.syncer: SyncConfig
ray.tune.trainable: Trainable with_parameters
ray.tune.tune: run run_experiments
ray.tune.tune_config: TuneConfig ResumeConfig
ray.tune.tuner: Tuner
ray.tune.utils: validate_save_restore wait_for_gpu
ray.tune.utils.placement_groups: PlacementGroupFactory
"""


@pytest.mark.parametrize("line", IMPORTS.strip().splitlines(), ids=lambda line: line.split(":")[0])
def test_the_names_of_all_generations_are_where_ray_has_them(answered, line):
    module, names = line.split(": ")
    for name in names.split():
        scope = {}
        exec(f"from {module} import {name}", scope)
        assert scope[name] is getattr(importlib.import_module(module), name)


def test_one_name_is_one_thing_wherever_it_is_imported_from(answered):
    import ray
    from ray import tune
    from ray.air import session
    from ray.tune.schedulers import PopulationBasedTraining
    from ray.tune.schedulers.pbt import PopulationBasedTraining as Same

    import poptune.compat.tune

    assert PopulationBasedTraining is Same is ray.tune.schedulers.PopulationBasedTraining
    assert tune.Tuner is tune.tuner.Tuner is poptune.compat.tune.Tuner
    assert session is ray.air.session is sys.modules["ray.air.session"]
    assert ray.__version__.startswith("2.")
    assert "poptune" in ray.__version__


def test_all_that_is_offered_is_there(answered):
    for name in [name for name in IMPORTS.split() if name.startswith("ray")]:
        module = importlib.import_module(name.rstrip(":"))
        assert [one for one in module.__all__ if getattr(module, one) is None] == []
        assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        (
            "import ray.rllib",
            ModuleNotFoundError,
            r"does not offer ray\.rllib\. ray has ObjectRef, .*, tune and 2 more\.",
        ),
        ("import ray; ray.run", AttributeError, r"does not offer ray\.run\."),
        ("import ray.air.integrations.wandb", ImportError, "or in a callback derived from LoggerCallback"),
        ("from ray.tune.logger import UnifiedLogger", ImportError, r"Derive from ray\.tune\.logger\.LoggerCallback"),
        ("from ray.tune.integration.keras import TuneReportCallback", ImportError, "Report from a callback"),
        ("import ray.data, ray.tune", ModuleNotFoundError, r"does not offer ray\.data\."),
        ("from ray import serve", ImportError, r"does not offer ray\.serve\."),
        ("import ray.train.torch", ModuleNotFoundError, r"ray\.train has Checkpoint, .*, report\.$"),
        ("from ray.tune import chioce", ImportError, r"does not offer ray\.tune\.chioce\. Did you mean 'choice'\?"),
        ("from ray.tune.tuner import Tunner", ImportError, r"Did you mean 'Tuner'\? ray\.tune\.tuner has Tuner\.$"),
        ("from ray.tune.schedulers import HyperBand", ImportError, r"ray\.tune\.schedulers has FIFOScheduler, PB2, "),
        ("from ray.tune.search.optuna import OptunaSearch", ImportError, r"does not offer ray\.tune\.search\.optuna"),
        ("from ray.tune.examples.mnist_pytorch import ConvNet", ImportError, "into a file beside your script"),
        ("import ray; ray.remote", AttributeError, r"PopTune, .*, does not offer ray\.remote\."),
        ("from ray import tune; tune.uniforn", AttributeError, r"ray\.tune\.uniforn\. Did you mean 'uniform'\?"),
        ("from ray.air import session; session.reprot", AttributeError, r"Did you mean 'report'\?"),
    ],
)
def test_what_is_not_offered_fails_at_once_and_by_name(answered, statement, error, words):
    with pytest.raises(error, match=words):
        exec(statement, {})


def test_a_probe_for_a_name_finds_nothing(answered):
    import ray

    assert not hasattr(ray, "rllib")
    assert getattr(ray.tune, "with_torch", None) is None


def test_after_a_programmatic_use_ray_is_what_it_was(tmp_path, monkeypatch):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("real = True")
    monkeypatch.syspath_prepend(tmp_path)
    import ray

    assert ray.real
    mirror.install()
    mirror.install()
    import ray

    assert not hasattr(ray, "real")
    mirror.remove()
    mirror.remove()
    import ray

    assert ray.real
    assert worker.setups == []
    del sys.modules["ray"]


# How far it reaches


@pytest.fixture
def another_ray(tmp_path):
    """Return the folder of a package `ray` that cannot be imported."""
    (tmp_path / "site" / "ray").mkdir(parents=True)
    (tmp_path / "site" / "ray" / "__init__.py").write_text("raise RuntimeError('the other ray')")
    return str(tmp_path / "site")


WORKERS = """
import subprocess, sys
import ray
import ray.tune.schedulers as schedulers
from ray import tune
from ray.tune.logger import LoggerCallback

class Model:
    def names(self):
        return tune.__name__ + " " + schedulers.PopulationBasedTraining.__name__

def train(config):
    import ray as again
    from ray.air import session
    import ray.tune.stopper
    assert again is ray and ray.tune.stopper.Stopper
    tune.report({"in": f"{again.__name__} {session.__name__} {Model().names()}", "callback": config["callback"]()})

results = tune.Tuner(
    train,
    param_space={"callback": lambda: tune.report.__module__},
    run_config=tune.RunConfig(verbose=0, storage_path="runs"),
).fit()
print(results[0].metrics["in"], results[0].metrics["callback"])
"""


def test_an_installed_ray_loses_in_the_script_and_in_its_workers(ray_script, script, another_ray):
    ran = ray_script(script(WORKERS), PYTHONPATH=another_ray)
    assert ran.stdout == "ray ray.air.session ray.tune PopulationBasedTraining poptune.compat.tune.saving\n", ran.stderr


def test_other_processes_of_the_script_see_the_ordinary_ray(ray_script, script, another_ray):
    script("import ray", "other.py")
    ran = ray_script(
        script("import ray, subprocess, sys; subprocess.run([sys.executable, 'other.py'])"), PYTHONPATH=another_ray
    )
    assert "RuntimeError: the other ray" in ran.stderr


def test_workers_of_other_runs_see_the_ordinary_ray(ray_script, script, another_ray):
    text = """
import poptune as tune

def train(config):
    import ray

print(tune.Tuner(train, run_config=tune.RunConfig(verbose=0, storage_path="runs")).fit().errors)
"""
    ran = ray_script(script(text), command=(), PYTHONPATH=another_ray)
    assert "RuntimeError: the other ray" in ran.stdout
