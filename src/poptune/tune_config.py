"""`TuneConfig`, where Ray Tune has it: `poptune.tune_config.TuneConfig`."""

from poptune.run.configs import TuneConfig

__all__ = ["TuneConfig"]
