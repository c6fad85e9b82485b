"""The checks of targets: what a loss refuses before the first step."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Shaped

from scratchnn.core.arrays import as_numbers


def finite(name: str, target: Any) -> Shaped[Array, "..."]:
    """The targets as an array of finite numbers, at least one."""
    target = as_numbers(f"{name}: y", target)
    if target.size == 0:
        raise ValueError(f"{name} expects at least one target, got shape {target.shape}")
    if not np.isfinite(target).all():
        raise ValueError(f"{name} expects finite targets, got {np.count_nonzero(~np.isfinite(target))} NaN or infinite")
    return target


def fits(target: Array, shape: tuple[int, ...]) -> bool:
    """Whether the targets have this shape, but for a trailing axis of length 1."""
    return target.shape == shape or target.shape == (*shape, 1) or (*target.shape, 1) == shape


def as_shape(name: str, target: Shaped[Array, "..."], shape: tuple[int, ...]) -> Shaped[Array, "..."]:
    """The targets in this shape; see `fits`."""
    if not fits(target, shape):
        also = f" or {shape[:-1]}" if shape[-1:] == (1,) else ""
        raise ValueError(f"{name} expects targets of shape {shape}{also}, got {target.shape}")
    return target.reshape(shape)


def check_rows(name: str, target: Any, y_shape: tuple[int, ...]) -> None:
    """Raise ValueError for targets (B, T) of outputs (B, T, 1): Keras takes T numbers for a row there, and not one."""
    if len(y_shape) > 2 and y_shape[-1] == 1 and np.ndim(target) < len(y_shape):
        raise ValueError(
            f"{name} compares whole rows, and outputs of shape {y_shape} have rows of one number: for rows of "
            f"{y_shape[-2]}, as in Keras, let Reshape(({y_shape[-2]},)) be the last layer"
        )


def in_rows(name: str, target: Any, y_shape: tuple[int, ...]) -> Shaped[Array, "..."]:
    """Targets with a row of one number for each class, in exactly the shape of the outputs."""
    check_classes(name, y_shape)
    target = finite(name, target)
    if target.shape != y_shape:
        hint = "; class numbers belong to sparse_categorical_crossentropy" if fits(target, y_shape[:-1]) else ""
        raise ValueError(f"{name} expects targets of shape {y_shape}, got {target.shape}{hint}")
    return target


def as_probabilities(name: str, target: Any, y_shape: tuple[int, ...], dtype: DTypeLike) -> Shaped[Array, "..."]:
    """Labels 0 and 1, or probabilities between them, in the shape of the outputs."""
    target = as_shape(name, finite(name, target), y_shape)
    check_range(name, target)
    return target.astype(dtype)


def as_distributions(name: str, target: Any, y_shape: tuple[int, ...], dtype: DTypeLike) -> Shaped[Array, "..."]:
    """Rows of probabilities that sum to 1, most often one-hot, in the shape of the outputs."""
    target = in_rows(name, target, y_shape)
    check_range(name, target)
    check_sums(name, target)
    return target.astype(dtype)


def check_range(name: str, target: Shaped[Array, "..."]) -> None:
    """Raise ValueError unless all are probabilities."""
    if target.min() < 0 or target.max() > 1:
        raise ValueError(
            f"{name} expects labels 0 or 1, or probabilities between them, "
            f"got values from {target.min():g} to {target.max():g}"
        )


def check_sums(name: str, target: Shaped[Array, "..."]) -> None:
    """Raise ValueError unless each row sums to 1."""
    totals = target.sum(axis=-1, dtype=np.float64)
    if not np.allclose(totals, 1, rtol=0, atol=1e-3):
        worst = totals.flat[np.abs(totals - 1).argmax()]
        raise ValueError(f"{name} expects each row of targets to sum to 1, got a row that sums to {worst:g}")


def check_classes(name: str, y_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the outputs have an axis of several classes."""
    if len(y_shape) < 2 or y_shape[-1] < 2:
        raise ValueError(
            f"{name} expects outputs of shape (N, classes) with at least two classes, got {y_shape}; "
            "for a single output use binary_crossentropy"
        )
