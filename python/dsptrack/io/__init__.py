"""Files: devices as TOML or JSON, and states of arrays, tiles and networks as snapshots."""

from .devices import load_device, save_device
from .snapshots import load, save

__all__ = ["load", "load_device", "save", "save_device"]
