import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from poptune.core.decisions import Continue, Exploit, Stop
from poptune.core.events import Ready, Reported, TrialAdded, TrialFinished, TrialStarted
from poptune.core.explore import Operation
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import StorageError
from poptune.storage.journal import FILE_NAME, Journal


def added(trial, index=0):
    return TrialAdded(trial, index, {"lr": 0.1 * (index + 1)}, tag=str(index), folder=f"net_{trial}")


def reported(trial, iteration, **metrics):
    return Reported(trial, {"iteration": iteration, **metrics}, Progress(iteration))


def test_what_was_appended_is_read_back_in_order(tmp_path):
    first, second = [added("a", 0), added("b", 1)], [reported("a", 1), reported("b", 1), reported("a", 2)]
    with Journal.create(tmp_path, about={"name": "demo", "seed": 7, "stop": {"loss": float("inf")}}) as journal:
        journal.append(first)
        journal.append(second)
        assert list(journal.records()) == first + second  # the writer sees its own records before they are safe
    with Journal.open(tmp_path) as journal:
        assert list(journal.records()) == first + second
        assert list(journal.records(Reported)) == second
        assert list(journal.records(Reported, trial="a")) == [second[0], second[2]]
        assert list(journal.records(TrialAdded, Reported, trial="b")) == [first[1], second[1]]
        assert list(journal.records(TrialFinished)) == []
        assert journal.last(Reported, "a") == second[2]
        assert journal.last(Stop, "a") is None
        assert journal.about == {"format": 2, "name": "demo", "seed": 7, "stop": {"loss": float("inf")}}


def test_records_carry_the_time_at_which_they_were_written(tmp_path):
    with Journal.create(tmp_path, about={}) as journal:
        journal.append([added("a")])
        journal.commit()
        journal.append([reported("a", 1)])
        (first, _), (second, _) = journal.timed_records()
    assert 1.7e9 < first <= second


def test_facts_can_be_set_again(tmp_path):
    with Journal.create(tmp_path, about={"name": "demo", "ended": None}) as journal:
        journal.note("ended", 12.5)
    with Journal.open(tmp_path) as journal:
        assert journal.about["ended"] == 12.5


def test_a_reader_sees_what_is_committed_while_the_writer_goes_on(tmp_path):
    with Journal.create(tmp_path, about={}) as writer, Journal.open(tmp_path) as reader:
        writer.append([added("a")])
        assert list(reader.records()) == []
        writer.commit()
        assert list(reader.records()) == [added("a")]
        writer.append([reported("a", 1)])
        writer.commit()
        assert list(reader.records(Reported)) == [reported("a", 1)]


def test_a_reader_in_the_middle_of_a_list_does_not_stop_the_writer(tmp_path):
    with Journal.create(tmp_path, about={}) as writer:
        writer.append([reported("a", iteration) for iteration in range(1000)])
        writer.commit()
        with Journal.open(tmp_path) as reader:
            records = reader.records()
            next(records)
            writer.append([reported("a", 1000)])
            writer.commit()
            assert len(list(records)) == 999  # the list as it was when the reader began
            assert len(list(reader.records())) == 1001


def test_a_reader_cannot_write(tmp_path):
    Journal.create(tmp_path, about={}).close()
    with Journal.open(tmp_path) as reader, pytest.raises(StorageError, match="Cannot write the journal"):
        reader.append([added("a")])


