"""Calls that must be refused: name -> (call, exception, words of the message: what is expected, and what came).

Run as a program, it makes every call on fresh models and prints what happened as JSON. So the calls meet the package as
a user does, without the type checker of the test run, which would refuse many of them first.
"""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from scratchnn import Input, Model, Sequential
from scratchnn.core import backend
from scratchnn.data import word_vectors
from scratchnn.initializers import Constant
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Lambda,
    MaxPooling1D,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
)
from scratchnn.layers import Activation as ActivationLayer
from scratchnn.optimizers import SGD
from tests import bad_data, bad_flags

X = np.random.default_rng(0).integers(0, 20, (8, 6))
Y = np.arange(8) % 2
FLOATS = np.random.default_rng(0).normal(size=(8, 6, 4)).astype(np.float32)
MASK = np.ones((8, 6), bool)


def with_id(value: Any) -> np.ndarray:
    """X with one id of another value, and of the dtype that takes it."""
    x = X.astype(np.result_type(X.dtype, np.asarray(value).dtype))
    x[3, 2] = value
    return x


class Models:
    """A compiled binary model `m`, two of three classes, `s` and `f`, and layers that stand alone."""

    def __init__(self) -> None:
        trunk = [Embedding(20, 4, input_length=6), LSTM(3), Dense(1, "sigmoid")]
        self.m = Sequential(trunk, backend="reference")
        self.m.compile("adam", "binary_crossentropy", ["accuracy"])
        self.s = Sequential([Input((6, 4)), Flatten(), Dense(3, "softmax")], backend="reference")
        self.s.compile("adam", "sparse_categorical_crossentropy")
        start = Input((6, 4))
        self.f = Model(start, Dense(3, "softmax")(LSTM(2)(start)), backend="reference")
        self.f.compile("adam", "sparse_categorical_crossentropy")
        self.lstm, self.both = LSTM(3), Bidirectional(GRU(3))
        for layer in (self.lstm, self.both):
            layer.build((None, 6, 4), backend="reference")

    def state(self) -> list[bytes]:
        arrays = [
            *self.m.get_weights(),
            *self.s.get_weights(),
            *self.f.get_weights(),
            *self.lstm.get_weights(),
            *self.both.get_weights(),
        ]
        steps = [str(model.optimizer and model.optimizer.iterations).encode() for model in (self.m, self.s, self.f)]
        return [array.tobytes() for array in arrays] + steps


Call = Callable[[Models], Any]
Row = tuple[Call, type[Exception] | tuple[type[Exception], ...], str]
TABLE: dict[str, Row] = {}


def refuse(name: str, call: Call, message: str, exception: Any = ValueError) -> None:
    assert name not in TABLE, name
    TABLE[name] = (call, exception, message)


def fit(x: Any = X, y: Any = Y, **options: Any) -> Call:
    return lambda models: models.m.fit(x, y, **{"verbose": 0, **options})


