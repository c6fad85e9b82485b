"""Files of other programs are neither written under their name nor taken for ours."""

import io
import pickle  # noqa: TID251  to see that one is refused
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, load_model
from scratchnn.callbacks import ModelCheckpoint
from scratchnn.core.files.container import StorageError
from scratchnn.layers import Dense
from scratchnn.models.checkpoint import save_checkpoint
from scratchnn.training.progress import Progress

NAMES = [
    ("model.h5", "Keras' HDF5 format", "model.npz"),
    ("model.H5", "Keras' HDF5 format", "model.npz"),
    ("model.hdf5", "Keras' HDF5 format", "model.npz"),
    ("best.weights.h5", "Keras' HDF5 format", "best.npz"),
    ("model.keras", "Keras' own format", "model.npz"),
    ("m.npy", "NumPy's format for one array", "m.npz"),
    ("m.zip", "a zip archive", "m.npz"),
    ("m.TXT", "plain text", "m.npz"),
    ("m.csv", "CSV", "m.npz"),
    ("{epoch:02d}-{val_loss:.2f}.keras", "Keras' own format", "{epoch:02d}-{val_loss:.2f}.npz"),
    ("model.pb", "TensorFlow's format", "model.npz"),
    ("model.pt", "PyTorch's format", "model.npz"),
    ("model.pth", "PyTorch's format", "model.npz"),
    ("model.onnx", "ONNX", "model.npz"),
    ("model.pkl", "a pickle", "model.npz"),
    ("model.json", "JSON", "model.npz"),
]


def model() -> Sequential:
    model = Sequential([Input((3,)), Dense(2)], backend="reference", seed=0)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(("name", "kind", "better"), NAMES)
def test_a_name_of_another_format_is_refused(name: str, kind: str, better: str, tmp_path: Path) -> None:
    doors: dict[str, Callable[[Any], Any]] = {
        "save": model().save,
        "save_checkpoint": lambda path: save_checkpoint(model(), Progress(), path),
        "ModelCheckpoint": ModelCheckpoint,
    }
    for door, call in doors.items():
        for path in (tmp_path / name, str(tmp_path / name)):
            with pytest.raises(ValueError) as caught:
                call(path)
            assert f"{door}: '{path}' is named like a file in {kind}, but scratchnn writes" in str(caught.value)
            assert f"name it {better!r}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model.npz", "model", "model.v2", "best-{epoch}-{val_loss:.2f}", "model.h5.npz"])
def test_other_names_are_taken(name: str, tmp_path: Path) -> None:
    model().save(tmp_path / name)
    ModelCheckpoint(tmp_path / name)
    assert load_model(tmp_path / name).count_params() == 8


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return stream.getvalue()


def plain_npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, weights=np.zeros(3))
    return stream.getvalue()


FOREIGN = {
    # The first bytes of keras.Sequential(...).save("model.h5"), and the members of save("model.keras").
    "HDF5": (
        b"\x89HDF\r\n\x1a\n" + bytes(88),
        "an HDF5 file, as Keras writes them: build the same layers here, and scratchnn.exchange.load_keras(",
    ),
    ".keras": (
        zipped("metadata.json", "config.json", "model.weights.h5"),
        "a .keras file: scratchnn.exchange.read_keras(path)",
    ),
    "PyTorch": (zipped("archive/data.pkl", "archive/version"), "a file of PyTorch's: build the same layers here, and"),
    "pickle": (pickle.dumps({"weights": [1.0]}), "a pickle, which could run any code: it is not read"),
    "npz": (plain_npz(), "a zip of another kind"),
    "text": (b"weights,1,2\n", "no zip at all"),
    "empty": (b"", "no zip at all"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_named(kind: str, tmp_path: Path) -> None:
    content, message = FOREIGN[kind]
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    for load in (load_model, model().load_weights):
        with pytest.raises(StorageError) as caught:
            load(path)
        assert f"is not a model or a checkpoint of scratchnn, but {message}" in str(caught.value)
