"""The rows of the paper's tables, and the rows that it does not have but that its claims need."""

from types import MappingProxyType

from dsptrack.algorithms import ResidualLearning, TikiTaka
from dsptrack.experiments.hyperparameters import METHODS as COMPARED
from dsptrack.experiments.hyperparameters import NETWORKS, Method, changed

_FROZEN = {"fast_lr": 0.0, "transfer_lr": 0.0, "gamma": 0.0}
# Not printed in the paper: the best of three tries on 4,000 images, for errors summed over the mini-batch (recipe R).
_TTV1 = {"fast_lr": 0.05, "scale_fast_lr": False, "transfer_lr": 3.0, "gamma": 0.0}
# TT-v2 with the estimate subtracted: threshold of one granularity (lambda = lr_T / g) and no visible share of P.
_TWO_STAGE = {
    "fast_lr": 0.01,
    "transfer_lr": 1.0,
    "scale_transfer_lr": True,
    "gamma": 0.0,
    "auto_granularity": 0.0,
    "momentum": 0.1,
    "forget_buffer": True,
}

# Table 2 and Figure 5: the fully connected network. The rows after "e-rider" are not in the paper.
_FCN: dict[str, Method] = {name: COMPARED[name] for name in ("tt-v2", "agad", "rider", "e-rider", "agad-fast")} | {
    "e-rider-gamma-0": changed(COMPARED["e-rider"], label="E-RIDER, gamma 0", gamma=0.0),
    "frozen": changed(COMPARED["e-rider"], label="W frozen", **_FROZEN),
    "tt-v1": Method(label="TT-v1", algorithm="tt-v1", rule=TikiTaka, lr=0.1, options=MappingProxyType(_TTV1)),
    "two-stage": Method(
        label="two-stage (ZS, TT-v2)",
        algorithm="two-stage",
        rule=ResidualLearning,
        lr=0.05,
        options=MappingProxyType(_TWO_STAGE),
    ),
}
# Table 1.
_LENET5 = (
    _FCN
    | dict(NETWORKS["lenet5"].methods)
    | {
        # Recipe S averages over the eight images.
        "tt-v1": changed(_FCN["tt-v1"], fast_lr=0.4),
    }
)

METHODS: MappingProxyType[str, MappingProxyType[str, Method]] = MappingProxyType(
    {"fcn": MappingProxyType(_FCN), "lenet5": MappingProxyType(_LENET5)}
)
ROWS = tuple(_FCN)
