"""What the report page says of the winner: its schedule, in forms to take along, and the code that trains by it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from poptune.core.nested import flatten
from poptune.core.safe_text import inert, masked
from poptune.core.values import brief
from poptune.report_page.series import finite
from poptune.run.files import json_text
from poptune.run.history import History
from poptune.run.schedule import Schedule

_REPLAY = """\
import poptune as tune
from poptune.schedulers import PopulationBasedTrainingReplay

schedule = tune.Schedule.from_csv("schedule.csv")
replay = PopulationBasedTrainingReplay(schedule)
tuner = tune.Tuner(
    {train},
    tune_config=tune.TuneConfig(scheduler=replay),
    run_config=tune.RunConfig(stop={{"training_iteration": {last}}}),
)
print(tuner.fit()[0].metrics)
"""

_TRAIN = """\
import poptune as tune

tuner = tune.Tuner(
    {train},
    param_space={config!r},
    run_config=tune.RunConfig(stop={{"training_iteration": {last}}}),
)
print(tuner.fit()[0].metrics)
"""


def winner(history: History) -> dict[str, Any] | None:
    """Return what there is to say of a run's winner; None if nobody reported a finite value."""
    if history.winner is None or history.objective is None:
        return None
    trial = history.winner.trial
    schedule = Schedule(tuple(replace(segment, config=masked(segment.config)) for segment in history.schedule(trial)))
    return {
        "trial": history.trials.index(trial),
        "value": finite(history.objective.value(history.last_score(trial))),
        "iteration": history.population[trial].progress.iteration,
        "lineage": [[stint.index, last] for stint, last in history.winner.lineage],
        "columns": [inert(name) for name in schedule.hyperparameters],
        "schedule": [
            {
                "first": segment.first,
                "last": segment.last,
                "trial": history.trials.index(segment.trial),
                "values": [brief(flatten(segment.config).get(name)) for name in schedule.hyperparameters],
            }
            for segment in schedule
        ],
        "csv": schedule.csv,
        "json": _as_json(schedule),
        "code": _code(str(history.about.get("trainable", "")), schedule),
    }


def _as_json(schedule: Schedule) -> str:
    segments = [
        {
            "first_iteration": segment.first,
            "last_iteration": segment.last,
            "trial": segment.trial,
            "donor": segment.donor,
            "config": segment.config,
        }
        for segment in schedule
    ]
    return json_text(segments, indent=1)


def _code(trainable: str, schedule: Schedule) -> str:
    train = trainable if trainable.isidentifier() else "train"
    last = schedule.segments[-1].last
    if len(schedule) > 1:
        return _REPLAY.format(train=train, last=last)
    return _TRAIN.format(train=train, config=json.loads(json_text(schedule.segments[0].config)), last=last)
