"""The names of earlier generations: `air`, `train`, `init` and `put`, and modules where Ray Tune has them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import poptune as tune
import poptune.compat as ray
from poptune.compat import air, exceptions, train
from poptune.compat.air import Checkpoint, session
from poptune.compat.tune.logger import pretty_print
from poptune.compat.tune.schedulers import PopulationBasedTrainingReplay
from poptune.compat.tune.utils import wait_for_gpu
from poptune.core.lineage import Segment
from poptune.errors import UsageError
from poptune.run.configs import TuneConfig
from poptune.testing.toys import Climber
from poptune.tuner import Tuner


def climb_by_session(config):
    saved = session.get_checkpoint()
    height = saved.to_dict()["height"] if saved else 0
    while True:
        height += config["speed"]
        session.report({"height": height}, checkpoint=Checkpoint.from_dict({"height": height}))


def climb_by_train(config):
    train.report({"height": config["speed"]}, checkpoint=train.Checkpoint.from_dict({"height": config["speed"]}))


def weigh(config):
    return {"weight": sum(ray.get(config["stones"]))}


def test_the_air_generation(tmp_path):
    tuner = Tuner(
        climb_by_session,
        param_space={"speed": {"grid_search": [1, 2, 3, 4]}},
        tune_config=TuneConfig(
            metric="height",
            mode="max",
            seed=0,
            scheduler=tune.schedulers.PopulationBasedTraining(
                "training_iteration",
                perturbation_interval=2,
                hyperparam_mutations={"speed": tune.uniform(0, 4)},
                synch=True,
            ),
        ),
        run_config=air.RunConfig(
            storage_path=tmp_path,
            stop={"training_iteration": 4},
            failure_config=air.FailureConfig(max_failures=1),
            checkpoint_config=air.CheckpointConfig(num_to_keep=4),
            executor="inline",
            verbose=0,
        ),
    )
    results = tuner.fit()
    assert results.exploits
    best = results.get_best_result()
    assert best.log_dir == best.path


def test_the_session_knows_the_trial(fit):
    def tell(config):
        return {
            "id": session.get_trial_id(),
            "name": session.get_trial_name(),
            "dir": session.get_trial_dir(),
            "run": session.get_experiment_name(),
            "cpu": session.get_trial_resources()["cpu"],
        }

    (result,) = fit(tell, {}, name="hill")
    assert [result.metrics[key] for key in ("id", "dir", "run", "cpu")] == [result.trial_id, result.path, "hill", 1.0]
    assert result.trial_id in result.metrics["name"]


def test_a_trial_is_the_only_worker_of_its_training(fit):
    def tell(config):
        assert ray.tune.get_context() == train.get_context()
        return {
            "id": train.get_context().get_trial_id(),
            "context": [train.get_context().get_world_rank(), train.get_context().get_world_size()],
            "local": [train.get_context().get_local_rank(), train.get_context().get_local_world_size()],
            "node": train.get_context().get_node_rank(),
            "session": [session.get_world_rank(), session.get_world_size(), session.get_local_rank()],
        }

    (result,) = fit(tell, {})
    assert result.metrics["id"] == result.trial_id
    assert [result.metrics[key] for key in ("context", "local", "node", "session")] == [[0, 1], [0, 1], 0, [0, 1, 0]]


def test_exceptions_stand_for_what_is_raised(fit):
    def stumble(config):
        raise LookupError("no foothold")

    with pytest.raises(exceptions.RayTaskError, match="no foothold"):
        fit(stumble, {}, failure_config=air.FailureConfig(fail_fast="raise"))
    with pytest.raises(exceptions.RayError):
        raise exceptions.RayActorError


def test_a_result_is_printed():
    result = {"loss": 0.5, "net": {"depth": 2, "none": None}, "config": {"lr": 1}, "empty": {}, "pid": 7}
    assert pretty_print(result, exclude={"pid"}) == "empty: {}\nloss: 0.5\nnet:\n  depth: 2\n"
    assert wait_for_gpu()


def test_a_replay_begins_with_its_config(fit):
    schedule = [Segment("a", 1, 2, {"speed": 1.0}, None), Segment("b", 3, 4, {"speed": 5.0}, "a")]
    replay = PopulationBasedTrainingReplay(schedule)
    assert replay.config == {"speed": 1.0}
    (result,) = fit(Climber, replay.config, scheduler=replay, stop={"training_iteration": 4})
    assert [row["height"] for row in result.rows] == [1, 2, 7, 12]


def test_the_train_generation(fit):
    (result,) = fit(climb_by_train, {"speed": 2})
    assert result.checkpoint.to_dict() == {"height": 2}
    assert train.get_context().get_trial_id() is None
    assert train.get_checkpoint() is None


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_references_in_the_search_space_work_in_workers(fit, executor):
    (result,) = fit(weigh, {"stones": ray.put([1, 2, 3])}, executor=executor)
    assert result.metrics["weight"] == 6


def test_a_reference_is_one_value_for_all_clones(fit):
    big = ray.put([1.0] * 1000)

    def climb(config):
        for step in range(1, 7):
            state = tune.Checkpoint.from_dict({"step": step})
            tune.report({"height": config["speed"], "is_it": config["data"] is big}, checkpoint=state)

    scheduler = tune.schedulers.PopulationBasedTraining(
        "training_iteration", perturbation_interval=2, hyperparam_mutations={"speed": tune.uniform(0, 1)}, synch=True
    )
    space = {"speed": tune.uniform(0, 1), "data": big}
    results = fit(climb, space, scheduler=scheduler, num_samples=4, metric="height", mode="max")
    assert results.exploits
    assert all(row["is_it"] for result in results for row in result.rows)
    assert "1.0, 1.0" not in str(results[0].rows)


def test_several_references_at_once():
    assert ray.get([ray.put(1), ray.put("two")], timeout=1) == [1, "two"]


def test_what_is_no_reference_is_refused():
    with pytest.raises(UsageError, match=r"what put\(\) returned, or a list of those, not dict"):
        ray.get({})


def test_modules_lie_where_ray_tune_has_them():
    code = (
        "import poptune as tune; from poptune.tune_config import TuneConfig; from poptune.tuner import Tuner;"
        "assert tune.tune_config.TuneConfig is tune.TuneConfig is TuneConfig;"
        "assert tune.tuner.Tuner is tune.Tuner is Tuner;"
        "assert tune.compat.air.session.report is tune.report"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_session_alone_imports_little():
    code = (
        "import sys, poptune.compat.train; print([n for n in ('poptune.tuner', 'rich', 'pandas') if n in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == "[]\n"


def test_a_misspelt_name_is_an_attribute_error_with_a_hint():
    with pytest.raises(AttributeError, match=r"poptune\.compat has no name 'shutdwn'\. Did you mean 'shutdown'\?"):
        _ = ray.shutdwn
    assert all(getattr(ray, name) is not None for name in ray.__all__)
