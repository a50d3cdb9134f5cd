"""Policy files, `pbt_*.txt` or `pb2_*.txt`: every exploit of a run, in the format that Ray Tune's replay reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poptune.core.decisions import Exploit
from poptune.core.events import TrialAdded, TrialReset
from poptune.core.safe_text import masked
from poptune.run.files import LineFile, json_text, replace_file


@dataclass(frozen=True, slots=True)
class _History:
    """Every exploit behind some weights: the newest one, and those behind its donor's weights.

    Attributes:
        line: The newest exploit.
        before: The others; None if there are none.
    """

    line: str
    before: _History | None

    def lines(self) -> Iterator[str]:
        """Yield the exploits, newest first."""
        history: _History | None = self
        while history is not None:
            yield history.line
            history = history.before


class PolicyFiles:
    """Writes `<prefix>_global.txt`, all exploits in order, and per clone `<prefix>_policy_<trial_id>.txt`.

    Each line is `[tag, donor's tag, iteration, donor's iteration, donor's config, new config]` as JSON. Tags are those
    of the beginning, iterations those of the weights that were given up and of those that were taken over. A policy
    file holds the exploits behind the weights that its trial has now, so it begins with its donor's.

    Args:
        run_dir: The directory of the run.
        prefix: How their names begin, such as "pbt": each scheduler has its own.
    """

    def __init__(self, run_dir: Path, prefix: str) -> None:
        self._run_dir = run_dir
        self._prefix = prefix
        self._tags: dict[str, str] = {}
        self._global = LineFile(run_dir / f"{prefix}_global.txt")
        self._new: list[str] = []
        self._changed: set[str] = set()
        # What is behind a trial's weights, from the decision point on at which it came to be so.
        self._histories: dict[str, list[tuple[int, _History | None]]] = {}

    def add(self, trial: TrialAdded) -> None:
        """Get to know a trial."""
        self._tags[trial.trial] = trial.tag

    def take(self, event: Exploit | TrialReset) -> None:
        """Take in an exploit; or that a trial begins again, with no exploit behind its weights."""
        history = None
        if isinstance(event, Exploit):
            line = self._line(event)
            history = _History(line, self._behind(event.donor, event.donor_generation))
            self._new.append(line)
        self._histories.setdefault(event.trial, []).append((event.generation, history))
        self._changed.add(event.trial)

    def _line(self, exploit: Exploit) -> str:
        tags = [self._tags[exploit.trial], self._tags[exploit.donor]]
        iterations = [exploit.iteration, exploit.checkpoint.progress.iteration]
        return json_text([*tags, *iterations, masked(exploit.donor_config), masked(exploit.config)]) + "\n"

    def _behind(self, trial: str, generation: int) -> _History | None:
        """Return what is behind the weights that a trial had when it came to a decision point."""
        known = reversed(self._histories.get(trial, []))
        return next((history for since, history in known if since < generation), None)

    def write(self) -> Iterator[None]:
        """Bring the files up to date, one in a step; if it raises, the next time does what is left."""
        if self._new:
            self._global.write(0, [line.encode() for line in self._new])
            self._new = []
        for trial in sorted(self._changed):
            file = self._run_dir / f"{self._prefix}_policy_{trial}.txt"
            _, history = self._histories[trial][-1]
            if history:
                replace_file(file, "".join(reversed(list(history.lines()))))
            else:
                file.unlink(missing_ok=True)
            self._changed.remove(trial)
            yield
