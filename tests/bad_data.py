"""Calls that users of Keras, pandas and PyTorch come with, and that must be refused in words that help.

`tests/bad_calls.py` makes them. Name -> (call, message).
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import Input, Sequential, callbacks, load_model, losses, optimizers
from scratchnn.data import Vocabulary, imdb, word_vectors
from scratchnn.layers import Activation, Dense
from scratchnn.utils import pad_sequences

VOCABULARY = Vocabulary.from_ranked(["the", "film"])
CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {}


def refuse(function: Any, message: str, *arguments: Any, **options: Any) -> None:
    """Note a call that must be refused with this message."""
    given = [*map(_shown, arguments), *(f"{name}={value!r}" for name, value in options.items())]
    CALLS[f"{function.__name__}({', '.join(given)})"] = (lambda _: function(*arguments, **options), message)


def _shown(value: Any) -> str:
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


# ---- rows: arguments, and the message
for rows, options, words in (
    ([[1]], {"maxlen": 2.5}, "maxlen must be a whole number of at least 0, got 2.5"),
    ([[1]], {"maxlen": "2"}, "maxlen must be a whole number"),
    ([[1]], {"dtype": "post"}, "dtype must be one of numbers, such as 'int32', got 'post'"),
    ([[1]], {"dtype": "<U3"}, "dtype must be one of numbers"),
    ([[1]], {"dtype": object}, "dtype must be one of numbers"),
    ([[1], [[2]]], {}, "sequences"),
    ([1, 2], {}, r"sequences must be rows of numbers, got an element of shape \(\) at 0"),
    (None, {}, "sequences must be rows of numbers, got None"),
    ("good film", {}, "sequences must be rows of numbers, got 'good film'"),
    ([[1], ["good"]], {}, "row 1 of sequences must be an array of numbers, got dtype <U4, which is text"),
    ([[1], [1j]], {}, "row 1 of sequences must be an array of numbers, got dtype complex128"),
    ([[1], np.ma.masked_equal([2, 3], 3)], {}, "row 1 of sequences must be a plain array, got a masked array"),
    ([[1], [2**31 + 5, 3]], {}, "row 1 of sequences holds 2147483653 at 0, but is to be int32"),
    ([[1, -(2**31) - 1]], {}, "row 0 of sequences holds -2147483649 at 1"),
    ([[1], [2**64]], {}, "row 1 of sequences must be an array of numbers, got dtype object, numbers without"),
    ([[2**63 + 1]], {"dtype": "int64"}, "row 0 of sequences holds 9223372036854775809 at 0"),
    ([[1, 70_000]], {"dtype": "uint16"}, "row 0 of sequences holds 70000 at 1, .* from 0 to 65535"),
    ([[1], [-1]], {"dtype": "uint8"}, "row 1 of sequences holds -1 at 0, but is to be uint8"),
    ([[1, 1.5]], {}, r"row 0 of sequences holds 1\.5 at 1"),
    ([[np.nan]], {}, "row 0 of sequences holds nan at 0"),
    ([[np.inf]], {"dtype": "int64"}, "row 0 of sequences holds inf at 0"),
    (
        [[2**24 + 1]],
        {"dtype": "float32"},
        r"holds 16777217 at 0, .* float32, which holds whole numbers up to 2\*\*24",
    ),
    ([[2049]], {"dtype": "float16"}, r"holds 2049 at 0, .* float16, .* up to 2\*\*11"),
    ([[2**63 - 1]], {"dtype": "float64"}, "holds 9223372036854775807 at 0"),
    ([[1e39]], {"dtype": "float32"}, r"holds 1e\+39 at 0, but is to be float32, which holds numbers up to"),
    ([[2]], {"dtype": "bool"}, "holds 2 at 0, but is to be bool, which holds 0 and 1"),
    ([[1]], {"value": 0.5}, r"value holds 0\.5, but is to be int32"),
    ([[1]], {"value": np.nan}, "value holds nan, but is to be int32"),
    ([[1]], {"value": 2**31}, "value holds 2147483648, but is to be int32"),
    ([[1]], {"value": -1, "dtype": "uint8"}, "value holds -1, but is to be uint8"),
    ([[1]], {"value": 1e39, "dtype": "float32"}, "value holds 1e"),
    ([[1]], {"value": "<pad>"}, "value must be an array of numbers, got dtype <U5"),
    ([[1]], {"value": None}, "value must be an array of numbers"),
):
    refuse(pad_sequences, words, rows, **options)

# ---- texts
for text, words in (
    (None, "a text must be a str, got None"),
    (b"good", r"a text must be a str, got b'good': decode it first, with text.decode\('utf-8'\)"),
    (5, "a text must be a str, got 5"),
    (np.nan, "a text must be a str, got nan"),
    (["good", "film"], r"got \['good', 'film'\]: encode one after another, \[vocabulary.encode\(text\) for"),
):
    refuse(VOCABULARY.encode, words, text)
    refuse(VOCABULARY.oov_share, words, ["good", text])
for ranked in ({"the": 1, "film": 2}, "the film", [1, 2], ["the", None]):
    words = r"ranked must be words, the commonest first, got .*sorted\(index, key=index.get\)"
    refuse(Vocabulary.from_ranked, words, ranked)
for ids, words in (
    ([4.7], r"ids holds 4\.7 at 0"),
    ([4, np.nan], "ids holds nan at 1"),
    ([[4, 5]], r"one row of ids, got an array of shape \(1, 2\)"),
    ("4", "ids must be an array of numbers, got dtype <U1"),
    (None, "ids must be|decode takes one row of ids, got None"),
):
    refuse(VOCABULARY.decode, words, ids)

# ---- x and y of other kinds
X = np.random.default_rng(0).integers(0, 20, (8, 6))
Y = np.arange(8) % 2


class Sparse:
    """As those of SciPy."""

    def toarray(self) -> np.ndarray:
        return X


class Batches:
    """As Keras' PyDataset: item n is a batch (x, y)."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        if n >= 4:
            raise IndexError
        return X[2 * n : 2 * n + 2], Y[2 * n : 2 * n + 2]


