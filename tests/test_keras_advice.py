"""What the tables of Keras' names advise works: calls are made, names are there, pages and examples exist."""

import importlib
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratchnn
from scratchnn import initializers, optimizers
from scratchnn.core.keras_missing import MISSING, MOVED, what_instead
from scratchnn.core.keras_names import ARGUMENTS
from scratchnn.data import imdb
from scratchnn.gradients import check
from scratchnn.layers import LSTM, Dense, Lambda
from tests.parity import names

ROOT = Path(__file__).parents[1]


def sentences() -> Iterator[tuple[str, str]]:
    for owner, table in ARGUMENTS.items():
        yield from ((f"{owner}: {name}", refused.instead) for name, refused in table.items())
    for module, table in MISSING.items():
        yield from ((f"{module}: {pattern}", instead) for pattern, instead in table)


SENTENCES = dict(sentences())
CALL = re.compile(r"[\w.]*\w\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")

MODEL = """
from scratchnn import Input, Sequential, load_model, set_random_seed
from scratchnn.activations import Activation
from scratchnn.callbacks import EarlyStopping, ModelCheckpoint
from scratchnn.layers import LSTM, RNN, Cell, Dense, Lambda, ReLU
from scratchnn.optimizers import SGD, schedules
from scratchnn.utils import PyDataset
x, y = np.ones((4, 3), np.float32), np.zeros((4, 1), np.float32)
model = Sequential([Input((3,)), Dense(2), Dense(1, "sigmoid")], backend="reference", seed=1)
model.compile("sgd", "binary_crossentropy", ["accuracy"])
path, k = "model.npz", 1
class Batches(PyDataset):
    def __len__(self): return 100
    def __getitem__(self, i): return x, y
generator = Batches()
"""
# By call in a sentence of the tables: a program that makes it and fails where it does not do what it is said to.
TRIED: dict[str, str] = {
    "Sequential(..., dtype='float64')": "assert Sequential([Dense(1)], dtype='float64').dtype == 'float64'",
    "Sequential(..., seed=1)": "assert Sequential([Dense(1)], seed=1).seed == 1",
    "Sequential(..., backend='cpu')": "assert Sequential([Dense(1)], backend='cpu').backend.name == 'cpu'",
    "Sequential(..., backend='gpu')": "try: Sequential([], backend='gpu')\nexcept (ImportError, RuntimeError): pass",
    "Sequential([LSTM(32), ...], backend='gpu')": (
        "try: Sequential([LSTM(32)], backend='gpu')\nexcept (ImportError, RuntimeError): pass"
    ),
    "Sequential([...])": "assert Sequential([Dense(1), Dense(2)]).layers",
    "Sequential([layer.clone() for layer in ...])": "Sequential([layer.clone() for layer in model.layers[:-1]])",
    "Input((T, D))": "assert Input((5, 2)).shape == (None, 5, 2)",
    "Input((D,))": "assert Input((5,)).shape == (None, 5)",
    "EarlyStopping(restore_best_weights=True)": "assert EarlyStopping(restore_best_weights=True).restore_best_weights",
    "schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=decay)": (
        "decay = 0.5; rate = schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=decay)\n"
        "assert np.isclose(rate(4), 0.01 / (1 + decay * 4)); SGD(learning_rate=rate)"  # as in Keras 2
    ),
    "compile(optimizer, loss, metrics=[...])": "model.compile('adam', 'mse', metrics=['mae'])",
    "compile(loss='binary_crossentropy')": "model.compile(loss='binary_crossentropy'); assert model.joins_loss",
    "Sequential([Input(model.input_shape[1:]), *(each.clone() for each in model.layers[:k + 1])])": (
        "part = Sequential([Input(model.input_shape[1:]), *(each.clone() for each in model.layers[:k + 1])])"
    ),
    "part.set_weights(model.get_weights()[:len(part.weights)])": "",  # tests/layers/test_own_classes.py runs both
    "part.predict(x)": "",
    "model.fit(generator, steps_per_epoch=100)": "model.fit(generator, steps_per_epoch=100, verbose=0)",
    "model.evaluate(generator, steps=100)": "assert len(model.evaluate(generator, steps=100, verbose=0)) == 2",
    "model.predict(generator, steps=100)": "assert model.predict(generator, steps=100, verbose=0).shape == (400, 1)",
    "predict(x)": "assert ((model.predict(x) > 0.5) | (model.predict(x) <= 0.5)).all()",
    ".argmax(axis=-1)": "assert model.predict(x).argmax(axis=-1).shape == (4,)",
    "evaluate(..., return_dict=True)": "assert list(model.evaluate(x, y, verbose=0, return_dict=True))[0] == 'loss'",
    "model.save(path)": "model.save(path); assert (load_model(path).predict(x) == model.predict(x)).all()",
    "model.NAME(path)": "model.save_weights(path); model.load_weights(path)",
    "forward(x, training=True, epoch=, step=)": "model.forward(x, training=True, epoch=0, step=3)",
    "model.forward(x, training=True)": "y, caches = model.forward(x, training=True)",
    "model.backward(dy, caches)": "y, caches = model.forward(x, training=True); dx, grads = model.backward(y, caches)",
    "model.forward(x, mask=mask)": "y, caches = model.forward(x, mask=None)",
    "summary()": "model.summary()",
    "model.summary()": "model.summary()",
    "x.mean(axis=0)": "assert x.mean(axis=0).shape == (3,)",
    "x.std(axis=0)": "assert x.std(axis=0).shape == (3,)",
    "RNN(cell)": "RNN(type('Own', (Cell,), {'state_size': 2})())",
    "get_config()": "assert Dense(1, activation=Dense(1, 'relu').activation.get_config()).activation.name == 'relu'",
    "layer.get_config()": "assert Dense.from_config(Dense(3, 'relu').get_config()).units == 3",
    "Activation('linear')": "import scratchnn.layers as l; assert (l.Activation('linear')(x) == x).all()",
    "Activation(name, forward, backward)": "Activation('own', lambda a: a, lambda dy, y: dy)",
    "Lambda(function, backward=backward)": "Lambda(lambda x: x**2, backward=lambda dy, x: 2 * x * dy)(x)",
    "backward(dy, x)": "",
    "ReLU(max_value=6.0)": "assert (ReLU(max_value=6.0)(x * 9) == 6).all()",  # what relu6 is
    "load_model(path, custom_objects={...})": "model.save(path); load_model(path, custom_objects={'Own': Dense})",
    "fit(x, y, checkpoint='run.npz')": (
        "model.fit(x, y, epochs=1, verbose=0, checkpoint='run.npz')\n"
        "assert model.fit(x, y, epochs=2, verbose=0, checkpoint='run.npz').epoch == [0, 1]"
    ),
    "scratchnn.exchange.save_onnx(model, path)": (
        "import pytest; from scratchnn import exchange; pytest.importorskip('onnx', reason='needs the package onnx')\n"
        "exchange.save_onnx(model, 'model.onnx')"
    ),
    "scratchnn.utils.timeseries_dataset_from_array(data, targets, length)": (
        "from scratchnn.utils import timeseries_dataset_from_array as cut\n"
        "assert next(iter(cut(np.arange(9), np.arange(9)[3:], 3)))[0].shape == (6, 3)"
    ),
    "set_random_seed(1)": "set_random_seed(1)",
    "numpy.random.default_rng(1)": "np.random.default_rng(1)",
    "numpy.linalg.norm(x, axis=-1, keepdims=True)": (
        "assert np.allclose(x / np.linalg.norm(x, axis=-1, keepdims=True), 3**-0.5)"  # Keras: utils.normalize(x)
    ),
}  # fmt: skip