WRITER = """
import sys, time
from pathlib import Path
from poptune.core.events import Reported
from poptune.core.trial import Progress
from poptune.storage.journal import Journal

journal = Journal.create(Path(sys.argv[1]), about={"seed": 7}, durability=sys.argv[2])
for iteration in range(30):
    journal.append([Reported("a", {"loss": 1.0}, Progress(iteration))])
    if iteration == 19:
        journal.commit()
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("durability", ["process", "power"])
def test_exactly_what_was_committed_outlives_a_killed_writer(tmp_path, durability):
    command = [sys.executable, "-c", WRITER, str(tmp_path), durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "written\n"
        writer.kill()
        assert writer.wait() == -signal.SIGKILL
    with Journal.open(tmp_path) as journal:
        assert [record.progress.iteration for record in journal.records()] == list(range(20))
        assert journal.about["seed"] == 7


def test_a_directory_without_a_journal_is_no_run(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StorageError, match=f"{folder} is not the directory of a PopTune run"):
            Journal.open(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / FILE_NAME).write_text("Dear diary, today nothing converged. " * 100)
    with pytest.raises(StorageError, match=r"Cannot read the journal .* it is damaged \(file is not a database\)\."):
        Journal.open(tmp_path)


def test_a_journal_of_the_first_format_is_refused_by_its_format(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        connection.execute("INSERT INTO about VALUES ('format', '1')")
        connection.commit()
    with pytest.raises(StorageError, match="has format 1; this version of PopTune reads format 2"):
        Journal.open(tmp_path)


def test_the_journal_of_a_newer_version_is_refused(tmp_path):
    with Journal.create(tmp_path, about={}) as journal:
        journal.note("format", 99)
    message = r"newer version of PopTune \(it has format 99, this version reads format 2\)"
    with pytest.raises(StorageError, match=message):
        Journal.open(tmp_path)


def test_a_second_journal_in_the_same_place_is_refused_and_spares_the_first(tmp_path):
    with Journal.create(tmp_path, about={"name": "first"}) as journal:
        journal.append([added("a")])
    with pytest.raises(StorageError, match="Cannot write the journal"):
        Journal.create(tmp_path, about={"name": "second"})
    with Journal.open(tmp_path) as journal:
        assert (journal.about["name"], list(journal.records())) == ("first", [added("a")])


def test_a_journal_needs_its_directory(tmp_path):
    with pytest.raises(StorageError, match="Cannot write the journal"):
        Journal.create(tmp_path / "nowhere", about={})


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks Linux which files are open")
def test_a_refused_journal_leaves_no_file_open(tmp_path):
    with Journal.create(tmp_path, about={}) as journal:
        journal.note("format", 99)
        assert open_files(tmp_path)
    for refuse in (lambda: Journal.open(tmp_path), lambda: Journal.create(tmp_path, about={})):
        with pytest.raises(StorageError) as caught:
            refuse()
        assert caught.tb  # it keeps the frames alive: closing must not be left to them
        assert open_files(tmp_path) == []


def open_files(folder):
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    paths = [os.readlink(link) for link in links if os.path.islink(link)]
    return [path for path in paths if path.startswith(str(folder))]


def test_a_journal_whose_pages_are_torn_is_a_storage_error(tmp_path):
    with Journal.create(tmp_path, about={}) as journal:
        journal.append([reported("a", iteration, text="x" * 500) for iteration in range(500)])
    file = tmp_path / FILE_NAME
    content = file.read_bytes()
    file.write_bytes(content[:20_000] + b"\xff" * (len(content) - 20_000))
    with Journal.open(tmp_path) as journal:
        with pytest.raises(StorageError, match="Cannot read the journal"):
            list(journal.records())
        with pytest.raises(StorageError, match="Cannot read the journal"):
            journal.last(Reported, "a")


def test_a_damaged_row_is_reported_with_its_trial(tmp_path):
    with Journal.create(tmp_path, about={}) as journal:
        journal.append([added("a"), reported("a", 1)])
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE events SET body = substr(body, 1, 10) WHERE kind = 'Reported'")
    with Journal.open(tmp_path) as journal:
        assert list(journal.records(TrialAdded)) == [added("a")]
        with pytest.raises(StorageError, match="Reported record of trial a"):
            list(journal.records())


def test_a_run_directory_may_have_any_name(tmp_path):
    folder = tmp_path / "what? 100% #1 & more é"
    folder.mkdir()
    with Journal.create(folder, about={}) as journal:
        journal.append([added("a")])
    with Journal.open(folder) as journal:
        assert list(journal.records()) == [added("a")]


def test_a_run_directory_can_be_moved(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    with Journal.create(here, about={}) as journal:
        journal.append([added("a")])
    here.rename(there)
    with Journal.open(there) as journal:
        assert list(journal.records()) == [added("a")]


def test_the_fold_of_the_records_is_the_population_that_lived(tmp_path):
    weights = SavedCheckpoint("net_b/checkpoint_000000", "b", Progress(2, 0.5), 10, "00c0ffee")
    own = SavedCheckpoint("net_a/checkpoint_000000", "a", Progress(2, 0.4), 10, "deadbeef")
    story = [
        added("a", 0),
        added("b", 1),
        TrialStarted("a", "first", Progress(), 0, 100, "here", "127.0.0.1"),
        TrialStarted("b", "first", Progress(), 1, 101, "here", "127.0.0.1"),
        Reported("a", {"accuracy": 0.1}, own.progress, own),
        Ready("a", 2.0, 0.1),
        Reported("b", {"accuracy": 0.9}, weights.progress, weights),
        Ready("b", 2.0, 0.9),
        Continue("b"),
        Exploit(
            "a",
            "b",
            weights,
            {"lr": 0.24},
            {"lr": 0.2},
            (Operation("lr", 0.2, 0.24, "* 1.2"),),
            iteration=2,
            time=2.0,
            score=0.1,
            donor_score=0.9,
            generation=1,
            donor_generation=1,
        ),
        TrialStarted("a", "exploit", weights.progress, 0, 100, "here", "127.0.0.1"),
        reported("a", 3, accuracy=0.95),
        Stop("a", "accuracy >= 0.95"),
        TrialFinished("b"),
    ]
    live = Population(seed=7)
    with Journal.create(tmp_path, about={"seed": 7}) as journal:
        for event in story:
            live.apply(event)
            journal.append([event])
            journal.commit()
    with Journal.open(tmp_path) as journal:
        read = Population.of(journal.records(), seed=journal.about["seed"])
    assert list(read) == list(live)
    assert read["a"].config == {"lr": 0.24}
    assert (read.live, read.exploits, read.checkpoints, read.due) == (0, 1, 2, {})
    assert read.needed == live.needed == {weights.path: 2}
