"""Devices, peripheries and pulse trains of aihwkit."""

from dataclasses import fields
from typing import Any, TypeVar, get_args, get_type_hints

from dsptrack import devices
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError
from dsptrack.periphery import Periphery
from dsptrack.update import PulseUpdate

from ._fields import Fields

_T = TypeVar("_T")

DEVICES: dict[str, type[Device]] = {
    "ConstantStepDevice": devices.ConstantStep,
    "LinearStepDevice": devices.LinearStep,
    "SoftBoundsDevice": devices.SoftBounds,
    "SoftBoundsReferenceDevice": devices.SoftBoundsReference,
    "ExpStepDevice": devices.ExpStep,
    "PowStepDevice": devices.PowStep,
    "PowStepReferenceDevice": devices.PowStepReference,
    "PiecewiseStepDevice": devices.PiecewiseStep,
}

# A dict that does not name its class (``dataclasses.asdict``) is known by a field that only this class has; the first
# fit counts.
_SIGNS = {
    "p_max": "SoftBoundsPmaxDevice",
    "n_estimation_steps": "PowStepReferenceDevice",
    "pow_gamma": "PowStepDevice",
    "reference_mean": "SoftBoundsReferenceDevice",
    "A_up": "ExpStepDevice",
    "piecewise_up": "PiecewiseStepDevice",
    "gamma_up": "LinearStepDevice",
    "mult_noise": "SoftBoundsDevice",
    "dw_min": "ConstantStepDevice",
}

_DRIFT = {
    "nu": "drift_nu",
    "nu_dtod": "drift_nu_dtod",
    "nu_std": "drift_nu_std",
    "t_0": "drift_t0",
    "w_noise_std": "drift_w_noise_std",
    "reset_tol": "drift_reset_tol",
}
_NEVER = (
    "decays and diffuses only where you call decay() and diffuse() of tile.arrays[...]; aihwkit does after every step"
)


def device(source: Fields, *, seeded: bool = True) -> Device:
    """Return the device; the seed of one within a unit cell is without effect in the peer."""
    kind = _kind(source)
    values = _same(source, kind)
    if values.get("lifetime", 0) or values.get("diffusion", 0):
        source.report.notes.append(f"{source.path}: {_NEVER}")
    drift = source.part("drift")
    for theirs, ours in _DRIFT.items():
        if theirs in drift:
            values[ours] = drift.take(theirs, None)
    drift.require("no drift that depends on the weight", nu_k=0.0)
    drift.skip("wg_ratio", "g_offset", "w_offset", "log_g0")  # they only act with nu_k
    drift.close()
    if not seeded:
        source.skip("construction_seed")
    source.require("cells are drawn from rng= of the tile or layer", construction_seed=0)
    source.require("the bias is a column like the others, or digital", perfect_bias=False)
    source.require("use AnalogTile(count_pulses=True)", count_pulses=False)
    source.skip("n_estimation_steps")  # symmetric points are exact here
    source.close()
    return _made(source, kind, values)


def _kind(source: Fields) -> type[Device]:
    names = source.classes or [name for sign, name in _SIGNS.items() if sign in source][:1]
    # A subclass that changes what its base means is not its base.
    known = (
        None if "SoftBoundsPmaxDevice" in names else next((DEVICES[name] for name in names if name in DEVICES), None)
    )
    if known is None:
        raise source.refusal("class", names[0] if names else None, f"must be one of {', '.join(DEVICES)}")
    return known


def periphery(source: Fields, **replaced: Any) -> Periphery:
    """Return the reads of one direction; `replaced` are fields that the peer replaces, too, whatever they say."""
    values = _same(source, Periphery)
    source.require("violations of both signs count", bm_test_negative_bound=True)
    source.close()
    values |= replaced
    if values.get("is_perfect") or values.get("mv_type") == "ideal":
        return _made(source, Periphery, {"is_perfect": True, "out_scale": values.get("out_scale", 1.0)})
    for bound in ("inp_bound", "out_bound", "inp_res", "out_res"):
        if values.get(bound, 1.0) < 0:  # off
            values[bound] = 0.0
    if values.get("out_asymmetry", 0.0) < 0:  # off
        values["out_asymmetry"] = 0.0
    if values.get("w_noise_type", "none") == "none" or not values.get("w_noise", 0.0):
        values["w_noise"], values["w_noise_type"] = 0.0, "none"
    if values.get("mv_type", "one_pass") == "one_pass":
        values["w_read_asymmetry_dtod"] = 0.0
    if values.get("noise_management", "abs_max") in ("none", "average_abs_max"):
        values["nm_thres"] = 0.0
    return _made(source, Periphery, values)


def update(source: Fields) -> PulseUpdate:
    """Return the pulse trains."""
    source.rename("pulse_type", "StochasticCompressed", "stochastic")  # they differ in the order of pulses
    values = _same(source, PulseUpdate)
    source.require("statistics only", d_sparsity=False)
    source.close()
    for step in ("res", "x_res_implicit", "d_res_implicit"):
        if values.get(step, 0.0) < 0:  # off
            values[step] = 0.0
    return _made(source, PulseUpdate, values)


def _same(source: Fields, kind: type[Any]) -> dict[str, Any]:
    """Return the fields that have the same name and meaning here."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in source:
            allowed = get_args(hints[field.name])
            strings = bool(allowed) and all(isinstance(choice, str) for choice in allowed)
            values[field.name] = (
                source.choice(field.name, allowed, str(field.default)) if strings else source.take(field.name, None)
            )
    return values


def _made(source: Fields, kind: type[_T], values: dict[str, Any]) -> _T:
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{source.path}: {error}") from None
