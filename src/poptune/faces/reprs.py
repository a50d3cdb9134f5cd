"""What a notebook shows of results, schedules and lineages: small HTML without scripts, for light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from poptune.core.lineage import Segment
from poptune.core.nested import flatten
from poptune.core.objective import AUTOMATIC_KEYS, Objective, as_float, is_real
from poptune.core.safe_text import inert, masked
from poptune.core.trial import Trial
from poptune.core.values import brief
from poptune.faces.live import short_names
from poptune.faces.notebook import STYLE, html_of
from poptune.faces.sentences import score_of, score_words, varied
from poptune.faces.table import Layout, table_of

if TYPE_CHECKING:
    from poptune.run.family import FamilyTree, Lineage
    from poptune.run.results import Result, ResultGrid
    from poptune.run.schedule import Schedule

_MOST_FACTS = 20
_SPARK = (90, 18)  # width and height in pixels
_LOG_FROM = 30.0  # values that are so many times apart are drawn on a logarithmic scale


def grid_html(results: ResultGrid, trials: Sequence[Trial], objective: Objective | None) -> str:
    """Return the results of a run: who is best, and a table of the trials.

    Args:
        results: What to show.
        trials: The trials behind it.
        objective: What ranks them, if anything.
    """
    table = table_of(trials, objective, varied(trial.config for trial in trials), Layout())
    statuses = [f"{len(list(same))} {status}" for status, same in groupby(sorted(t.status.value for t in trials))]
    above = [inert(f"{len(trials)} trials: {', '.join(statuses)}")]
    scores = {trial.id: score for trial in trials if (score := score_of(trial.metrics, objective)) is not None}
    if finite := {trial: score for trial, score in scores.items() if math.isfinite(score)}:
        best = max(finite, key=finite.__getitem__)
        above.append(inert(f"Best: {best} with {score_words(objective, finite[best])}"))
    return html_of(table, above=above, below=["", inert(results.experiment_path)])


def result_html(result: Result) -> str:
    """Return the result of one trial: its last metrics, its hyperparameters, and its error, if it has one."""
    numbers = {key: value for key, value in flatten(result.metrics).items() if key not in AUTOMATIC_KEYS}
    numbers = {key: value for key, value in numbers.items() if is_real(value) and not key.startswith("config/")}
    iteration = result.metrics.get("training_iteration", 0)
    rows = [*numbers.items(), *((f"config/{key}", value) for key, value in flatten(masked(result.config)).items())]
    facts = [(key, brief(value)) for key, value in rows]
    parts = [
        f"<p><strong>{_safe(f'Trial {result.trial_id}')}</strong></p>",
        f'<p class="quiet">{_safe(f"Iteration {iteration}, {result.path}")}</p>',
        _table(["", ""], facts[:_MOST_FACTS]),
    ]
    if len(facts) > _MOST_FACTS:
        parts.append(f'<p class="quiet">... {len(facts) - _MOST_FACTS} more</p>')
    if result.error:
        first, _, rest = inert(str(result.error), lines=True).partition("\n")
        parts.append(f"<details><summary>{escape(first)}</summary><pre>{escape(rest.strip())}</pre></details>")
    return _block(parts)


def schedule_html(schedule: Schedule) -> str:
    """Return a schedule: a line for each stretch, above it the course of each hyperparameter that is a number."""
    names = schedule.hyperparameters
    rows = [
        (_iterations(segment), *(brief(flatten(masked(segment.config)).get(name)) for name in names))
        for segment in schedule
    ]
    sparks = ["", *(_spark(schedule.segments, name) for name in names)]
    return _block([_table(["iterations", *names], rows, first_row=sparks)])


def lineage_html(lineage: Lineage) -> str:
    """Return a lineage: a line for each stretch, with who trained it and whose weights it began with."""
    names = varied(segment.config for segment in lineage)
    rows = [
        (
            _iterations(segment),
            segment.trial,
            segment.donor or "-",
            *(brief(flatten(masked(segment.config)).get(name)) for name in names),
        )
        for segment in lineage
    ]
    return _block([_table(["iterations", "trial", "copied", *names], rows)])


def family_html(tree: FamilyTree) -> str:
    """Return a family tree: a line for each trial, with those that trained its last weights, oldest first."""
    ids = list(dict.fromkeys([*tree, *(segment.trial for lineage in tree.values() for segment in lineage)]))
    short = dict(zip(ids, short_names(ids), strict=True))
    rows = [(trial, " \u2192 ".join(_stretches(lineage, short))) for trial, lineage in tree.items()]
    return _block([_table(["trial", "its weights were trained by"], rows)])


def _stretches(lineage: Iterable[Segment], short: Mapping[str, str]) -> Iterator[str]:
    for trial, same in groupby(lineage, key=lambda segment: segment.trial):
        segments = list(same)
        yield f"{short[trial]} ({segments[0].first}-{segments[-1].last})"


def _iterations(segment: Segment) -> str:
    return f"{segment.first}-{segment.last}"


def _block(parts: Iterable[str]) -> str:
    return f'<div class="poptune"><style>{STYLE}</style>{"".join(parts)}</div>'


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], first_row: Sequence[str] = ()) -> str:
    """Return texts as a table; the first row, which is optional, is HTML already."""
    head = f"<thead>{_row('th', map(_safe, titles))}</thead>" if any(titles) else ""
    drawn = _row("td", first_row) if any(first_row) else ""
    body = "".join(_row("td", map(_safe, row)) for row in rows)
    return f'<table class="left">{head}<tbody>{drawn}{body}</tbody></table>'


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _safe(text: str) -> str:
    return escape(inert(text))


def _spark(segments: Sequence[Segment], name: str) -> str:
    """Return the course of a hyperparameter as a small drawing, nothing if it is no number or never changes."""
    values: list[Any] = [flatten(masked(segment.config)).get(name) for segment in segments]
    numbers = [number for value in values if is_real(value) and math.isfinite(number := as_float(value))]
    if len(numbers) < len(values) or len(set(numbers)) < 2:
        return ""
    if min(numbers) > 0 and max(numbers) / min(numbers) >= _LOG_FROM:
        numbers = list(map(math.log, numbers))
    (width, height), low, high, last = _SPARK, min(numbers), max(numbers), segments[-1].last
    points = [
        f"{width * iteration / last:.1f},{1 + (height - 2) * (high - number) / (high - low):.1f}"
        for segment, number in zip(segments, numbers, strict=True)
        for iteration in (segment.first - 1, segment.last)
    ]
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{_safe(name)}</title>"
        f'<polyline points="{" ".join(points)}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
