"""Models and checkpoints as files: layers and settings as JSON, arrays beside them. No code, no pickle."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn_kernels.contract import Array

from scratchnn import storage
from scratchnn.layers import LAYERS, Layer
from scratchnn.lookup import look_up
from scratchnn.progress import Progress

if TYPE_CHECKING:
    from scratchnn.model import Model


def save_model(model: "Model", filepath: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the whole model. An existing file is replaced only if told so, and then in one piece.

    Raises:
        FileExistsError: if the file is there and `overwrite` is False.
        OSError: if it cannot be written; what was there before is still there.
    """
    model.count_params()  # refuses a model without parameters
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or save(..., overwrite=True)")
    storage.write(path, {"params": model.flat_params}, {"kind": "model", "model": describe(model)})


def load_model(filepath: str | os.PathLike[str], *, backend: str | None = None) -> "Model":
    """Read a model back: ready to predict, and to train on if it was compiled. `backend` None: the one it had.

    Raises:
        StorageError: if the file is damaged, or holds no model of scratchnn's.
    """
    arrays, meta = _read(filepath, "model")
    try:
        model = rebuild(meta["model"], backend)
        _load_params(model, arrays["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the model in it cannot be rebuilt ({error})") from error
    return model


def load_params(model: "Model", filepath: str | os.PathLike[str]) -> None:
    """Take over the parameters of a saved model, whatever its layers; they must fit.

    Raises:
        StorageError: if the file is damaged, holds no model, or the parameters do not fit.
    """
    arrays, meta = _read(filepath, "model")
    shapes = [list(weight.shape) for weight in model.get_weights()]
    if meta["model"]["weights"] != shapes:
        raise storage.StorageError(f"{filepath} holds weights of shapes {meta['model']['weights']}, expected {shapes}")
    _load_params(model, arrays["params"])


def _read(filepath: str | os.PathLike[str], kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    arrays, meta = storage.read(filepath)
    if meta.get("kind") != kind or "params" not in arrays:
        raise storage.StorageError(f"{filepath} holds no scratchnn {kind}, but {meta.get('kind', 'something else')!r}")
    return arrays, meta


def _load_params(model: "Model", params: Array) -> None:
    if params.shape != model.flat_params.shape or params.dtype != model.dtype:
        raise ValueError(f"{params.size} parameters of {params.dtype} for a model of {model.count_params()}")
    model.flat_params[:] = params


def save_checkpoint(model: "Model", progress: Progress, filepath: str | os.PathLike[str]) -> None:
    """Write all that going on needs: parameters, optimizer, where training stands. Replaces the last checkpoint."""
    assert model.optimizer is not None
    slots = {f"optimizer.{name}": array for name, array in model.optimizer.state().items()}
    meta = {"kind": "checkpoint", "model": describe(model), "progress": dataclasses.asdict(progress)}
    storage.write(filepath, {"params": model.flat_params} | slots, meta)


def load_checkpoint(filepath: str | os.PathLike[str], *, backend: str | None = None) -> tuple["Model", Progress]:
    """Read a checkpoint back: the compiled model and where its training stands.

    Raises:
        StorageError: if the file is damaged, or holds no checkpoint of scratchnn's.
    """
    arrays, meta = _read(filepath, "checkpoint")
    try:
        model = rebuild(meta["model"], backend)
        progress = Progress(**meta["progress"])
        if model.optimizer is None:
            raise ValueError("its model was not compiled")
        _load_params(model, arrays.pop("params"))
        model.ready_optimizer()
        model.optimizer.load_state({name.removeprefix("optimizer."): array for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise storage.StorageError(f"{filepath}: the checkpoint in it cannot be used ({error})") from error
    return model, progress


def describe(model: "Model") -> dict[str, Any]:
    """All of a model but its numbers, as plain values."""
    compiled = None
    if model.optimizer is not None and model.loss is not None:
        compiled = {
            "optimizer": model.optimizer.get_config(),
            "loss": model.loss.get_config(),
            "metrics": [name for name in model.metric_names if isinstance(name, str)],
        }
    return {
        "layers": [{"class": type(layer).__name__, "config": layer.get_config()} for layer in model.layers],
        "input_shape": list(model.input_shape),
        "weights": [list(weight.shape) for weight in model.get_weights()],
        "backend": model.backend.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "name": model.name,
        "compiled": compiled,
        "metadata": model.metadata,
    }


def rebuild(description: Mapping[str, Any], backend: str | None) -> "Model":
    """The model that `describe` described, with fresh parameters."""
    from scratchnn.sequential import Sequential

    model = Sequential(
        [layer_from(layer) for layer in description["layers"]],
        backend=backend or description["backend"],
        dtype=description["dtype"],
        seed=description["seed"],
        name=description["name"],
    )
    model.build(tuple(description["input_shape"]))
    model.metadata = dict(description["metadata"])
    if description["compiled"] is not None:
        model.compile(**description["compiled"])
    return model


def layer_from(description: Mapping[str, Any]) -> Layer:
    """A layer from its class and config; only classes of scratchnn's own are looked up, by name."""
    config = dict(description["config"])
    if isinstance(config.get("layer"), Mapping):  # Bidirectional's
        config["layer"] = layer_from(config["layer"])
    return look_up("layer", description["class"], LAYERS)(**config)