# ---- ids and shapes of x, by every door
for door, at in {
    "fit": lambda x: fit(x),
    "predict": lambda x: lambda models: models.m.predict(x),
    "evaluate": lambda x: lambda models: models.m.evaluate(x, Y, verbose=0),
    "train_on_batch": lambda x: lambda models: models.m.train_on_batch(x, Y),
    "validation_data": lambda x: fit(validation_data=(x, Y)),
    "layer": lambda x: lambda models: models.m.layers[0](x),
}.items():
    ids = r"'embedding' has rows for ids 0 to 19, got ids from "
    refuse(f"{door}: id -1", at(with_id(-1)), ids + "-1 to 19")
    refuse(f"{door}: id V", at(with_id(20)), ids + "0 to 20; encode the text with the vocabulary size")
    refuse(f"{door}: id 2**31", at(with_id(2**31)), ids + "0 to 2147483648")
    refuse(f"{door}: id 2**63", at(with_id(np.uint64(2**63)).astype(np.uint64)), ids + "0 to 9223372036854775808")
    refuse(f"{door}: id 1.7", at(with_id(1.7)), r"takes ids, which are whole numbers; got .*float64")
    refuse(f"{door}: id NaN", at(with_id(np.nan)), r"NaN|whole numbers")
    refuse(f"{door}: id inf", at(with_id(np.inf)), r"infinite|got ids from 0\.0 to inf")
    refuse(f"{door}: words", at(np.full((8, 6), "film")), r"numbers.*got .*<U4")
    refuse(f"{door}: ragged", at([[1, 2], [3]] * 4), r"equally long lists .* use pad_sequences|pad_sequences")
    refuse(
        f"{door}: no steps", at(X[:, :0]), r"at least one number along every axis of x, got shape \(8, 0\)|x is empty"
    )
    refuse(f"{door}: None", at(None), r"must be an array|takes an array")
    if door != "layer":
        refuse(f"{door}: rank 3", at(X[..., None]), r"built for x of shape \(None, 6\), got \(8, 6, 1\), with another")
        refuse(
            f"{door}: rank 1", at(X[:, 0]), r"built for x of shape \(None, 6\), got \(8,\), with another number of axes"
        )
        refuse(f"{door}: no rows", at(X[:0]), r"x is empty, of shape \(0, 6\); give at least one row")
        refuse(f"{door}: a number", at(3), r"x must have a batch axis, got the single value 3")
        refuse(f"{door}: complex", at(X + 1j), r"must be an array of numbers, got dtype complex128")
refuse("fit: NaN in x", lambda models: models.s.fit(FLOATS * np.nan, Y, verbose=0), "x holds 192 values that are NaN")
refuse("fit: features", lambda models: models.s.fit(FLOATS[..., :3], Y, verbose=0), r"\(None, 6, 4\), got \(8, 6, 3\)")
SHORT = FLOATS[:, :5]  # where a layer behind Flatten is bound to the length, or the Input names it
FIXED = (
    r"for x of shape \(None, 6, 4\), got \(8, 5, 4\): Dense '.*' was built for x of shape \(None, 24\), got \(8, 20\), "
)
for name in ("s", "f"):
    words = (
        FIXED if name == "s" else r"\(None, 6, 4\), got \(8, 5, 4\); an Input of shape \(None, ...\) takes any length"
    )
    refuse(f"fit: T, {name}", lambda m, n=name: getattr(m, n).fit(SHORT, Y, verbose=0), words)
    refuse(f"predict: T, {name}", lambda m, n=name: getattr(m, n).predict(SHORT), words)
    refuse(f"evaluate: T, {name}", lambda m, n=name: getattr(m, n).evaluate(SHORT, Y, verbose=0), words)
    refuse(f"train_on_batch: T, {name}", lambda m, n=name: getattr(m, n).train_on_batch(SHORT, Y), words)
    refuse(
        f"validation_data: T, {name}",
        lambda m, n=name: getattr(m, n).fit(FLOATS, Y, verbose=0, validation_data=(SHORT, Y)),
        words,
    )

# ---- labels
refuse("y: too short", fit(y=Y[:7]), "x and y must have the same length, got 8 rows of x and 7 of y")
refuse("y: None", fit(y=None), "y must hold one label for each of the 8 rows of x, got None")
refuse("y: a number", fit(y=1), "one label for each of the 8 rows of x, got 1")
refuse("y: {1, 2}", fit(y=Y + 1), r"binary_crossentropy expects labels 0 or 1, .* got values from 1 to 2")
refuse("y: {-1, 1}", fit(y=2 * Y - 1), r"binary_crossentropy expects labels 0 or 1, .* got values from -1 to 1")
refuse("y: NaN", fit(y=np.where(Y, np.nan, 0)), "binary_crossentropy expects finite targets, got 4 NaN")
refuse("y: words", fit(y=["pos", "neg"] * 4), "y must be an array of numbers, got dtype <U3, which is text")
refuse("y: ragged", fit(y=[[0], [0, 1]] * 4), "inhomogeneous|equally long|numbers as targets")
refuse("y: two columns", fit(y=np.zeros((8, 2))), r"targets of shape \(8, 1\) or \(8,\), got \(8, 2\)")
refuse("validation y", fit(validation_data=(X, Y[:7])), "8 rows of x and 7 of y")
refuse(
    "validation_data: no pair",
    fit(validation_data=X),
    r"validation_data must be \(x, y\) or \(x, y, sample_weight\), got an? ndarray",
)
refuse("class 3 of 3", lambda models: models.s.fit(FLOATS, Y + 2, verbose=0), "from 0 to 2, got values from 2 to 3")
refuse("class -1", lambda models: models.s.fit(FLOATS, Y - 1, verbose=0), "from 0 to 2, got values from -1 to 0")
refuse("class 0.5", lambda models: models.s.fit(FLOATS, Y / 2, verbose=0), "whole class numbers, got 0.5")
refuse(
    "one-hot for sparse", lambda models: models.s.fit(FLOATS, np.eye(3)[Y], verbose=0), r"shape \(8,\), got \(8, 3\)"
)

