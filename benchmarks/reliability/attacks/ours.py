"""Crafted files of our own format: sealed with the right checksums, and wrong in what they say."""

import copy
import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.attacks.attack import Attack, npy, small_model, special
from scratchnn.core.files import container
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.text import Vocabulary
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.models.checkpoint import save_checkpoint
from scratchnn.training.progress import Progress

Change = Callable[[dict[str, Any], dict[str, Any]], object]  # of the arrays and of the description of a model


def compiled_model() -> Any:
    model = small_model()
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    x = np.arange(48).reshape(8, 6) % 20
    model.fit(x, np.arange(8) % 2, 4, 1, 0)
    return model


def save_valid(kind: str, path: Path) -> None:
    """A good file, as a user has it."""
    if kind == "linear model":
        vocabulary = Vocabulary.from_ranked(["good", "bad", "film"])
        encoder = TextEncoder(vocabulary, 6)
        x = encoder.encode(["good film", "bad film", "good good", "bad"])
        LinearModel.fit(x, np.array([1, 0, 1, 0]), encoder).save(path)
    elif kind == "checkpoint":
        save_checkpoint(compiled_model(), Progress(), path)
    elif kind == "weights":
        small_model().save_weights(path)
    else:
        compiled_model().save(path)


def changed(kind: str, change: Change) -> Callable[[Path], Path]:
    """The good file with something else in it, sealed again."""

    def write(folder: Path) -> Path:
        save_valid(kind, path := folder / "it.npz")
        arrays, meta = container.read(path)
        meta = copy.deepcopy(meta)
        change(arrays, meta.get("model", meta))
        container.write(path, arrays, meta)
        return path

    return write


def _layer(kind: str, at: int = 1, **settings: Any) -> Change:
    """Another layer in the place of one, or behind it."""

    def change(_: Any, model: dict[str, Any]) -> None:
        model["layers"][at] = {"class": kind, "config": {"name": "it", **settings}}

    return change


def _set(at: int, **settings: Any) -> Change:
    return lambda _, model: model["layers"][at]["config"].update(settings)


def _model(**values: Any) -> Change:
    return lambda _, model: model.update(values)


def _nested(depth: int) -> Change:
    def change(_: Any, model: dict[str, Any]) -> None:
        inner = model["layers"][1]
        for n in range(depth):
            inner = {"class": "Bidirectional", "config": {"name": f"b{n}", "layer": inner}}
        model["layers"][1] = inner

    return change


def _array(name: str, array: Any) -> Change:
    return lambda arrays, _: arrays.update({name: np.asarray(array)})


