from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from poptune.core.lease import Lease
from poptune.core.trial import Progress
from poptune.errors import MetricError, UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.class_api import ClassRun, Trainable, load_state
from poptune.trainables.session import TrialContext

CONTEXT = TrialContext("00001", "climb_00001", "/runs/climb_00001", "demo", {"cpu": 1.0})


@dataclass
class Assignment:
    config: dict
    checkpoint: Checkpoint | None = None
    progress: Progress = field(default_factory=Progress)
    context: TrialContext = CONTEXT
    lease: Lease = field(default_factory=Lease)


class Climb(Trainable):
    """Keeps a diary of what happens to its objects."""

    diary: list

    def setup(self, config, **parameters):
        self.diary.append(("setup", config, parameters))
        self.height = 0.0

    def step(self):
        self.height += self.config["speed"]
        return {"height": np.float64(self.height)}

    def save_checkpoint(self, checkpoint_dir):
        return {"height": self.height}

    def load_checkpoint(self, checkpoint):
        self.diary.append(("load", checkpoint))
        self.height = checkpoint["height"]

    def cleanup(self):
        self.diary.append(("cleanup", self.height))


class Reusable(Climb):
    def reset_config(self, new_config):
        self.diary.append(("reset", new_config))
        self.height = 0.0
        return True


class ToFiles(Climb):
    def save_checkpoint(self, checkpoint_dir):
        Path(checkpoint_dir, "height.txt").write_text(str(self.height))
        return self.returned(checkpoint_dir)

    def returned(self, checkpoint_dir):
        return None

    def load_checkpoint(self, checkpoint):
        self.height = float(Path(checkpoint, "height.txt").read_text())


@pytest.fixture(autouse=True)
def diary():
    Climb.diary = []
    return Climb.diary


def running(cls, config=None, saving=None, **parameters):
    run = ClassRun(cls, saving or CheckpointConfig(), parameters)
    run.begin(Assignment(config or {"speed": 0.5}))
    return run


def test_an_object_is_set_up_once_and_steps(diary):
    run = running(Climb)
    assert [run.step(), run.step()] == [{"height": 0.5}, {"height": 1.0}]
    run.end()
    run.end()
    assert diary == [("setup", {"speed": 0.5}, {}), ("cleanup", 1.0)]


def test_metrics_are_plain_and_must_be_a_dictionary():
    class Silent(Climb):
        def step(self):
            return None

    assert type(running(Climb).step()["height"]) is float
    with pytest.raises(
        UsageError, match=r"Silent.step\(\) must return a dictionary of metrics such as .*, not NoneType"
    ):
        running(Silent).step()

    class Tensors(Climb):
        def step(self):
            import torch

            return {"height": torch.ones(1)}

    with pytest.raises(MetricError, match="Metric 'height' is a torch tensor"):
        running(Tensors).step()


def test_a_clone_is_a_new_object_unless_it_can_be_reset(diary, tmp_path):
    donor = Checkpoint.from_dict({"state": {"height": 7.0}})
    run = running(Climb)
    run.step()
    run.begin(Assignment({"speed": 2.0}, donor, Progress(4)))
    assert diary[1:] == [("cleanup", 0.5), ("setup", {"speed": 2.0}, {}), ("load", {"height": 7.0})]
    assert run.step() == {"height": 9.0}


def test_an_object_that_can_be_reset_is_kept(diary):
    donor = Checkpoint.from_dict({"state": {"height": 7.0}})
    run = running(Reusable)
    run.step()
    run.begin(Assignment({"speed": 2.0}, donor, Progress(4)))
    assert diary[1:] == [("reset", {"speed": 2.0}), ("load", {"height": 7.0})]
    assert run.step() == {"height": 9.0}


def test_without_a_checkpoint_nothing_is_loaded(diary):
    run = running(Reusable)
    run.begin(Assignment({"speed": 2.0}))
    assert diary[1:] == [("reset", {"speed": 2.0})]
    assert run.step() == {"height": 2.0}


def test_an_object_whose_reset_fails_is_still_cleaned_up(diary):
    class Fragile(Climb):
        def reset_config(self, new_config):
            raise ValueError("no")

    run = running(Fragile)
    with pytest.raises(ValueError, match="no"):
        run.begin(Assignment({"speed": 2.0}))
    run.end()
    assert diary[1:] == [("cleanup", 0.0)]


def test_an_object_knows_its_trial_and_its_iterations():
    seen = {}

    class Curious(Reusable):
        def step(self):
            seen.update(
                id=self.trial_id,
                name=self.trial_name,
                folder=self.logdir,
                resources=self.trial_resources,
                iteration=self.iteration,
                config=self.get_config(),
            )
            return {}

    run = running(Curious)
    for _ in range(2):
        run.step()
    assert seen == {
        "id": "00001",
        "name": "climb_00001",
        "folder": "/runs/climb_00001",
        "resources": {"cpu": 1.0},
        "iteration": 1,
        "config": {"speed": 0.5},
    }
    run.begin(Assignment({"speed": 2.0}, Checkpoint.from_dict({"state": {"height": 0.0}}), Progress(40)))
    run.step()
    assert (seen["iteration"], seen["config"]) == (40, {"speed": 2.0})
    run.begin(Assignment({"speed": 2.0}, context=TrialContext("00002")))
    run.step()
    assert (seen["id"], seen["iteration"]) == ("00002", 0)


def test_changing_the_config_in_setup_changes_nobody_elses():
    class Greedy(Climb):
        def setup(self, config):
            config["model"]["width"] = 1024
            self.height = 0.0

    config = {"speed": 1.0, "model": {"width": 8}}
    run = running(Greedy, config)
    assert config == {"speed": 1.0, "model": {"width": 8}}
    assert run.step() == {"height": 1.0}


