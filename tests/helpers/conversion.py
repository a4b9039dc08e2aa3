"""Configurations of the peer's stand-ins, and their conversion both as objects and as dicts."""

from dataclasses import asdict

import dsptrack as dt
from helpers.peer import SingleRPUConfig, SoftBoundsDevice, UnitCellRPUConfig

FROM = dt.compat.from_aihwkit


def single(**options):
    return SingleRPUConfig(**options)


def cell(kind, fast=None, slow=None, **options):
    """A unit cell of two devices."""
    fast = fast or SoftBoundsDevice()
    return UnitCellRPUConfig(device=kind(unit_cell_devices=[fast, slow or fast], **options))


def both(config, **options):
    """Convert an object and its dictionary; they must agree."""
    one = FROM(config, **options)
    assert FROM(asdict(config), **options) == one
    return one