CHANGES: dict[str, Change] = {
    "an embedding of 1e8 words": _set(0, input_dim=10**8),
    "of 1e18 words": _set(0, input_dim=10**18),
    "of -5 words": _set(0, input_dim=-5),
    "of half a word": _set(0, input_dim=1.5),
    "of many words": _set(0, input_dim="x"),
    "features without end": _set(0, output_dim=2**62),
    "6000 units": _layer("SimpleRNN", units=6000),
    "1e9 units": _set(1, units=10**9),
    "no units": _set(1, units=0),
    "a list of units": _set(1, units=[5] * 1000),
    "20,000 outputs": _set(2, units=20_000),
    "a kernel of 1e9": _layer("Conv1D", filters=4, kernel_size=10**9),
    "1e9 filters": _layer("Conv1D", filters=10**9, kernel_size=3),
    "padding of 1e12": _layer("ZeroPadding1D", padding=10**12),
    "repeated 1e12 times": _layer("RepeatVector", n=10**12),
    "an upsampling of 1e12": _layer("UpSampling1D", size=10**12),
    "a huge reshape": _layer("Reshape", target_shape=[2**40]),
    "a permutation of 1e5": _layer("Permute", dims=list(range(1, 10**5))),
    "a rate of 2": _layer("Dropout", rate=2),
    "60,000 layers": lambda _, model: model.update(layers=[{"class": "Flatten", "config": {}}] * 60_000),
    "1,999 layers": lambda _, model: model.update(layers=[{"class": "Flatten", "config": {}}] * 1_999),
    "layers in layers, 60": _nested(60),
    "layers in layers, 200": _nested(200),
    "no layers": _model(layers=[]),
    "layers that are none": _model(layers="abc"),
    "layers that are null": _model(layers=None),
    "layers that are numbers": _model(layers=[1, 2]),
    "another class": _model(**{"class": "os.system"}),
    "a layer of another class": _layer("os.system", command="true"),
    "a Lambda": _layer("Lambda", function="x"),
    "a layer of the bases": _layer("Layer"),
    "an activation": _set(2, activation="__import__('os')"),
    "an initializer of many": _set(2, kernel_initializer={"name": "constant", "value": [[0.0] * 100] * 1000}),
    "a dtype of objects": _model(dtype="object"),
    "a dtype": _model(dtype=5),
    "a backend": _model(backend="../../x"),
    "a seed without end": _model(seed=10**4000),
    "a seed of text": _model(seed="abc"),
    "a name": _model(name=["x"] * 1000),
    "a shape without end": _model(input_shape=[2**62, 2**62]),
    "a negative shape": _model(input_shape=[-1, -6]),
    "a shape of text": _model(input_shape=["a", "b"]),
    "no shape": _model(input_shape=None),
    "a batch of 1e9": lambda _, model: (
        model.update(input_shape=[10**9, 6]),
        model["layers"][1]["config"].update(stateful=True),
    ),
    "other weights": _model(weights=[[2**40]]),
    "weights of text": _model(weights="abc"),
    "outputs": _model(outputs=[10**9]),
    "outputs of text": _model(outputs="abc"),
    "trainable": _model(trainable=[[[[True]]]]),
    "metadata": _model(metadata=5),
    "an optimizer": lambda _, model: model["compiled"]["optimizer"].update(name="eval"),
    "a rate of text": lambda _, model: model["compiled"]["optimizer"].update(learning_rate="fast"),
    "a rate of nan": lambda _, model: model["compiled"]["optimizer"].update(learning_rate=float("nan")),
    "a loss": lambda _, model: model["compiled"].update(loss={"name": "exec"}),
    "a compilation": _model(compiled=[1]),
    "a clock": _model(clock={"epoch": -5, "more": 1}),
    "a clock without end": _model(clock={"epoch": 10**30}),
    "parameters of text": _array("params", np.frombuffer(b"abc", np.uint8)),
    "no parameters": _array("params", np.zeros(0, np.float32)),
    "parameters in two rows": _array("params", np.zeros((2, 5), np.float32)),
    "parameters of float16": _array("params", np.zeros(301, np.float16)),
    "one too many": _array("params", np.zeros(10**6, np.float32)),
    "a slot of another shape": _array("optimizer.m", np.zeros(3, np.float32)),
    "a slot too many": _array("optimizer.x", np.zeros(3)),
    "a slot of whole numbers": _array("optimizer.m", np.zeros(301, np.int8)),
    "a state": _array("states.1.0", np.zeros((10**6, 5))),
    "a state of nothing": _array("states.9.9", np.zeros(0)),
}


def _raw(members: dict[str, bytes], seal: bool = True) -> bytes:
    """Members as our zip has them, sealed or not."""
    frames, directory = container._frames(members)
    text = b"".join(frame + member for frame, member in zip(frames, members.values(), strict=True)) + directory
    return text if seal else text[:-64] + b"0" * 64


def _described(arrays: dict[str, Any], meta: str = '{"kind": "model", "model": {}}', **head: Any) -> bytes:
    about = json.dumps({"format": "scratchnn", "version": 1, "arrays": arrays} | head)
    return f'{about[:-1]}, "meta": {meta}}}'.encode()


def _with(array: bytes, name: str = "params", **declared: Any) -> bytes:
    entry = {"dtype": "<f4", "shape": [1], "sha256": hashlib.sha256(array).hexdigest()} | declared
    return _raw({"meta.json": _described({name: entry}), f"{name}.npy": array})


def _foreign_zip(members: int, method: int = zipfile.ZIP_DEFLATED, size: int = 10) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for n in range(members):
            archive.writestr(f"../../{n}" if n else "meta.json", b"0" * size)
    return stream.getvalue()


