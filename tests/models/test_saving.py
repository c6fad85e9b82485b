"""Models in files: everything comes back, bit for bit; a file that is damaged or not one of ours is refused."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.gpu import availability

from scratchnn import Sequential, load_model
from scratchnn.activations import Activation as Function
from scratchnn.core.files import container
from scratchnn.core.files.container import StorageError
from scratchnn.initializers import RandomUniform
from scratchnn.layers import (
    ELU,
    GRU,
    LAYERS,
    LSTM,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    UpSampling1D,
    ZeroPadding1D,
)
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD
from scratchnn.regularizers import L1, L1L2, L2
from scratchnn.training.progress import Progress

IDS = np.random.default_rng(0).integers(0, 20, (9, 12))

# Every constructor argument that is not the default must come back, or the predictions change.
MODELS: dict[str, Callable[[], list[Layer]]] = {
    "recurrent": lambda: [
        Embedding(20, 4, mask_zero=True, input_length=12, embeddings_initializer="ones"),
        Bidirectional(LSTM(3, return_sequences=True, unit_forget_bias=False), "sum", name="both ways"),
        Bidirectional(GRU(3, "relu", "hard_sigmoid", return_sequences=True, go_backwards=True)),
        GRU(3, reset_after=False, return_sequences=True, go_backwards=True, dropout=0.1),
        GRU(2, use_bias=False, return_sequences=True, zero_output_for_mask=True, recurrent_initializer="he_normal"),
        SimpleRNN(3, "softsign", recurrent_dropout=0.2, bias_initializer="ones"),
        Dropout(0.25),
        Dense(2, use_bias=False),
        Activation("softmax"),
    ],
    "convolutional": lambda: [
        Embedding(20, 4, input_length=12),
        Conv1D(3, 3, padding="causal", dilation_rate=2, activation="elu", use_bias=False),
        Conv1D(4, 2, strides=2, padding="same"),
        MaxPooling1D(3, strides=1, padding="same"),
        Flatten(),
        Dense(3, "selu"),
    ],
    "all three": lambda: [Embedding(20, 4, mask_zero=True), ConcatPooling1D(), Dense(1, "sigmoid")],
    "mean": lambda: [Embedding(20, 4), GlobalAveragePooling1D(), Dense(1, "sigmoid")],
    "array code": lambda: [
        Embedding(20, 4, embeddings_regularizer="l1"),
        TimeDistributed(Dense(3, "tanh", kernel_regularizer=L1L2(0.1, 0.2))),
        LayerNormalization([1, 2], 0.1, beta_initializer="ones", gamma_regularizer="l2"),
        LayerNormalization(center=False),
        PReLU("ones", shared_axes=[1]),
        *(LeakyReLU(0.1), ELU(0.5), ReLU(2, 0.3, 0.1)),
        *(SpatialDropout1D(0.1), GaussianDropout(0.1), GaussianNoise(0.1), AlphaDropout(0.1)),
        Softmax(1),
        *(ZeroPadding1D((1, 2)), Cropping1D((2, 0)), UpSampling1D(3), AveragePooling1D(3, 2, "same")),
        *(Permute((2, 1)), Reshape((-1, 3)), Masking(0.5)),
        LSTM(2, kernel_regularizer=L2(0.1), recurrent_regularizer="l1", bias_regularizer=L1(0.3)),
        RepeatVector(2),
    ],
    "largest": lambda: [Embedding(20, 4), Conv1D(3, 2), LSTM(3, return_sequences=True), GlobalMaxPooling1D()],
}


def kinds(layers: list[Layer]) -> set[str]:
    return {type(layer).__name__ for layer in layers}


def built(layers: list[Any], dtype: str = "float32") -> Sequential:
    """A model whose every parameter has been moved away from its initial value."""
    model = Sequential(layers, backend="reference", dtype=dtype, seed=11, name="round trip")
    model.build((None, 12))
    model.flat_params += np.random.default_rng(1).normal(size=model.count_params()).astype(dtype) / 4
    return model


def test_every_kind_of_layer_is_saved_below() -> None:
    of_ones_own = {"RNN", "Lambda"}  # test_custom_objects.py, tests/layers/test_array_layers.py
    assert set().union(*(kinds(layers()) for layers in MODELS.values())) == set(LAYERS) - of_ones_own


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_comes_back(name: str, dtype: str, tmp_path: Path) -> None:
    model = built(MODELS[name](), dtype)
    model.metadata = {"words": ["the", "film"], "maxlen": 12, "share": 0.1, "nested": {"none": None}}
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", backend="reference")
    assert np.array_equal(loaded.predict(IDS), model.predict(IDS))
    assert [w.tobytes() for w in loaded.get_weights()] == [w.tobytes() for w in model.get_weights()]
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    for what in ("dtype", "seed", "name", "metadata", "input_shape", "output_shape"):
        assert getattr(loaded, what) == getattr(model, what)
    assert loaded.optimizer is None
    # Equal models make equal files.
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()


def test_a_compiled_model_comes_back_ready_to_train(tmp_path: Path) -> None:
    model = built(MODELS["mean"]())
    model.compile(SGD(0.125, momentum=0.5, clipnorm=2.0), "binary_crossentropy", ["acc"])
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", backend="reference")
    assert loaded.optimizer is not None and model.optimizer is not None and loaded.loss == model.loss
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    y = np.arange(9) % 2
    assert loaded.evaluate(IDS, y, verbose=0) == model.evaluate(IDS, y, verbose=0)
    assert loaded.train_on_batch(IDS, y) == model.train_on_batch(IDS, y)
    assert np.array_equal(loaded.flat_params, model.flat_params)


def test_a_file_that_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"a file of the user's")
    model = built(MODELS["mean"]())
    with pytest.raises(FileExistsError, match=r"model\.npz exists already; .* save\(\.\.\., overwrite=True\)"):
        model.save(path)
    assert path.read_bytes() == b"a file of the user's"
    model.save(path, overwrite=True)
    assert np.array_equal(load_model(path, backend="reference").flat_params, model.flat_params)
    assert list(tmp_path.iterdir()) == [path]


def test_metadata_that_no_file_can_hold_leaves_the_file_alone(tmp_path: Path) -> None:
    model = built(MODELS["mean"]())
    model.save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    model.metadata = {"when": object()}
    with pytest.raises(TypeError, match="'when'"):
        model.save(tmp_path / "model.npz", overwrite=True)
    assert (tmp_path / "model.npz").read_bytes() == before


# ---- refused on the way back


@pytest.mark.parametrize("wrap", [lambda layer: layer, Bidirectional], ids=["alone", "in Bidirectional"])
def test_an_activation_of_your_own_must_be_given_on_load(wrap: Callable[[Any], Layer], tmp_path: Path) -> None:
    half = Function("half", lambda a: a / 2, lambda dy, y: dy / 2)
    model = built([Embedding(20, 4), wrap(SimpleRNN(3, half))])
    expected = model.predict(IDS)
    with pytest.warns(UserWarning, match=r"will hold half by name only.*custom_objects=\{'half': \.\.\.\}"):
        model.save(tmp_path / "model.npz")
    with pytest.raises(
        StorageError, match=r"holds 'half', which is not one of scratchnn's own: load_model\(path, cust"
    ):
        load_model(tmp_path / "model.npz", backend="reference")
    loaded = load_model(tmp_path / "model.npz", backend="reference", custom_objects={"half": half})
    assert np.array_equal(loaded.predict(IDS), expected)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    built(MODELS["mean"]()).save(path)
    whole = path.read_bytes()
    spoilt = [whole[:size] for size in range(0, len(whole), 97)] + [whole + b"\0"]
    for place in range(0, len(whole), 41):
        spoilt.append(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
    for content in spoilt:
        path.write_bytes(content)
        with pytest.raises(StorageError, match=r"model\.npz"):
            load_model(path, backend="reference")
        with pytest.raises(StorageError, match=r"model\.npz"):
            load_checkpoint(path, backend="reference")


def with_layer(**changes: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, meta: meta["model"]["layers"][2].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, meta: arrays.update(params=arrays["params"][:1]),
        lambda arrays, meta: arrays.update(params=arrays["params"].astype("f8")),
        lambda arrays, meta: arrays.update(params=arrays["params"][None]),
        lambda arrays, meta: arrays.pop("params"),
        lambda arrays, meta: meta["model"].pop("layers"),
        lambda arrays, meta: meta["model"].update(dtype="int8"),
        lambda arrays, meta: meta["model"].update(input_shape=[None, 12, 4]),
        lambda arrays, meta: meta["model"]["compiled"].update(loss={"name": "huge"}),
        with_layer(**{"class": "Lambda"}),
        with_layer(config={"units": -1}),
        with_layer(config={"units": 1, "colour": "red"}),
    ],
    ids=[
        *("one parameter", "dtype", "shape", "no parameters", "no layers", "model dtype", "input", "loss", "class"),
        *("units", "argument"),
    ],
)
@pytest.mark.parametrize("kind", ["model", "checkpoint"])
def test_an_intact_file_that_makes_no_model_is_refused(change: Callable, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    model = built(MODELS["mean"]())
    model.compile("adam", "binary_crossentropy")
    model.train_on_batch(IDS, np.arange(9) % 2)
    load: Callable[..., Any]
    if kind == "model":
        load = load_model
        model.save(path)
    else:
        load = load_checkpoint
        save_checkpoint(model, Progress(), path)
    load(path, backend="reference")
    arrays, meta = container.read(path)
    change(arrays, meta)
    container.write(path, arrays, meta)
    with pytest.raises(StorageError, match=r"file\.npz"):
        load(path, backend="reference")


def nested(depth: int) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(arrays: dict[str, Any], meta: dict[str, Any]) -> None:
        for _ in range(depth):
            layers = meta["model"]["layers"]
            layers[2] = {"class": "TimeDistributed", "config": {"name": "deep", "layer": layers[2]}}

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    {
        "embedding": (
            lambda arrays, meta: meta["model"]["layers"][0]["config"].update(input_dim=10**9, output_dim=10**3),
            "more parameters than there are numbers for",
        ),
        "units": (with_layer(config={"units": 4 * 10**8}), "more parameters than there are numbers for"),
        "layers": (lambda arrays, meta: meta["model"]["layers"].extend([{}] * 10_000), "10,003 layers, and at most"),
        "nesting": (nested(90), ""),
        "thresholds": (
            lambda arrays, meta: meta["model"]["compiled"].update(
                metrics=[{"name": "auc", "num_thresholds": 10**10}], weighted_metrics=None
            ),
            "",
        ),
    }.values(),
    ids=["embedding", "units", "layers", "nesting", "thresholds"],
)
def test_a_small_file_takes_little_memory(change: Callable, said: str, tmp_path: Path) -> None:
    """What a description asks for is compared with the numbers that are there before anything is allocated."""
    path = tmp_path / "file.npz"
    model = built(MODELS["mean"]())
    model.compile("adam", "binary_crossentropy")
    model.save(path)
    arrays, meta = container.read(path)
    change(arrays, meta)
    container.write(path, arrays, meta)
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match=rf"file\.npz.*{said}"):
            load_model(path, backend="reference")
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


def test_parameters_are_taken_and_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.npz"
    model = built(MODELS["mean"]())
    model.save(path)
    monkeypatch.setattr(RandomUniform, "draw", None)
    loaded = load_model(path, backend="reference")
    assert np.array_equal(loaded.flat_params, model.flat_params)


def test_a_model_of_a_backend_that_is_not_there_is_read_for_the_cpu(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    model = built(MODELS["mean"]())
    model.save(path)
    arrays, meta = container.read(path)
    meta["model"]["backend"] = "gpu"
    container.write(path, arrays, meta)
    if availability.problem() is None:
        pytest.skip("the GPU is there")
    with pytest.warns(UserWarning, match="was saved on the backend 'gpu', which cannot be used here .*read for 'cpu'"):
        assert load_model(path).backend.name == "cpu"
    with pytest.raises(ImportError, match="gpu"):
        load_model(path, backend="gpu")


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(tmp_path: Path) -> None:
    model = built(MODELS["mean"]())
    model.compile("adam", "binary_crossentropy")
    model.train_on_batch(IDS, np.arange(9) % 2)
    model.save(tmp_path / "model.npz")
    save_checkpoint(model, Progress(), tmp_path / "checkpoint.npz")
    with pytest.raises(StorageError, match="holds no scratchnn checkpoint, but 'model'"):
        load_checkpoint(tmp_path / "model.npz", backend="reference")
    with pytest.raises(StorageError, match="holds no scratchnn model, but 'checkpoint'"):
        load_model(tmp_path / "checkpoint.npz", backend="reference")
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "absent.npz")


def test_load_weights_brings_back_a_model_with_an_activation_of_ones_own(tmp_path: Path) -> None:
    cube = Function("cube", lambda a: a**3, lambda dy, y: dy * 3 * np.cbrt(y) ** 2)

    def make(seed: int, units: int = 4) -> Sequential:
        model = Sequential([Dense(units, activation=cube), Dense(1)], backend="reference", seed=seed)
        model.build((None, 3))
        return model

    saved, other = make(1), make(2)
    with pytest.warns(UserWarning, match="cube"):
        saved.save(tmp_path / "cube.npz")
    other.load_weights(tmp_path / "cube.npz")
    assert all(map(np.array_equal, other.get_weights(), saved.get_weights()))
    wider = make(3, units=5)
    before = wider.get_weights()
    with pytest.raises(StorageError, match=r"holds weights of shapes \[\[3, 4\].*expected \[\[3, 5\]"):
        wider.load_weights(tmp_path / "cube.npz")
    assert all(map(np.array_equal, wider.get_weights(), before))
