"""`RNN(cell)`: a cell of the user's own is walked, checked, saved and trained like the built-in ones."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.reference.lstm import LSTMCell

from examples import min_gru
from examples.min_gru import MinGRU
from examples.peephole_lstm import PeepholeLSTM
from scratchnn import Sequential, load_model
from scratchnn.activations import sigmoid, tanh
from scratchnn.core.files.container import StorageError
from scratchnn.gradients import check
from scratchnn.layers import LSTM, RNN, Bidirectional, Cell, Dense, Embedding
from scratchnn.optimizers import SGD, RMSprop

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3))
MASK = np.array([[True, True, False, True], [False, True, True, True]])
IDS = RNG.integers(0, 20, (64, 6))
LABELS = (IDS[:, -1] > 9).astype(int)
CELLS = [PeepholeLSTM, MinGRU]


class PlainLSTM(Cell):
    """The cell of the LSTM, as a user might write it."""

    state_size, gates = (5, 5), 4
    cell = LSTMCell(tanh, sigmoid)

    def forward(self, ax: Any, ah: Any, state: Any) -> Any:
        return self.cell.forward(ax, ah, state)

    def backward(self, dafter: Any, state: Any, after: Any, saved: Any) -> Any:
        return self.cell.backward(dafter, state, after, saved)


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.3, "recurrent_dropout": 0.2}, {"go_backwards": True}], ids=str)
def test_the_cell_of_the_lstm_gives_the_lstm(settings: dict[str, Any]) -> None:
    options: dict[str, Any] = {"return_sequences": True, "return_state": True, **settings}
    layers = RNN(PlainLSTM(), **options), LSTM(5, unit_forget_bias=False, **options)
    dy = (RNG.normal(size=(2, 4, 5)), RNG.normal(size=(2, 5)), None)
    results = []
    for layer in layers:
        layer.build((None, 4, 3), backend="reference", dtype=np.float64, seed=3)
        rng = np.random.default_rng(1)
        outputs, cache = layer.forward(X, mask=MASK, training=True, rng=rng)
        dx, grads = layer.backward(dy, cache)
        results.append([*outputs, dx, *(grads[name] for name in ("Wx", "Wh", "b"))])
    for ours, theirs in zip(*results, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("settings", [{}, {"return_sequences": True, "return_state": True}, {"dropout": 0.3}], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_the_gradients_of_the_examples_are_right(cell: Any, settings: dict[str, bool], mask: Any) -> None:
    layer = RNN(cell(5), **settings)
    states = [RNG.normal(size=(2, 5)) for _ in layer.state_names]
    errors = check(layer, X, mask=mask, initial_state=states, training=True)
    assert all(error.ok for error in errors), "\n".join(map(str, errors))
    assert len(errors) == 1 + len(layer.params) + len(states)


@pytest.mark.parametrize("cell", CELLS)
def test_an_example_is_a_file_of_sixty_lines(cell: Any) -> None:
    assert len(Path(inspect.getfile(cell)).read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize(
    ("cell", "count"), [(PeepholeLSTM, 4 * (3 * 5 + 5 * 5 + 5) + 3 * 5), (MinGRU, 2 * (3 * 5 + 5))]
)
def test_parameters_are_counted_and_keep_their_order(cell: Any, count: int) -> None:
    layer = RNN(cell(5))
    layer.build((None, 4, 3), backend="reference")
    assert layer.count_params() == count
    clone = layer.clone()
    clone.build((None, 4, 3), backend="reference", seed=1)
    clone.set_weights(layer.get_weights())
    assert np.array_equal(clone(X), layer(X))
    assert clone.get_config() == layer.get_config()
    assert layer.describe() == f"{cell.__name__}, 5 units"


def test_mingru_by_a_scan_is_mingru_by_a_loop() -> None:
    T, B, H = 37, 3, 5
    layer = RNN(MinGRU(H), return_sequences=True, use_bias=False)
    layer.build((None, T, 2 * H), backend="reference", dtype=np.float64)
    layer.params["Wx"][...] = np.eye(2 * H)  # so that ax is x
    ax, dy = RNG.normal(size=(T, B, 2 * H)), RNG.normal(size=(T, B, H))
    y, cache = layer.forward(ax.swapaxes(0, 1))
    dx, _ = layer.backward(dy.swapaxes(0, 1), cache)
    ax_z, ax_g = np.split(ax, 2, axis=-1)
    h, z = min_gru.forward(ax_z, ax_g)
    np.testing.assert_allclose(h, y.swapaxes(0, 1), rtol=1e-12, atol=1e-12)
    dax = np.concatenate(min_gru.backward(dy, h, z, ax_g), axis=-1)
    np.testing.assert_allclose(dax, dx.swapaxes(0, 1), rtol=1e-12, atol=1e-12)


# ---- in a model


def model_of(*layers: Any) -> Sequential:
    model = Sequential([Embedding(20, 4, mask_zero=True), *layers, Dense(1, "sigmoid")], backend="reference", seed=1)
    model.compile("adam", "binary_crossentropy")
    model.fit(IDS, LABELS, epochs=3, verbose=0)
    return model


@pytest.mark.parametrize("wrap", [RNN, lambda cell: Bidirectional(RNN(cell))], ids=["alone", "both ways"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_model_with_an_own_cell_trains_and_comes_back(cell: Any, wrap: Any, tmp_path: Path) -> None:
    model = model_of(wrap(cell(3)))
    name = cell.__name__
    with pytest.warns(UserWarning, match=rf"will hold {name} by name only.*custom_objects=\{{'{name}': \.\.\.\}}"):
        model.save(tmp_path / "model.npz")
    with pytest.raises(StorageError, match=rf"holds '{name}', which is not .* custom_objects=\{{'{name}': \.\.\.\}}"):
        load_model(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={name: cell})
    assert np.array_equal(loaded.predict(IDS), model.predict(IDS))
    for each in (model, loaded):  # the optimizer of the loaded one starts anew, so both get a new one
        each.compile(SGD(0.1), "binary_crossentropy")
        each.fit(IDS, LABELS, verbose=0)
    assert np.array_equal(loaded.predict(IDS), model.predict(IDS))


def test_training_lowers_the_loss() -> None:
    for cell in CELLS:
        model = Sequential([Embedding(20, 4), RNN(cell(4)), Dense(1, "sigmoid")], backend="reference", seed=0)
        model.compile(RMSprop(0.02), "binary_crossentropy")
        losses = model.fit(IDS, LABELS, batch_size=8, epochs=15, verbose=0).history["loss"]
        assert losses[-1] < 0.7 * losses[0]


def test_a_class_derived_from_ours_does_not_come_back_as_ours(tmp_path: Path) -> None:
    class Slow(SGD):
        """Inherits the name "sgd"."""

    class MyDense(Dense):
        pass

    model = Sequential([MyDense(2), Dense(1)], backend="reference")
    model.compile(Slow(0.5), "mse")
    model.build((None, 3))
    with pytest.warns(UserWarning, match="will hold MyDense, Slow by name only"):
        model.save(tmp_path / "model.npz")
    with pytest.raises(StorageError, match="holds 'MyDense'"):
        load_model(tmp_path / "model.npz", custom_objects={"Slow": Slow})
    with pytest.raises(StorageError, match="holds 'Slow'"):
        load_model(tmp_path / "model.npz", custom_objects={"MyDense": MyDense})
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Slow": Slow, "MyDense": MyDense})
    assert (type(loaded.layers[0]), type(loaded.optimizer)) == (MyDense, Slow)
    assert loaded.optimizer is not None and loaded.optimizer.learning_rate == 0.5
