"""What the three recurrent modules share. Inside, arrays are time first (T, B, ·), as in the reference."""

from typing import Any

from scratchnn_kernels.contract import Array, StateGrad
from scratchnn_kernels.gpu import device, dispatch

BLOCK = 128  # threads of the kernels that take one time step


def is_persistent(H: int, dtype: Any) -> bool:
    return dispatch.choose(H, dtype).kernel == dispatch.PERSISTENT


def padded(H: int) -> int:
    """H filled up to whole groups of eight, as in registers.cuh."""
    return -(-H // 8) * 8


def time_first(x: Array) -> Array:
    """(B, T, D) -> (T, B, D), contiguous"""
    return device.xp().ascontiguousarray(x.swapaxes(0, 1))


def batch_first(x: Array) -> Array:
    """(T, B, D) -> (B, T, D), contiguous"""
    return time_first(x)


def rows(count: int, B: int, width: int, dtype: Any) -> Array:
    """An array with a row for each time step. Where only the last one counts, a few rows take turns: step t % count."""
    return device.empty((count, B, width), dtype)


def last_gradients(dy: Array | None, dstate: StateGrad, sequences: bool, shape: tuple[int, int], dtype: Any) -> list:
    """Gradients with respect to the last states, those of an output that is the last state in them; arrays of ours."""
    xp = device.xp()
    last = [xp.zeros(shape, dtype) if d is None else d.copy() for d in dstate]
    if dy is not None and not sequences:
        last[0] += dy
    return last


def launch_step(file: str, kernel: str, defines: device.Defines, B: int, H: int, *arguments: Any) -> None:
    """One time step of B rows of H units, a thread for each."""
    device.launch(file, kernel, defines, -(-B * H // BLOCK), BLOCK, *arguments, B, H)