class Loader:
    """As PyTorch's DataLoader and TensorFlow's Dataset."""

    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Any:
        return iter(X)


def objects(values: list[Any]) -> np.ndarray:
    """As a pandas Series gives them."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


for what, x, words in (
    ("a dict", lambda: {"words": X}, r"x must be one array, got a dict with the keys \['words'\]: give the array"),
    ("a set", lambda: {1, 2}, "x must be an array of numbers, got dtype object, a set"),
    ("a sparse matrix", Sparse, r"x must be an array, got a sparse Sparse: give x.toarray\(\)"),
    ("texts", lambda: ["good film"] * 8, "which is text: encode words with a Vocabulary"),
    ("a column of texts", lambda: objects(["good"] * 8), "dtype object, which is text: encode words with a Vocabulary"),
    ("a column of lists", lambda: objects(X.tolist()), "lists in an array: np.stack makes one array"),
    ("a table with text", lambda: objects([["a", 1]] * 8)[:, None], "lists in an array"),
    ("mixed columns", lambda: np.array([[1.0, "good"]] * 8, object), "which holds 'good': leave such columns out"),
    ("missing numbers", lambda: np.array([[1, None]] * 8, object), "which holds None: leave such columns out"),
    (
        "nullable integers",
        lambda: X.astype(object),
        r"numbers without a common type: choose one, with astype\('float32'",
    ),
    ("one example", lambda: X[0], r"x is one example, of shape \(6,\), without a batch axis: give x\[None\]"),
):
    CALLS[f"predict {what}"] = (lambda models, x=x: models.m.predict(x()), words)
    CALLS[f"fit {what}"] = (lambda models, x=x: models.m.fit(x(), Y, verbose=0), words)
for what, y, words in (
    ("nothing", lambda: None, "y must hold one label for each of the 8 rows of x, got None"),
    (
        "a generator",
        lambda: iter(Y),
        "y must be an array or equally long lists, got a .*: only fit, evaluate and predict take batches, as x alone",
    ),
    ("names", lambda: ["pos", "neg"] * 4, "which is text: .* number the names of classes from 0 on"),
    ("a column of names", lambda: objects(["pos", "neg"] * 4), "which is text: .* number the names of classes"),
    ("masked labels", lambda: np.ma.masked_equal(Y, 1), "got a masked array with 4 masked values"),
):
    CALLS[f"fit on y: {what}"] = (lambda models, y=y: models.m.fit(X, y(), verbose=0), words)
    CALLS[f"evaluate on y: {what}"] = (lambda models, y=y: models.m.evaluate(X, y(), verbose=0), words)
for what, x in (
    ("a generator of rows", lambda: (row for row in X)),
    ("an iterator over rows", lambda: iter(X)),
    ("a map over rows", lambda: map(np.array, X)),
    ("a DataLoader of rows", Loader),
):
    words = r"batch 1: x is one example, of shape \(6,\), without a batch axis"
    CALLS[f"predict {what}"] = (lambda models, x=x: models.m.predict(x()), words)
    CALLS[f"fit {what}"] = (lambda models, x=x: models.m.fit(x(), verbose=0), words)
    CALLS[f"evaluate {what}"] = (lambda models, x=x: models.m.evaluate(x(), verbose=0), words)
    CALLS[f"forward {what}"] = (
        lambda models, x=x: models.m.layers[0].forward(x()),
        "only fit, evaluate and predict take",
    )
    words = "y is refused beside a .*, which gives batches"
    CALLS[f"fit {what} with y"] = (lambda models, x=x: models.m.fit(x(), Y, verbose=0), words)
CALLS["fit a PyDataset with y"] = (
    lambda models: models.m.fit(Batches(), Y, verbose=0),
    "y is refused beside a Batches",
)
CALLS["fit a zip of rows"] = (
    lambda models: models.m.fit(zip(X, Y, strict=True), verbose=0),
    "batch 1: x is one example, of shape",
)
CALLS["fit without y"] = (lambda models: models.m.fit(X), "y must hold one label for each of the 8 rows of x, got None")

# ---- objects in the place of others
for given, words in (
    (
        callbacks.EarlyStopping,
        r"derived from scratchnn.callbacks.Callback, got .*EarlyStopping'>: call it, EarlyStopping",
    ),
    ("early", "derived from scratchnn.callbacks.Callback, got 'early'"),
    (None, "derived from scratchnn.callbacks.Callback, got None"),
):
    CALLS[f"callbacks=[{given!r}]"] = (lambda models, c=given: models.m.fit(X, Y, callbacks=[c], verbose=0), words)
for optimizer, loss, words in (
    (optimizers.Adam, "mse", r"optimizer must be a name or an object, got .*Adam'>: call it, Adam\(\)"),
    ("adam", losses.MeanSquaredError, r"loss must be a name or an object, .*: call it, MeanSquaredError\(\)"),
    ("mse", "adam", "unknown optimizer 'mse'. Known: "),
):
    CALLS[f"compile {optimizer}, {loss}"] = (lambda models, o=optimizer, k=loss: models.m.compile(o, k), words)
refuse(Dense, "an activation is given by its name, or as an Activation of .*, got 5. Known: elu", 3, 5)
refuse(Dense, "an activation is given by its name, .* got <class .*Activation'>", 3, Activation)
refuse(Dense, "an activation is given by its name, .* got <Activation, relu, not built>", 3, Activation("relu"))
refuse(Sequential, r"Sequential takes a list of layers, got a Dense: put it into \[\]", Dense(3))
CALLS["two inputs"] = (
    lambda _: Dense(3)([Input((3,)), Input((3,))]),
    "Dense takes one input, got 2: a model is a chain",
)
for shape in ("4", 4.0, (4.0,), (-4,), (0,), (True,), ("4",), {"a": 4}):
    words = r"the shape of one example must be a tuple of lengths, .* such as \(100,\) or \(None, 8\); got "
    refuse(Input, "Input: " + words, shape)
    refuse(Dense, "Dense: input_shape: " + words, 3, input_shape=shape)
for dtype in ("bfloat16", "float16", "float33", 3):
    refuse(Sequential, "dtype must be float32 or float64, got ", dtype=dtype)
CALLS["get_layer(0)"] = (lambda models: models.m.get_layer(0), "get_layer takes a name, or index=0 to index=2, got 0")
CALLS["get_layer(index=9)"] = (lambda models: models.m.get_layer(index=9), "index=0 to index=2, got index=9")
CALLS["weights as an array"] = (
    lambda models: models.m.set_weights(X),
    "expects a list of 6 arrays as weights, got a nd",
)
CALLS["no weights"] = (
    lambda models: models.m.set_weights(None),
    "expects a list of 6 arrays as weights, got a NoneType",
)

# ---- files
for path in (None, 3, b"m.npz"):
    words = " must be a path, a str or an os.PathLike, got "
    refuse(load_model, f"filepath{words}", path)
    refuse(word_vectors, f"path{words}", path, VOCABULARY)
    refuse(callbacks.ModelCheckpoint, f"ModelCheckpoint: filepath{words}", path)
    refuse(callbacks.CSVLogger, f"CSVLogger: filename{words}", path)
    for method in ("save", "save_weights", "load_weights"):
        CALLS[f"{method}({path!r})"] = (lambda models, m=method, p=path: getattr(models.m, m)(p), f"filepath{words}")
for separator in ("::", "", None, 3, "\n", b","):
    refuse(callbacks.CSVLogger, "CSVLogger: separator must be one character", "log.csv", separator)
refuse(callbacks.CSVLogger, "CSVLogger: append must be True or False, got 'no'", "log.csv", append="no")

# ---- vocabularies
for ranked in ({"the"}, frozenset(("a",)), {"the": 1}, "the", 3, None, [1, 2], [b"the"]):
    refuse(Vocabulary.from_ranked, "^ranked must be words", ranked)
for num_words in (-1, 0, 2, 3, "5", 5.0, True, float("nan")):
    refuse(Vocabulary.from_ranked, "^num_words must be a whole number of at least 4, got", ["the"], num_words)
for skip_top in (-1, "a", None, 1.5, True):
    refuse(Vocabulary.from_ranked, "^skip_top must be a whole number of at least 0, got", ["the"], skip_top=skip_top)

# ---- callbacks: when they are made, and when it is set later
SETTINGS = {
    "patience": ((-1, "3", 2.0, True, None), "patience must be a whole number of at least 0, got "),
    "start_from_epoch": ((-1, "a", None), "start_from_epoch must be a whole number of at least 0, got "),
    "baseline": (("a", float("nan"), True), "EarlyStopping: baseline must be a number, got "),
    "restore_best_weights": (("no", 1, None), "EarlyStopping: restore_best_weights must be True or False, got "),
    "verbose": (("a", None, -1), "verbose must be a whole number of at least 0, got "),
}


def refuse_set(make: Callable[[], Any], name: str, value: Any, message: str) -> None:
    CALLS[f"{make().__class__.__name__}.{name} = {value!r}"] = (lambda _: setattr(make(), name, value), message)


for name, (values, words) in SETTINGS.items():
    for value in values:
        refuse(callbacks.EarlyStopping, words + re.escape(repr(value)), **{name: value})
        refuse_set(callbacks.EarlyStopping, name, value, words)
for kind in (callbacks.EarlyStopping, callbacks.ReduceLROnPlateau):
    for value in ("a", float("nan"), None, float("inf"), True):
        refuse(kind, f"{kind.__name__}: min_delta must be a finite number, got ", min_delta=value)
    for value in (None, 3, ["loss"]):
        refuse(
            kind, f"{kind.__name__}: monitor must be the name of a number in the logs, such as 'val_loss', got", value
        )
for mode in ("zzz", None, ["min"]):
    refuse(callbacks.ModelCheckpoint, "ModelCheckpoint expects mode 'auto', 'min' or 'max', got ", "m.npz", mode=mode)
for threshold in ("a", float("nan")):
    refuse(callbacks.ModelCheckpoint, "ModelCheckpoint: initial_value_threshold must be a number", "m.npz",
           save_best_only=True, initial_value_threshold=threshold)  # fmt: skip
for name, value, words in (
    ("save_best_only", "no", "save_best_only must be True or False, got 'no'"),
    ("save_weights_only", True, "save_weights_only=True is refused: the whole model is saved"),
    ("save_freq", 1, "save_freq=1 is refused: it saves after every epoch"),
    ("filepath", "m.keras", "is named like a file in Keras' own format"),
    ("verbose", "a", "verbose must be a whole number"),
):
    refuse_set(lambda: callbacks.ModelCheckpoint("m.npz"), name, value, words)
refuse_set(
    lambda: callbacks.CSVLogger("log.csv"),
    "separator",
    "::",
    "separator must be one character between two columns, got '::'",
)
refuse_set(lambda: callbacks.CSVLogger("log.csv"), "append", "no", "append must be True or False, got 'no'")
for value in ("False", None, 2, []):
    refuse_set(lambda: Dense(3), "trainable", value, "Dense: trainable must be True or False, got ")
    refuse_set(lambda: Sequential([Dense(3)]), "trainable", value, "Sequential: trainable must be True or False, got ")

# ---- data sets
for load in (imdb.load, imdb.load_data):
    refuse(load, "the first argument is the place of the files, got 1000; num_words=1000 was meant", 1000)
for name, value in (("num_words", -5), ("num_words", 10.0), ("skip_top", -1), ("maxlen", "80"), ("seed", -1),
                    ("start_char", 1.5), ("oov_char", 2**40), ("index_from", -3), ("index_from", 0.5)):  # fmt: skip
    refuse(imdb.load_data, f"{name} must be a whole number from 0 to ", **{name: value})
