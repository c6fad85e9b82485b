"""The states of a model's recurrent layers, in and out: {a layer's name: its states, as the layer takes them}."""

from collections.abc import Sequence
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.training.batches import States


def checked(layers: Sequence[Any], given: Any, B: int) -> States | None:
    """Given states in the kernels' memory; a layer that is left out begins as it would without any.

    Raises:
        ValueError: unless they are a dict of names of recurrent layers, with states for B rows.
    """
    if given is None:
        return None
    known = {layer.name: layer for layer in layers if layer.takes_state}
    if not isinstance(given, dict) or not given.keys() <= known.keys():
        wanted = ", ".join(f"{name!r}: [{', '.join(layer.state_names)}]" for name, layer in known.items())
        got = sorted(map(str, given)) if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"initial_state of this model is a dict {{{wanted}}}, as return_state gives it; got {got}")
    return {name: list(known[name].as_state(state, B)) for name, state in given.items()}


def options_of(layer: Any, given: States, returned: bool) -> dict[str, Any]:
    """What the layer's forward is called with."""
    if not layer.takes_state:
        return {}
    return {"initial_state": given.get(layer.name), "return_state": returned or layer.return_state}


def split_off(layer: Any, outputs: Any) -> tuple[Any, list[Array]]:
    """What the layer returns of itself, and its states, of what it returned with `return_state`."""
    y, states = outputs[: layer.y_count], list(outputs[layer.y_count :])
    return outputs if layer.return_state else y if layer.y_count > 1 else y[0], states


def gradient_of(layer: Any, cache: Any, dy: Any, dstates: Any) -> Any:
    """What the layer's backward takes, where states at the end have the gradients `dstates`.

    Raises:
        ValueError: for a gradient of states that forward did not return.
    """
    dstate = dstates.get(layer.name)
    if not cache.state_returned:
        if dstate is not None:
            raise ValueError(f"{layer.label} returned no states in this pass: call forward with return_state=True")
        return dy
    of_all = dy if isinstance(dy, tuple) else (dy,)
    of_y, own = of_all[: layer.y_count], of_all[layer.y_count :] or [None] * len(layer.state_names)
    given = [None] * len(own) if dstate is None else list(dstate)
    return (*of_y, *(b if a is None else a if b is None else a + b for a, b in zip(own, given, strict=True)))


def check_batches(layers: Sequence[Any], counts: Sequence[int], batch_size: int) -> None:
    """Raise ValueError unless so many rows, in batches of this size, are whole batches for every stateful layer."""
    for layer in layers:
        size = layer.batch_size or min([batch_size, *counts[:1]])
        for rows in counts:
            if rows % min(batch_size, rows) or min(batch_size, rows) != size:
                other = "" if layer.input_shape[0] else ", or call reset_states() before another stream of data"
                raise ValueError(
                    f"{layer.label} is stateful: each row goes on where the same row of the batch before ended, so "
                    f"every batch has {size} rows, but {rows} rows in batches of {batch_size} are not. Give "
                    f"batch_size={size} and a multiple of {size} rows{other}"
                )
