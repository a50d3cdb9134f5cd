"""A small PBT system that has nothing to do with PopTune, in steps that a defect can replace one by one."""

import copy
import math
import random
from dataclasses import dataclass
from typing import Any

from poptune.testing.conformance import Choices, Clones, Continues, Floats, Integers, Steps, Waits


@dataclass
class Standing:
    """A trial at its last decision; `value` is larger when it is better."""

    value: float
    checkpoint: Any
    config: dict


class ToySystem:
    """Correct, and no longer than it must be."""

    def __init__(self, options):
        self.options = options
        self.check()
        self.rng = random.Random(options.seed)
        self.live = []
        self.configs = {}
        self.last = {}
        self.standings = {}
        self.due = []

    def check(self):
        if not 0 <= self.options.quantile <= 0.5 or not 0 <= self.options.resample <= 1 or self.options.interval <= 0:
            raise ValueError("a setting that cannot work")

    # What comes in

    def add(self, trial, config):
        self.live.append(trial)
        self.configs[trial] = config
        self.last[trial] = 0

    def report(self, trial, iteration, score, checkpoint):
        if not self.is_due(trial, iteration, checkpoint):
            return [Continues(trial)]
        self.last[trial] = iteration
        self.rank(trial, score, checkpoint)
        self.due.append(trial)
        answers = self.settle()
        return answers if any(answer.trial == trial for answer in answers) else [*answers, Waits(trial)]

    def finish(self, trial):
        return self.leave(trial)

    def fail(self, trial):
        return self.leave(trial)

    def leave(self, trial):
        self.live.remove(trial)
        self.standings.pop(trial, None)
        self.due = [other for other in self.due if other != trial]
        return self.settle()

    # When

    def is_due(self, trial, iteration, checkpoint):
        is_time = iteration >= max(self.last[trial] + self.options.interval, self.options.burn_in)
        return is_time and checkpoint is not None

    def is_complete(self):
        return not self.options.synchronous or set(self.due) == set(self.live)

    def settle(self):
        if not self.is_complete():
            return []
        due, self.due = self.due, []
        donors = {trial: self.donor(trial) for trial in due}
        return [self.answer(trial, donors[trial]) for trial in due]

    def answer(self, trial, donor):
        return Continues(trial) if donor is None else self.clone(trial, donor)

    # Who

    def rank(self, trial, score, checkpoint):
        value = score if self.options.mode == "max" else -score
        self.standings[trial] = Standing(value, checkpoint, self.configs[trial])

    def table(self):
        """Return the trials that rank, from the worst to the best."""
        places = {trial: place for place, trial in enumerate(self.configs)}
        return sorted(self.standings, key=lambda trial: (*self.order(self.standings[trial].value), places[trial]))

    def order(self, value):
        return (0, 0.0) if math.isnan(value) else (1, value)

    def size(self, n):
        return min(math.ceil(n * self.options.quantile), n // 2)

    def losers(self, table):
        broken = [trial for trial in table if math.isnan(self.standings[trial].value)] if self.options.quantile else []
        return max(broken, table[: self.size(len(table))], key=len)

    def upper(self, table):
        size = self.size(len(table))
        return [trial for trial in table[len(table) - size :] if not math.isnan(self.standings[trial].value)]

    def donor(self, trial):
        table = self.table()
        if self.options.selection == "tournament":
            return self.winner(trial, [other for other in table if other != trial])
        upper = self.upper(table)
        return self.draw(upper) if upper and trial in self.losers(table) else None

    def draw(self, upper):
        return self.rng.choice(upper)

    def winner(self, trial, others):
        if not others:
            return None
        other = self.rng.choice(others)
        return other if self.standings[other].value > self.standings[trial].value else None

    # What

    def clone(self, trial, donor):
        try:
            config = self.customised(self.explored(trial, donor))
        except KeyError:  # of the user's function
            return Continues(trial)
        self.configs[trial] = config
        return Clones(trial, donor, self.weights(trial, donor), copy.deepcopy(config))

    def weights(self, trial, donor):
        return self.standings[donor].checkpoint

    def explored(self, trial, donor):
        config = self.base(trial, donor)
        for name, kind in self.options.space.items():
            config[name] = self.varied(config[name], kind)
        return config

    def base(self, trial, donor):
        return copy.deepcopy(self.standings[donor].config)

    def customised(self, config):
        return self.options.explore(config) if self.options.explore else config

    def varied(self, value, kind):
        if self.rng.random() < self.options.resample:
            return self.resampled(value, kind)
        match kind:
            case Floats():
                return self.real(value, kind)
            case Integers():
                return self.whole(value, kind)
            case Choices():
                return self.chosen(value, kind)
            case Steps():
                return self.stepped(value, kind)

    def resampled(self, value, kind):
        match kind:
            case Floats(low, high):
                return self.rng.uniform(low, high)
            case Integers(low, high):
                return self.rng.randint(low, high)
            case _:
                return self.rng.choice(kind.values)

    def factor(self):
        return self.rng.choice((0.8, 1.2))

    def real(self, value, kind):
        return min(max(value * self.factor(), kind.low), kind.high) if value else self.resampled(value, kind)

    def whole(self, value, kind):
        factor = self.factor()
        step = max(1, round(abs(value * factor - value)))
        return min(max(value + (step if factor > 1 else -step), kind.low), kind.high)

    def chosen(self, value, kind):
        return value

    def stepped(self, value, kind):
        to = kind.values.index(value) + self.rng.choice((-1, 1))
        return kind.values[min(max(to, 0), len(kind.values) - 1)]
