"""Tests of `dsptrack.torch`; ``make test-torch`` runs them where PyTorch is. The folder is not called torch, lest it be
imported in PyTorch's place."""

from importlib.util import find_spec

collect_ignore_glob = ["test_*.py"] if find_spec("torch") is None else []
