"""Write runs that every later version must be able to read and go on with: `python tests/golden/write.py NAME`.

Run it once for each release, with NAME its version, and never again: what lies there is what that version wrote.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import poptune as tune
from interrupting import ENOUGH, Interrupted, climb
from poptune.run.results import ResultGrid
from poptune.storage.encoding import dumps
from runs import decisions, pbt

HERE = Path(__file__).parent
SPACE = {"speed": tune.uniform(0.0, 10.0), "betas": (0.9, tune.choice([0.99, 0.999])), "net": {"depth": 3}}


def tuner(path: Path, callbacks: list[tune.Callback]) -> tune.Tuner:
    return tune.Tuner(
        climb,
        param_space=SPACE,
        tune_config=tune.TuneConfig(scheduler=pbt(interval=2), num_samples=3, seed=8),
        run_config=tune.RunConfig(
            name=path.name,
            storage_path=path.parent,
            executor="inline",
            verbose=0,
            stop=ENOUGH,
            callbacks=callbacks,
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        ),
    )


def told(results: ResultGrid) -> str:
    """Return what a run says, as text: decisions and results, without clocks, processes and places."""
    keys = ("training_iteration", "height", "step", "config/speed", "config/betas", "config/net/depth")
    rows = [[[row.get(key) for key in keys] for row in result.rows] for result in results]
    return json.dumps(
        json.loads(dumps({"decisions": [repr(one) for one in decisions(results)], "rows": rows})), indent=1
    )


def main(name: str) -> None:
    folder = HERE / name
    folder.mkdir()
    for run, callbacks in {"ended": [], "interrupted": [Interrupted(17)]}.items():
        with suppress(KeyboardInterrupt):
            tuner(folder / run, callbacks).fit()
        (folder / f"{run}.json").write_text(told(ResultGrid.from_path(folder / run)) + "\n")
        for file in [*(folder / run).glob("*/*.csv"), *(folder / run).glob("*/*.json"), *(folder / run).glob("*.txt")]:
            file.unlink()  # derived from the journal, and written anew by whoever goes on
        (folder / run / "lock").unlink()
        for suffix in ("wal", "shm"):  # empty: what made them was reading
            (folder / run / f"journal.sqlite-{suffix}").unlink(missing_ok=True)
        shutil.rmtree(folder / run / ".staging", ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