# ---- numbers that say how much
for wrong in (0, -1, 2.5, True, "4", None):
    got = rf"a whole number of at least 1, got {wrong!r}"
    if wrong is not None:  # in fit, None means 32
        refuse(f"batch_size {wrong!r}", fit(batch_size=wrong), "batch_size must be " + got)
        refuse(f"predict batch_size {wrong!r}", lambda m, n=wrong: m.m.predict(X, n), "batch_size must be " + got)
        refuse(f"evaluate batch_size {wrong!r}", lambda m, n=wrong: m.m.evaluate(X, Y, n), "batch_size must be " + got)
    refuse(f"epochs {wrong!r}", fit(epochs=wrong), "epochs must be " + got)
    for layer in (SimpleRNN, LSTM, GRU, Dense):
        refuse(f"{layer.__name__} units {wrong!r}", lambda _, k=layer, n=wrong: k(n), "units must be " + got)
    refuse(f"Embedding input_dim {wrong!r}", lambda _, n=wrong: Embedding(n, 4), "input_dim must be " + got)
    refuse(f"Embedding output_dim {wrong!r}", lambda _, n=wrong: Embedding(4, n), "output_dim must be " + got)
    refuse(f"Conv1D filters {wrong!r}", lambda _, n=wrong: Conv1D(n, 3), "filters must be " + got)
    refuse(f"Conv1D kernel_size {wrong!r}", lambda _, n=wrong: Conv1D(3, n), "kernel_size must be " + got)
    refuse(f"Conv1D strides {wrong!r}", lambda _, n=wrong: Conv1D(3, 2, n), "strides must be " + got)
    refuse(f"MaxPooling1D pool_size {wrong!r}", lambda _, n=wrong: MaxPooling1D(n), "pool_size must be " + got)
refuse("initial_epoch -1", fit(initial_epoch=-1), "^initial_epoch must be a whole number of at least 0, got -1")
for wrong in (1.0, -0.1, "0.2", None, np.nan):
    got = rf"must be at least 0 and below 1, got {wrong!r}"
    refuse(f"validation_split {wrong!r}", fit(validation_split=wrong), "validation_split " + got)
    refuse(f"Dropout {wrong!r}", lambda _, r=wrong: Dropout(r), "rate " + got)
    refuse(f"LSTM dropout {wrong!r}", lambda _, r=wrong: LSTM(2, dropout=r), "dropout " + got)
    refuse(f"GRU recurrent_dropout {wrong!r}", lambda _, r=wrong: GRU(2, recurrent_dropout=r), "dropout " + got)
refuse("validation_split of too few", fit(validation_split=0.999), "validation_split=0.999 of 8 examples leaves none")
for wrong in (0, -0.1, np.nan, np.inf):
    refuse(f"learning_rate {wrong}", lambda _, r=wrong: SGD(r), f"learning_rate must be positive.* got {wrong}")
for wrong in (-1, 2**64, 1.5, "1"):
    refuse(f"seed {wrong!r}", lambda _, n=wrong: Sequential([Dense(1)], seed=n).build((None, 3)), f"seed .*{wrong}")
refuse("dtype int32", lambda _: Sequential(dtype="int32"), "dtype must be float32 or float64, got int32")
refuse("dtype unknown", lambda _: Sequential(dtype="float33"), "float33", (TypeError, ValueError))

