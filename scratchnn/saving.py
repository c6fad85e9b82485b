"""Models and checkpoints into files: layers and settings as JSON, and arrays. No code, no pickle.

`loading.py` reads them back.
"""

import dataclasses
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn_kernels.contract import Array

from scratchnn import custom_objects, storage
from scratchnn.lookup import class_in_file
from scratchnn.training.progress import Progress

if TYPE_CHECKING:
    from scratchnn.model import Model


def save_model(model: "Model", filepath: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the whole model. An existing file is replaced only with `overwrite`, and then atomically.

    Raises:
        FileExistsError: if the file is there and `overwrite` is False.
        OSError: if it cannot be written; an earlier file is intact.
    """
    model.count_params()  # refuses a model without parameters
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or save(..., overwrite=True)")
    description = describe(model)
    if own := list(dict.fromkeys(custom_objects.names_in(description))):
        warnings.warn(
            f"{path} will hold {', '.join(own)} by name only, without code; read it back with "
            f"{custom_objects.remedy(own)}",
            stacklevel=3,
        )
    storage.write(path, {"params": model.backend.to_host(model.flat_params)}, {"kind": "model", "model": description})


def load_params(model: "Model", filepath: str | os.PathLike[str]) -> None:
    """Take over the parameters of a saved model, whatever its layers; they must fit.

    Raises:
        StorageError: if the file is damaged, holds no model, or the parameters do not fit.
    """
    arrays, meta = read(filepath, "model")
    shapes = [list(weight.shape) for weight in model.get_weights()]
    if meta["model"]["weights"] != shapes:
        raise storage.StorageError(f"{filepath} holds weights of shapes {meta['model']['weights']}, expected {shapes}")
    set_params(model, arrays["params"])


def read(filepath: str | os.PathLike[str], kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `storage.read` returns, or a StorageError unless the file is a scratchnn `kind`."""
    arrays, meta = storage.read(filepath)
    if meta.get("kind") != kind or "params" not in arrays:
        raise storage.StorageError(f"{filepath} holds no scratchnn {kind}, but {meta.get('kind', 'something else')!r}")
    return arrays, meta


def set_params(model: "Model", params: Array) -> None:
    """Overwrite all parameters, or raise ValueError if they do not fit."""
    if params.shape != model.flat_params.shape or params.dtype != model.dtype:
        raise ValueError(f"{params.size} parameters of {params.dtype} for a model of {model.count_params()}")
    model.flat_params[:] = model.backend.array(params, model.dtype)


def save_checkpoint(model: "Model", progress: Progress, filepath: str | os.PathLike[str]) -> None:
    """Write all that resuming needs: parameters, optimizer, where training stands. Replaces the last checkpoint."""
    assert model.optimizer is not None
    slots = {f"optimizer.{name}": array for name, array in model.optimizer.state().items()}
    meta = {"kind": "checkpoint", "model": describe(model), "progress": dataclasses.asdict(progress)}
    storage.write(filepath, {"params": model.backend.to_host(model.flat_params)} | slots, meta)


def describe(model: "Model") -> dict[str, Any]:
    """All of a model except its parameters, as plain values."""
    compiled = None
    if model.optimizer is not None and model.loss is not None:
        compiled = {
            "optimizer": model.optimizer.get_config(),
            "loss": model.loss.get_config(),
            "metrics": [name for name in model.metric_names if isinstance(name, str)],
        }
    return {
        "layers": [class_in_file(layer) for layer in model.layers],
        "input_shape": list(model.input_shape),
        "weights": [list(weight.shape) for weight in model.get_weights()],
        "backend": model.backend.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "name": model.name,
        "compiled": compiled,
        "metadata": model.metadata,
    }
