"""Frozen parts in files: every flag comes back, and every parameter, whatever was frozen when it was written."""

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, load_model
from scratchnn.core.files.container import StorageError
from scratchnn.layers import LSTM, RNN, Bidirectional, Dense, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import Progress
from tests.models.own_things import Mix, Scale
from tests.models.test_copies import WAYS

RNG = np.random.default_rng(7)
X, Y = RNG.integers(0, 12, (6, 5)), RNG.normal(size=(6, 1)).astype("float32")


class Own(Scale):
    """A layer whose constructor knows nothing of `trainable`, with a parameter; it returns all gradients always."""

    def __init__(self, k: Any = 2.0, name: str | None = None) -> None:
        super().__init__(k, name=name)

    def parameter_shapes(self, input_shape: Any) -> Any:
        from scratchnn import initializers

        return {"s": ((input_shape[-1],), initializers.get("ones"))}

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
        x = self.as_input(x)
        return self.params["s"] * x, x

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy * self.params["s"], {"s": (dy * cache).sum(axis=0)}


def a_model(**settings: Any) -> Sequential:
    layers = [Embedding(12, 4), RNN(Mix(3), return_sequences=True), Bidirectional(LSTM(2)), Own(), Dense(1)]
    model = Sequential([Input((5,)), *layers], backend="reference", seed=1, **settings)
    model.compile("adam", "mse")
    return model


def written(model: Sequential, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes of one's own
        model.save(path)
    return load_model(path, custom_objects={"Mix": Mix, "Own": Own})


def freeze(*parts: Any) -> None:
    for part in parts:
        part.trainable = False


def freeze_the_model_alone(model: Any) -> None:
    model.trainable = False
    model.layers[4].trainable = True


FLAGS: dict[str, Any] = {
    "nothing": lambda model: None,
    "the first": lambda model: freeze(model.layers[0]),
    "one direction": lambda model: freeze(model.layers[2].backward_layer),
    "a cell": lambda model: freeze(model.layers[1].cell),
    "an own layer": lambda model: freeze(model.layers[3]),
    "all but one": lambda model: freeze(*model.layers[:4]),
    "the model, but not its layers": freeze_the_model_alone,
}


@pytest.mark.parametrize("flags", FLAGS)
def test_all_flags_come_back(flags: str, tmp_path: Path) -> None:
    model = a_model()
    FLAGS[flags](model)
    loaded = written(model, tmp_path / "model.npz")
    assert loaded.trainable_state() == model.trainable_state()
    assert [w.trainable for w in loaded.weights] == [w.trainable for w in model.weights]
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    assert loaded.get_config() == model.get_config()
    assert loaded.count_trainable() == model.count_trainable()


@pytest.mark.parametrize("flags", ["the first", "one direction", "a cell", "an own layer", "all but one"])
def test_training_goes_on_from_a_checkpoint_to_the_same_bits(flags: str, tmp_path: Path) -> None:
    model = a_model()
    FLAGS[flags](model)
    model.compile("adam", "mse")
    progress = Progress()
    model.fit(X, Y, epochs=2, verbose=0, progress=progress)
    save_checkpoint(model, progress, tmp_path / "checkpoint.npz")
    resumed, where = load_checkpoint(tmp_path / "checkpoint.npz", custom_objects={"Mix": Mix, "Own": Own})
    for each, at in ((model, progress), (resumed, where)):
        each.fit(X, Y, epochs=4, verbose=0, progress=at)
    assert all(map(np.array_equal, resumed.get_weights(), model.get_weights()))


def test_no_checkpoint_between_a_change_and_compile(tmp_path: Path) -> None:
    model = a_model()
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    with pytest.raises(ValueError, match="`trainable` was changed"):
        save_checkpoint(model, Progress(), tmp_path / "checkpoint.npz")
    assert written(model, tmp_path / "model.npz").layers[0].trainable is False


def test_save_says_that_it_leaves_out_the_optimizer_after_a_change(tmp_path: Path) -> None:
    model = Sequential([Input((5,)), Embedding(12, 4), LSTM(2), Dense(1)], backend="reference", seed=1)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="will not hold the state of Adam, because `trainable` was changed"):
        model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert not loaded.has_ready_optimizer and loaded.count_trainable() == model.count_trainable() < model.count_params()
    before = loaded.get_weights()
    loaded.fit(X, Y, verbose=0)
    assert [np.array_equal(*each) for each in zip(before, loaded.get_weights(), strict=True)] == [True, *[False] * 5]


