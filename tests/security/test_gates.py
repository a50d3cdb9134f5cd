"""Rules that the whole source keeps: who may unpickle, who may listen; and that rules of security are tested."""

from __future__ import annotations

import ast
import os
import re
import sqlite3
import sys
from pathlib import Path

import pytest

import poptune as tune
from poptune.errors import StorageError
from poptune.executors.processes import ProcessExecutor
from poptune.run.results import ResultGrid
from poptune.testing.toys import Climber

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "poptune"

# What executes what it reads, or gives way to that.
EXECUTES = re.compile(
    r"(pickle|cloudpickle|dill|joblib|torch|shelve|marshal|pandas|pd)\.(load|loads|open|Unpickler|read_pickle)"
    r"|eval|exec|__import__|runpy\.\w+|yaml\.\w+|os\.system"
)
# Who may: the other end is always a process of the same run, or the user's own command.
MAY = {
    "executors/worker.py": "commands from its driver, over an inherited socket pair",
    "executors/processes.py": "messages from its workers, over the same",
    "executors/ray/executor.py": "messages through Ray",
    "executors/ray/actor.py": "commands through Ray",
    "storage/dictionary.py": "pickled objects of a checkpoint, if the caller allows it",
    "compat/ray.py": "runs the script that the user names",
}


def calls(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    called = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [name for name in called if EXECUTES.fullmatch(name)]


def test_only_known_places_execute_what_they_read():
    found = {file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py") if calls(file)}
    assert found - set(MAY) == set()


def test_what_reads_a_run_directory_is_not_among_them():
    for folder in ("run", "faces", "core", "schedulers"):
        assert not [place for place in MAY if place.startswith(folder)]
    assert [place for place in MAY if place.startswith("storage")] == ["storage/dictionary.py"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot limit the length of records")
def test_a_record_that_would_fill_the_memory_is_refused(fit):
    results = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 2})
    with sqlite3.connect(Path(results.experiment_path, "journal.sqlite")) as journal:
        journal.execute("UPDATE events SET body = zeroblob(100000000) WHERE kind = 'TrialAdded'")
    journal.close()
    with pytest.raises(StorageError, match="too big"):
        ResultGrid.from_path(results.experiment_path)


def listening(pids):
    """Return what processes listen on: local addresses of TCP and UDP, and names of Unix sockets."""
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(entry)))
            except OSError:  # closed meanwhile
                continue
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            is_open = fields[3] == "0A" if kind.startswith("tcp") else True
            found += [fields[1]] if is_open and fields[9] in inodes else []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        found += [fields[-1]] if fields[3] == "00010000" and fields[6] in inodes else []  # it accepts connections
    return found


class Spy(tune.Callback):
    def __init__(self):
        self.before = listening([os.getpid()])
        self.seen = []

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.seen.append(set(listening({os.getpid(), result["pid"]})) - set(self.before))


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks Linux who listens")
def test_nobody_listens_in_a_local_run(fit):
    spy = Spy()
    fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0])},
        executor=ProcessExecutor(2),
        stop={"training_iteration": 3},
        callbacks=[spy],
    )
    assert spy.seen == [set()] * 6


def test_the_spy_finds_who_listens():
    import socket

    before = listening([os.getpid()])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert [f"{port:04X}" in address for address in set(listening([os.getpid()])) - set(before)] == [True]


def test_the_environment_is_not_recorded(fit, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "s3cr3t-of-the-environment")
    results = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 2}, executor="processes")
    files = [path for path in Path(results.experiment_path).rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"s3cr3t-of-the-environment" in path.read_bytes()] == []


def test_each_dependency_has_its_reason():
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    reasons = page.partition("## Dependencies, and why")[2].partition("\n## ")[0]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\ndependencies = ")[2]
    names = set(re.findall(r'"([\w-]+)>=', project.partition("\ndev = ")[0]))
    assert len(names) > 10
    assert [name for name in sorted(names) if f"| {name} |" not in reasons and f"`{name}`" not in reasons] == []


def rules():
    """Return (number, tests, text) of each rule in the page on reliability."""
    lines = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if re.match(r"\| S\d+ \|", line)]
    return [(rule, re.findall(r"`(tests/[^`]+)`", shown), shown) for rule, _, shown in cells]


def test_every_rule_has_one_row():
    assert [rule for rule, _, _ in rules()] == [f"S{number}" for number in range(1, 23)]


@pytest.mark.parametrize(("rule", "names", "text"), rules(), ids=lambda value: str(value)[:3])
def test_a_rule_is_shown_by_tests_or_does_not_apply(rule, names, text):
    assert names or text.startswith("not applicable: ")
    for name in names:
        file, _, test = name.partition("::")
        assert (ROOT / file).is_file()
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{name} is not there"
