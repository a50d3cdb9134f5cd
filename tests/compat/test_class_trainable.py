"""Class trainables as Ray Tune knows them: trained by hand, logged, saved as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from poptune.compat import tune
from poptune.compat.tune.utils import validate_save_restore
from poptune.errors import UsageError
from poptune.testing.toys import Climber
from runs import pbt


class Walker(tune.Trainable):
    """Goes a way, and writes down what it is told of it."""

    def setup(self, config):
        self.way = 0.0
        self.told = []

    def step(self):
        self.way += self.config.get("speed", 1.0)
        return {"way": self.way, "told": len(self.told), "timesteps_this_iter": 5}

    def save_checkpoint(self, checkpoint_dir):
        return {"way": self.way}

    def load_checkpoint(self, checkpoint):
        self.way = checkpoint["way"]

    def log_result(self, result):
        super().log_result(result)
        self.told.append((result["way"], result["training_iteration"], result["done"]))
        result.clear()  # which changes nothing in a run


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_an_object_is_told_each_result_where_it_trains(fit, executor):
    (result,) = fit(Walker, {}, stop={"training_iteration": 3}, executor=executor)
    assert [(row["way"], row["told"]) for row in result.rows] == [(1.0, 0), (2.0, 1), (3.0, 2)]


def test_what_logging_raises_fails_the_trial(fit):
    class Mute(Walker):
        def log_result(self, result):
            raise OSError("no paper")

    results = fit(Mute, {}, stop={"training_iteration": 3})
    assert "no paper" in str(results.errors[0])


def test_by_hand_results_are_counted_as_in_a_run():
    walker = Walker()
    first, second = walker.train(), walker.train()
    assert (second["training_iteration"], second["timesteps_total"], second["done"]) == (2, 10, False)
    assert second["time_total_s"] == first["time_this_iter_s"] + second["time_this_iter_s"]
    assert walker.told == [(1.0, 1, False), (2.0, 2, False)]


def test_by_hand_counters_go_where_the_weights_go():
    walker, other = Walker(), Walker()
    walker.train()
    before = walker.train()
    other.restore(walker.save())
    result = other.train()
    assert (result["way"], result["training_iteration"], result["iterations_since_restore"]) == (3.0, 3, 1)
    assert result["time_total_s"] > before["time_total_s"]
    assert result["timesteps_total"] == 15


def test_by_hand_an_object_has_a_folder(fit):
    walker, other = Walker(), Walker()
    assert Path(walker.logdir).is_dir()
    assert walker.logdir == walker.logdir != other.logdir

    class Placed(Walker):
        def step(self):
            return {**super().step(), "folder": self.logdir}

    (result,) = fit(Placed, {}, stop={"training_iteration": 1})
    assert result.metrics["folder"] == result.path


def test_saving_and_restoring_is_tried():
    class Forgetful(Climber):
        def load_checkpoint(self, checkpoint):
            self.height = checkpoint["hieght"]

    assert validate_save_restore(Climber, {"speed": 1.0})
    with pytest.raises(KeyError, match="hieght"):
        validate_save_restore(Forgetful, {"speed": 1.0})
    with pytest.raises(UsageError, match="is a function"):
        validate_save_restore(lambda config: None)


def test_an_object_is_trained_saved_and_restored(tmp_path):
    class Keeper(tune.Trainable):
        def setup(self, config):
            self.left = []

        def step(self):
            return {"iteration": self.iteration}

        def save_checkpoint(self, checkpoint_dir):
            (tmp_path / "kept" / "state").write_text("here")

        def load_checkpoint(self, checkpoint):
            self.left.append(checkpoint)

        def cleanup(self):
            self.left.append("left")

    first, second = Keeper(), Keeper()
    first.train()
    saved = first.save(tmp_path / "kept")
    second.restore(saved)
    second.restore(saved.path)
    second.stop()
    assert second.training_iteration == second._iteration == 1
    assert second.left == [saved.path, saved.path, "left"]


def test_what_saves_elsewhere_is_refused():
    class Keeper(tune.Trainable):
        def save_checkpoint(self, checkpoint_dir):
            return "elsewhere"

    with pytest.raises(UsageError, match="the directory it is given, not 'elsewhere'"):
        Keeper().save()


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_file_that_was_saved_is_the_file_that_is_loaded(tmp_path, executor):
    class Keeper(tune.Trainable):
        def setup(self, config):
            self.way = 0.0

        def step(self):
            self.way += self.config["speed"]
            return {"way": self.way}

        def save_checkpoint(self, checkpoint_dir):
            file = Path(checkpoint_dir, "model.txt")
            file.write_text(str(self.way))
            return str(file)

        def load_checkpoint(self, checkpoint_path):
            self.way = float(Path(checkpoint_path).read_text())

    results = tune.Tuner(
        Keeper,
        param_space={"speed": tune.grid_search([1.0, 2.0])},
        tune_config=tune.TuneConfig(scheduler=pbt(metric="way")),
        run_config=tune.RunConfig(storage_path=tmp_path, executor=executor, verbose=0, stop={"training_iteration": 4}),
    ).fit()
    assert len(results.exploits) == 1
    best = results.get_best_result()
    keeper = Keeper(best.config)
    keeper.restore(best.checkpoint)
    assert keeper.way == best.metrics["way"]
