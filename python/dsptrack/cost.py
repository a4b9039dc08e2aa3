"""Time and energy of what a ledger counts, by a model whose numbers are yours to set."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from . import _checks
from .exceptions import ConfigError

__all__ = ["Cost", "CostModel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Time and energy spent.

    Attributes
    ----------
    time
        Seconds.
    energy
        Joules.
    arrays
        The same for every array and for ``reference``; empty for a single array.

    Examples
    --------
    >>> import dsptrack as dt
    >>> dt.Cost(time=1e-9, energy=2e-12, arrays={}) + dt.Cost(time=1e-9, energy=0.0, arrays={})
    Cost(time=2e-09, energy=2e-12, arrays={})
    """

    time: float
    energy: float
    arrays: Mapping[str, "Cost"]

    def __add__(self, other: Self) -> "Cost":
        names = dict.fromkeys([*self.arrays, *other.arrays])
        nothing = Cost(time=0.0, energy=0.0, arrays={})
        arrays = {name: self.arrays.get(name, nothing) + other.arrays.get(name, nothing) for name in names}
        return Cost(time=self.time + other.time, energy=self.energy + other.energy, arrays=arrays)


@dataclass(frozen=True, kw_only=True, slots=True)
class CostModel:
    """Time and energy per pulse slot, read and programmed cell.

    For an array of M rows and N columns with the ledger entries of `CrossbarArray.ledger`,

        time = slot_time (train_slots + array_pulses) + read_time (forward_reads + backward_reads + column_reads)
               + program_time ceil(programming_events / M)
        energy = pulse_energy (pulses_up + pulses_down)
                 + read_energy (M N (forward_reads + backward_reads) + M column_reads)
                 + program_energy programming_events

    All in a row: what hardware does at the same time, as several tiles can, is added up. The digital parts (buffers,
    averages, activations, transport) and the lines of a slot in which no cell is pulsed cost nothing here.

    Parameters
    ----------
    slot_time
        Seconds per slot of a train and per pulse to a whole array, >= 0. An assumption: 5 ns; the device decides.
    read_time
        Seconds per vector or column read, >= 0. An assumption: 40 ns; the converter decides.
    pulse_energy
        Joules per pulse that reaches a cell, >= 0. An assumption: V^2 G t = (1.5 V)^2 x 10 uS x 5 ns = 0.11 pJ.
    read_energy
        Joules per cell and read, converters included, >= 0. Measured: 9.76 tera-operations per second and watt, two
        operations per cell, in the one-phase 8-bit mode of a 64-core phase-change chip (Le Gallo et al., Nature
        Electronics 6, 680 (2023), abstract): 2 / 9.76e12 = 0.205 pJ. Gokmen and Vlasov project 84 tera-operations per
        second and watt for a training chip (abstract), which would be 0.024 pJ.
    program_time
        Seconds to program one column of the reference, all rows at once, >= 0. An assumption: ten rounds of write and
        verify at the defaults above, 10 x (5 + 40) ns.
    program_energy
        Joules to program one cell, >= 0. An assumption: the same ten rounds, 10 x (0.1125 + 0.205) pJ.

    Raises
    ------
    ConfigError
        If a number is negative or not finite.

    Notes
    -----
    Only `read_energy` is a published measurement; put in your own hardware's numbers before you compare rules by them.
    An increment (`CrossbarArray.increment`) counts pulses but has no schedule: it costs energy and no time.

    Source: Gokmen, Vlasov, Front. Neurosci. 10, 333 (2016).

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((4, 8), dt.devices.ConstantStep(), rng=0)
    >>> array.pulse(+1, count=100)
    >>> cost = dt.CostModel(slot_time=10e-9).of(array.ledger, array.shape)
    >>> round(cost.time * 1e6, 6)    # 100 slots, microseconds
    1.0
    """

    slot_time: float = 5e-9
    read_time: float = 40e-9
    pulse_energy: float = 0.1125e-12
    read_energy: float = 0.205e-12
    program_time: float = 450e-9
    program_energy: float = 3.175e-12

    def __post_init__(self) -> None:
        """Validate."""
        for field in fields(self):
            object.__setattr__(self, field.name, _checks.number(field.name, getattr(self, field.name), low=0))

    def of(self, ledger: Mapping[str, int] | Mapping[str, Mapping[str, int]], shape: tuple[int, ...]) -> Cost:
        """Return what a ledger's entries cost on arrays of this shape.

        Parameters
        ----------
        ledger
            `CrossbarArray.ledger`, or `AnalogTile.ledger`: the same by array name, and ``reference``.
        shape
            (M, N), or (N,) of a vector optimizer.

        Raises
        ------
        ConfigError
            If the ledger is neither of these.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tile = dt.AnalogTile((4, 8), dt.algorithms.ERider(device=dt.presets.reram_array_hfo2()), rng=0)
        >>> y = tile.forward([[1.0] * 8])
        >>> cost = dt.CostModel().of(tile.ledger, tile.shape)
        >>> list(cost.arrays), round(cost.time * 1e9, 6)    # one read of W, nanoseconds
        (['P', 'W', 'reference'], 40.0)
        """
        vector = isinstance(shape, tuple | list) and len(shape) == 1
        rows, columns = _checks.shape((1, *shape) if vector else shape)
        if not isinstance(ledger, Mapping):
            raise ConfigError(f"ledger = {ledger!r}: must be the ledger of an array or of a tile")
        arrays: dict[str, Cost] = {}
        single: dict[str, int] = {}
        for name, entry in ledger.items():
            if isinstance(entry, Mapping):
                arrays[name] = self._single(entry, rows, columns)
            else:
                single[name] = entry
        if single and arrays:
            raise ConfigError(f"ledger = {ledger!r}: must be the ledger of an array or of a tile")
        if single:
            return self._single(single, rows, columns)
        parts = arrays.values()
        return Cost(time=sum(c.time for c in parts), energy=sum(c.energy for c in parts), arrays=arrays)

    def _single(self, ledger: Mapping[str, int], rows: int, columns: int) -> Cost:
        """Return what one array's entries cost; entries that are not there are 0."""
        unknown = sorted(set(ledger) - _ENTRIES)
        if unknown:
            raise ConfigError(f"ledger has the entry {', '.join(unknown)}: must be among {', '.join(sorted(_ENTRIES))}")
        count = {name: _checks.whole(name, ledger.get(name, 0), 0, 2**64 - 1) for name in _ENTRIES}
        vectors = count["forward_reads"] + count["backward_reads"]
        events = count["programming_events"]
        time = (
            self.slot_time * (count["train_slots"] + count["array_pulses"])
            + self.read_time * (vectors + count["column_reads"])
            + self.program_time * -(-events // rows)
        )
        energy = (
            self.pulse_energy * (count["pulses_up"] + count["pulses_down"])
            + self.read_energy * (rows * columns * vectors + rows * count["column_reads"])
            + self.program_energy * events
        )
        return Cost(time=time, energy=energy, arrays={})


_ENTRIES = frozenset(
    {
        "pulses_up",
        "pulses_down",
        "transfer_pulses",
        "train_slots",
        "array_pulses",
        "forward_reads",
        "backward_reads",
        "column_reads",
        "programming_events",
    }
)
