"""What Ray Tune's scheduler does for one decision: it sorts all trials. Runs in an environment with Ray Tune."""

from __future__ import annotations

import json
import random
import statistics
import time

from ray.tune.schedulers import PopulationBasedTraining

TRIALS = 100_000


class Trial:
    """As much of a trial as ranking looks at."""

    def is_finished(self) -> bool:
        return False


class State:
    """As much of what the scheduler remembers of a trial as ranking looks at."""

    def __init__(self, score: float) -> None:
        self.last_score = score


def main() -> None:
    scheduler = PopulationBasedTraining("training_iteration", "score", "max", hyperparam_mutations={"lr": [0.1, 0.2]})
    scheduler._trial_state = {Trial(): State(random.random()) for _ in range(TRIALS)}
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        scheduler._quantiles()
        taken.append(time.perf_counter() - began)
    print(json.dumps({"us": 1e6 * statistics.median(taken)}))


if __name__ == "__main__":
    main()
