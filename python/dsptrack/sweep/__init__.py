"""Many runs of one function: a grid of configurations, repeats, workers, and a store from which a killed sweep goes on.

`run` does the runs through joblib (its loky processes by default; dask or ray for a cluster) and returns `Results`.
"""

from .context import Context
from .grid import grid
from .naming import local
from .results import Record, Results
from .running import run

__all__ = ["Context", "Record", "Results", "grid", "local", "run"]