# ---- names, with the nearest one
for kind, wrong, nearest, call in (
    ("activation", "rleu", "relu", lambda name: Dense(1, name)),
    ("activation", "sigmod", "sigmoid", lambda name: LSTM(1, recurrent_activation=name)),
    ("activation", "softmx", "softmax", lambda name: ActivationLayer(name)),
    ("optimizer", "adm", "adam", lambda name: Sequential().compile(name, "mse")),
    ("loss", "binary_crossentropi", "binary_crossentropy", lambda name: Sequential().compile("adam", name)),
    ("metric", "acuracy", "accuracy", lambda name: Sequential().compile("adam", "bce", [name])),
    ("initializer", "glorot_unifrom", "glorot_uniform", lambda name: Dense(1, kernel_initializer=name)),
    ("backend", "cpus", "cpu", lambda name: Sequential(backend=name)),
    ("padding", "casual", "causal", lambda name: Conv1D(1, 2, padding=name)),
    ("merge_mode", "concatenate", "concat", lambda name: Bidirectional(LSTM(1), name)),
):
    words = f"unknown {kind} '{wrong}'; did you mean '{nearest}'\\? Known: "
    refuse(f"{kind} {wrong}", lambda _, call=call, name=wrong: call(name), words)
    if kind not in ("activation", "merge_mode"):  # None means linear, and two outputs
        refuse(
            f"{kind} None",
            lambda _, call=call: call(None),
            kind if kind == "loss" else f"{kind}.* None",
            (TypeError, ValueError),
        )
    refuse(f"{kind} number via {wrong}", lambda _, call=call: call(3), f"{kind}.* 3", (TypeError, ValueError))
refuse("activation function", lambda _: Dense(1, np.tanh), r"needs its derivative as well, got only .*tanh", TypeError)

# ---- layers that do not fit together
refuse("kernel longer than T", lambda m: Conv1D(2, 7)(FLOATS), "needs a sequence of at least 7 time steps, got 6")
refuse("pool longer than T", lambda m: MaxPooling1D(7)(FLOATS), "needs a sequence of at least 7 time steps, got 6")
refuse("strides and dilation", lambda m: Conv1D(2, 2, 2, dilation_rate=3), "cannot both be above 1, got 2 and 3")
refuse("LSTM on ids", lambda m: Model(Input((6,)), LSTM(2)(Input((6,)))), r"\(B, T, D\) .* got shape \(None, 6\)")
refuse("Conv1D on ids", lambda m: Conv1D(2, 3)(Input((6,))), r"\(B, T, D\) .* got shape \(None, 6\)")
refuse("pooling on ids", lambda m: GlobalAveragePooling1D()(Input((6,))), r"\(B, T, D\), got shape \(None, 6\)")
refuse(
    "Flatten of any length", lambda m: Flatten()(Input((None, 4))), r"every axis .* got shape \(None, None, 4\); give"
)
refuse("Bidirectional of Dense", lambda m: Bidirectional(Dense(2)), "takes a recurrent layer, got Dense", TypeError)
refuse("Bidirectional of a class", lambda m: Bidirectional(LSTM), "takes a recurrent layer, got type", TypeError)
refuse("TimeDistributed of units", lambda m: TimeDistributed(3), r"a layer, such as Dense\(3\), got 3", TypeError)
refuse("RepeatVector of a float", lambda m: RepeatVector(2.0), "n must be a whole number of at least 1, got 2.0")
refuse("Lambda without derivative", lambda m: Lambda(abs), "derivative .* no autograd here. Give both", TypeError)
refuse("Lambda of no function", lambda m: Lambda(3, backward=abs), "got function 3 and backward", TypeError)
refuse("RNN of units", lambda m: RNN(32), r"RNN takes a cell, derived from scratchnn.layers.Cell, got 32", TypeError)
refuse("RNN of a layer", lambda m: RNN(LSTM(3)), r"RNN takes a cell, derived from scratchnn.layers.Cell", TypeError)

