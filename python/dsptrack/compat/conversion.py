"""What comes out of a conversion."""

from dataclasses import dataclass
from typing import Any, Literal

from dsptrack.algorithms import Algorithm
from dsptrack.periphery import Periphery
from dsptrack.update import PulseUpdate


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """A learning rule with its devices, the peripheries, pulse trains and mapping of a layer.

    Attributes
    ----------
    algorithm
        The learning rule; its ``device`` is P's, or W's under `AnalogSGD`.
    forward, backward
        The reads of both directions.
    update
        The pulse trains of the update.
    bias, weight_scaling_omega, weight_scaling_columnwise, learn_out_scaling, max_input_size, max_output_size
        As ``dsptrack.nn.AnalogLayer`` has them.
    ignored
        Fields without counterpart that were left out (``strict=False``), each with its value and the reason.
    notes
        What the same configuration does differently here, in words.

    Examples
    --------
    >>> import dsptrack as dt
    >>> hardware = dt.compat.from_aihwkit({"device": {"class": "SoftBoundsDevice", "dw_min": 0.01}})
    >>> layer = dt.nn.Linear(8, 4, hardware.algorithm, rng=0, **hardware.layer_options)
    >>> tile = dt.AnalogTile((4, 8), hardware.algorithm, rng=0, **hardware.tile_options)
    """

    algorithm: Algorithm
    forward: Periphery
    backward: Periphery
    update: PulseUpdate
    bias: Literal["digital", "analog"]
    weight_scaling_omega: float
    weight_scaling_columnwise: bool
    learn_out_scaling: bool
    max_input_size: int
    max_output_size: int
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tile_options(self) -> dict[str, Any]:
        """The keywords of `AnalogTile` beside the rule."""
        return {"forward": self.forward, "backward": self.backward, "update": self.update}

    @property
    def layer_options(self) -> dict[str, Any]:
        """The keywords of a layer of `dsptrack.nn` or `dsptrack.torch` beside the rule."""
        return self.tile_options | {
            "bias": self.bias,
            "weight_scaling_omega": self.weight_scaling_omega,
            "weight_scaling_columnwise": self.weight_scaling_columnwise,
            "learn_out_scaling": self.learn_out_scaling,
            "max_input_size": self.max_input_size,
            "max_output_size": self.max_output_size,
        }
