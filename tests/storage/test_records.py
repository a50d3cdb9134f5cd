import math
from dataclasses import fields, replace
from typing import get_args

import pytest

from poptune.core.decisions import Continue, Decision, Exploit, Stop
from poptune.core.events import (
    CheckpointDeleted,
    CheckpointLost,
    Event,
    Overdue,
    Ready,
    Reported,
    TrialAdded,
    TrialEvicted,
    TrialFailed,
    TrialFinished,
    TrialLate,
    TrialReset,
    TrialRevived,
    TrialStarted,
)
from poptune.core.explore import Operation
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import StorageError
from poptune.storage.records import from_row, to_row

PROGRESS = Progress(iteration=12, time_total_s=3.5, timesteps_total=2048, episodes_total=7)
SAVED = SavedCheckpoint("net_00001/checkpoint_000002", "00001", PROGRESS, size=512, checksum="0badcafe")
CONFIG = {"lr": 0.1, "model": {"widths": [8, 16], "betas": (0.9, 0.99)}, "by_epoch": {10: 0.01}, "$": None}
OPERATIONS = (
    Operation("lr", 0.1, 0.12, "* 1.2"),
    Operation("model/betas", (0.9, 0.99), (0.8, 0.9), "shift left"),
    Operation("extra", None, "new", ""),
)

# One record of every kind, with every field different from its default.
RECORDS = [
    TrialAdded("a", 3, CONFIG, tag="3_lr=0.1", folder="net_a"),
    TrialStarted("a", "recovery", PROGRESS, worker=1, pid=4242, hostname="node7", node_ip="10.0.0.7"),
    Reported("a", {"loss": 0.5, "eval": {"accuracy": 0.9}, "history": [1, 2], "done": False}, PROGRESS, SAVED),
    Ready("a", time=8.0, score=-0.5),
    Overdue("a", time=9.0, interval=4.0, checkpoint_every=3),
    TrialLate("a", waited_s=60.5),
    TrialFinished("a"),
    TrialFailed("a", "ValueError: no", "Traceback ...\nValueError: no", retry=True),
    TrialEvicted("a", "its worker was lost"),
    TrialRevived("a"),
    TrialReset("a", config=CONFIG, generation=2),
    CheckpointDeleted("a", SAVED.path),
    CheckpointLost("a", SAVED.path, "it is damaged"),
    Continue("a", note="the donor is the trial itself"),
    Exploit(
        trial="a",
        donor="00001",
        checkpoint=SAVED,
        config=CONFIG,
        donor_config={"lr": 0.1},
        operations=OPERATIONS,
        iteration=11,
        time=8.0,
        score=-0.5,
        donor_score=-0.25,
        generation=2,
        donor_generation=3,
    ),
    Stop("a", "training_iteration >= 100"),
]

every_kind = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)


def test_these_tests_know_every_kind_of_record_and_every_field():
    assert {type(record) for record in RECORDS} == set(get_args(Event | Decision))
    for record in (*RECORDS, PROGRESS, SAVED):
        for field in filter(lambda field: field.compare, fields(record)):
            assert getattr(record, field.name) != field.default, f"{type(record).__name__}.{field.name}"


@every_kind
def test_every_record_comes_back_from_its_row(record):
    kind, trial, body = to_row(record)
    assert (kind, trial) == (type(record).__name__, "a")
    assert from_row(kind, trial, body) == record


def test_records_with_nothing_optional_come_back():
    first = Progress()
    for record in (
        Reported("a", {}, first),
        TrialStarted("a", "first", first, 0, 1, "here", "127.0.0.1"),
        Overdue("a", 4.0, 2.0, None),
        replace(RECORDS[-2], operations=()),
        TrialAdded("a", 0, {}),
    ):
        assert from_row(*to_row(record)) == record


def test_scores_and_metrics_that_are_no_number_come_back():
    ready = from_row(*to_row(Ready("a", 1.0, math.nan)))
    assert math.isnan(ready.score)
    report = from_row(*to_row(Reported("a", {"loss": math.inf, "checkpoint": "mine", "progress": 1}, Progress(1))))
    assert report.metrics == {"loss": math.inf, "checkpoint": "mine", "progress": 1}


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "[[1]]", "null", "7", '"text"', '{"colour": "red"}', '{"trial": "b"}'],
)
@every_kind
def test_a_damaged_row_is_an_error_that_names_the_trial(record, body):
    if body == "[]" and isinstance(record, (TrialFinished, TrialRevived, Continue)):
        body = "[1]"
    with pytest.raises(StorageError, match="trial a") as caught:
        from_row(type(record).__name__, "a", body)
    assert type(record).__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("TrialStarted", '{"cause":"first","progress":[1,2],"worker":0,"pid":1,"hostname":"h","node_ip":"i"}'),
        ("TrialStarted", '{"cause":"first","progress":{"epoch":1},"worker":0,"pid":1,"hostname":"h","node_ip":"i"}'),
        ("Reported", '{"metrics":{},"progress":{},"checkpoint":{"path":"p"}}'),
        ("Reported", '{"metrics":{},"progress":{},"checkpoint":"p"}'),
        ("Exploit", '{"operations":[{"name":"lr"}]}'),
        ("Exploit", '{"operations":7}'),
    ],
)
def test_a_row_with_damaged_parts_is_an_error_too(kind, body):
    with pytest.raises(StorageError, match="trial b"):
        from_row(kind, "b", body)


def test_a_record_of_a_newer_version_is_refused():
    with pytest.raises(StorageError, match=r"Teleported record of trial a .*newer version"):
        from_row("Teleported", "a", "{}")
