"""Files of other programs: told by their names before one is written, and by their first bytes where one is read."""

import os
from pathlib import PurePath

from scratchnn.core import checks

_KERAS = "scratchnn.exchange.save_keras(model, 'model.weights.h5') writes the weights for Keras"
_TORCH = "scratchnn.exchange.save_pytorch(model, path) writes the weights for PyTorch"
_FORMATS = {
    ".h5": ("Keras' HDF5 format", _KERAS),
    ".hdf5": ("Keras' HDF5 format", _KERAS),
    ".keras": ("Keras' own format", _KERAS),
    ".tf": ("TensorFlow's format", _KERAS),
    ".pb": ("TensorFlow's format", _KERAS),
    ".tflite": ("TensorFlow Lite's format", _KERAS),
    ".ckpt": ("TensorFlow's checkpoints", _KERAS),
    ".pt": ("PyTorch's format", _TORCH),
    ".pth": ("PyTorch's format", _TORCH),
    ".onnx": ("ONNX", "scratchnn.exchange.save_onnx(model, path) writes it"),
    ".safetensors": ("safetensors", "scratchnn.exchange.save_safetensors(model, path) writes it"),
    ".pkl": ("a pickle", "nothing is pickled here"),
    ".pickle": ("a pickle", "nothing is pickled here"),
    ".joblib": ("a pickle", "nothing is pickled here"),
    ".json": ("JSON", "a model's arrays and settings are one file"),
    ".yaml": ("YAML", "a model's arrays and settings are one file"),
    ".yml": ("YAML", "a model's arrays and settings are one file"),
    ".npy": ("NumPy's format for one array", "numpy.save writes an array of your own"),
    ".zip": ("a zip archive", "the file is one already, unpacked by numpy.load"),
    ".gz": ("gzip's format", "nothing is compressed"),
    ".tar": ("a tar archive", "a model's arrays and settings are one file"),
    ".txt": ("plain text", "model.get_weights() has the arrays"),
    ".csv": ("CSV", "model.get_weights() has the arrays"),
}  # fmt: skip


def refuse_foreign_name(what: str, path: str | os.PathLike[str]) -> None:
    """Raise ValueError if the file's name promises another format than ours, which is that of .npz files, and TypeError
    for what is no path."""
    path = checks.path(f"{what}: filepath", path)
    suffix = PurePath(path).suffix.lower()
    if suffix in _FORMATS:
        name, instead = _FORMATS[suffix]
        better = PurePath(path).name[: -len(suffix)].removesuffix(".weights") + ".npz"
        raise ValueError(
            f"{what}: {path!r} is named like a file in {name}, but scratchnn writes its own, an .npz: "
            f"name it {better!r}; {instead}"
        )


def foreign_kind(start: bytes) -> str:
    """What a file is that begins with these bytes, and how to bring its weights here."""
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return (
            "an HDF5 file, as Keras writes them: build the same layers here, and scratchnn.exchange.load_keras(model, "
            "path) reads a .weights.h5 of Keras 3"
        )
    if start.startswith(b"PK\3\4"):
        if any(name in start for name in (b"metadata.json", b"config.json", b"model.weights.h5")):
            return "a .keras file: scratchnn.exchange.read_keras(path) makes the model of it"
        if b"data.pkl" in start:
            return (
                "a file of PyTorch's: build the same layers here, and scratchnn.exchange.load_pytorch(model, path) "
                "reads a state_dict"
            )
        return "a zip of another kind"
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "a pickle, which could run any code: it is not read"
    return "no zip at all"
