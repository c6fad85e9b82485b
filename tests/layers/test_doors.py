"""At every door the numbers are converted first, and what is checked is what the kernels read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.layers import (
    GRU,
    LSTM,
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
)

BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
IDS = np.arange(1, 13).reshape(2, 6)
Y = np.array([0, 1])
X = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)


def embedding(backend: str) -> Layer:
    layer = Embedding(50, 8)
    layer.build((None, 6), backend=backend, seed=1)
    return layer


def model(backend: str, *first: Any) -> Sequential:
    model = Sequential([Input((6,)), *first, Flatten(), Dense(1, "sigmoid")], backend=backend, seed=0)
    model.compile("sgd", "binary_crossentropy")
    return model


def after(train: Callable[[Sequential], Any], model: Sequential) -> np.ndarray:
    train(model)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


# What each door makes of x, for a model that starts with the given layers.
DOORS: dict[str, Callable[[Sequential, Any], Any]] = {
    "fit": lambda m, x: after(lambda m: m.fit(x, Y, verbose=0), m),
    "validation_data": lambda m, x: m.fit(x, Y, verbose=0, validation_data=(x, Y)).history["val_loss"],
    "train_on_batch": lambda m, x: after(lambda m: m.train_on_batch(x, Y), m),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "predict": lambda m, x: m.predict(x),
    "model.forward": lambda m, x: m.forward(x)[0],
    "layer.forward": lambda m, x: m.layers[0].forward(x)[0],
    "layer(x)": lambda m, x: m.layers[0](x),
}
EACH_DOOR = pytest.mark.parametrize("door", DOORS)


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


SAME_IDS: dict[str, Callable[[np.ndarray], Any]] = {
    **{kind: lambda x, kind=kind: x.astype(kind) for kind in ("i1", "u1", ">i2", ">i4", "<i8", ">i8", ">u4", "u8")},
    **{kind: lambda x, kind=kind: x.astype(kind) for kind in ("f2", "f4", ">f8", "longdouble")},
    "column by column": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "read-only": lambda x: read_only(x.astype(np.int32)),
    "lists": lambda x: x.tolist(),
    "list of arrays": list,
    "np.matrix": lambda x: x.astype(np.int32).view(np.matrix),
    "masked nowhere": lambda x: np.ma.masked_array(x.astype(np.int32)),
    "beside the boundary": lambda x: np.frombuffer(b"\0" + x.astype("<i4").tobytes(), "<i4", offset=1).reshape(x.shape),
}


@BACKENDS
@pytest.mark.parametrize("kind", SAME_IDS)
def test_ids_are_the_same_in_any_form(kind: str, backend: str) -> None:
    layer = embedding(backend)
    expected = layer.forward(IDS.astype(np.int32))[0]
    got = layer.forward(SAME_IDS[kind](IDS))[0]
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, expected)


@EACH_DOOR
@pytest.mark.parametrize("kind", [">i4", ">i8", "np.matrix", "f4"])
def test_ids_are_the_same_at_every_door(kind: str, door: str) -> None:
    expected, got = (DOORS[door](model("cpu", Embedding(50, 4)), x) for x in (IDS, SAME_IDS[kind](IDS)))
    np.testing.assert_array_equal(got, expected)


def swapped(kind: str) -> np.ndarray:
    return np.frombuffer(IDS.astype("<" + kind).tobytes(), ">" + kind).reshape(IDS.shape)


WRONG_IDS: dict[str, tuple[Any, str]] = {
    "swapped i2": (swapped("i2"), "ids 0 to 49, got ids from 256 to 3072"),
    "swapped i4": (swapped("i4"), "ids 0 to 49, got ids from 16777216 to 201326592"),
    "swapped i8": (swapped("i8"), "ids 0 to 49, got ids from "),
    "swapped u4": (swapped("u4"), "ids 0 to 49, got ids from "),
    "2**32 + 5": (IDS + 2**32, "ids 0 to 49, got ids from 4294967297 to "),
    "-2**32 + 5": (IDS - 2**32, "ids 0 to 49, got ids from -4294967295 to "),
    "u8": ((IDS.astype("u8") + np.uint64(2**64 - 13)), "ids 0 to 49, got ids from "),
    "big float": (IDS * 1e300, "ids 0 to 49, got ids from "),
    "float32 -1": (IDS.astype("f4") - 2, r"ids 0 to 49, got ids from -1 to 10"),
    "half": (IDS / 2, r"whole numbers; got float64 values that are not, such as 0\.5"),
    "float16 NaN": (np.where(IDS == 3, np.nan, IDS).astype("f2"), "NaN|such as nan"),
    "complex": (IDS + 0j, "x must be an array of numbers, got dtype complex128: give its real"),
    "times": (IDS.astype("M8[s]"), "got dtype datetime64.s.: turn times into numbers"),
    "text": (IDS.astype(str), "got dtype <U21, which is text: encode words"),
    "bytes": (IDS.astype("S2"), "got dtype .S2, which is text"),
    "objects": (IDS.astype(object), "numbers without a common type: choose one, with astype"),
    "fields": (np.zeros(2, [("a", "i4")]), "must be an array of numbers, got dtype"),
    "masked": (np.ma.masked_equal(IDS, 3), "masked array with 1 masked values, whose mask would be lost"),
    "list of masked": ([np.ma.masked_equal(row, 3) for row in IDS], "whose mask would be lost"),
    "generator": (None, "rows and batches are not read one by one yet; put them into one array first"),
    "a number": (3, "x must have a batch axis|was built for x of shape"),
}


@EACH_DOOR
@pytest.mark.parametrize("wrong", WRONG_IDS)
def test_wrong_ids_are_refused_at_every_door(wrong: str, door: str) -> None:
    x, message = WRONG_IDS[wrong]
    x = iter(IDS) if wrong == "generator" else x
    with pytest.raises(ValueError, match=message):
        DOORS[door](model("cpu", Embedding(50, 4)), x)


def test_a_table_larger_than_ids_of_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="input_dim must be a whole number from 1 to 2147483648, got 2147483649"):
        Embedding(2**31 + 1, 1)


# ---- floats

SAME_FLOATS: dict[str, Callable[[np.ndarray], Any]] = {
    ">f4": lambda x: x.astype(">f4"),
    ">f8": lambda x: x.astype(">f8"),
    "longdouble": lambda x: x.astype(np.longdouble),
    "column by column": np.asfortranarray,
    "backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "read-only": read_only,
    "lists": lambda x: x.tolist(),
    "np.matrix": lambda x: x.view(np.matrix),
    "masked nowhere": np.ma.masked_array,
}
WRONG_FLOATS: dict[str, tuple[Any, str]] = {
    "1e300": (
        np.where(X == X[1, 2], 1e300, X.astype(float)),
        r"holds 1e\+300 in row 1, column 2, but is to be float32",
    ),
    "masked": (np.ma.masked_less(X, 0), r"got a masked array with \d+ masked values, whose mask would be lost"),
    "complex": (X + 1j, "must be an array of numbers, got dtype complex64"),
    "times": (np.zeros((2, 6), "m8[s]"), "must be an array of numbers, got dtype timedelta64"),
    "text": (X.astype(str), "must be an array of numbers, got dtype <U32, which is text"),
    "objects": (X.astype(object), "must be an array of numbers, got dtype object"),
}
LAYERS = [Dense(3), Dropout(0.5), Activation("tanh"), Flatten()]


@EACH_DOOR
@pytest.mark.parametrize("kind", SAME_FLOATS)
def test_floats_are_the_same_at_every_door(kind: str, door: str) -> None:
    expected, got = (DOORS[door](model("cpu", Dense(3)), x) for x in (X, SAME_FLOATS[kind](X)))
    assert not isinstance(got, np.matrix)
    np.testing.assert_array_equal(got, expected)


@EACH_DOOR
@pytest.mark.parametrize("wrong", WRONG_FLOATS)
def test_wrong_floats_are_refused_at_every_door(wrong: str, door: str) -> None:
    x, message = WRONG_FLOATS[wrong]
    with pytest.raises(ValueError, match=r"x .*" + message):
        DOORS[door](model("cpu", Dense(3)), x)


SEQUENCE = np.random.default_rng(1).normal(size=(2, 3, 4)).astype(np.float32)
MORE_DOORS: dict[str, tuple[Callable[[], Layer], Callable[[Layer, Any], Any], tuple[int, ...]]] = {
    "initial_state": (lambda: GRU(4), lambda layer, h: layer(SEQUENCE, initial_state=[h]), (2, 4)),
    "initial_state, both ways": (
        lambda: Bidirectional(GRU(4)), lambda layer, h: layer(SEQUENCE, initial_state=[h, h]), (2, 4),
    ),
    **{
        f"dy of {type(make()).__name__}": (
            make,
            lambda layer, dy: layer.backward(dy, layer.forward(SEQUENCE)[1])[0],
            shape,
        )
        for make, shape in (
            (lambda: LSTM(5), (2, 5)),
            (lambda: Dense(5), (2, 3, 5)),
            (lambda: Dropout(0.5), (2, 3, 4)),
            (lambda: Flatten(), (2, 12)),
            (lambda: Activation("tanh"), (2, 3, 4)),
            (lambda: GlobalAveragePooling1D(), (2, 4)),
            (lambda: GlobalMaxPooling1D(), (2, 4)),
        )
    },
    "weight 1": (lambda: Dense(5, use_bias=True), lambda layer, b: weights_set(layer, b), (5,)),
}  # fmt: skip


def weights_set(layer: Layer, b: Any) -> np.ndarray:
    before = layer.get_weights()
    try:
        layer.set_weights([before[0] + 1, b])
    except ValueError:
        assert all(map(np.array_equal, layer.get_weights(), before)), "half of the weights were set"
        raise
    return layer.get_weights()[1]


def enter(door: str, make: Callable[[np.ndarray], Any], backend: str) -> Any:
    new, use, shape = MORE_DOORS[door]
    layer = new()
    layer.build((None, 3, 4), backend=backend, seed=1)
    return use(layer, make(np.random.default_rng(2).normal(size=shape).astype(np.float32)))


@BACKENDS
@pytest.mark.parametrize("door", MORE_DOORS)
def test_states_gradients_and_weights_come_through_the_same_check(door: str, backend: str) -> None:
    expected = enter(door, lambda a: a, backend)
    for make in (lambda a: a.astype(">f8"), lambda a: a.tolist(), read_only, np.ma.masked_array):
        got = enter(door, make, backend)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, expected)
    for make, message in (
        (lambda a: a + 1j, "must be an array of numbers, got dtype complex64"),
        (lambda a: a.astype(str), "must be an array of numbers, got dtype <U32"),
        (lambda a: np.ma.masked_array(a, a < a.max()), "whose mask would be lost"),
        (lambda a: np.where(a == a.max(), 1e300, a.astype(float)), r"holds 1e\+300 (at|in row) "),
    ):
        with pytest.raises(ValueError, match=rf"{door.split(',')[0].split(' of ')[0]}.* {message}"):
            enter(door, make, backend)


@pytest.mark.parametrize("backend", ["reference"])
def test_a_mask_with_a_mask_is_refused(backend: str) -> None:
    layer = LSTM(3)
    layer.build((None, 3, 4), backend=backend, seed=1)
    mask = np.ma.masked_array(np.ones((2, 3), bool), np.eye(2, 3, dtype=bool))
    with pytest.raises(ValueError, match="mask must be a plain array, got a masked array with 2 masked"):
        layer(SEQUENCE, mask=mask)


# ---- targets

WRONG_TARGETS: dict[str, tuple[Any, str]] = {
    "1e300": (np.array([0, 1e300]), r"y holds 1e\+300|mean_squared_error holds 1e\+300"),
    "masked": (np.ma.masked_equal(Y, 1), "whose mask would be lost"),
    "complex": (Y + 1j, "dtype complex128"),
    "text": (["neg", "pos"], "dtype <U3, which is text: .* number the names of classes from 0 on"),
    "generator": (None, "not read one by one yet"),
}


@pytest.mark.parametrize("wrong", WRONG_TARGETS)
@pytest.mark.parametrize("door", ["fit", "evaluate", "train_on_batch", "validation_data"])
def test_wrong_targets_are_refused_at_every_door(wrong: str, door: str) -> None:
    y, message = WRONG_TARGETS[wrong]
    y = iter(Y) if wrong == "generator" else y
    m = model("reference", Dense(3))
    m.compile("sgd", "mean_squared_error")
    calls = {
        "fit": lambda: m.fit(X, y, verbose=0),
        "evaluate": lambda: m.evaluate(X, y, verbose=0),
        "train_on_batch": lambda: m.train_on_batch(X, y),
        "validation_data": lambda: m.fit(X, Y, verbose=0, validation_data=(X, y)),
    }
    with pytest.raises(ValueError, match=message):
        calls[door]()
    assert m.optimizer is not None and m.optimizer.iterations == 0


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_crossentropy"])
@pytest.mark.parametrize("kind", [">i8", ">f4", ">f8", "u1", "?", "matrix", "lists", "read-only"])
def test_targets_are_the_same_in_any_form(kind: str, loss: str) -> None:
    forms = {"matrix": lambda y: y[:, None].view(np.matrix), "lists": lambda y: y.tolist(), "read-only": read_only}
    y = forms.get(kind, lambda y: y.astype(kind))(Y)
    expected, got = model("cpu", Dense(3)), model("cpu", Dense(3))
    for each, target in ((expected, Y), (got, y)):
        each.compile("sgd", loss)
        each.fit(X, target, verbose=0)
    np.testing.assert_array_equal(got.get_weights()[0], expected.get_weights()[0])
