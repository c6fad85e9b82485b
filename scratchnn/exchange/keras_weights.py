"""Keras 3's `.weights.h5`, both ways: one group of HDF5 per layer, and in it the arrays by number.

    layers/lstm/cell/vars/0, 1, 2        kernel, recurrent kernel and bias, in Keras' shapes and order of gates
    layers/bidirectional/forward_layer/cell/vars/0 ...

The groups go by the class of a layer and by its number among those of its class, whatever the layer is called.
"""

import io
import math
import os
import re
from pathlib import Path
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core.extras import extra
from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.names import is_own
from scratchnn.exchange.errors import ExchangeError, numbers_of, refused, require_shapes, source, target
from scratchnn.exchange.keras_archive import member
from scratchnn.layers import GRU, LSTM, RNN, Bidirectional, SimpleRNN, TimeDistributed
from scratchnn.models.model import Model

_FLOATS = ("float16", "float32", "float64")
_LARGEST_CHUNK = 2**20  # numbers; a piece is unpacked whole, however few of them an array has
_MAX_GROUPS, _DEEPEST = 10_000, 50  # a group may be linked into itself, so that a small file has no end


def save_keras(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the parameters of a model as a file that `load_weights` of the same model in Keras 3 takes.

    Raises:
        FileExistsError, OSError: as `Model.save`.
        ExchangeError: for a name that does not end in .weights.h5, and for layers that Keras does not have.
        ImportError: without the package h5py.
    """
    file = target(path, "save_keras", (".weights.h5",), overwrite)
    model.require_built()
    arrays: dict[str, Array] = dict(zip(_places(model), model.get_weights(), strict=True))
    with extra("exchange", "save_keras"):
        import h5py
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as h5:
        for place, array in arrays.items():
            h5.create_dataset(place, data=array)
    write_atomically(file, [buffer.getvalue()])


def load_keras(model: Model, path: str | os.PathLike[str]) -> None:
    """Give a model the weights of a `.weights.h5` or `.keras` of the same layers in Keras 3, all or none of them.

    What the file has of an optimizer is left where it is.

    Raises:
        ExchangeError: if the file is damaged, of Keras 2, or its arrays are others than the model's.
        ImportError: without the package h5py.
    """
    file = source(path, "load_keras")
    model.require_built()
    shapes = dict(zip(_places(model), (weight.shape for weight in model.weights), strict=True))
    content: Any = io.BytesIO(member(file, "model.weights.h5")) if file.suffix == ".keras" else file
    with extra("exchange", "load_keras"):
        import h5py
    try:
        with h5py.File(content, "r") as opened:
            h5: Any = opened
            _require_keras_3(file, h5)
            datasets = _datasets(file, h5)
            require_shapes(str(file), shapes, {name: each.shape for name, each in datasets.items()})
            weights = [datasets[name][()] for name in shapes]
    except ExchangeError:
        raise
    except Exception as error:  # about damaged files h5py raises of everything, SystemError and MemoryError too
        raise ExchangeError(f"{file} is no file of weights, or damaged: {error}") from None
    with numbers_of(str(file)):
        model.set_weights(weights)


# ---- where the arrays are


def _places(model: Model) -> list[str]:
    """The place of each array of `get_weights` in the file."""
    counts: dict[str, int] = {}
    found: list[str] = []
    for layer in model.layers:
        if is_own(type(layer)):
            raise refused(layer, "Keras' weights", "it is a class of your own, and Keras' layer may order them anyhow")
        stem = keras_snake_case(type(layer).__name__)
        number = counts[stem] = counts.get(stem, -1) + 1
        found += _of_layer(layer, f"layers/{stem}_{number}" if number else f"layers/{stem}")
    return found


def _of_layer(layer: Any, group: str) -> list[str]:
    if isinstance(layer, Bidirectional):
        return [
            place
            for name in ("forward_layer", "backward_layer")
            for place in _of_layer(getattr(layer, name), f"{group}/{name}")
        ]
    if isinstance(layer, TimeDistributed):
        return _of_layer(layer.layer, f"{group}/layer")
    if isinstance(layer, RNN):
        raise refused(layer, "Keras' weights", "its cell is of your own, and Keras' may order its weights anyhow")
    inside = f"{group}/cell/vars" if isinstance(layer, SimpleRNN | LSTM | GRU) else f"{group}/vars"
    return [f"{inside}/{n}" for n in range(len(layer.weights))]


def keras_snake_case(name: str) -> str:
    """What Keras makes of the name of a class: SimpleRNN -> simple_rnn, PReLU -> p_re_lu."""
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


# ---- reading, without trust


def _require_keras_3(file: Path, h5: Any) -> None:
    if "layers" in h5:
        return
    if "layer_names" in h5.attrs or "model_weights" in h5:
        raise ExchangeError(f"{file} is of Keras 2: load it in Keras 3, and save_weights('model.weights.h5') there")
    raise ExchangeError(f"{file} has no group 'layers', as the files of Keras 3 have: {list(h5)[:5]}")


def _datasets(file: Path, h5: Any) -> dict[str, Any]:
    """The arrays of the layers by their places. One that lies elsewhere, in this file or another, is refused."""
    import h5py

    found, waiting, seen = {}, [(h5, "layers")], 0
    while waiting:
        group, place = waiting.pop()
        name, seen = place.rpartition("/")[2], seen + 1
        if seen > _MAX_GROUPS or place.count("/") > _DEEPEST:
            raise ExchangeError(
                f"{file} has more than {_MAX_GROUPS:,} groups and arrays, or {_DEEPEST} in each other: it is not of a "
                "model"
            )
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ExchangeError(f"{file}: {place} is a link to somewhere else, and is not followed")
        each = group[name]
        if isinstance(each, h5py.Group):
            waiting += [(each, f"{place}/{inner}") for inner in reversed(list(each))]
        elif not isinstance(each, h5py.Dataset) or each.is_virtual or each.external:
            raise ExchangeError(f"{file}: {place} has its numbers in other files, and is not read")
        elif each.chunks is not None and math.prod(each.chunks) > max(each.size or 0, _LARGEST_CHUNK):
            raise ExchangeError(f"{file}: {place} is stored in pieces that are larger than the array: save it again")
        elif each.dtype.name not in _FLOATS:
            raise ExchangeError(f"{file}: {place} holds {each.dtype}, expected {', '.join(_FLOATS)}")
        else:
            found[place] = each
    return found
