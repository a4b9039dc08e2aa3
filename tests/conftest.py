"""Shared set-up: hypothesis profiles (``DSPTRACK_HYPOTHESIS=fast|slow``) and seeded NumPy generators."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The fast profile is derandomised: a test that passed keeps passing until the code changes. The slow one explores.
settings.register_profile("fast", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("slow", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("DSPTRACK_HYPOTHESIS", "fast"))


@pytest.fixture
def rng() -> np.random.Generator:
    """NumPy generator for test inputs; independent of every dsptrack stream."""
    return np.random.default_rng(20260224)