def test_what_is_frozen_after_loading_acts_at_once_and_keeps_the_other_slots(tmp_path: Path) -> None:
    model = Sequential([Input((5,)), Embedding(12, 4), LSTM(2), Dense(1)], backend="reference", seed=1)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    for each in (model, loaded):
        each.layers[0].trainable = False
    with pytest.raises(RuntimeError, match="compile"):
        model.fit(X, Y, verbose=0)
    model.compile(model.optimizer, "mse")
    assert loaded.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_between_a_change_and_compile_waits_for_compile_too(way: Any) -> None:
    model = Sequential([Input((5,)), Embedding(12, 4), LSTM(2), Dense(1)], backend="reference", seed=1)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    other = way(model)
    for each in (model, other):
        with pytest.raises(RuntimeError, match="compile"):
            each.fit(X, Y, verbose=0)
        each.compile(each.optimizer, "mse")
    assert other.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


def test_a_loaded_layer_with_given_weights_can_move_to_another_backend(tmp_path: Path) -> None:
    """The file has its weights, not the matrix that it began with."""
    matrix = RNG.normal(size=(12, 4)).astype("float32")
    Sequential([Input((5,)), Embedding(12, 4, weights=[matrix])], backend="reference").save(tmp_path / "model.npz")
    layer = copy.deepcopy(load_model(tmp_path / "model.npz").layers[0])
    other = Sequential([Input((5,)), layer, LSTM(2)], backend="cpu", dtype="float64")
    assert np.array_equal(other.get_weights()[0], matrix)


def test_given_states_get_their_gradient_through_frozen_layers() -> None:
    layers = [LSTM(3, return_sequences=True, name="low"), Dense(2)]
    model = Sequential([Input((4, 2)), *layers], backend="reference", dtype="float64", seed=1)
    x, states = RNG.normal(size=(2, 4, 2)), {"low": [RNG.normal(size=(2, 3)) for _ in range(2)]}
    y, caches = model.forward(x, initial_state=states)
    dx, _, whole = model.backward(np.cos(y), caches)
    model.layers[0].trainable = False
    got, grads, begin = model.backward(np.cos(y), caches)
    assert all(map(np.array_equal, begin["low"], whole["low"])) and np.array_equal(got, dx) and grads.size == 8


def test_a_file_of_an_earlier_version_has_nothing_frozen(tmp_path: Path) -> None:
    from scratchnn.core.files import container

    model = Sequential([Input((5,)), Embedding(12, 4), LSTM(2)], backend="reference")
    model.save(tmp_path / "new.npz")
    arrays, meta = container.read(tmp_path / "new.npz")
    del meta["model"]["trainable"]
    container.write(tmp_path / "old.npz", arrays, {"kind": "model", "model": meta["model"]})
    assert load_model(tmp_path / "old.npz").count_trainable() == model.count_params()
    for wrong in ("no", [True], [True, [True], [1]], [True, [True], [True], [True]], None, {}):
        container.write(tmp_path / "bad.npz", arrays, {"kind": "model", "model": meta["model"] | {"trainable": wrong}})
        with pytest.raises(StorageError, match="trainable"):
            load_model(tmp_path / "bad.npz")


def test_parameters_are_in_the_order_of_the_layers_whatever_is_frozen(tmp_path: Path) -> None:
    model, other = a_model(), a_model()
    model.layers[1].trainable = False
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert np.array_equal(
        model.flat_params, np.concatenate([p.ravel() for layer in model.layers for p in layer.params.values()])
    )
    with pytest.raises(ValueError, match="read-only"):
        model.flat_params[0] = 1
    model.save_weights(tmp_path / "weights.npz")
    other.layers[2].trainable = False
    other.load_weights(tmp_path / "weights.npz")
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "model.npz")
    other.set_weights([0 * weight for weight in other.get_weights()])
    other.load_weights(tmp_path / "model.npz")
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


def test_files_of_weights(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(2)], backend="reference")
    path = tmp_path / "weights.npz"
    model.save_weights(path)
    model.save_weights(path)  # as Keras' save_weights, it replaces unless told otherwise
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(path, overwrite=False)
    with pytest.raises(
        StorageError, match=r"holds weights of shapes \[\[3, 2\], \[2\]\], expected \[\[3, 4\], \[4\]\]"
    ):
        Sequential([Input((3,)), Dense(4)], backend="reference").load_weights(path)
    with pytest.raises(StorageError, match="holds no scratchnn model, but 'weights'"):
        load_model(path)
    for name in ("w.weights.h5", "w.keras"):
        with pytest.raises(ValueError, match=r"save_weights: .* scratchnn writes its own, an .npz: name it 'w.npz'"):
            model.save_weights(tmp_path / name)
