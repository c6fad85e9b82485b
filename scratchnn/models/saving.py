"""Models into files: layers and settings as JSON, and the parameters. No code, no pickle.

Here a model is its `get_config()` and its vector of parameters; `loading.py` reads it back.
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core.files import container
from scratchnn.core.files.foreign import refuse_foreign_name
from scratchnn.models import custom_objects


def save_model(
    filepath: str | os.PathLike[str],
    config: dict[str, Any],
    params: Array,
    own_metrics: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> None:
    """Write the whole model but its `own_metrics`. An existing file is replaced only if told so, and in one piece.

    It warns of what loading will ask for, and of the metrics.

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
    custom_objects.check(config)
    if own := custom_objects.names_in(config):
        warnings.warn(
            f"{path} will hold {', '.join(own)} by name only, without code; read it back with "
            f"{custom_objects.remedy(own, 'load_model')}",
            stacklevel=3,
        )
    if own_metrics:
        warnings.warn(
            f"{path} will not hold the metric {', '.join(own_metrics)}, which is of your own; compile the loaded model "
            "with it again",
            stacklevel=3,
        )
    container.write(path, {"params": params}, {"kind": "model", "model": config})


def read_params(filepath: str | os.PathLike[str], shapes: list[tuple[int, ...]]) -> Array:
    """The parameters of a saved model, whatever its layers, if they have these shapes.

    Raises:
        StorageError: if the file is damaged, holds no model, or the parameters have other shapes.
    """
    arrays, meta = read(filepath, "model")
    expected, found = [list(shape) for shape in shapes], meta["model"]["weights"]
    if found != expected:
        raise container.StorageError(f"{filepath} holds weights of shapes {found}, expected {expected}")
    return arrays["params"]


def read(filepath: str | os.PathLike[str], kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `container.read` returns, or a StorageError unless the file is a scratchnn `kind`."""
    arrays, meta = container.read(filepath)
    if meta.get("kind") != kind or "params" not in arrays:
        found = meta.get("kind", "something else")
        raise container.StorageError(f"{filepath} holds no scratchnn {kind}, but {found!r}")
    return arrays, meta
