"""`ray.tune.result`: the keys that every result has, and the names of the files."""

__all__ = [
    "CONFIG_PREFIX",
    "DEFAULT_METRIC",
    "DONE",
    "EPISODES_TOTAL",
    "EXPERIMENT_TAG",
    "EXPR_PARAM_FILE",
    "EXPR_PROGRESS_FILE",
    "EXPR_RESULT_FILE",
    "HOSTNAME",
    "NODE_IP",
    "PID",
    "SHOULD_CHECKPOINT",
    "TIMESTEPS_THIS_ITER",
    "TIMESTEPS_TOTAL",
    "TIME_THIS_ITER_S",
    "TIME_TOTAL_S",
    "TRAINING_ITERATION",
    "TRIAL_ID",
]

CONFIG_PREFIX = "config"
DEFAULT_METRIC = "_metric"
DONE = "done"
EPISODES_TOTAL = "episodes_total"
EXPERIMENT_TAG = "experiment_tag"
EXPR_PARAM_FILE = "params.json"
EXPR_PROGRESS_FILE = "progress.csv"
EXPR_RESULT_FILE = "result.json"
HOSTNAME = "hostname"
NODE_IP = "node_ip"
PID = "pid"
SHOULD_CHECKPOINT = "should_checkpoint"
TIMESTEPS_THIS_ITER = "timesteps_this_iter"
TIMESTEPS_TOTAL = "timesteps_total"
TIME_THIS_ITER_S = "time_this_iter_s"
TIME_TOTAL_S = "time_total_s"
TRAINING_ITERATION = "training_iteration"
TRIAL_ID = "trial_id"
