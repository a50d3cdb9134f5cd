"""Checkpoints of the first generation: written before a report, which takes them along."""

from __future__ import annotations

from pathlib import Path

import pytest

from poptune.compat import tune


@pytest.fixture
def train(tmp_path):
    """Return a function that runs a trainable of the first generation inline and returns its results."""

    def run(trainable, space=None, **options):
        return tune.Tuner(
            trainable,
            param_space=space,
            run_config=tune.RunConfig(storage_path=tmp_path / "runs", executor="inline", verbose=0, **options),
        ).fit()

    return run


def write(folder, text):
    Path(folder, "state").write_text(text)


def test_the_next_report_takes_the_folder_along_and_it_is_gone_after(train, tmp_path):
    def two_steps(config, checkpoint_dir=None):
        for step in ("first", "second"):
            with tune.checkpoint_dir(step=step) as folder:
                write(folder, step)
            tune.report(loss=1)
            assert not Path(folder).exists()
        tune.report(loss=2)

    (result,) = train(two_steps)
    kept = [(Path(saved.path, "state").read_text(), row["loss"]) for saved, row in result.best_checkpoints]
    assert kept == [("first", 1), ("second", 1)]


def test_trials_that_share_a_worker_keep_their_folders_apart(train):
    def steps(config, checkpoint_dir=None):
        for _ in range(3):
            with tune.checkpoint_dir(1) as folder:
                write(folder, config["name"])
            tune.report(loss=1)

    results = train(steps, {"name": tune.grid_search(["a", "b"])}, stop=lambda trial, result: False)
    for result in results:
        assert {Path(saved.path, "state").read_text() for saved, _ in result.best_checkpoints} == {
            result.config["name"]
        }


def test_a_failed_trial_goes_on_from_what_was_reported(train, tmp_path):
    def stumble(config, checkpoint_dir=None, data=None):
        if checkpoint_dir is None:
            with tune.checkpoint_dir(1) as folder:
                write(folder, "reported")
            tune.report(loss=1)
            with tune.checkpoint_dir(2) as folder:
                write(folder, "never reported")
            raise RuntimeError("fell")
        tune.report(loss=0, began_with=Path(checkpoint_dir, "state").read_text(), data=data)

    once = tune.FailureConfig(max_failures=1)
    (result,) = train(tune.with_parameters(stumble, data=[1]), failure_config=once)
    assert result.metrics["began_with"] == "reported"
    assert result.metrics["data"] == [1]
    assert len(result.best_checkpoints) == 1


def test_a_folder_that_could_not_be_filled_is_not_reported(train):
    def spill(config, checkpoint_dir=None):
        with pytest.raises(OSError, match="full"), tune.checkpoint_dir(1):
            raise OSError("full")
        tune.report(loss=1)

    (result,) = train(spill)
    assert result.best_checkpoints == []


def test_a_checkpoint_that_is_given_counts(train):
    def both(config, checkpoint_dir=None):
        with tune.checkpoint_dir(1) as folder:
            write(folder, "written")
        tune.report({"loss": 1}, checkpoint=tune.Checkpoint.from_dict({"given": 1}))

    (result,) = train(both)
    assert result.checkpoint.to_dict() == {"given": 1}


def test_outside_of_a_run_it_is_a_folder_and_no_more():
    with tune.checkpoint_dir(1) as folder:
        write(folder, "text")
    with pytest.warns(UserWarning, match="outside of a run"):
        tune.report(loss=1)
    assert not Path(folder).exists()