def test_every_call_that_is_advised_is_tried() -> None:
    found = {call: where for where, sentence in SENTENCES.items() for call in CALL.findall(sentence)}
    assert {call: where for call, where in found.items() if call not in TRIED} == {}
    assert set(TRIED) - set(found) == set(), "advised no more"


@pytest.mark.parametrize("call", [call for call, program in TRIED.items() if program])
def test_what_is_advised_works(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(MODEL + TRIED[call], {"np": np})
    assert os.getcwd() == str(tmp_path)


@pytest.mark.parametrize("where", SENTENCES)
def test_modules_pages_and_examples_that_are_named_exist(where: str) -> None:
    sentence = SENTENCES[where]
    for path in re.findall(r"\b(?:docs|examples)/[\w./-]*\w", sentence):
        assert (ROOT / path).is_file(), path
    for dotted in re.findall(r"\b(?:scratchnn|numpy)(?:\.\w+)+", sentence.replace(".NAME", "")):
        thing: Any = importlib.import_module(dotted.split(".")[0])
        for name in dotted.split(".")[1:]:
            thing = (
                getattr(thing, name) if hasattr(thing, name) else importlib.import_module(f"{thing.__name__}.{name}")
            )


KNOWN = {name for module in scratchnn._MODULES for name in dir(importlib.import_module(f"scratchnn.{module}"))}
KNOWN |= {*dir(optimizers.schedules), "NumPy", "GPU", "NAME", "CSVLogger", "Vocabulary"}


@pytest.mark.parametrize("where", SENTENCES)
def test_classes_that_are_named_are_there(where: str) -> None:
    for name in re.findall(r"\b[A-Z]+[a-z]+[A-Z]\w+|\b[A-Z]\w+\b(?=\()|\b[A-Z]{2,}[a-z]*\d?[A-Z]*\b", SENTENCES[where]):
        assert name in KNOWN, (name, SENTENCES[where])


def advised(module: str, pattern: str) -> list[tuple[str, str]]:
    """Names of Keras' with advice of this form, and what it names."""
    found = []
    for here, name, instead in names.absent():
        if here == module and (match := re.search(pattern, str(instead).replace("NAME", name))):
            found.append((name, match.group(1)))
    return found


def test_a_name_to_pass_is_taken() -> None:
    initial = advised("initializers", "pass its name: kernel_initializer='(.*)'")
    assert len(initial) >= 14
    for name, passed in initial:
        drawn = Dense(3, kernel_initializer=passed).kernel_initializer
        assert drawn == initializers.get(re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower())
    for name, passed in advised("activations", "pass its name: activation='(.*)'"):
        assert Dense(3, activation=passed).activation.name == name


@pytest.mark.parametrize("module", ["initializers", "optimizers", "layers", "metrics", "losses"])
def test_another_name_is_there(module: str) -> None:
    for name, other in advised(module, r"its name is (\w+)"):
        assert hasattr(importlib.import_module(f"scratchnn.{module}"), other), name
        assert other.lower() == name.removesuffix("Initializer").replace("_", "").lower()


def test_names_of_arguments_are_there() -> None:
    owners: dict[str, Any] = {"Optimizer": optimizers.SGD, "Model": scratchnn.Model, "load_data": imdb.load_data}
    found = 0
    for owner, table in ARGUMENTS.items():
        for name, refused in table.items():
            if match := re.search(r"its name is (\w+)", refused.instead):
                arguments = inspect.signature(owners[owner]).parameters
                assert match.group(1) in arguments or hasattr(owners[owner], match.group(1)), (owner, name)
                found += 1
    assert found > 1


def gelu_like(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-1.702 * x))


