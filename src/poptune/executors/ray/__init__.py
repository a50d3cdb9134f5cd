"""Trials in long-lived Ray actors: Ray brings the cluster, the placement and the transport, and nothing else of it is
used. `connection` reaches a cluster, `places` holds room in it, `actor` is a worker, `executor` joins them.
"""

from poptune.executors.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
