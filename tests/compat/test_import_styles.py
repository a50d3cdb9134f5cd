"""Imports of three generations of Ray Tune, in which nothing but the package's name is changed, and a run with each."""

from __future__ import annotations

import pytest

import poptune
from poptune.compat.tune.search.basic_variant import BasicVariantGenerator

GUIDE = """
import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
Tuner, TuneConfig, RunConfig, uniform = tune.Tuner, tune.TuneConfig, tune.RunConfig, tune.uniform
Checkpoint, get_checkpoint, report = tune.Checkpoint, tune.get_checkpoint, tune.report
"""
API_PAGE = """
from ray import tune
PopulationBasedTraining = tune.schedulers.PopulationBasedTraining
Tuner, TuneConfig, RunConfig, uniform = tune.tuner.Tuner, tune.tune_config.TuneConfig, tune.RunConfig, tune.uniform
Checkpoint, get_checkpoint, report = tune.Checkpoint, tune.get_checkpoint, tune.report
"""
MODULES = """
from ray.tune import uniform, RunConfig, Checkpoint, get_checkpoint, report
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.tune_config import TuneConfig
from ray.tune.tuner import Tuner
"""
AIR = """
import ray
from ray import air, tune
from ray.air import session
from ray.tune.schedulers import PopulationBasedTraining
Tuner, TuneConfig, RunConfig, uniform = tune.Tuner, tune.TuneConfig, air.RunConfig, tune.uniform
Checkpoint, get_checkpoint, report = air.Checkpoint, air.session.get_checkpoint, session.report
"""
STYLES = {"guide": GUIDE, "API page": API_PAGE, "modules": MODULES, "air": AIR}


def renamed(imports):
    """Change only the package's name; a bare `import ray` keeps what the script calls it."""
    return imports.replace("import ray\n", "import poptune.compat as ray\n").replace("from ray", "from poptune.compat")


@pytest.mark.parametrize("style", STYLES)
def test_every_import_style_trains_a_population_once_the_packages_name_is_changed(style, tmp_path):
    names = {}
    exec(renamed(STYLES[style]), names)
    checkpoint_of, report = names["get_checkpoint"], names["report"]

    def climb(config):
        saved = checkpoint_of()
        height = saved.to_dict()["height"] if saved else 0.0
        while True:
            height += config["speed"]
            report({"height": height}, checkpoint=names["Checkpoint"].from_dict({"height": height}))

    scheduler = names["PopulationBasedTraining"](
        time_attr="training_iteration",
        perturbation_interval=2,
        hyperparam_mutations={"speed": names["uniform"](0, 9)},
        synch=True,
    )
    tuner = names["Tuner"](
        climb,
        param_space={"speed": names["uniform"](0, 9)},
        tune_config=names["TuneConfig"](metric="height", mode="max", scheduler=scheduler, num_samples=2),
        run_config=names["RunConfig"](
            stop={"training_iteration": 6}, storage_path=tmp_path, executor="inline", verbose=0
        ),
    )
    assert len(tuner.fit().exploits) == 2


@pytest.mark.parametrize("style", ["guide", "API page", "modules"])
def test_the_newer_styles_need_no_compat(style):
    text = STYLES[style].replace("import ray\n", "").replace("from ray import tune", "import poptune as tune")
    names = {}
    exec(text.replace("from ray.tune", "from poptune"), names)
    assert names["Tuner"] is poptune.Tuner
    assert names["TuneConfig"] is poptune.TuneConfig
    assert names["PopulationBasedTraining"] is poptune.schedulers.PopulationBasedTraining


@pytest.mark.parametrize(
    "search",
    [None, "random", "variant_generator", BasicVariantGenerator()],
    ids=["none", "random", "by name", "object"],
)
def test_sampling_is_the_search_that_a_population_may_have(search):
    assert poptune.compat.tune.TuneConfig(search_alg=search).search_alg is search


@pytest.mark.parametrize("search", ["bayesopt", "optuna", object()], ids=["bayesopt", "optuna", "object"])
def test_any_other_search_is_refused(search):
    with pytest.raises(ValueError, match="search_alg must be None or one of"):
        poptune.compat.tune.TuneConfig(search_alg=search)
