"""`ray.tune.utils`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poptune.compat.tune.registry import trainable_named
from poptune.core.lease import Lease
from poptune.core.nested import Config
from poptune.core.trial import Progress
from poptune.errors import UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.class_api import ClassRun
from poptune.trainables.packed import Packed
from poptune.trainables.session import TrialContext

__all__ = ["validate_save_restore", "wait_for_gpu"]


def validate_save_restore(
    trainable_cls: Any, config: Mapping[str, Any] | None = None, num_gpus: int = 0, *, use_object_store: bool = False
) -> bool:
    """Try whether a class trainable can be saved and restored: as PBT does it, in this process.

    One object trains three steps and is saved; a second one is built, loads that, and trains one step more.

    Args:
        trainable_cls: A class trainable, or the name of a registered one.
        config: The hyperparameters for it.
        num_gpus: Without meaning: it has the GPUs of this process.
        use_object_store: Without meaning.

    Returns:
        True. What fails raises.

    Raises:
        UsageError: It is a function, or what it saves is no checkpoint.

    >>> from poptune.testing.toys import Climber
    >>> validate_save_restore(Climber, {"speed": 1.0})
    True
    """
    packed = Packed.of(trainable_named(trainable_cls))
    if not packed.is_class:
        raise UsageError(f"validate_save_restore is for class trainables, and {packed.name} is a function.")
    target: Any = packed.target
    saved, restored = (ClassRun(target, CheckpointConfig(), packed.parameters) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as stored:
        saved.begin(_Assignment(dict(config or {})))
        for _ in range(3):
            saved.step()
        saved.save(Path(folder)).write_to(Path(stored))
        saved.end()
        restored.begin(_Assignment(dict(config or {}), Checkpoint(stored), Progress(iteration=3)))
        restored.step()
        restored.end()
    return True


def wait_for_gpu(
    gpu_id: int | str | None = None,
    target_util: float = 0.01,
    retry: int = 20,
    delay_s: int = 5,
    gpu_memory_limit: float | None = None,
) -> bool:
    """Return True at once: there is no earlier process of a trial whose memory could still be in use.

    In Ray Tune the process of a clone may start before that of its predecessor has ended. Here it is the same process.
    What other programs hold is not looked at, and no argument has a meaning.
    """
    return True


@dataclass
class _Assignment:
    config: Config
    checkpoint: Checkpoint | None = None
    progress: Progress = field(default_factory=Progress)
    context: TrialContext = field(default_factory=TrialContext)
    lease: Lease = field(default_factory=Lease)
