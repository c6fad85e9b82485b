"""Files of safetensors: named arrays and nothing else; those of a model of ours go by their own names.

An array of layer `lstm` is "lstm/Wx", in our shapes and our order of gates. The metadata of the file has the model's
settings as JSON, for people: nothing here reads them back.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.arrays import converted
from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically
from scratchnn.exchange.errors import ExchangeError, numbers_of, require_shapes, source, target
from scratchnn.models.model import Model

_MOST_HEADER_BYTES = 2**21  # 100 bytes for each array
_DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64"}


class Entry(NamedTuple):
    """What a file says about an array before it is read."""

    dtype: str
    shape: tuple[int, ...]


def save_safetensors(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the parameters of a model as safetensors, by the names of its layers and of their parameters: "lstm/Wx".

    Raises:
        FileExistsError, OSError: as `Model.save`.
        ExchangeError: for a name that does not end in .safetensors; ImportError without the package safetensors.
    """
    file = target(path, "save_safetensors", (".safetensors",), overwrite)
    model.require_built()
    arrays = {name: np.asarray(model.backend.to_host(param)) for name, param in _named(model).items()}
    about = {"layers": [{"name": layer.name, "class": type(layer).__name__} for layer in model.layers]}
    write(file, arrays, {"format": "scratchnn", "model": json.dumps(about)})


def load_safetensors(model: Model, path: str | os.PathLike[str]) -> None:
    """Give a model the parameters of a file of `save_safetensors`, all or none of them.

    Raises:
        ExchangeError: if the file is damaged, or its arrays are others than the model's in name or shape.
        ImportError: without the package safetensors.
    """
    file = source(path, "load_safetensors")
    model.require_built()
    expected = {name: param.shape for name, param in _named(model).items()}
    entries = listing(file)
    require_shapes(str(file), expected, {name: entry.shape for name, entry in entries.items()})
    arrays = read(file)
    with numbers_of(str(file)):
        parts = [converted(name, arrays[name], model.dtype).ravel() for name in expected]
    model.set_flat_params(np.concatenate(parts) if parts else np.zeros(0, model.dtype))


def _named(model: Model) -> dict[str, Array]:
    return {f"{layer.name}/{name}": param for layer in model.layers for name, param in layer.params.items()}


# ---- any file of the format


def write(path: Path, arrays: dict[str, Array], metadata: dict[str, str]) -> None:
    with extra("exchange", "safetensors"):
        import safetensors.numpy
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, [safetensors.numpy.save(whole, metadata)])


def listing(path: Path) -> dict[str, Entry]:
    """The dtype and the shape of each array. The package has checked that they fit the size of the file.

    Raises:
        ExchangeError: for a damaged file, or numbers of a kind that no model here has.
    """
    with _opened(path) as file:
        found = {}
        for name in file.keys():
            part = file.get_slice(name)
            if part.get_dtype() not in _DTYPES:
                raise ExchangeError(
                    f"{path}: {name} has numbers of type {part.get_dtype()}, expected {', '.join(_DTYPES)}: "
                    "convert them where the file was written"
                )
            found[name] = Entry(_DTYPES[part.get_dtype()], tuple(part.get_shape()))
        return found


def read(path: Path) -> dict[str, Array]:
    """All arrays, which `listing` was asked about before."""
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def _opened(path: Path) -> Any:
    with open(path, "rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if not 2 <= header <= _MOST_HEADER_BYTES:
        raise ExchangeError(f"{path} is no file of safetensors, or damaged: its header would have {header:,} bytes")
    with extra("exchange", "safetensors"):
        import safetensors
    try:
        return safetensors.safe_open(path, framework="numpy")
    except (safetensors.SafetensorError, MemoryError) as error:  # a file that is larger than what can be mapped
        raise ExchangeError(f"{path} is no file of safetensors, or damaged: {error}") from None