ONE = npy(np.zeros(1, np.float32))
LITTLE = _described({})
BYTES: dict[str, Callable[[], bytes]] = {
    "a million lists": lambda: _raw({"meta.json": _described({}, "[" + "[]," * 10**6 + "[]]")}),
    "five million zeros": lambda: _raw({"meta.json": _described({}, "[" + "0," * (5 * 10**6) + "0]")}),
    "lists in lists": lambda: _raw({"meta.json": _described({}, "[" * 10**5 + "]" * 10**5)}),
    "a number without end": lambda: _raw({"meta.json": _described({}, "9" * 10**6)}),
    "a float without end": lambda: _raw({"meta.json": _described({}, "1e" + "9" * 10**5)}),
    "half a million keys": lambda: _raw(
        {"meta.json": _described({}, json.dumps({f"k{n}": n for n in range(290_000)}))}
    ),
    "a key twice": lambda: _raw({"meta.json": _described({}, '{"a": 1, "a": 2}')}),
    "NaN": lambda: _raw({"meta.json": _described({}, "NaN")}),
    "another version": lambda: _raw({"meta.json": _described({}, version=99)}),
    "a version of text": lambda: _raw({"meta.json": _described({}, version="1" * 10**5)}),
    "unsealed": lambda: _raw({"meta.json": LITTLE}, seal=False),
    "a name with ..": lambda: _raw({"meta.json": LITTLE, "../../x.npy": ONE}),
    "an absolute name": lambda: _raw({"meta.json": LITTLE, "/etc/x.npy": ONE}),
    "a long name": lambda: _raw({"meta.json": LITTLE, "x" * 60000: ONE}),
    "20,000 members": lambda: _raw({"meta.json": LITTLE} | {f"a{n}.npy": b"" for n in range(20_000)}),
    "a pickle": lambda: _with(npy(np.zeros(1, np.float32)), dtype="|O"),
    "a shape without end": lambda: _with(ONE, shape=[2**62]),
    "a shape of 33": lambda: _with(ONE, shape=[1] * 33),
    "a negative shape": lambda: _with(ONE, shape=[-1]),
    "a shape of nothing": lambda: _with(npy(np.zeros(0, np.float32)), shape=[0, 2**62, 2**62]),
    "a shape of text": lambda: _with(ONE, shape="1"),
    "another hash": lambda: _with(ONE, sha256="0" * 64),
    "another dtype": lambda: _with(ONE, dtype="<f8"),
    "odd booleans": lambda: _with(npy(np.zeros(4, np.bool_))[:-1] + b"\7", dtype="|b1", shape=[4]),
    "an npy header of its own": lambda: _with(ONE.replace(b"False", b"True ")),
    "a zip of others": lambda: _foreign_zip(3),
    "a zip of 20,000": lambda: _foreign_zip(20_000),
    "a bomb": lambda: _foreign_zip(1, size=10**8),
    "a bomb of bzip2": lambda: _foreign_zip(1, zipfile.ZIP_BZIP2, 10**8),
    "a size without end": lambda: _lying_size(),
    "a pickle of pickles": lambda: b"\x80\4" + b"]" * 1000 + b".",
    "nothing": lambda: b"",
    "zeros": lambda: bytes(10**6),
    "an HDF5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(1000),
}


def _lying_size() -> bytes:
    data = bytearray(_raw({"meta.json": LITTLE}))
    struct.pack_into("<II", data, 18, 2**32 - 2, 2**32 - 2)
    return bytes(data)


def _write(data: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (path := folder / "it.npz").write_bytes(data())
        return path

    return write


LINEAR: dict[str, Change] = {
    "no weights": lambda arrays, _: arrays.pop("weights"),
    "words of nobody": _array("known", np.arange(7) << 40),
    "words backwards": lambda arrays, _: arrays.update(known=arrays["known"][::-1]),
    "no bias": _array("bias", np.zeros((0,))),
    "weights of other classes": _array("weights", np.zeros((9, 3))),
    "pairs of pairs": _model(grams=10**9),
    "a length without end": _model(length=10**12),
    "no length": _model(length=None),
    "one class": _model(classes=["a"]),
    "words that are none": _model(vocabulary=[1, 2, 3]),
    "no words": _model(vocabulary=[]),
}


def attacks() -> Iterator[Attack]:
    for name, change in CHANGES.items():
        yield Attack(name, "model", changed("model", change))
    for name, change in list(CHANGES.items())[::4]:
        yield Attack(name, "checkpoint", changed("checkpoint", change))
    for name, change in list(CHANGES.items())[::6]:
        yield Attack(name, "model as a preset", changed("model", change))
    for name, data in BYTES.items():
        yield Attack(name, "model", _write(data))
    for name, data in list(BYTES.items())[::8]:
        yield Attack(name, "checkpoint", _write(data))
        yield Attack(name, "weights", _write(data))
        yield Attack(name, "linear model", _write(data))
    for name, change in LINEAR.items():
        yield Attack(name, "linear model", changed("linear model", change))
    yield from special("model", ".npz")
    yield from special("checkpoint", ".npz")
