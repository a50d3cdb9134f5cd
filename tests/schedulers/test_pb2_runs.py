"""Whole runs with PB2: files under its own name, replay of what it found, the same decisions on every executor."""

import json
from pathlib import Path

import pytest

import poptune as tune
from poptune.errors import StopError
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import PB2, PopulationBasedTrainingReplay
from runs import decisions, stable_rows

SPACE = {"speed": tune.uniform(0.0, 1.0), "net": {"width": 4}}


def climb(config):
    """Climbs faster the nearer its speed is to 0.7 and its width to 16."""
    height = 0.0
    if checkpoint := tune.get_checkpoint():
        height = checkpoint.to_dict()["height"]
    while True:
        height += 1 - abs(config["speed"] - 0.7) - abs(config["net"]["width"] - 16) / 50
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))


def pb2(**options):
    bounds = {"speed": [0.0, 1.0], "net": {"width": tune.randint(1, 33), "depth": [1, 3]}}
    return PB2("training_iteration", "height", "max", 2, bounds, synch=True, **options)


def told(result):
    """Return a schedule as plain values."""
    return [(segment.first, segment.last, segment.config) for segment in result.schedule]


def run(fit, **options):
    settings = {"scheduler": pb2(), "num_samples": 4, "stop": {"training_iteration": 12}, **options}
    return fit(climb, SPACE, **settings)


def test_the_policy_files_are_called_pb2_and_a_replay_of_one_repeats_its_schedule(fit):
    results = run(fit)
    assert results.errors == []
    run_dir, clone = Path(results.experiment_path), results.exploits[-1].trial
    names = {file.name for file in run_dir.glob("p*.txt")}
    assert names == {"pb2_global.txt", *(f"pb2_policy_{exploit.trial}.txt" for exploit in results.exploits)}
    lines = (run_dir / "pb2_global.txt").read_text().splitlines()
    assert [json.loads(line)[5] for line in lines] == [exploit.config for exploit in results.exploits]
    replay = PopulationBasedTrainingReplay(run_dir / f"pb2_policy_{clone}.txt")
    replayed = fit(climb, {}, scheduler=replay, stop={"training_iteration": 12})[0]
    found = next(result for result in results if result.metrics["trial_id"] == clone)
    assert told(replayed) == told(found)
    assert len(told(found)) > 1


def test_without_log_config_there_are_no_policy_files(fit):
    results = run(fit, scheduler=pb2(log_config=False))
    assert list(Path(results.experiment_path).glob("p*.txt")) == []


def test_every_trial_begins_and_goes_on_within_the_bounds(fit):
    results = run(fit)
    configs = [segment.config for result in results for segment in result.lineage]
    assert all(0 <= config["speed"] <= 1 and config["net"]["width"] in range(1, 33) for config in configs)
    assert all(config["net"]["depth"] in (1, 2, 3) for config in configs)  # the search space left it open
    assert all(exploit.config["speed"] != exploit.donor_config["speed"] for exploit in results.exploits)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_seeded_run_decides_the_same_in_workers(fit, workers):
    inline, processes = run(fit, seed=7), run(fit, seed=7, executor=ProcessExecutor(workers))
    assert len(decisions(inline)) >= 4
    assert decisions(processes) == decisions(inline)
    assert stable_rows(processes) == stable_rows(inline)


def test_the_status_line_and_the_log_carry_its_name(fit, capsys):
    run(fit, verbose=2)
    printed = capsys.readouterr()
    assert "PB2: " in printed.out + printed.err
    assert "PopulationBasedTraining" not in printed.out + printed.err


class Interrupted(tune.Stopper):
    """Ends a run in the middle, as an exception does."""

    def __init__(self):
        self.results = 0

    def __call__(self, trial_id, result):
        self.results += 1
        if self.results > 30:
            raise RuntimeError("the power went")
        return False

    def stop_all(self):
        return False


def test_a_restored_run_chooses_what_the_undisturbed_one_chooses(fit, tmp_path):
    calm = run(fit, seed=5)
    with pytest.raises(StopError, match="the power went"):
        run(fit, seed=5, name="hurt", stop=Interrupted())
    again = tune.RunConfig(stop={"training_iteration": 12}, verbose=0)
    hurt = tune.Tuner.restore(tmp_path / "hurt", climb, run_config=again).fit()
    assert decisions(hurt) == decisions(calm)
    assert len(decisions(hurt)) >= 4
    assert (Path(hurt.experiment_path) / "pb2_global.txt").read_text().count("\n") == len(hurt.exploits)
