"""Anything may happen to a run, in any order: it keeps its promises."""

from __future__ import annotations

import random
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import poptune as tune
from interrupting import Interrupted, without_restores
from poptune.core.population import Population
from poptune.core.trial import Status
from poptune.run.restoring import kept_checkpoints
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from poptune.storage.lock import FILE_NAME as LOCK
from poptune.storage.store import CheckpointStore
from runs import decisions, pbt

LONGEST = 40
TRIALS = 3


def stroll(config):
    """Climb by chance, so that a run that does not draw on is found out."""
    state = {"height": random.random(), "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"] * random.random(), "step": state["step"] + 1}
        saves = state["step"] % 2 == 0
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if saves else None)


def running(path: Path, iterations: int, callbacks: list[tune.Callback]) -> tune.RunConfig:
    return tune.RunConfig(
        name=path.name,
        storage_path=path.parent,
        executor="inline",
        verbose=0,
        stop={"training_iteration": iterations},
        callbacks=callbacks,
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
    )


def begin(path: Path, iterations: int, callbacks: list[tune.Callback]) -> tune.Tuner:
    return tune.Tuner(
        stroll,
        param_space={"speed": tune.uniform(0.0, 10.0)},
        tune_config=tune.TuneConfig(scheduler=pbt(interval=4), num_samples=TRIALS, seed=5),
        run_config=running(path, iterations, callbacks),
    )


@cache
def undisturbed() -> tuple[list, list]:
    """Return decisions and rows of a run that nothing happened to."""
    with tempfile.TemporaryDirectory() as folder:
        results = begin(Path(folder) / "calm", LONGEST, []).fit()
        return decisions(results), without_restores(results)


class Killed(tune.Callback):
    """Takes an image of the directory in the middle of a run, as `kill -9` would leave it behind, and ends the run."""

    def __init__(self, after: int, image: Path) -> None:
        self.after = after
        self.image = image

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.after -= 1
        if self.after < 0:
            run_dir = Path(trial.local_path).parent
            shutil.copytree(run_dir, self.image, ignore=shutil.ignore_patterns(LOCK))
            raise KeyboardInterrupt


class AnyRun(RuleBasedStateMachine):
    """A run, and a model of it: the undisturbed run as far as it came, as long as nothing was damaged."""

    @initialize(iterations=st.integers(3, 12), after=st.integers(0, 12))
    def begins(self, iterations, after):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "run"
        self.images = 0
        self.iterations = iterations
        self.safe = []
        self.is_damaged = False
        with suppress(KeyboardInterrupt):
            begin(self.path, iterations, [Interrupted(after)]).fit()

    def teardown(self):
        if not hasattr(self, "path"):
            return
        with self.folder:
            self._ends()

    def _ends(self):
        self._go_on([])
        results = ResultGrid.from_path(self.path)
        assert results.errors == []
        assert [result.metrics["training_iteration"] for result in results] == [self.iterations] * TRIALS
        self.keeps_its_promises()

    def _go_on(self, callbacks):
        config = running(self.path, self.iterations, callbacks)
        tune.Tuner.restore(self.path, stroll, run_config=config).fit()

    @rule(after=st.integers(0, 40))
    def goes_on_and_is_interrupted(self, after):
        with suppress(KeyboardInterrupt):
            self._go_on([Interrupted(after)])

    @rule(after=st.integers(0, 40))
    def goes_on_and_is_killed(self, after):
        self.images += 1
        image = Path(self.folder.name) / f"image_{self.images}" / "run"
        try:
            self._go_on([Killed(after, image)])
        except KeyboardInterrupt:
            self.path = image

    @rule(more=st.integers(1, 9))
    def is_extended(self, more):
        self.iterations = min(self.iterations + more, LONGEST - 1)

    @rule(name=st.sampled_from(["checkpoint_000099", "checkpoint_123456"]))
    def is_littered_by_a_process_that_was_killed(self, name):
        (self.path / ".staging" / "half").mkdir(parents=True, exist_ok=True)
        orphans = [saved.with_name(name) for saved in list(self.path.glob("*/checkpoint_*"))[:1]]
        for orphan in orphans:
            shutil.copytree(next(orphan.parent.glob("checkpoint_*")), orphan, dirs_exist_ok=True)
        self._go_on([])
        assert not any(orphan.exists() for orphan in orphans)
        assert not (self.path / ".staging").exists()

    @precondition(lambda self: not self.is_damaged)
    @rule(at=st.integers(0), kind=st.sampled_from(["flipped", "cut", "gone"]))
    def a_checkpoint_is_damaged(self, at, kind):
        population = self._population()
        saved = [trial.checkpoint for trial in population if trial.checkpoint and trial.status.is_live]
        if not saved:
            return
        chosen = saved[at % len(saved)]
        file = next(file for file in sorted((self.path / chosen.path).iterdir()) if file.name[0] != ".")
        data = bytearray(file.read_bytes())
        if kind == "gone":
            shutil.rmtree(self.path / chosen.path)
        elif kind == "cut":
            file.write_bytes(data[: at % len(data)])
        else:
            data[at % len(data)] ^= 1 << at % 8
            file.write_bytes(data)
        self.is_damaged = True

    def _population(self):
        with Journal.open(self.path) as journal:
            return Population.of(journal.records(), journal.about["seed"])

    @invariant()
    def keeps_its_promises(self):
        with Journal.open(self.path) as journal:
            held = list(journal.records())
            population = Population.of(held, journal.about["seed"])
        assert held[: len(self.safe)] == self.safe, "something was in the journal and is not any more"
        self.safe = held
        if self.is_damaged:  # who has lost its checkpoint may go on from another trial's, and at its iteration
            return
        results = ResultGrid.from_path(self.path)
        for result in results:
            assert [row["training_iteration"] for row in result.rows] == list(range(1, len(result.rows) + 1))
        store = CheckpointStore(self.path)
        for trial in population:
            if trial.status is not Status.ERROR and trial.checkpoint:
                store.verify(trial.checkpoint)
        calm_decisions, calm_rows = undisturbed()
        assert decisions(results) == calm_decisions[: len(results.exploits)]
        for rows, calm in zip(without_restores(results), calm_rows, strict=True):
            assert [unmarked(row) for row in rows] == [unmarked(row) for row in calm[: len(rows)]]

    @invariant()
    def keeps_no_more_checkpoints_than_it_needs(self):
        with Journal.open(self.path) as journal:
            kept = kept_checkpoints(list(journal.records()))
        assert len(kept) <= 2 * TRIALS


def unmarked(row):
    return {key: value for key, value in row.items() if key != "done"}


# Not shrunk: a story of runs takes seconds to tell, and minutes to tell in fewer words.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
AnyRun.TestCase.settings = settings(max_examples=12, stateful_step_count=8, deadline=None, phases=PHASES)
TestAnyRun = AnyRun.TestCase