for what, made in {
    "a layer": lambda: Dense(3), "a recurrent layer": lambda: LSTM(3), "a wrapper": lambda: TimeDistributed(Dense(3)),
    "two ways": lambda: Bidirectional(LSTM(3)), "a model": lambda: Sequential([Dense(3)]),
}.items():  # fmt: skip
    shape = r"build takes a shape with the batch axis, such as \(None, 100, 8\), got 12"
    refuse(f"build {what} of a number", lambda _, made=made: made().build(12), shape, TypeError)

for what, door in {
    "save: overwrite": lambda m, no: m.m.save("never.npz", overwrite=no),
    "save: include_optimizer": lambda m, no: m.m.save("never.npz", include_optimizer=no),
    "save_weights: overwrite": lambda m, no: m.m.save_weights("never.npz", no),
    "evaluate: return_dict": lambda m, no: m.m.evaluate(X, Y, return_dict=no),
    "predict: return_state": lambda m, no: m.m.predict(X, return_state=no),
}.items():
    for wrong in ("False", 0, None):
        call = lambda m, door=door, wrong=wrong: door(m, wrong)  # noqa: E731
        refuse(f"{what} {wrong!r}", call, f"^{what} must be True or False, got {wrong!r}")

for shape in ((None, 3.5), (None, "a"), (None, -3), (True, 3)):
    refuse(f"build {shape}", lambda _, s=shape: Dense(3).build(s), "build takes a shape with the batch axis", TypeError)

# ---- trainable, given weights
refuse("trainable: a word", lambda m: Dense(2, trainable="no"), "Dense: trainable must be True or False, got 'no'")
refuse("trainable: a number", lambda m: Bidirectional(LSTM(2), trainable=1), "trainable must be True or False, got 1")
refuse("trainable: none", lambda m: LSTM(2, trainable=None), "LSTM: trainable must be True or False, got None")
refuse("trainable of a model", lambda m: Sequential([Dense(1)], trainable=0), "Sequential: trainable must be True or F")
refuse(
    "constant: words", lambda m: Constant(["a", "b"]), r"a number, or an array of numbers, got \['a', 'b'\]", TypeError
)
refuse("constant: ragged", lambda m: Constant([[1], [1, 2]]), "inhomogeneous", ValueError)
refuse(
    "constant: shape",
    lambda m: Dense(3, kernel_initializer=Constant(np.ones((3, 4)))).build((None, 4)),
    r"Dense: the initial W: Constant has an array of shape \(3, 4\), which does not fit shape \(4, 3\)",
)
for what, given, got in (
    ("transposed", np.ones((3, 4)), r"expects .*\[\(3, 4\)\]"),
    ("two", [np.ones((4, 3))] * 2, r"expects .*\[\(2, 4, 3\)\]"),
    ("words", [["a"] * 3] * 4, "must be an array of numbers, got dtype <U1"),
):
    refuse(f"embedding weights: {what}", lambda m, w=given: Embedding(4, 3, weights=w), rf"Embedding {got}")
refuse(
    "embedding weights later",
    lambda m: Embedding(4, 3).set_weights([np.ones((3, 4))]),
    r"Embedding expects weights of shapes \[\(4, 3\)\], got \[\(3, 4\)\]",
)
refuse(
    "word vectors for a dict",
    lambda m: word_vectors("glove.txt", {"the": 1}),
    "must be a .*Vocabulary, got dict",
    TypeError,
)

