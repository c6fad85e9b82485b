"""Crafted files of other programs: Keras, PyTorch, safetensors."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.attacks.attack import Attack, small_model, special
from scratchnn.exchange import save_keras, save_safetensors


def write_keras(
    path: Path, change: Callable[[dict[str, Any]], object] | None = None, members: dict[str, bytes] | None = None
) -> Path:
    """A .keras file of the small model, as Keras writes it."""
    layers: list[dict[str, Any]] = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 6], "dtype": "int32", "name": "input"}},
        {"class_name": "Embedding", "config": {"name": "embedding", "input_dim": 20, "output_dim": 4}},
        {"class_name": "LSTM", "config": {"name": "lstm", "units": 5}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 1, "activation": "sigmoid"}},
    ]
    config = {"class_name": "Sequential", "config": {"name": "it", "layers": layers}}
    if change is not None:
        change(config)
    weights = path.with_name("w.weights.h5")
    save_keras(small_model(), weights)
    whole = {
        "metadata.json": b"{}",
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": weights.read_bytes(),
    }
    weights.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (whole | (members or {})).items():
            archive.writestr(name, content)
    return path


Change = Callable[[dict[str, Any]], object]


def _layer(at: int, **settings: Any) -> Change:
    return lambda config: config["config"]["layers"][at]["config"].update(settings)


def _replaced(kind: str, **settings: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][2] = {"class_name": kind, "config": {"name": "it", **settings}}

    return change


def _nested(depth: int) -> Change:
    def change(config: dict[str, Any]) -> None:
        inner = config["config"]["layers"][2]
        for n in range(depth):
            inner = {"class_name": "Bidirectional", "config": {"name": f"b{n}", "layer": inner}}
        config["config"]["layers"][2] = inner

    return change


KERAS: dict[str, Change] = {
    "a table of 1e10": _layer(1, input_dim=10**10),
    "1e9 units": _layer(2, units=10**9),
    "20,000 outputs": _layer(3, units=20_000),
    "units of text": _layer(2, units="5"),
    "a Lambda": _replaced("Lambda", function="x"),
    "a class": _replaced("os.system"),
    "padding of 1e12": _replaced("ZeroPadding1D", padding=10**12),
    "a kernel of 1e9": _replaced("Conv1D", filters=9, kernel_size=10**9),
    "layers in layers": _nested(400),
    "100,000 layers": lambda config: config["config"].update(
        layers=[*config["config"]["layers"], *[{"class_name": "Flatten", "config": {}}] * 10**5]
    ),
    "no layers": lambda config: config["config"].update(layers=[]),
    "layers of text": lambda config: config["config"].update(layers="ab"),
    "no config": lambda config: config.pop("config"),
    "a batch of 1e9": lambda config: (_layer(0, batch_shape=[10**9, 6])(config), _layer(2, stateful=True)(config)),
    "a shape of text": _layer(0, batch_shape=["a"]),
    "a module": lambda config: config.update(module="os", class_name="system"),
    "an activation of a class": _layer(3, activation={"class_name": "system", "module": "os"}),
    "no name": lambda config: config["config"].update(name={"a": 1}),
    "an initializer": _layer(3, kernel_initializer={"class_name": "eval", "config": {}}),
    "a dtype": _layer(3, dtype="object"),
}
MEMBERS: dict[str, Callable[[], dict[str, bytes]]] = {
    "a million lists": lambda: {"config.json": b"[" + b"[]," * 10**6 + b"[]]"},
    "lists in lists": lambda: {"config.json": b"[" * 10**6},
    "no JSON": lambda: {"config.json": b"{"},
    "no weights": lambda: {"model.weights.h5": b""},
    "a number": lambda: {"config.json": b"5"},
    "weights of zeros": lambda: {"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(1000)},
    "a config of 20 MB": lambda: {"config.json": b" " * 20_000_000},
}


def _members(make: Callable[[], dict[str, bytes]]) -> Callable[[Path], Path]:
    return lambda folder: write_keras(folder / "it.keras", members=make())


def _compressed(folder: Path) -> Path:
    with zipfile.ZipFile(path := folder / "it.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 10**8)
    return path


def write_h5(path: Path, change: Callable[[Any], object] | None = None) -> Path:
    import h5py

    save_keras(small_model(), path)
    if change is not None:
        with h5py.File(path, "r+") as h5:
            change(h5)
    return path


DENSE = "layers/dense/vars/0"  # of shape (5, 1)


def _array(**settings: Any) -> Callable[[Any], None]:
    def change(h5: Any) -> None:
        del h5[DENSE]
        h5.create_dataset(DENSE, **settings)

    return change


def _linked(make: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change(h5: Any) -> None:
        del h5[DENSE]
        h5[DENSE] = make(h5)

    return change


def _h5(name: str) -> Any:
    import h5py

    return getattr(h5py, name)


def _groups(h5: Any, n: int) -> None:
    for number in range(n):
        h5.create_group(f"layers/g{number}")


def _deep(h5: Any) -> None:
    group = h5["layers"]
    for _ in range(2000):
        group = group.create_group("g")


def _virtual(h5: Any) -> None:
    layout = _h5("VirtualLayout")(shape=(5, 1), dtype="f4")
    layout[:] = _h5("VirtualSource")("/etc/passwd", "x", shape=(5, 1))
    del h5[DENSE]
    h5.create_virtual_dataset(DENSE, layout)


H5: dict[str, Callable[[Any], object]] = {
    "1 TB of nothing": _array(shape=(2**40, 1), dtype="f4"),
    "a piece of 1 GB": _array(
        shape=(5, 1), maxshape=(None, None), chunks=(2**14, 2**14), compression="gzip", dtype="f4"
    ),
    "a bomb": _array(data=np.zeros((10**7, 1), np.float32), compression="gzip", chunks=(10**6, 1)),
    "text": _array(data=np.full((5, 1), b"abc")),
    "objects": lambda h5: _array(shape=(5, 1), dtype=_h5("special_dtype")(vlen=str))(h5),
    "whole numbers": _array(data=np.zeros((5, 1), np.int64)),
    "a file outside": _array(shape=(5, 1), dtype="f4", external=[("/etc/passwd", 0, 20)]),
    "a virtual one": _virtual,
    "a link outside": _linked(lambda _: _h5("ExternalLink")("/etc/passwd", "/x")),
    "a link to itself": _linked(lambda _: _h5("SoftLink")("/" + DENSE)),
    "a loop": lambda h5: h5.__setitem__("layers/dense/vars/up", h5["layers"]),
    "20,000 groups": lambda h5: _groups(h5, 20_000),
    "2,000 groups in groups": _deep,
    "an array too many": lambda h5: h5.create_dataset("layers/x", data=np.zeros(3)),
    "an array of no numbers": _array(data=np.zeros((0, 1), np.float32)),
    "no layers": lambda h5: h5.__delitem__("layers"),
    "layers that are an array": lambda h5: (h5.__delitem__("layers"), h5.create_dataset("layers", data=[1.0])),
    "an array of a dimension of 30": _array(data=np.zeros((1,) * 30, np.float32)),
    "one number": _array(shape=(), dtype="f4"),
}


def _changed_h5(change: Callable[[Any], object]) -> Callable[[Path], Path]:
    return lambda folder: write_h5(folder / "it.weights.h5", change)


def write_safetensors(path: Path) -> Path:
    save_safetensors(small_model(), path)
    return path


def _header(header: Any, data: bytes = b"", size: int | None = None) -> Callable[[], bytes]:
    def make() -> bytes:
        text = header if isinstance(header, bytes) else json.dumps(header() if callable(header) else header).encode()
        return (len(text) if size is None else size).to_bytes(8, "little") + text + data

    return make


def _tensors(n: int) -> dict[str, Any]:
    return {f"a{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(n)}


def _one(**entry: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | entry}


SAFETENSORS: dict[str, Callable[[], bytes]] = {
    "a header of 2**63": _header({}, size=2**63),
    "a header of 90 MB": _header({}, size=90_000_000),
    "lists in lists": _header(b"[" * 10**6),
    "100,000 arrays": _header(lambda: _tensors(10**5)),
    "20,000 arrays": _header(lambda: _tensors(20_000)),
    "a shape without end": _header(_one(shape=[2**62, 2**62])),
    "a negative shape": _header(_one(shape=[-1])),
    "places that overlap": _header(_one(data_offsets=[0, 2**40])),
    "places backwards": _header(_one(data_offsets=[4, 0])),
    "a dtype": _header(_one(dtype="object"), bytes(4)),
    "BF16": _header(_one(dtype="BF16", data_offsets=[0, 2]), bytes(2)),
    "no header": lambda: b"",
    "half of one": lambda: b"\1\0\0",
    "metadata of lists": _header({"__metadata__": {"a": [1]}}),
    "a file of others": _header(_one(), bytes(4)),
    "metadata of 1 MB": _header({"__metadata__": {"a": "b" * 10**6}}),
}


def _pt(name: str, content: bytes, method: int = zipfile.ZIP_STORED) -> Callable[[], bytes]:
    def make() -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr(name, content)
        return stream.getvalue()

    return make


PYTORCH: dict[str, Callable[[], bytes]] = {
    "a pickle": lambda: b"\x80\2cos\nsystem\nX\4\0\0\0true\x85R.",
    "a description of 10 MB": lambda: _pt("it/data.pkl", b"](" + b"]" * 10**7)(),
    "a bomb": lambda: _pt("it/data.pkl", b"]" * 10**7, zipfile.ZIP_DEFLATED)(),
    "of LZMA": lambda: _pt("it/data.pkl", b"].", zipfile.ZIP_LZMA)(),
    "no zip": lambda: b"PK\3\4" + bytes(1000),
    "nothing": lambda: b"",
}


def _write(name: str, data: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (path := folder / name).write_bytes(data())
        return path

    return write


def _keras(change: Change) -> Callable[[Path], Path]:
    return lambda folder: write_keras(folder / "it.keras", change)


def attacks() -> Iterator[Attack]:
    for name, change in KERAS.items():
        yield Attack(name, "Keras model", _keras(change))
    for name, make in MEMBERS.items():
        yield Attack(name, "Keras model", _members(make))
    yield Attack("a compressed config", "Keras model", _compressed)
    for name, h5 in H5.items():
        yield Attack(name, "Keras weights", _changed_h5(h5))
    for name, data in SAFETENSORS.items():
        yield Attack(name, "safetensors", _write("it.safetensors", data))
    for name, data in PYTORCH.items():
        yield Attack(name, "PyTorch", _write("it.pt", data))
    for reader, ending in (
        ("Keras model", ".keras"),
        ("Keras weights", ".weights.h5"),
        ("safetensors", ".safetensors"),
    ):
        yield from special(reader, ending)
