"""Configurations of other simulators as those of dsptrack: `from_aihwkit`."""

from .aihwkit import from_aihwkit
from .conversion import Conversion

__all__ = ["Conversion", "from_aihwkit"]
