"""`ray.tune.syncer`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SyncConfig"]


@dataclass(frozen=True)
class SyncConfig:
    """When Ray Tune copies results to their storage. Without meaning here: everything is written where it stays.

    Args:
        sync_period: Seconds between copies.
        sync_timeout: Seconds after which one is given up.
        sync_artifacts: Whether files of the training code are copied, too.
        sync_artifacts_on_checkpoint: Whether each checkpoint makes them be copied.
        upload_dir: Older: where to.
        syncer: Older: by what.
    """

    sync_period: int = 300
    sync_timeout: int = 1800
    sync_artifacts: bool = False
    sync_artifacts_on_checkpoint: bool = True
    upload_dir: str | None = None
    syncer: object = "auto"
