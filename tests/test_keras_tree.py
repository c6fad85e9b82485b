"""`scratchnn.keras` is Keras' tree of modules: import lines that tutorials have, with scratchnn in Keras' place."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

import scratchnn as tf
from scratchnn.core.keras_missing import what_instead
from scratchnn.keras import TREE
from tests.parity import names

LINES = """
from scratchnn.keras.datasets import imdb
from scratchnn.keras.preprocessing.sequence import pad_sequences
from scratchnn.keras.preprocessing import sequence
from scratchnn.keras import Input, Model, Sequential
from scratchnn.keras import layers, models, utils, losses, callbacks, optimizers, initializers, metrics, regularizers
from scratchnn.keras import activations, backend as K, preprocessing, datasets, saving
from scratchnn.keras.backend import clear_session
from scratchnn.keras.callbacks import EarlyStopping, ModelCheckpoint
from scratchnn.keras.initializers import Constant
from scratchnn.keras.layers import Dense, Dropout, Embedding, LSTM, SimpleRNN, Bidirectional, Flatten
from scratchnn.keras.losses import BinaryCrossentropy, binary_crossentropy
from scratchnn.keras.metrics import AUC, Precision, Recall
from scratchnn.keras.models import Sequential, Model, load_model, clone_model, model_from_json
from scratchnn.keras.optimizers import Adam, RMSprop, SGD, schedules
from scratchnn.keras.optimizers.schedules import ExponentialDecay
from scratchnn.keras.regularizers import l2
from scratchnn.keras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from scratchnn.keras.saving import load_model
from scratchnn.keras.utils import to_categorical, plot_model, pad_sequences, set_random_seed
from scratchnn.keras.layers import *
from scratchnn.keras import *
from scratchnn.nn import relu, sigmoid
import scratchnn.keras
import scratchnn.keras.layers
import scratchnn.keras.layers as layers
import scratchnn.keras.preprocessing.sequence
import scratchnn.keras.backend as K
""".strip().splitlines()


@pytest.mark.parametrize("line", LINES)
def test_import_lines_of_tutorials(line: str) -> None:
    exec(line, {})


@pytest.mark.parametrize("path", [path for path, where in TREE.items() if isinstance(where, dict)])
def test_few_names_of_a_module_are_where_the_table_says(path: str) -> None:
    module = importlib.import_module(".".join(filter(None, ("scratchnn.keras", path))))
    for name, home in TREE[path].items():  # type: ignore[union-attr]
        assert getattr(module, name) is getattr(importlib.import_module(home), name)
        assert name in dir(module)


@pytest.mark.parametrize("path", [path for path, where in TREE.items() if isinstance(where, str)])
def test_other_modules_have_all_names_of_ours(path: str) -> None:
    module, ours = importlib.import_module(f"scratchnn.keras.{path}"), importlib.import_module(TREE[path])  # type: ignore[arg-type]
    for name in getattr(ours, "__all__", [name for name in ("get",) if name in vars(ours)]):
        assert getattr(module, name) is getattr(ours, name) or f"{path}.{name}" in TREE
        assert name in dir(module)


def test_every_module_of_keras_is_there_or_says_what_to_use() -> None:
    for name in names.recorded()["tree"]:
        assert name in TREE or what_instead("keras", name) is not None, name


def test_tf_is_an_import_away() -> None:
    assert tf.keras.layers.LSTM is tf.layers.LSTM
    assert tf.keras.datasets.imdb.load_data is tf.data.imdb.load_data
    assert tf.keras.preprocessing.sequence.pad_sequences is tf.utils.pad_sequences
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation=tf.nn.relu)])
    model.add(tf.keras.layers.Dense(1, activation=tf.nn.sigmoid))
    assert [layer.get_config()["activation"]["name"] for layer in model.layers] == ["relu", "sigmoid"]
    # TensorFlow 2.20: tf.nn.sigmoid([-2., 0., 3.])
    np.testing.assert_allclose(tf.nn.sigmoid(np.array([-2.0, 0.0, 3.0])), [0.11920292, 0.5, 0.95257413], rtol=1e-7)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from scratchnn.keras.datasets import mnist", r"scratchnn\.keras\.datasets has no mnist: the reviews of imdb"),
        ("from scratchnn.keras.layers import CuDNNLSTM", "has no CuDNNLSTM: LSTM and GRU run on a GPU as they are"),
        ("from scratchnn.keras.layers import Conv2D", r"scratchnn\.layers has no Conv2D: images are out of scope"),
        ("from scratchnn.keras.layers import Dens", r"has no Dens; did you mean 'Dense'\?"),
        ("from scratchnn.keras.preprocessing.text import Tokenizer", r"no Tokenizer: build a vocabulary with scratchn"),
        ("from scratchnn.keras.preprocessing.text import text_to_word_sequence", r"build a vocabulary with scratchn"),
        ("from scratchnn.keras.applications import VGG16", "has no VGG16: images are out of scope"),
        ("from scratchnn.keras.wrappers import KerasClassifier", "has no KerasClassifier: write a class"),
        ("from scratchnn.keras.ops import matmul", "has no matmul: use NumPy"),
        ("from scratchnn.keras import quantizers", r"scratchnn\.keras has no quantizers: float32 and float64 only"),
        ("from scratchnn.keras.backend import set_value", r"no set_value: set the attribute: optimizer\.learning_rate"),
        ("from scratchnn.keras import layer", r"scratchnn\.keras has no layer; did you mean 'layers'\?"),
        ("from scratchnn.nn import gelu", r"scratchnn\.nn has no gelu: its derivative is one in x: write"),
        ("from scratchnn.nn import conv2d", r"scratchnn\.nn has no conv2d: there are the layers"),
        ("from scratchnn.data import Dataset", r"scratchnn\.data has no Dataset: fit takes arrays"),
        ("from scratchnn import GradientTape", "has no GradientTape: there is no tape"),
        ("from scratchnn import random", r"scratchnn has no random: set_random_seed\(1\) decides all draws"),
        ("from scratchnn import constant", "has no constant: use NumPy"),
    ],
)
def test_what_is_not_there_is_refused_by_name(line: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(line)
    _, module, _, name = line.split()
    with pytest.raises(AttributeError, match=message):
        getattr(importlib.import_module(module), name)


def test_a_module_of_no_library_is_not_there() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("scratchnn.keras.something")


def test_the_history_has_the_names_that_were_asked_for() -> None:
    x, y = np.zeros((4, 3), np.float32), np.array([0, 1, 0, 1])
    for asked, other in (("acc", "accuracy"), ("accuracy", "acc")):
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")])
        model.compile("rmsprop", "binary_crossentropy", metrics=[asked])
        history = model.fit(x, y, verbose=0).history
        assert len(history[asked]) == 1
        with pytest.raises(KeyError):  # as in Keras
            history[other]


def test_the_tree_is_lazy() -> None:
    """Modules behind it are imported when one of their names is asked for."""
    heavy = ("numpy", "numba", "matplotlib", "scratchnn_kernels", "scratchnn.layers")
    script = "import sys, scratchnn.keras.preprocessing.sequence, scratchnn.keras as keras; keras.layers, keras.utils; "
    script += f"print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
