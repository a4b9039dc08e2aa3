"""What a run is given beside its configuration."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a run is given beside its configuration.

    Attributes
    ----------
    rng
        The run's own random stream: give it to whatever takes ``rng=``, or spawn from it.
    num_threads
        Threads that the run may use: give it to whatever takes ``num_threads=``.
    scratch
        File name for a checkpoint; the file outlives a killed sweep and is removed when the run is finished. None
        without a store, and on a machine that does not see the store's folder.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> context = dt.sweep.Context(rng=np.random.SeedSequence(0), num_threads=1)
    >>> context.seed
    2968811710
    """

    rng: np.random.SeedSequence
    num_threads: int
    scratch: Path | None = None

    @property
    def seed(self) -> int:
        """The stream's first 32 bits, for whatever takes an integer seed."""
        return int(self.rng.generate_state(1)[0])
