"""Lineages, schedules and ancestors are right: rebuilt from `pbt_global.txt` and `result.json`, without the journal."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_runs import asynchronous, failing, many_trials, nested
from poptune import plots
from poptune.core.nested import flatten
from poptune.plots.exploits import exploit_counts
from poptune.plots.family import reaches
from poptune.run.history import History
from poptune.run.moments import founders, moments, shares
from poptune.run.results import ResultGrid


@dataclass
class Rebuilt:
    """What the text files of a run say.

    Attributes:
        behind: Per trial, who trained its weights from which iteration on, and with what.
        ancestors: The founders of all trials after each iteration at which weights changed hands.
        copies: Who copied whom, how often.
    """

    behind: list[list[tuple[int, int, dict]]]
    ancestors: list[tuple[int, Counter]]
    copies: Counter

    @classmethod
    def of(cls, run_dir, results):
        first = [rows_of(result)[0]["config"] for result in results]
        behind = [[(trial, 0, config)] for trial, config in enumerate(first)]
        reached, ancestors, copies = 0, [], Counter()
        for line in (run_dir / "pbt_global.txt").read_text().splitlines():
            tag, donor_tag, iteration, start, _, config = json.loads(line)
            if iteration > reached:
                ancestors.append((reached, Counter(chain[0][0] for chain in behind)))
                reached = iteration
            loser, donor = (int(text.split("_")[0]) for text in (tag, donor_tag))
            behind[loser] = [part for part in behind[donor] if part[1] < start] + [(loser, start, config)]
            copies[loser, donor] += 1
        ancestors.append((reached, Counter(chain[0][0] for chain in behind)))
        return cls(behind, ancestors, copies)


def rows_of(result):
    return [json.loads(line) for line in (Path(result.path) / "result.json").read_text().splitlines()]


RUNS = {
    "synchronous": lambda folder: many_trials(folder, 12),
    "asynchronous": asynchronous,
    "failing": failing,
    "nested": nested,
}


@pytest.fixture(params=RUNS)
def run(request, tmp_path):
    run_dir = RUNS[request.param](tmp_path)
    results = ResultGrid.from_path(run_dir)
    return History.read(run_dir), results, Rebuilt.of(run_dir, results)


def test_who_trained_which_iterations_with_what(run):
    history, results, rebuilt = run
    for result, chain in zip(results, rebuilt.behind, strict=True):
        ends = [start for _, start, _ in chain[1:]] + [rows_of(result)[-1]["training_iteration"]]
        expected = [
            (results[trial].trial_id, start + 1, end, config)
            for (trial, start, config), end in zip(chain, ends, strict=True)
            if end > start
        ]
        lineage = [(part.trial, part.first, part.last, json.loads(json.dumps(part.config))) for part in result.lineage]
        assert lineage == expected
        newest = history.by_trial[result.trial_id][-1]
        assert [(stint.trial, stint.start + 1, last) for stint, last in newest.lineage if last > stint.start] == [
            part[:3] for part in expected
        ]


def test_the_schedule_of_every_iteration(run):
    _, results, rebuilt = run
    for result, chain in zip(results, rebuilt.behind, strict=True):
        for iteration in range(1, rows_of(result)[-1]["training_iteration"] + 1):
            config = [config for _, start, config in chain if start < iteration][-1]
            assert flatten(result.schedule.at(iteration)) == flatten(config)


def test_the_ancestors_of_everybody_at_every_moment(run):
    history, results, rebuilt = run
    founder_of = founders(history)
    lost = {index for index, result in enumerate(results) if result.error}
    seen = {moment.iteration: shares(moment, founder_of) for moment in moments(history)}
    if not lost:
        for iteration, counts in rebuilt.ancestors:
            assert seen[iteration] == pytest.approx({trial: n / len(results) for trial, n in counts.items()})
    left = Counter(chain[0][0] for index, chain in enumerate(rebuilt.behind) if index not in lost)
    assert list(seen.values())[-1] == pytest.approx({trial: n / left.total() for trial, n in left.items()})


def test_the_figures_show_just_that(run):
    history, results, rebuilt = run
    counts = exploit_counts(history)
    assert {(row, column): n for row, column in rebuilt.copies if (n := counts[row, column])} == rebuilt.copies
    assert counts.sum() == rebuilt.copies.total() == len(results.exploits)

    tree = collections(plots.lineage_tree(history).axes[0])
    links = [path for name in ("dead links", "links", "winning links") for path in tree[name]]
    ends = Counter((round(path[-1][1]), round(path[0][1])) for path in links)
    assert ends == rebuilt.copies
    assert Counter(round(path[0][0]) for path in links) == Counter(
        e.checkpoint.progress.iteration for e in results.exploits
    )

    best = rebuilt.behind[[result.trial_id for result in results].index(history.winner.trial)]
    winning = tree["winning"]
    assert [round(path[0][1]) for path in winning if path[0][0] in {start for _, start, _ in best}] == [
        trial for trial, _, _ in best
    ]
    assert (winning[0][0][0], winning[-1][-1][0]) == (0, history.winner.last)


def test_what_survives_is_what_somebody_trains_on(run):
    history, results, rebuilt = run
    reached: dict[tuple[int, int], int] = {}
    for index, chain in enumerate(rebuilt.behind):
        if results[index].error is None:
            ends = [start for _, start, _ in chain[1:]] + [rows_of(results[index])[-1]["training_iteration"]]
            for (trial, start, _), end in zip(chain, ends, strict=True):
                reached[trial, start] = max(reached.get((trial, start), 0), end)
    found = reaches(history)
    number = {result.trial_id: index for index, result in enumerate(results)}
    assert {
        (number[stint.trial], stint.start): found[stint.index]
        for stint in history.stints
        if found.get(stint.index, stint.start) > stint.start
    } == {key: end for key, end in reached.items() if end > key[1]}


def collections(axes):
    return {
        collection.get_gid(): [path.tolist() for path in collection.get_segments()] for collection in axes.collections
    }
