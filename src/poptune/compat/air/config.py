"""`ray.air.config`: how to run, with all arguments that Ray Tune had."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from poptune.compat.notes import note_deprecated, note_ignored
from poptune.compat.tune.logger import TBXLoggerCallback
from poptune.compat.tune.syncer import SyncConfig
from poptune.errors import OptionError
from poptune.run import configs
from poptune.run.configs import FailureConfig
from poptune.storage.remote import is_url
from poptune.storage.retention import CheckpointConfig

__all__ = ["CheckpointConfig", "FailureConfig", "RunConfig"]


@dataclass(frozen=True)
class RunConfig(configs.RunConfig):
    """Where and how to run: `poptune.RunConfig`, with further arguments of Ray Tune's.

    None stands for the default of any argument. A URI as `storage_path` means `upload_to`. As in Ray Tune, checkpoints
    may hold pickled objects.

    Args:
        sync_config: Without meaning: everything is written where it stays.
        log_to_file: Without meaning: what training prints is shown in the terminal.
        local_dir: Deprecated for `storage_path`.
        storage_filesystem: Must be None: runs are stored in a directory.

    Raises:
        OptionError: As there; both `local_dir` and `storage_path`; a `storage_filesystem`.

    >>> RunConfig(storage_path=None, failure_config=None).failure_config
    FailureConfig(max_failures=0, fail_fast=False, report_timeout_s=None, round_timeout_s=None)
    """

    sync_config: SyncConfig | None = None
    log_to_file: Any = False
    local_dir: str | Path | None = None
    storage_filesystem: Any = None

    def __post_init__(self) -> None:
        if self.storage_filesystem is not None:
            raise OptionError("RunConfig has no storage_filesystem: runs are stored in a directory, storage_path=...")
        if self.local_dir is not None:
            if self.storage_path not in (None, self.local_dir, _default("storage_path")):
                raise OptionError("local_dir is the older name of storage_path: give storage_path alone.")
            note_deprecated("local_dir", "RunConfig", "storage_path=...")
            object.__setattr__(self, "storage_path", self.local_dir)
            object.__setattr__(self, "local_dir", None)
        if is_url(self.storage_path):
            object.__setattr__(self, "upload_to", self.storage_path)
            object.__setattr__(self, "storage_path", None)
        note_ignored("RunConfig", vars(self))
        for name in ("storage_path", "failure_config", "checkpoint_config", "verbose"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, _default(name))
        object.__setattr__(self, "checkpoint_config", replace(self.checkpoint_config, allow_pickle=True))
        if any(isinstance(callback, TBXLoggerCallback) for callback in self.callbacks or ()):
            object.__setattr__(self, "tensorboard", True)
        super().__post_init__()


def _default(name: str) -> Any:
    field = next(field for field in fields(configs.RunConfig) if field.name == name)
    return field.default if field.default_factory is MISSING else field.default_factory()
