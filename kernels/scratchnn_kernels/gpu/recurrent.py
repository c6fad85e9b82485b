"""What the three recurrent modules share. Inside, arrays are time first (T, B, ·), as in the reference."""

from typing import Any

from scratchnn_kernels.contract import Array, StateGrad
from scratchnn_kernels.gpu import device, dispatch

BLOCK = 128  # threads of the kernels that take one time step


def is_persistent(cell: str, H: int, B: int, dtype: Any) -> bool:
    return dispatch.choose(cell, H, B, dtype).kernel == dispatch.PERSISTENT


def quad_defines(cell: str, H: int, B: int, dropout_h: Array | None, dtype: Any) -> device.Defines:
    """The constants of a persistent kernel with four threads for each unit."""
    held = dispatch.held(dispatch.choose(cell, H, B, dtype), H)
    return {"H": H, "HELD": held, "DROPOUT": int(dropout_h is not None)}


def rest_of_columns(Wh: Array, defines: device.Defines) -> Array | None:
    """The part of each thread's column of Wh that its registers do not hold."""
    H = len(Wh)
    return _rest(Wh.reshape(H, -1, H), int(defines["HELD"]))


def rest_of_rows(Wh: Array, defines: device.Defines) -> Array | None:
    """The same for the backward pass, where a thread has a gate's part of a row."""
    H = len(Wh)
    return _rest(Wh.reshape(H, -1, H).transpose(2, 1, 0), int(defines["HELD"]))


def _rest(weights: Array, held: int) -> Array | None:
    """weights (k, gate, unit) from k = held on -> (k / 4, unit, gate, 4), padded: threads side by side, four each"""
    H, gates, _ = weights.shape
    units = dispatch.padded(H)
    if held >= units:
        return None
    xp = device.xp()
    rest = xp.zeros((units - held, 4, units), weights.dtype)
    rest[: H - held, :gates, :H] = weights[held:]
    return xp.ascontiguousarray(rest.reshape(-1, 4, 4, units).transpose(0, 3, 2, 1))


def time_first(x: Array) -> Array:
    """(B, T, D) -> (T, B, D), contiguous"""
    return device.xp().ascontiguousarray(x.swapaxes(0, 1))


def batch_first(x: Array) -> Array:
    """(T, B, D) -> (B, T, D), contiguous"""
    return time_first(x)


def slots(count: int, B: int, width: int, dtype: Any) -> Array:
    """An array with a slot for each time step; with fewer slots than steps, step t is in slot t % count."""
    return device.empty((count, B, width), dtype)


def last_gradients(dy: Array | None, dstate: StateGrad, sequences: bool) -> list[Array | None]:
    """Gradients with respect to the last states, plus dy where the output is the last h; None for zeros."""
    last = list(dstate)
    if dy is not None and not sequences:
        last[0] = dy if last[0] is None else last[0] + dy
    return last


def own(last: Array | None, shape: tuple[int, int], dtype: Any) -> Array:
    """A copy of `last` to update step by step, or zeros."""
    return device.xp().zeros(shape, dtype) if last is None else last.copy()


def launch_step(file: str, kernel: str, defines: device.Defines, B: int, H: int, *arguments: Any) -> None:
    """One time step of B rows of H units, a thread for each."""
    device.launch(file, kernel, defines, -(-B * H // BLOCK), BLOCK, *arguments, B, H)
