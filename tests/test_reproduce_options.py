"""What may be asked of an experiment of the paper."""

import pytest

import dsptrack as dt
from dsptrack.experiments import EXPERIMENTS, Options


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": []},
        {"at": [(0.1, -1)]},
        {"at": [0.4, 0.05]},
        {"at": 0.4},
        {"at": [(0.4, 0.05), (0.1,)]},
        {"values": [True, 2]},
        {"values": "12"},
        {"values": [-1.0]},
        {"network": "cnn"},
        {"epochs": 0},
        {"data": "x"},
        {"methods": ["sgd"]},
        {"reference_on": "slow"},
    ],
)
def test_options_are_checked(wrong):
    with pytest.raises(dt.ConfigError, match=next(iter(wrong))):
        Options(**wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("fig1a", {"values": [0]}),
        ("fig1a", {"values": [201]}),
        ("fig1a", {"values": [200, 100]}),
        ("fig1b", {"values": [0]}),
        ("fig2", {"values": [1]}),
        ("fig4-pulses", {"values": [0.5]}),
        ("fig5", {"values": [1.5]}),
        ("fig5", {"at": [(0, 0.05), (0.4, 0.05)]}),
        ("fig4-cifar", {"methods": ["rider"]}),
        ("fig4-cifar", {"data": "mnist"}),
        ("fig4-cifar", {"network": "lenet5"}),
        ("fig1a", {"epochs": 3}),
        ("fig1b", {"data": "digits"}),
        ("fig2", {"at": [(0.4, 0.05)]}),
        ("fig4-pulses", {"methods": ["e-rider"]}),
        ("fig5", {"reference_on": "both"}),
        ("table1", {"values": [20.0]}),
        ("table2", {"cells": 16}),
    ],
)
def test_what_an_experiment_cannot_take_is_refused(name, wrong):
    with pytest.raises(dt.ConfigError, match=next(iter(wrong))):
        EXPERIMENTS[name].configurations(Options(**wrong))