def gelu_like_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    s = 1 / (1 + np.exp(-1.702 * x))
    return dy * (s + 1.702 * x * s * (1 - s))


def test_activations_that_fall_before_they_rise_are_advised_as_functions_of_x() -> None:
    """One y of theirs belongs to two x, so that an Activation, whose derivative is in y, could not be right."""
    for module, name in [
        ("activations", each) for each in ("gelu", "silu", "swish", "mish", "hard_silu", "tanh_shrink")
    ]:
        assert "Lambda(function, backward=backward)" in str(what_instead(module, name)), name
    x = np.linspace(-3, 3, 12).reshape(2, 6)
    assert np.abs(np.diff(np.sign(np.diff(gelu_like(x.ravel()))))).any()
    check(Lambda(gelu_like, backward=gelu_like_backward), x)


# ---- names that Keras 2 had


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "from scratchnn.keras.layers.embeddings import Embedding",
            r"what Keras 2 had there is in scratchnn\.keras\.lay",
        ),
        ("from scratchnn.keras.layers.recurrent import LSTM", r"scratchnn\.keras\.layers: import LSTM from that"),
        ("from scratchnn.keras.layers.experimental.preprocessing import TextVectorization", "build a vocabulary"),
        (
            "from scratchnn.keras.utils.np_utils import to_categorical",
            r"scratchnn\.keras\.utils: import to_categorical",
        ),
        ("from scratchnn.keras.optimizers.legacy import Adam", r"scratchnn\.keras\.optimizers: import Adam"),
        ("from scratchnn.utils import np_utils", r"its names are in scratchnn\.utils"),
        ("from scratchnn.layers import Convolution1D", "it is another name of Conv1D"),
        ("from scratchnn.layers import Conv1DTranspose", "UpSampling1D, and a Conv1D after it"),
        ("from scratchnn.utils import text_dataset_from_directory", r"read the files .* build a vocabulary"),
        ("from scratchnn.keras import estimator", "a model has fit, evaluate and predict itself"),
        ("from scratchnn import test", r"numpy\.testing compares arrays"),
        ("from scratchnn import io", r"model\.save\(path\) and load_model"),
        (
            "from scratchnn.callbacks import OrbaxCheckpoint",
            r"checkpoint='run\.npz'\) keeps .* BackupAndRestore in a folder",
        ),
    ],
)
def test_older_import_lines_say_where_the_names_are(line: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(line)


@pytest.mark.parametrize("old", MOVED)
def test_modules_of_keras_2_are_there_and_hold_nothing(old: str) -> None:
    module = importlib.import_module(f"scratchnn.keras.{old}")
    assert dir(module) == []
    assert importlib.import_module(f"scratchnn.keras.{MOVED[old]}")
    assert old.rpartition(".")[2] not in dir(importlib.import_module(f"scratchnn.keras.{MOVED[old]}"))


def test_keras_has_a_version() -> None:
    assert scratchnn.keras.__version__ == scratchnn.__version__
    from scratchnn.keras import __version__

    assert __version__ == scratchnn.__version__


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("fit_generator", r"fit takes a generator or a scratchnn\.utils\.PyDataset itself: model\.fit\("),
        ("evaluate_generator", r"model\.evaluate\("),
        ("predict_generator", r"model\.predict\("),
        ("predict_classes", "> 0.5 where the model ends in a sigmoid"),
        ("predict_proba", "predict returns the probabilities"),
    ],
)
def test_older_methods_of_models_say_what_to_call(name: str, advice: str) -> None:
    model: Any = scratchnn.Sequential([LSTM(2)])
    with pytest.raises(AttributeError, match=f"has no attribute '{name}': .*{advice}"):
        getattr(model, name)


def test_the_decay_of_older_optimizers_is_no_weight_decay() -> None:
    make: Any = optimizers.SGD
    with pytest.raises((TypeError, ValueError), match=r"made the learning rate fall.*=schedules\.InverseTimeDecay\("):
        make(0.01, decay=1e-6)
