"""`tune.run(resume=...)` goes on with a run by its name."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.compat.tune import ResumeConfig
from poptune.errors import OptionError, StorageError


def fall_without_rope(config):
    checkpoint = tune.get_checkpoint()
    last = checkpoint.to_dict()["step"] if checkpoint else 0
    for step in range(last + 1, 7):
        if step == 4 and not config["rope"].exists():
            raise ValueError("it fell")
        tune.report({"step": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}) if step % 2 == 0 else None)


@pytest.fixture
def run(tmp_path):
    """Return a function that climbs in a run called hill."""

    def climb(**options):
        options = {"name": "hill", **options}
        analysis = tune.run(
            fall_without_rope,
            config={"rope": tmp_path / "rope"},
            storage_path=tmp_path / "runs",
            executor="inline",
            verbose=0,
            raise_on_failed_trial=False,
            seed=0,
            **options,
        )
        (trial,) = analysis.trials
        return trial.status, len(analysis.trial_dataframes[trial.trial_id])

    return climb


@pytest.mark.parametrize(
    ("resume", "outcome"),
    [
        ({"resume": True}, ("ERROR", 3)),
        ({"resume": "AUTO"}, ("ERROR", 3)),
        ({"resume": "AUTO+ERRORED"}, ("TERMINATED", 6)),
        ({"resume": "ERRORED_ONLY"}, ("TERMINATED", 6)),
        ({"resume": "LOCAL+RESTART_ERRORED"}, ("TERMINATED", 6)),
        ({"resume": True, "resume_config": ResumeConfig(errored=ResumeConfig.ResumeType.RESUME)}, ("TERMINATED", 6)),
    ],
)
def test_failed_trials_go_on_if_they_shall(run, tmp_path, resume, outcome):
    assert run() == ("ERROR", 3)
    (tmp_path / "rope").touch()
    assert run(**resume) == outcome
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["hill"]


def test_a_run_that_is_not_there_begins_only_on_auto(run, tmp_path):
    with pytest.raises(StorageError, match="hill does not exist"):
        run(resume=True)
    assert run(resume="AUTO") == ("ERROR", 3)


@pytest.mark.parametrize(
    ("resume", "message"),
    [
        ({"resume": "AUTOO"}, "Did you mean 'AUTO'"),
        ({"resume": True, "name": None}, "give its name"),
    ],
)
def test_what_cannot_be_resumed_is_refused(run, resume, message):
    with pytest.raises(OptionError, match=message):
        run(**resume)
