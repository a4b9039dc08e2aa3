"""What is recorded about an epoch."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch of training.

    Attributes
    ----------
    epoch
        1, 2, ….
    train_loss
        Mean loss over the epoch's mini-batches, each taken before its update.
    test_accuracy
        Percent of the test images classified correctly after the epoch, by the same noisy reads.
    sp_error
        RMS of symmetric-point estimate minus truth over all cells of all tiles; None where nothing is estimated.
    sp_error_by_layer
        The same for every layer with tiles, keyed by its index and name.
    pulses
        Pulses since the network was made, by array.
    programming_events
        Reference cells rewritten since the network was made.
    seconds
        Wall-clock time of the epoch's training, without the test.

    Examples
    --------
    >>> import dsptrack as dt
    >>> record = dt.nn.EpochRecord(epoch=1, train_loss=2.3, test_accuracy=10.0, seconds=0.1)
    >>> record.to_dict()["test_accuracy"]
    10.0
    """

    epoch: int
    train_loss: float
    test_accuracy: float
    seconds: float
    sp_error: float | None = None
    sp_error_by_layer: dict[str, float | None] = field(default_factory=dict)
    pulses: dict[str, int] = field(default_factory=dict)
    programming_events: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)