# ---- weights, masks, states
refuse("weights: one short", lambda m: m.m.set_weights(m.m.get_weights()[1:]), r"expects weights of shapes .*\(20, 4\)")
refuse(
    "weights: transposed", lambda m: m.m.set_weights([w.T for w in m.m.get_weights()]), r"\(20, 4\).* got .*\(4, 20\)"
)
refuse(
    "layer weights", lambda m: m.lstm.set_weights([np.zeros(3)]), r"LSTM expects weights of shapes .*, got \[\(3,\)\]"
)
refuse(
    "two-way weights",
    lambda m: m.both.set_weights([np.zeros(3)]),
    r"Bidirectional expects (6 arrays|weights of shapes .*), got",
)
refuse(
    "two-way weights, the second half",
    lambda m: m.both.set_weights([*[w + 1 for w in m.both.get_weights()[:5]], 0]),
    "GRU|Bidirectional",
)
refuse(
    "mask: shape", lambda m: m.lstm(FLOATS, mask=MASK[:, 1:]), r"bool mask of shape \(8, 6\), got bool of .*\(8, 5\)"
)
refuse("mask: dtype", lambda m: m.lstm(FLOATS, mask=MASK.astype(int)), r"bool mask of shape \(8, 6\), got int64")
refuse("mask: floats", lambda m: m.both(FLOATS, mask=MASK / 2), r"bool mask of shape \(8, 6\), got float64")
refuse("pooling mask: shape", lambda m: GlobalAveragePooling1D()(FLOATS, mask=MASK[:1]), r"\(8, 6\), got .*\(1, 6\)")
refuse("pooling mask: dtype", lambda m: GlobalAveragePooling1D()(FLOATS, mask=MASK / 2), r"bool mask .*got float64")
STATE = np.zeros((8, 3), np.float32)
refuse(
    "states: one of two", lambda m: m.lstm(FLOATS, initial_state=[STATE]), r"\['h', 'c'\] of .* got shapes \[\(8, 3\)\]"
)
refuse(
    "states: shape", lambda m: m.lstm(FLOATS, initial_state=[STATE, STATE[:, :2]]), r"\(8, 3\)\]; got shapes .*\(8, 2\)"
)
refuse("states: both ways", lambda m: m.both(FLOATS, initial_state=[STATE]), "takes 2 arrays as initial_state, got 1")
refuse("states: words", lambda m: m.lstm(FLOATS, initial_state=["a", "b"]), "initial_state|could not convert")

# ---- too early, or not there
refuse("train before compile", lambda _: Sequential([Dense(1)]).fit(X, Y), "call compile", RuntimeError)
refuse("evaluate before compile", lambda _: Sequential([Dense(1)]).evaluate(X, Y), "call compile", RuntimeError)
refuse("train_on_batch before compile", lambda _: Sequential([Dense(1)]).train_on_batch(X, Y), "compile", RuntimeError)
refuse("compile without loss", lambda m: m.m.compile("adam"), "compile needs a loss, for instance")
refuse("layer before build", lambda m: LSTM(3).forward(FLOATS), "LSTM has no parameters yet: call build", RuntimeError)
refuse("layer weights before build", lambda m: LSTM(3).get_weights(), "LSTM has no parameters yet", RuntimeError)
for method in ("count_params", "get_weights"):
    before_build = lambda _, method=method: getattr(Sequential([Dense(1)]), method)()  # noqa: E731
    refuse(f"{method} before build", before_build, "no parameters yet: give the first layer's input", RuntimeError)
refuse("fit without layers", lambda _: compiled(Sequential()).fit(X, Y), "a model needs at least one layer")
refuse("gpu", lambda _: backend.load("gpu"), 'use backend="cpu"', ImportError)  # why: tests/gpu/test_availability.py

# ---- texts, rows of ids, files
for what, (data_call, words) in bad_data.CALLS.items():
    refuse(what, data_call, words, (TypeError, ValueError))
for what, (flag_call, words) in bad_flags.CALLS.items():
    refuse(what, flag_call, words)


def compiled(model: Sequential) -> Sequential:
    model.compile("adam", "mse")
    return model


def make(call: Call) -> dict[str, Any]:
    """What the call did: the exception with its ancestors, what it printed, whether anything was changed."""
    models = Models()
    before, printed, happened = models.state(), StringIO(), {"classes": ["nothing raised"], "message": ""}
    try:
        with redirect_stdout(printed):
            call(models)
    except Exception as error:
        happened = {"classes": [kind.__name__ for kind in type(error).__mro__], "message": str(error)}
    return happened | {"printed": printed.getvalue(), "changed": models.state() != before}


if __name__ == "__main__":
    sys.modules["cupy"] = None  # type: ignore[assignment]  # as if it were not installed
    print(json.dumps({name: make(call) for name, (call, _, _) in TABLE.items()}))
