"""`ray.air.constants`: keys of results and checkpoints."""

__all__ = ["MODEL_KEY", "TIMESTAMP", "TIME_THIS_ITER_S", "TRAINING_ITERATION"]

MODEL_KEY = "model"
TIMESTAMP = "timestamp"
TIME_THIS_ITER_S = "time_this_iter_s"
TRAINING_ITERATION = "training_iteration"
