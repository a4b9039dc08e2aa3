"""One crossbar array: a population of cells, and everything that can be done to it.

`CrossbarArray` is put together from one part a file: what pulses do, reads, responses, what happens without pulses,
recorded pulses, write-and-verify.
"""

from .crossbar import CrossbarArray
from .programming import ProgramReport

__all__ = ["CrossbarArray", "ProgramReport"]
