"""A test file as Ray users write them; `poptune ray-script -m pytest` runs it."""

import pytest
import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining


@pytest.fixture
def ray_start():
    ray.init(num_cpus=2)
    yield
    ray.shutdown()


def climb(config):
    from ray.air import session

    height = session.get_checkpoint().to_dict()["height"] if session.get_checkpoint() else 0
    while True:
        height += config["speed"]
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))


def test_all_trials_reach_the_end(ray_start, tmp_path):
    scheduler = PopulationBasedTraining(
        "training_iteration", "height", "max", 2, hyperparam_mutations={"speed": tune.uniform(0, 1)}, synch=True
    )
    results = tune.Tuner(
        climb,
        param_space={"speed": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(num_samples=2, scheduler=scheduler),
        run_config=tune.RunConfig(storage_path=str(tmp_path), stop={"training_iteration": 4}, verbose=0),
    ).fit()
    assert not results.errors
    assert [result.metrics["training_iteration"] for result in results] == [4, 4]


def test_a_missing_name_is_an_import_error():
    with pytest.raises(ImportError, match=r"does not offer ray\.tune\.schedulers\.ASHAScheduler"):
        from ray.tune.schedulers import ASHAScheduler  # noqa: F401