def test_a_trainable_can_be_tried_by_hand():
    climber = Climb()
    assert (climber.config, climber.trial_id, climber.logdir, climber.iteration) == ({}, None, None, 0)


def test_a_class_says_what_it_lacks(tmp_path):
    bare = Trainable()
    for call, name in (
        (bare.step, r"step\(\)"),
        (lambda: bare.save_checkpoint(str(tmp_path)), r"save_checkpoint\(checkpoint_dir\)"),
        (lambda: bare.load_checkpoint({}), r"load_checkpoint\(checkpoint\)"),
    ):
        with pytest.raises(NotImplementedError, match=f"Trainable must define {name}"):
            call()


def test_bound_parameters_reach_setup(diary):
    data = [1, 2, 3]
    running(Climb, data=data, depth=2)
    ((_, _, parameters),) = diary
    assert parameters == {"data": [1, 2, 3], "depth": 2}
    assert parameters["data"] is data


def test_a_class_keeps_its_name_when_parameters_are_bound():
    class Silent(Climb):
        def step(self):
            return 5

    with pytest.raises(UsageError, match=r"Silent.step\(\) must return a dictionary of metrics such as .*, not int"):
        running(Silent, data=1).step()


def test_a_dictionary_state_comes_back(tmp_path, diary):
    run = running(Climb)
    run.step()
    checkpoint = Checkpoint(run.save(tmp_path).to_directory(tmp_path / "stored"))
    assert load_state(checkpoint) == {"height": 0.5}
    run.begin(Assignment({"speed": 1.0}, checkpoint))
    assert run.step() == {"height": 1.5}


@pytest.mark.parametrize("returned", [lambda folder: None, lambda folder: folder, lambda folder: f"{folder}/", Path])
def test_a_state_of_files_comes_back(tmp_path, returned):
    class Writer(ToFiles):
        def returned(self, checkpoint_dir):
            return returned(checkpoint_dir)

    run = running(Writer)
    run.step()
    checkpoint = run.save(tmp_path)
    assert checkpoint.path == load_state(checkpoint) == str(tmp_path)
    run.begin(Assignment({"speed": 1.0}, checkpoint))
    assert run.step() == {"height": 1.5}


def test_a_state_of_files_may_have_any_names(tmp_path):
    class Json(ToFiles):
        def save_checkpoint(self, checkpoint_dir):
            Path(checkpoint_dir, "values.json").write_text("{}")
            return super().save_checkpoint(checkpoint_dir)

    run = running(Json)
    run.step()
    run.begin(Assignment({"speed": 1.0}, run.save(tmp_path)))
    assert run.step() == {"height": 1.5}


@pytest.mark.parametrize("returned", ["/elsewhere", "height.txt", 7, True, ["a"]])
def test_a_state_that_lies_elsewhere_is_refused(tmp_path, returned):
    class Astray(ToFiles):
        def returned(self, checkpoint_dir):
            return returned

    with pytest.raises(UsageError, match=r"Astray.save_checkpoint returned .*\. Return nothing: .* a dictionary"):
        running(Astray).save(tmp_path)


def test_a_file_in_the_directory_is_no_directory(tmp_path):
    class OldStyle(ToFiles):
        def returned(self, checkpoint_dir):
            return str(Path(checkpoint_dir, "height.txt"))

    with pytest.raises(UsageError, match=r"height.txt'. Return nothing: whatever is in the directory"):
        running(OldStyle).save(tmp_path)


def wanted(cls=Climb, metrics=None, iteration=3, lease=None, **saving):
    run = ClassRun(cls, CheckpointConfig(**saving))
    return run.wants_checkpoint({"training_iteration": iteration, **(metrics or {})}, iteration, lease or Lease())


def test_by_default_a_state_is_saved_for_decisions_and_at_the_end():
    due_at_4 = Lease(ready_at=("training_iteration", 4))
    stops_at_4 = Lease(stop_at={"training_iteration": 4})
    assert [wanted(iteration=n, lease=due_at_4) for n in (3, 4, 5)] == [False, True, True]
    assert [wanted(iteration=n, lease=stops_at_4) for n in (3, 4)] == [False, True]
    assert wanted(metrics={"done": True})
    assert not wanted(metrics={"done": False})
    assert not wanted(lease=Lease(every=True))


def test_a_state_is_saved_by_frequency():
    assert [n for n in range(1, 8) if wanted(iteration=n, checkpoint_frequency=3)] == [3, 6]


def test_a_state_is_saved_when_the_step_asks_for_it():
    assert wanted(metrics={"should_checkpoint": True})
    assert not wanted(metrics={"should_checkpoint": False})
    assert not wanted(metrics={"should_checkpoint": "no"})


def test_saving_at_the_end_can_be_switched_off():
    stops = Lease(stop_at={"training_iteration": 3})
    assert wanted(lease=stops, checkpoint_at_end=True)
    assert not wanted(lease=stops, checkpoint_at_end=False)
    due = Lease(ready_at=("training_iteration", 3), stop_at={"training_iteration": 3})
    assert wanted(lease=due, checkpoint_at_end=False)


def test_a_class_that_cannot_save_is_only_asked_to_where_that_was_asked_for():
    class Stateless(Trainable):
        def step(self):
            return {}

    stops = Lease(stop_at={"training_iteration": 3})
    assert not wanted(Stateless, lease=stops)
    assert wanted(Stateless, lease=stops, checkpoint_at_end=True)
    assert wanted(Stateless, lease=Lease(ready_at=("training_iteration", 3)))
    assert not ClassRun(Stateless, CheckpointConfig(), {"data": 1}).wants_checkpoint({"done": True}, 3, Lease())
