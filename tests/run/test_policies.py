"""The files of exploits: what Ray Tune's own tools read, with the true iterations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import TrialAdded
from poptune.core.population import Population
from poptune.run.exports import Exports
from poptune.schedulers import PopulationBasedTrainingReplay
from poptune.testing.toys import Climber
from runs import events, pbt, three_climbers


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("synch", [True, False])
def test_the_global_policy_file_has_every_exploit_in_order(fit, synch):
    results = three_climbers(fit, pbt={"synch": synch})
    tags = {added.trial: added.tag for added in events(results, TrialAdded)}
    lines = lines_of(Path(results.experiment_path) / "pbt_global.txt")
    assert lines == [
        [tags[e.trial], tags[e.donor], e.iteration, e.checkpoint.progress.iteration, e.donor_config, e.config]
        for e in results.exploits
    ]
    if synch:
        assert [line[2:4] for line in lines] == [[2, 2], [4, 4], [6, 6], [8, 8]]


@pytest.mark.parametrize("order", [[1.0, 2.0], [2.0, 1.0]], ids=["donor comes last", "clone comes last"])
def test_who_triggers_a_round_is_logged_at_its_true_iteration(fit, order):
    """Ray Tune logs the one that comes last one iteration too early."""
    results = fit(Climber, {"speed": tune.grid_search(order)}, scheduler=pbt(4), stop={"training_iteration": 5})
    (line,) = lines_of(Path(results.experiment_path) / "pbt_global.txt")
    assert line[:4] == [f"{order.index(1.0)}_speed=1.0000", f"{order.index(2.0)}_speed=2.0000", 4, 4]
    assert line[4] == {"speed": 2.0}


@pytest.mark.parametrize("synch", [True, False])
def test_each_clone_has_a_policy_file_that_ends_with_its_last_exploit(fit, synch):
    results = three_climbers(fit, pbt={"synch": synch})
    run_dir = Path(results.experiment_path)
    everything = lines_of(run_dir / "pbt_global.txt")
    last = {exploit.trial: at for at, exploit in enumerate(results.exploits)}
    files = {path.name: lines_of(path) for path in run_dir.glob("pbt_policy_*")}
    assert {name: lines[-1] for name, lines in files.items()} == {
        f"pbt_policy_{trial}.txt": everything[at] for trial, at in last.items()
    }
    for lines in files.values():
        assert all(line in everything for line in lines)
        assert all(len(line) == 6 for line in lines)


def policies_of(records, tmp_path):
    files = Exports(tmp_path, records, policies="pbt", is_ours=lambda: True)
    files.on_end(Population())
    return {path.name: list(map(json.loads, path.read_text().splitlines())) for path in tmp_path.glob("pbt_*")}


def test_a_policy_file_begins_with_the_history_of_the_weights_that_were_taken_over(fit, tmp_path):
    results = three_climbers(fit)
    (first, *_), added = results.exploits, events(results, TrialAdded)
    a, b, c = (record.trial for record in added)

    def exploit(target, donor, generation, donor_generation, speed):
        values = {name: getattr(first, name) for name in Exploit.__slots__}
        changed = {"trial": target, "donor": donor, "config": {"speed": speed}}
        return Exploit(**{**values, **changed, "generation": generation, "donor_generation": donor_generation})

    files = policies_of(
        [
            *added,
            exploit(a, b, 1, 1, 10.0),
            exploit(b, c, 2, 2, 20.0),
            # Of the weights that `a` had at its second decision point, and of those that `b` had at its first.
            exploit(c, a, 3, 2, 30.0),
            exploit(a, b, 3, 1, 40.0),
        ],
        tmp_path,
    )
    speeds = {name: [line[5]["speed"] for line in lines] for name, lines in files.items()}
    assert speeds == {
        "pbt_global.txt": [10.0, 20.0, 30.0, 40.0],
        f"pbt_policy_{a}.txt": [40.0],
        f"pbt_policy_{b}.txt": [20.0],
        f"pbt_policy_{c}.txt": [10.0, 30.0],
    }


@pytest.mark.parametrize("synch", [True, False])
def test_a_policy_file_replays_the_schedule_of_its_trial(fit, synch):
    results = three_climbers(fit, pbt={"synch": synch})
    assert results.exploits
    for trial in {exploit.trial for exploit in results.exploits}:
        file = Path(results.experiment_path) / f"pbt_policy_{trial}.txt"
        (result,) = [result for result in results if result.trial_id == trial]
        replay = PopulationBasedTrainingReplay(str(file))
        for iteration in range(result.metrics["training_iteration"]):
            assert replay.config_after(iteration) == result.schedule.at(iteration + 1)


def test_without_log_config_there_are_no_policy_files(fit):
    results = three_climbers(fit, pbt={"log_config": False})
    assert len(results.exploits) == 4
    assert list(Path(results.experiment_path).glob("pbt_*")) == []
    assert [path.name for path in Path(results[0].path).glob("result.json")] == ["result.json"]


def test_seeded_runs_write_the_same_policy_files(fit):
    texts = [(Path(three_climbers(fit).experiment_path) / "pbt_global.txt").read_bytes() for _ in range(2)]
    assert texts[0] == texts[1]
