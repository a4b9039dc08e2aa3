"""Conformance suites: what must hold for every device and every learning rule, to be run on one of your own.

    dsptrack.testing.check_device(my_device)
    dsptrack.testing.check_rule(my_rule)

Each check is a sentence that a failure repeats, with what was found.
"""

from .device import check_device
from .rule import LearningRule, check_rule

__all__ = ["LearningRule", "check_device", "check_rule"]
