"""The paper's figures and tables, one file each; `reproduce` runs one of them.

An experiment is a list of runs, the measurement of one, a summary beside the paper's figures, and a picture. The
paper's numbers are data files (``paper/``).
"""

from .experiment import Experiment, Options
from .running import EXPERIMENTS, Reproduction, reproduce

__all__ = ["EXPERIMENTS", "Experiment", "Options", "Reproduction", "reproduce"]
