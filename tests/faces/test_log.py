"""The log of a run tells what happened, from its journal."""

from __future__ import annotations

import poptune as tune
from poptune.faces.log import log_of
from poptune.run.history import History
from runs import pbt, three_climbers


def log(results):
    return log_of(History.read(results.experiment_path))


def test_it_tells_every_exploit_and_every_end_in_order(fit):
    results = three_climbers(fit)
    entries = log(results)
    told = [entry for entry in entries if entry.kind == "Exploit"]
    assert [entry.trial for entry in told] == [exploit.trial for exploit in results.exploits]
    first = results.exploits[0]
    assert told[0].text.startswith(f"Exploit: {first.trial} (height ")
    assert told[0].detail.startswith("  speed ")
    assert [entry.text.partition(": ")[2] for entry in entries[-3:]] == ["training_iteration >= 9"] * 3
    assert [entry.at_s for entry in entries] == sorted(entry.at_s for entry in entries)


def test_it_tells_of_failures_with_the_traceback_and_where_training_went_on(fit, tmp_path):
    mark = tmp_path / "failed"

    def climb(config):
        start = checkpoint.to_dict()["n"] if (checkpoint := tune.get_checkpoint()) else 0
        for n in range(start + 1, 4):
            if n == 3 and config["speed"] == 1.0:
                broken = "for good" if mark.exists() else "once\x1b[2J"
                mark.touch()
                raise ValueError(broken)
            tune.report({"height": n}, checkpoint=tune.Checkpoint.from_dict({"n": n}))

    space = {"speed": tune.grid_search([1.0, 2.0])}
    results = fit(climb, space, failure_config=tune.FailureConfig(max_failures=1), metric="height", mode="max")
    failing, calm = (result.trial_id for result in results)
    entries = log(results)
    assert [entry.text for entry in entries if entry.trial == failing] == [
        f"Trial {failing} failed: ValueError: once\\x1b[2J",
        f"Trial {failing} starts again from its checkpoint at iteration 2",
        f"Trial {failing} failed, and does not start again: ValueError: for good",
    ]
    assert [entry.text for entry in entries if entry.trial == calm] == [f"Trial {calm} ended by itself"]
    assert all("raise ValueError(broken)" in entry.detail for entry in entries if entry.kind == "TrialFailed")


def test_advice_is_given_once(fit):
    def climb(config):
        for n in range(1, 9):
            tune.report({"height": n})

    results = fit(climb, {"speed": tune.grid_search([1.0, 2.0])}, scheduler=pbt())
    advice = [entry for entry in log(results) if entry.kind == "Overdue"]
    assert len(advice) == 1
    assert "is due for a decision at training_iteration 2" in advice[0].text
    assert "has saved no checkpoint yet" in advice[0].text
