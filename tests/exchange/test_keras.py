"""Keras' files: what Keras wrote gives what Keras computes, ours have its places, and nothing in them is trusted."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.peephole_lstm import PeepholeLSTM
from scratchnn import Input, Sequential, layers
from scratchnn.exchange import ExchangeError, load_keras, read_keras, save_keras
from scratchnn.layers import LSTM, RNN, Dense, Embedding
from tests.exchange.models import draw
from tests.parity.record_exchange import FOLDER, convolutional_keras, recurrent_keras

h5py = pytest.importorskip("h5py", reason="needs the package h5py")
RECORD = dict(np.load(FOLDER / "keras.npz"))


def weights_of(name: str) -> bytes:
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as archive:
        return archive.read("model.weights.h5")


def sequential() -> Sequential:
    return Sequential([Input((None,)), *recurrent_keras(layers)], seed=1, backend="reference")


def places(file: Any) -> dict[str, tuple[int, ...]]:
    """The arrays of a file of HDF5, those of an optimizer left out."""
    found: dict[str, tuple[int, ...]] = {}
    with h5py.File(file, "r") as h5:
        h5.visititems(lambda name, each: found.update({name: each.shape} if isinstance(each, h5py.Dataset) else {}))
    return {name: shape for name, shape in found.items() if not name.startswith("optimizer")}


# ---- from Keras


@pytest.mark.parametrize("name", ["sequential", "functional"])
def test_a_model_of_keras_computes_the_same_here(name: str) -> None:
    model = read_keras(FOLDER / f"{name}.keras", backend="reference")
    np.testing.assert_allclose(model.predict(RECORD["x"]), RECORD[name], atol=1e-6)
    made = recurrent_keras(layers) if name == "sequential" else convolutional_keras(layers)
    assert [type(each) for each in model.layers] == [type(each) for each in made]


def test_its_settings_and_names_come_too() -> None:
    model = read_keras(FOLDER / "sequential.keras")
    assert [model.layers[i].name for i in (0, 1, 9, 12)] == ["words", "bidirectional", "memory", "dense_2"]
    assert (
        model.layers[10].get_config()["kernel_regularizer"]
        == LSTM(2, kernel_regularizer="l2").get_config()["kernel_regularizer"]
    )
    assert model.input_shape == (None, None) and model.dtype == np.float32 and model.optimizer is None


def test_weights_of_keras_go_into_a_model_of_ours(tmp_path: Path) -> None:
    (tmp_path / "k.weights.h5").write_bytes(weights_of("sequential"))
    for file in (tmp_path / "k.weights.h5", FOLDER / "sequential.keras"):
        model = sequential()
        load_keras(model, file)
        np.testing.assert_allclose(model.predict(RECORD["x"]), RECORD["sequential"], atol=1e-6)


# ---- to Keras


@pytest.mark.parametrize(("name", "make"), [("sequential", recurrent_keras), ("functional", convolutional_keras)])
def test_our_file_has_the_arrays_where_keras_has_them(name: str, make: Callable, tmp_path: Path) -> None:
    start = Input((None,) if name == "sequential" else (9,))
    model = Sequential([start, *make(layers)], seed=1, backend="reference")
    draw(model)
    save_keras(model, tmp_path / "ours.weights.h5")
    assert places(tmp_path / "ours.weights.h5") == places(io.BytesIO(weights_of(name)))
    other = Sequential([start, *make(layers)], seed=2, backend="reference")
    load_keras(other, tmp_path / "ours.weights.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_is_not_overwritten_unless_told_so(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(1)])
    save_keras(model, tmp_path / "m.weights.h5")
    with pytest.raises(FileExistsError, match="overwrite"):
        save_keras(model, tmp_path / "m.weights.h5")
    save_keras(model, tmp_path / "m.weights.h5", overwrite=True)
    with pytest.raises(ExchangeError, match=r"ends in \.weights\.h5"):
        save_keras(model, tmp_path / "m.h5")


class Own(Dense):
    pass


def test_layers_that_keras_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="class of your own"):
        save_keras(Sequential([Input((3,)), Own(1)]), tmp_path / "m.weights.h5")
    with pytest.raises(ExchangeError, match="cell is of your own"):
        model = Sequential([Input((4, 3)), RNN(PeepholeLSTM(2))], backend="reference")
        save_keras(model, tmp_path / "m.weights.h5")


# ---- files that do not fit, or lie


def changed(config: Callable[[dict], Any], file: Path) -> Path:
    """The recorded functional model with another description."""
    with zipfile.ZipFile(FOLDER / "functional.keras") as archive, zipfile.ZipFile(file, "w") as new:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                described = json.loads(content)
                config(described)
                content = json.dumps(described).encode()
            new.writestr(name, content)
    return file


def _lambda(described: dict) -> None:
    described["config"]["layers"][1] = {"class_name": "Lambda", "config": {"function": "..."}} | {
        key: described["config"]["layers"][1][key] for key in ("name", "inbound_nodes")
    }


def _twice(described: dict) -> None:
    layer = described["config"]["layers"][2]
    layer["inbound_nodes"] = layer["inbound_nodes"] * 2


def _branch(described: dict) -> None:
    beside = json.loads(json.dumps(described["config"]["layers"][2]))
    beside["name"] = "beside"
    described["config"]["layers"].append(beside)


def _setting(name: str, value: Any) -> Callable[[dict], None]:
    return lambda described: described["config"]["layers"][2]["config"].update({name: value})


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (_lambda, "a Lambda is code"),
        (_twice, "is called 2 times: a model here is one chain"),
        (_branch, "'beside' stand beside the way"),
        (lambda d: d["config"].update(output_layers=[["dense", 0, 0], ["flatten", 0, 0]]), "one chain"),
        (lambda d: d.update(class_name="Mine"), "it holds a Mine"),
        (lambda d: d["config"]["layers"][2].update(registered_name="my>Conv"), "there is no layer Conv1D"),
        (lambda d: d["config"]["layers"][2].update(class_name="Conv2D"), "there is no layer Conv2D"),
        (_setting("groups", 2), "groups=2 is refused"),
        (_setting("filters", 10**12), r"Conv1D 'conv1d' has 10,000,000,000,000 numbers, and the file [\d,]+ bytes"),
        (_setting("filters", "many"), "cannot be built here"),
        (_setting("dtype", "float16"), "compute in float16, float32"),
        (_setting("activation", {"class_name": "function", "config": "mine"}), "not known by name"),
        (lambda d: d["config"].pop("layers"), "cannot be built here"),
    ],
)
def test_a_description_is_taken_in_full_or_not_at_all(config: Callable, says: str, tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=says):
        read_keras(changed(config, tmp_path / "m.keras"))


def test_damaged_and_other_files(tmp_path: Path) -> None:
    whole = (FOLDER / "sequential.keras").read_bytes()
    model = sequential()
    before = model.get_weights()
    file = tmp_path / "m.keras"
    for content in (b"", b"nothing", whole[: len(whole) // 2], weights_of("sequential")):
        file.write_bytes(content)
        with pytest.raises(ExchangeError, match=r"m\.keras"):
            read_keras(file)
    weights = tmp_path / "m.weights.h5"
    content = weights_of("sequential")
    for cut in (b"", b"\x89HDF", content[:3000], whole):
        weights.write_bytes(cut)
        with pytest.raises(ExchangeError, match=r"damaged|no group 'layers'"):
            load_keras(model, weights)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("model.weights.h5", bytes(10_000_000))
    with pytest.raises(ExchangeError, match="compressed"):
        load_keras(model, file)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_keras(model, tmp_path / "nowhere.weights.h5")
    with pytest.raises(ExchangeError, match="is not a file"):
        load_keras(model, tmp_path)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _into(h5: Any, place: str, make: Callable[[Any, str], None]) -> None:
    del h5[place]
    make(h5, place)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda h, p: h.create_dataset(p, shape=(2**40,), dtype="f4", chunks=(2**10,)),
            r"has shape \(1099511627776,\)",
        ),
        (lambda h, p: h.create_dataset(p, data=np.zeros((3, 16), "i4")), "holds int32"),
        (lambda h, p: h.__setitem__(p, h5py.ExternalLink("/etc/passwd", "/x")), "link to somewhere else"),
        (lambda h, p: h.__setitem__(p, h5py.SoftLink("/layers/dense/vars/0")), "link to somewhere else"),
        (
            lambda h, p: h.create_dataset(p, (3, 16), "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)]),
            "numbers in other files",
        ),
        (lambda h, p: None, "lacks layers/bidirectional/forward_layer/cell/vars/0"),
        (lambda h, p: h.create_dataset(p + "0", data=np.zeros(1, "f4")), "lacks"),
    ],
)
def test_what_the_arrays_are_is_checked_before_they_are_read(change: Callable, says: str, tmp_path: Path) -> None:
    file = tmp_path / "m.weights.h5"
    file.write_bytes(weights_of("sequential"))
    with h5py.File(file, "r+") as h5:
        _into(h5, "layers/bidirectional/forward_layer/cell/vars/0", change)
    with pytest.raises(ExchangeError, match=says):
        load_keras(sequential(), file)


def test_a_group_without_end_and_layers_that_lie_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "m.weights.h5"
    with h5py.File(file, "w") as h5:
        group = h5.create_group("layers")
        for name in "abc":
            group[name] = group
    with pytest.raises(ExchangeError, match="more than 10,000 groups"):
        load_keras(sequential(), file)
    with h5py.File(file, "w") as h5:
        h5["elsewhere"] = np.zeros(3)
        h5["layers"] = h5py.SoftLink("/elsewhere")
    with pytest.raises(ExchangeError, match="layers is a link to somewhere else"):
        load_keras(sequential(), file)


def test_numbers_that_float32_cannot_hold(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(1)], dtype="float64")
    model.set_weights([np.full((3, 1), 1e300), np.zeros(1)])
    save_keras(model, tmp_path / "m.weights.h5")
    other = Sequential([Input((3,)), Dense(1)])
    with pytest.raises(ExchangeError, match=r"m\.weights\.h5.*1e\+300"):
        load_keras(other, tmp_path / "m.weights.h5")


def test_another_model_is_told_what_is_missing_or_left_over() -> None:
    small = Sequential([Input((None,)), Embedding(12, 3, mask_zero=True)])
    with pytest.raises(
        ExchangeError, match=r"has layers/bidirectional/.* and \d+ more, for which the model has no place"
    ):
        load_keras(small, FOLDER / "sequential.keras")


def test_keras_2_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.weights.h5", "w") as h5:
        h5.attrs["layer_names"] = ["dense"]
    with pytest.raises(ExchangeError, match="of Keras 2: load it in Keras 3"):
        load_keras(sequential(), tmp_path / "old.weights.h5")
