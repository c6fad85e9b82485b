"""Models into files: layers and settings as JSON, and the arrays. No code, no pickle.

Here a model is its `get_config()`, its vector of parameters, and the state of its optimizer: all that training on to
the same bits needs. `loading.py` reads it back. A checkpoint is the same, and where its call of `fit` stands.
"""

import math
import os
from pathlib import Path
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core.files import container
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.core.names import is_own
from scratchnn.core.warning import warn
from scratchnn.models import custom_objects

# What the names of arrays begin with:
OPTIMIZER = "optimizer."  # its state
CARRIED = "states."  # what stateful layers carry, by the number of the layer


def save_model(
    filepath: str | os.PathLike[str], model: Any, *, overwrite: bool = False, include_optimizer: bool = True
) -> None:
    """Write the whole model. An existing file is replaced only if told so, and in one piece.

    It warns of what loading will ask for, and of what is left out.

    Raises:
        FileExistsError: if the file is there and `overwrite` is False.
        TypeError, ValueError: for what no file can hold, loading could not make again, or a file's name that promises
            another format, such as model.keras; nothing was written.
        OSError: if it cannot be written; what was there before is still there.
    """
    refuse_foreign_name("save", filepath)
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or save(..., overwrite=True)")
    arrays, config = contents(model, include_optimizer)
    if own := custom_objects.names_in(config):
        warn(
            f"{path} will hold {', '.join(own)} by name only, without code; read it back with "
            f"{custom_objects.remedy(own, 'load_model')}",
        )
    for what in _left_out(model, include_optimizer):
        warn(f"{path} will not hold {what}")
    container.write(path, arrays, {"kind": "model", "model": config})


def contents(model: Any, include_optimizer: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the description of a model for a file.

    Raises:
        TypeError, ValueError: for what no file can hold, or loading could not make again.
    """
    config = model.get_config()
    custom_objects.check(config)
    arrays = {"params": model.backend.to_host(model.flat_params)}
    if include_optimizer and model.has_ready_optimizer and other_slots(model) is None:
        arrays |= {OPTIMIZER + name: array for name, array in model.optimizer.state().items()}
    for n, layer in enumerate(model.layers):
        if layer.takes_state and layer.states is not None:
            arrays |= {f"{CARRIED}{n}.{i}": model.backend.to_host(state) for i, state in enumerate(layer.states)}
    return arrays, config


def other_slots(model: Any) -> str | None:
    """What is wrong with the state of the optimizer, which a loaded one would not have, in words.

    Its slots are of the user's own, or of other parameters than those that are trainable now.
    """
    optimizer = model.optimizer
    if model.owns_optimizer and not model.has_ready_optimizer and optimizer.of == model.count_params():
        return (
            f"the state of {type(optimizer).__name__}, because `trainable` was changed since its last step: compile "
            "and train on first"
        )
    if not model.has_ready_optimizer or set(optimizer.slots) == set(optimizer.slot_names):
        return None
    kind, slots, names = type(optimizer).__name__, sorted(optimizer.slots), sorted(optimizer.slot_names)
    return f"the state of {kind}, whose slots are {slots}, while its slot_names are {names}"


def _left_out(model: Any, include_optimizer: bool) -> list[str]:
    """What `contents` leaves out, in words; what the caller leaves out is no surprise."""
    found = []
    if is_own(type(model)):
        found.append(f"the class {type(model).__name__}, which is of your own: it will be loaded as {model.kind}")
    if model.optimizer is None:
        return found
    if own := model.own_metrics():
        found.append(f"the metric {', '.join(own)}, which is of your own; compile the loaded model with it again")
    if include_optimizer and (state := other_slots(model)):
        found.append(f"{state}; the loaded model will begin with that of a new one")
    return found


def save_weights(
    filepath: str | os.PathLike[str], params: Array, shapes: list[list[int]], *, overwrite: bool = True
) -> None:
    """Write the parameters of a model, in one vector, and the shapes of its weights.

    Raises:
        FileExistsError, ValueError, OSError: as `Model.save_weights` and `save_model` do.
    """
    refuse_foreign_name("save_weights", filepath)
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or save_weights(..., overwrite=True)")
    container.write(path, {"params": params}, {"kind": "weights", "weights": shapes})


def read_params(filepath: str | os.PathLike[str], shapes: list[tuple[int, ...]]) -> Array:
    """The parameters of a saved model, whatever its layers, or of saved weights, if they have these shapes.

    Raises:
        StorageError: if the file is damaged, holds neither, or the parameters have other shapes.
    """
    arrays, meta = read(filepath, "model", "weights")
    described = meta.get("model") if meta["kind"] == "model" else meta
    expected = [list(shape) for shape in shapes]
    found = described.get("weights") if isinstance(described, dict) else None
    if found != expected:
        raise container.StorageError(f"{filepath} holds weights of shapes {found}, expected {expected}")
    params, count = arrays["params"], sum(map(math.prod, shapes))
    if params.dtype.kind != "f" or params.shape != (count,):
        raise container.StorageError(
            f"{filepath} holds parameters of {params.dtype} and shape {params.shape}, expected {count} floats"
        )
    return params


def read(filepath: str | os.PathLike[str], *kinds: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `container.read` returns, or a StorageError unless the file is a scratchnn file of one of these kinds."""
    arrays, meta = container.read(filepath)
    if meta.get("kind") not in kinds or "params" not in arrays:
        found = meta.get("kind", "something else")
        raise container.StorageError(f"{filepath} holds no scratchnn {' or '.join(kinds)}, but {found!r}")
    return arrays, meta
