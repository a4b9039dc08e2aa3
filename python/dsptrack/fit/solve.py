"""Weighted least squares of all cells at once, by SciPy: block-sparse in the cells, dense in what they share.

The unknowns are whitened by the information at the start: steps of all cells are then of one size, and the sparse
solver converges in a few products.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix

from dsptrack.exceptions import DataError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Errors (..., cells, pulses), weighted or not, for u (..., cells, 2, size) and phi (..., shared).
Errors = Callable[[Floats, Floats], Floats]

# Step of numerical derivatives, relative; and the size that a parameter has at least.
_STEP, _TYPICAL = 1e-6, 1e-3
# Directions with less than this share of the largest information stay where they are.
_SINGULAR = 1e-12


@dataclass(frozen=True, eq=False)
class Information:
    """Fisher information of cells (cells, own, own), between cells and shared, and of the shared parameters."""

    own: Floats
    between: Floats
    shared: Floats

    @classmethod
    def of(cls, own: Floats, shared: Floats) -> "Information":
        """From derivatives of errors that have unit variance: (cells, pulses, own) and (cells, pulses, shared)."""
        turned = own.swapaxes(1, 2)
        return cls(own=turned @ own, between=turned @ shared, shared=np.einsum("ijk,ijl->kl", shared, shared))

    def covariances(self) -> tuple[Floats, Floats, Floats]:
        """Return covariances of every cell's own error, how it follows the shared parameters, and their covariance.

        The error of a cell is its own one plus, with the second, its share of the common one: (cells, own, shared).
        """
        inverse = _inverse(self.own)
        follows = -inverse @ self.between
        shared = _inverse(self.shared + np.einsum("ijk,ijl->kl", self.between, follows))
        return inverse, follows, shared


def derivatives(errors: Errors, u: Floats, phi: Floats, free: Flags) -> tuple[Floats, Floats, Floats]:
    """Return the errors (cells, pulses) and their derivatives by u and phi, where u is `free`."""
    cells, own = u.shape[0], u[0].size
    many_u = np.repeat(u[None], 1 + own + phi.size, axis=0)
    many_phi = np.repeat(phi[None], 1 + own + phi.size, axis=0)
    flat = many_u.reshape(len(many_u), cells, own)
    steps = _STEP * (np.abs(u.reshape(cells, own)) + _TYPICAL)
    shared_steps = _STEP * (np.abs(phi) + _TYPICAL)
    for k in range(own):
        flat[1 + k, :, k] += steps[:, k]
    for k in range(phi.size):
        many_phi[1 + own + k, k] += shared_steps[k]
    found = errors(many_u, many_phi)
    slopes = found[1:] - found[0]
    by_own = np.moveaxis(slopes[:own], 0, -1) / steps[:, None, :] * free.reshape(cells, 1, own)
    return found[0], by_own, np.moveaxis(slopes[own:], 0, -1) / shared_steps


def solve(errors: Errors, u: Floats, phi: Floats, free: Flags) -> tuple[Floats, Floats]:
    """Return the parameters with the least sum of squared errors, near those given."""
    first, by_own, by_shared = derivatives(errors, u, phi, free)
    if not (np.all(np.isfinite(first)) and np.all(np.isfinite(by_own)) and np.all(np.isfinite(by_shared))):
        raise DataError("the model has no finite steps where these traces are")
    information = Information.of(by_own, by_shared)
    root = _root(information.own)
    shared_root = _root(information.shared)
    cells, own = u.shape[0], u[0].size

    # The length of the start is SciPy's first limit on a step; no step to the minimum is longer than the errors.
    origin = np.full(cells * own + phi.size, np.linalg.norm(first) / np.sqrt(cells * own + phi.size))

    def unwhitened(z: Floats) -> tuple[Floats, Floats]:
        z = z - origin
        inner, outer = z[: cells * own].reshape(cells, own, 1), z[cells * own :]
        return u + (root @ inner).reshape(u.shape), phi + shared_root @ outer

    # Derivatives come with the errors for little more than the errors alone.
    known: dict[bytes, tuple[Floats, Floats, Floats]] = {origin.tobytes(): (first, by_own, by_shared)}

    def at(z: Floats) -> tuple[Floats, Floats, Floats]:
        key = z.tobytes()
        if key not in known:
            known.clear()
            known[key] = derivatives(errors, *unwhitened(z), free)
        return known[key]

    def residuals(z: Floats) -> Floats:
        return at(z)[0].ravel()

    def jacobian(z: Floats) -> csr_matrix:
        _, by_own, by_shared = at(z)
        return _sparse(by_own @ root, by_shared @ shared_root)

    found = least_squares(residuals, origin, jac=jacobian, method="trf", tr_solver="lsmr", ftol=1e-9, max_nfev=60)
    return unwhitened(found.x)


def _sparse(by_own: Floats, by_shared: Floats) -> csr_matrix:
    """Return the derivatives of all errors as one matrix: own columns of every cell, then the shared ones."""
    cells, pulses, own = by_own.shape
    shared = by_shared.shape[2]
    columns = np.concatenate(
        [
            np.broadcast_to((np.arange(cells) * own)[:, None, None] + np.arange(own), by_own.shape),
            np.broadcast_to(cells * own + np.arange(shared), by_shared.shape),
        ],
        axis=2,
    )
    rows = np.arange(cells * pulses + 1) * (own + shared)
    values = np.concatenate([by_own, by_shared], axis=2)
    return csr_matrix((values.ravel(), columns.ravel(), rows), shape=(cells * pulses, cells * own + shared))


def _eigen(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the sizes of the parameters, and eigenvalues and vectors of the matrix without them."""
    size = np.sqrt(np.maximum(np.diagonal(matrix, axis1=-2, axis2=-1), 0.0))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(matrix / (size[..., :, None] * size[..., None, :]))
    return size, values, vectors


def _root(matrix: Floats) -> Floats:
    """Return a root of the inverse, 0 along directions that nothing is known of."""
    if not matrix.size:
        return matrix
    size, values, vectors = _eigen(matrix)
    known = values > _SINGULAR
    scale = np.where(known, 1 / np.sqrt(np.where(known, values, 1.0)), 0.0)
    return np.asarray(vectors * scale[..., None, :] / size[..., :, None])


def _inverse(matrix: Floats) -> Floats:
    """Return the inverse; huge, not infinite, along directions that nothing is known of."""
    if not matrix.size:
        return matrix
    size, values, vectors = _eigen(matrix)
    root = vectors / np.sqrt(np.maximum(values, _SINGULAR))[..., None, :] / size[..., :, None]
    return np.asarray(root @ root.swapaxes(-1, -2))
