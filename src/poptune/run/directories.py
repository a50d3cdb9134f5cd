"""The directory of a run: made for a new one, or brought from remote storage for one that goes on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from poptune.errors import StorageError
from poptune.run.configs import RunConfig
from poptune.run.reopening import absolute, is_run, is_unborn
from poptune.storage.lock import RunLock
from poptune.storage.remote import Remote, address_in, download

_UNSAFE = str.maketrans(dict.fromkeys('/\\:*?"<>|\x00\n\r\t ', "_"))


def stamp() -> str:
    """Return the present time as it stands in the names of directories."""
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def safe_name(name: str, longest: int = 80) -> str:
    """Return a name that every file system takes.

    Args:
        name: Any text.
        longest: Most bytes in UTF-8, which is what file systems count.

    >>> safe_name("train/lr=0.1: a"), safe_name("größer", longest=3)
    ('train_lr=0.1__a', 'gr')
    """
    return name.translate(_UNSAFE).encode()[:longest].decode(errors="ignore")


def new_directory(storage: Path, name: str, upload_to: str | None) -> RunLock:
    """Make the directory of a new run, and lock it: other runs may begin at the same moment.

    If the name is taken, here or where it is uploaded to, a number is added.

    Raises:
        StorageError: It cannot be made.
    """
    storage = absolute(storage)
    try:
        storage.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1_000_000):
            run_dir = storage / (name if attempt == 1 else f"{name}_{attempt}")
            if upload_to and Remote(address_in(upload_to, run_dir.name)).manifest() is not None:
                continue
            try:
                run_dir.mkdir(mode=0o700)
            except FileExistsError:
                if not is_unborn(run_dir):
                    continue
            if lock := _claimed(run_dir):
                return lock
    except OSError as error:
        raise StorageError(
            f"Cannot make the directory of the run in {storage}: {error.strerror}. Give another storage_path."
        ) from error
    raise StorageError(f"{storage} holds too many runs named {name!r}.")


def _claimed(run_dir: Path) -> RunLock | None:
    lock = RunLock.if_free(run_dir)
    if lock and is_run(run_dir):  # of somebody who was quicker, and has come to its end
        lock.release()
        return None
    return lock


def downloaded(url: str, run: RunConfig) -> Path:
    """Bring a run from remote storage into the directory for runs, and return its own."""
    remote = Remote(url)
    run_dir = absolute(Path(run.storage_path)) / remote.url.rpartition("/")[2]
    download(remote, run_dir)
    return run_dir


def uploading_to(url: str, run: RunConfig) -> RunConfig:
    """Return how a run from remote storage goes on: it is kept there."""
    given = {name: getattr(run, name) for name in run.given - {"storage_path"}}
    return type(run)(**{"upload_to": url.rstrip("/").rpartition("/")[0], **given})
