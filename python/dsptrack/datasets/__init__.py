"""Labelled images as NumPy arrays, and mini-batches of them.

`load` reads a set by name: two that dependencies ship, the others from a folder that the argument ``root`` or
``$DSPTRACK_DATA`` names. `NAMES` lists what it knows; `batches` streams shuffled mini-batches.
"""

from .dataset import Dataset
from .loading import NAMES, load
from .streaming import batches

__all__ = ["NAMES", "Dataset", "batches", "load"]
