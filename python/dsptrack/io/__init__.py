"""Files: devices as TOML or JSON, by the ending of the name, and states of arrays, tiles and networks as snapshots.

Every command takes a device's file as ``--device``. It holds the fields of one device and its ``kind``, the name of its
class; missing fields take their defaults:

    kind = "SoftBounds"
    dw_min = 0.002
    w_max = 1.25
"""

from .devices import load_device, save_device
from .snapshots import load, save

__all__ = ["load", "load_device", "save", "save_device"]
