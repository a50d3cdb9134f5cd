"""A run is kept in remote storage while it goes on: whole at any moment, whatever fails. It can be brought back."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import poptune as tune
from interrupting import ITERATIONS, climb, go_on, told
from poptune.errors import OptionError, StorageError
from poptune.run.results import ResultGrid
from poptune.storage.remote import ATTEMPTS, FIRST_PAUSE_S, Manifest, Remote, download
from poptune.storage.uploading import Mirror
from runs import pbt


class Flaky(MemoryFileSystem):
    """Fails as it is told to."""

    protocol = "flaky"
    store = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012
    fails = staticmethod(lambda operation, path: False)

    def _check(self, operation, path):
        if Flaky.fails(operation, path):
            raise OSError(f"{operation} of {path}: the network is down")

    def put_file(self, lpath, rpath, **options):
        self._check("put", rpath)
        super().put_file(lpath, rpath, **options)

    def get_file(self, rpath, lpath, **options):
        self._check("get", rpath)
        super().get_file(rpath, lpath, **options)

    def pipe_file(self, path, value, **options):
        self._check("pipe", path)
        super().pipe_file(path, value, **options)

    def cat_file(self, path, **options):
        self._check("cat", path)
        return super().cat_file(path, **options)


fsspec.register_implementation("flaky", Flaky, clobber=True)


@pytest.fixture(params=["memory", "file", "flaky"])
def url(request, tmp_path):
    """Return an address in each kind of storage; the flaky one fails now and then."""
    MemoryFileSystem.store.clear()
    Flaky.store.clear()
    failed = set()

    def now_and_then(operation, path):
        """Fail at the first call of each kind."""
        is_first = operation not in failed
        failed.add(operation)
        return is_first

    Flaky.fails = staticmethod(now_and_then)
    yield f"file://{tmp_path}/remote" if request.param == "file" else f"{request.param}://bucket/runs"
    Flaky.fails = staticmethod(lambda operation, path: False)


def local(url, tmp_path):
    folder = tmp_path / "brought back"
    download(Remote(f"{url}/run", sleep=lambda seconds: None), folder)
    return folder


def test_a_run_that_ended_is_there_with_all_its_files(begin, tmp_path, url):
    results = begin("run", upload_to=url).fit()
    back = local(url, tmp_path)
    assert told(ResultGrid.from_path(back)) == told(results)
    mine = {path.relative_to(tmp_path / "run") for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {path.relative_to(back) for path in back.rglob("*") if path.is_file()} == mine - {Path("lock")}
    for result in ResultGrid.from_path(back):
        assert result.checkpoint.to_dict()


def test_a_run_that_was_interrupted_goes_on_on_another_machine(begin, interrupt, tmp_path, url):
    calm = begin("calm").fit()
    shutil.rmtree(interrupt("run", 9, upload_to=url))
    run_config = tune.RunConfig(storage_path=tmp_path / "elsewhere", verbose=0, callbacks=[])
    results = tune.Tuner.restore(f"{url}/run", climb, run_config=run_config).fit()
    assert told(results) == told(calm)
    assert [result.metrics["training_iteration"] for result in results] == [ITERATIONS] * 4
    assert Path(results.experiment_path) == tmp_path / "elsewhere" / "run"
    assert told(ResultGrid.from_path(local(url, tmp_path))) == told(calm)


class Recording(tune.Callback):
    """Uploads at every step, and brings what is there to another place."""

    def __init__(self, run_dir, url):
        self.run_dir, self.remote, self.places = run_dir, Remote(f"{url}/run"), []
        self.mirror = None

    def on_step_end(self, iteration, trials, **info):
        self.mirror = self.mirror or Mirror(self.run_dir, self.remote)
        self.mirror.upload()
        self.places.append(self.run_dir.with_name(f"moment_{iteration}"))
        download(self.remote, self.places[-1])


def test_at_any_moment_a_whole_run_is_there_and_nothing_that_it_does_not_need(begin, tmp_path):
    MemoryFileSystem.store.clear()
    spy = Recording(tmp_path / "run", "memory://bucket/runs")
    keep = tune.CheckpointConfig(num_to_keep=1)
    calm = begin("run", callbacks=[spy], checkpoint_config=keep).fit()
    assert len(spy.places) > 5
    for place in spy.places[:: max(1, len(spy.places) // 5)]:
        assert told(go_on(place)) == told(calm)
    there = Remote("memory://bucket/runs/run").manifest().files
    lying = {path.removeprefix("/bucket/runs/run/") for path in MemoryFileSystem.store}
    assert lying == {*there, "manifest.json"}
    assert len({path.rpartition("/")[0] for path in there if "/checkpoint_" in path}) <= 8


@pytest.mark.parametrize("after", range(0, 12, 2))
def test_an_upload_that_is_cut_off_leaves_what_was_there(begin, tmp_path, after):
    MemoryFileSystem.store.clear()
    Flaky.store.clear()
    begin("run").fit()
    remote = Remote("flaky://bucket/runs/run", sleep=lambda seconds: None)
    mirror = Mirror(tmp_path / "run", remote)
    mirror.upload()
    before = remote.manifest()
    (tmp_path / "run" / "more.txt").write_text("more")
    uploads = []

    def cut_off(operation, path):
        uploads.append(path)
        return len(uploads) > after and operation in ("put", "pipe")

    Flaky.fails = staticmethod(cut_off)
    with pytest.raises(StorageError, match="the network is down"):
        Mirror(tmp_path / "run", Remote("flaky://bucket/runs/run", sleep=lambda seconds: None)).upload(is_last=True)
    Flaky.fails = staticmethod(lambda operation, path: False)
    assert remote.manifest() == before
    assert ResultGrid.from_path(local("flaky://bucket/runs", tmp_path)).num_terminated == 4


def test_each_call_is_tried_again_with_growing_pauses_and_not_for_ever():
    Flaky.fails = staticmethod(lambda operation, path: operation == "pipe")
    pauses = []
    with pytest.raises(StorageError, match=r"Cannot write manifest\.json to flaky://bucket/run: pipe of"):
        Remote("flaky://bucket/run", sleep=pauses.append).publish(Manifest("journal-000001.sqlite", {}))
    Flaky.fails = staticmethod(lambda operation, path: False)
    assert len(pauses) == ATTEMPTS - 1
    for number, pause in enumerate(pauses):
        assert 0.5 <= pause / (FIRST_PAUSE_S * 2**number) <= 1.5


def test_a_storage_that_fails_raises_nothing_and_is_told_of(begin, tmp_path):
    Flaky.store.clear()
    Flaky.fails = staticmethod(lambda operation, path: operation == "put")
    results = begin("run").fit()
    said = []
    mirror = Mirror(tmp_path / "run", Remote("flaky://bucket/runs/run", sleep=lambda seconds: None), say=said.append)
    mirror.start()
    mirror.close()
    Flaky.fails = staticmethod(lambda operation, path: False)
    assert "The run is not uploaded: Cannot upload" in said[-1]
    assert f"It lies whole in {tmp_path / 'run'}; Tuner.restore goes on from there and uploads it." in said[-1]
    assert Remote("flaky://bucket/runs/run").manifest() is None
    run_config = tune.RunConfig(upload_to="flaky://bucket/runs", verbose=0)
    tune.Tuner.restore(tmp_path / "run", climb, run_config=run_config).fit()
    assert told(ResultGrid.from_path(local("flaky://bucket/runs", tmp_path))) == told(results)


def test_an_upload_that_takes_a_while_at_the_end_is_told_of(begin, tmp_path):
    Flaky.store.clear()
    begin("run").fit()
    said, was_told = [], threading.Event()

    def say(text):
        said.append(text)
        was_told.set()

    Flaky.fails = staticmethod(lambda operation, path: not was_told.wait(60))
    mirror = Mirror(tmp_path / "run", Remote("flaky://bucket/runs/run"), say=say)
    mirror.start()
    mirror.close()
    Flaky.fails = staticmethod(lambda operation, path: False)
    assert said == ["The run is over; what is left of it is being uploaded to flaky://bucket/runs/run.\n"]
    assert Remote("flaky://bucket/runs/run").manifest() is not None


def test_a_name_that_is_taken_there_gets_a_number(begin, tmp_path, capsys):
    MemoryFileSystem.store.clear()
    begin("run", upload_to="memory://bucket/runs").fit()
    shutil.rmtree(tmp_path / "run")
    results = begin("run", upload_to="memory://bucket/runs").fit()
    assert Path(results.experiment_path).name == "run_2"
    assert "A run 'run' is there already" in capsys.readouterr().err
    assert tune.Tuner.can_restore("memory://bucket/runs/run_2")
    assert not tune.Tuner.can_restore("memory://bucket/runs/run_3")


def test_the_address_of_the_folder_may_end_in_a_slash(begin, tmp_path):
    MemoryFileSystem.store.clear()
    for name in ("run", "run_2"):
        results = begin("run", upload_to="memory://bucket/runs/").fit()
        assert Path(results.experiment_path).name == name
        assert tune.Tuner.can_restore(f"memory://bucket/runs/{name}")
        shutil.rmtree(tmp_path / name)


def test_a_local_copy_is_not_overwritten(begin, tmp_path):
    MemoryFileSystem.store.clear()
    begin("run", upload_to="memory://bucket/runs").fit()
    with pytest.raises(StorageError, match=r"is there already\. To go on with that copy, restore it"):
        tune.Tuner.restore("memory://bucket/runs/run", climb, run_config=tune.RunConfig(storage_path=tmp_path))


def test_what_is_no_run_or_damaged_is_refused(begin, tmp_path):
    MemoryFileSystem.store.clear()
    with pytest.raises(StorageError, match=r"is not the folder of a PopTune run: it has no manifest\.json"):
        local("memory://bucket/runs", tmp_path)
    begin("run", upload_to="memory://bucket/runs").fit()
    files = fsspec.filesystem("memory")
    victim = next(path for path in files.find("/bucket/runs/run") if "/checkpoint_" in path)
    files.pipe_file(victim, b"damaged")
    with pytest.raises(StorageError, match="it is not what was uploaded"):
        local("memory://bucket/runs", tmp_path)
    assert not (tmp_path / "brought back").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "files", [{"../x": [0, ""]}, {"/etc/x": [0, ""]}, {"a": 3}, [], {}, {"journal.sqlite": [0, ""]}], ids=str
)
def test_a_manifest_that_leads_out_or_is_none_is_refused(files, tmp_path):
    text = json.dumps({"format": 1, "journal": "journal.sqlite", "files": files})
    fsspec.filesystem("memory").pipe_file("/bucket/runs/run/manifest.json", text.encode())
    with pytest.raises(StorageError, match=r"Cannot read memory://bucket/runs/run/manifest\.json"):
        local("memory://bucket/runs", tmp_path)


@pytest.mark.parametrize("url", ["s4://bucket", "nothing://x/y"])
def test_an_address_that_nobody_knows_is_refused_before_anything_trains(begin, tmp_path, url):
    with pytest.raises(OptionError, match="Cannot use"):
        begin("run", upload_to=url).fit()
    assert not (tmp_path / "run").exists()


def test_what_is_no_address_is_refused():
    with pytest.raises(OptionError, match='must be an address such as "s3://bucket/runs"'):
        tune.RunConfig(upload_to="runs")
    with pytest.raises(OptionError, match=r"upload_to=\.\.\. keeps the run in remote storage, too"):
        tune.RunConfig(storage_path="s3://bucket/runs")


def test_an_asynchronous_run_with_one_checkpoint_to_keep_can_be_brought_back(fit, tmp_path):
    MemoryFileSystem.store.clear()
    options = {"stop": {"training_iteration": ITERATIONS}, "upload_to": "memory://bucket/runs", "name": "run"}
    results = fit(
        climb,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=4,
        scheduler=pbt(interval=1, synch=False),
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        executor="processes",
        **options,
    )
    assert told(ResultGrid.from_path(local("memory://bucket/runs", tmp_path))) == told(results)
