"""What metrics, losses, layers and callbacks of the user's own may do while a model is trained."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, losses, metrics, optimizers
from scratchnn.callbacks import Callback, CallbackList, EarlyStopping, ModelCheckpoint
from scratchnn.core.randomness import Keys
from scratchnn.layers import GRU, Bidirectional, Cell, Dense, Dropout, Embedding, Flatten, Lambda, Layer
from scratchnn.training.progress import Progress
from scratchnn.utils import PyDataset

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)


class Listening(Callback):
    """With it the outcome of every step is read at once."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


def made(given: Any = None, *, backend: str = "cpu", loss: Any = "binary_crossentropy") -> Sequential:
    model = Sequential([Input((4,)), Dense(1, activation="sigmoid")], seed=1, backend=backend)
    model.compile("sgd", loss, metrics=given)
    return model


# ---- metrics


@pytest.mark.parametrize("callbacks", [[], [Listening()]], ids=["alone", "watched"])
def test_a_metric_sees_the_model_of_its_step(callbacks: list[Callback]) -> None:
    model = made()

    def steps_taken(y_true: Any, y_pred: Any) -> Any:
        assert model.optimizer is not None
        return np.full(len(y_true), float(model.optimizer.iterations))

    model.compile("sgd", "binary_crossentropy", metrics=[steps_taken])
    history = model.fit(X, Y, batch_size=2, callbacks=callbacks, verbose=0).history
    assert history["steps_taken"] == [np.mean(np.arange(1, 21))]


def test_a_metric_may_end_training_after_its_step() -> None:
    class Seventh(metrics.Metric):
        def __init__(self, name: str = "seventh") -> None:
            super().__init__(name=name)
            self.calls = self.add_variable()

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.calls.assign_add(1.0)
            model.stop_training = float(self.calls) >= 7

        def result(self) -> Any:
            return self.calls

    model = made([Seventh()])
    model.fit(X, Y, batch_size=2, verbose=0)
    assert model.optimizer is not None and model.optimizer.iterations == 7


def test_a_metric_may_write_into_its_arguments() -> None:
    def hinge_of_labels(y_true: Any, y_pred: Any) -> Any:
        y_true[y_true == 0] = -1
        y_pred[...] = np.maximum(1 - y_true * y_pred, 0)
        return y_pred[:, 0]

    settings: dict[str, Any] = {"epochs": 3, "validation_data": (X, Y), "verbose": 0}
    plain = made(["mse"]).fit(X, Y, **settings).history
    other = made([hinge_of_labels, "mse"]).fit(X, Y, **settings).history
    assert {key: other[key] for key in plain} == plain
    assert other["val_hinge_of_labels"][0] > 0 and set(Y.ravel()) == {0, 1}


def test_a_metric_derived_from_a_cross_entropy_counts_by_itself() -> None:
    class OfChance(metrics.BinaryCrossentropy):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(y_true, y_pred * 0 + 0.5, sample_weight)

    found = made([OfChance(name="chance")]).evaluate(X, Y, return_dict=True, verbose=0)
    assert isinstance(found, dict) and found["chance"] == pytest.approx(np.log(2))  # Keras: 0.6931472


# ---- losses and layers


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_loss_may_write_into_its_arguments(backend: str) -> None:
    class Hinge(losses.Loss):
        def values(self, y: Any, target: Any) -> Any:
            target *= 2
            target -= 1
            return np.maximum(1 - target * y, 0)

        def gradient(self, y: Any, target: Any) -> Any:
            signs = 2 * target - 1
            return np.where(1 - signs * y > 0, -signs, 0)

    before = Y.copy()
    values = made(loss=Hinge(), backend=backend).fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    expected = made(loss="hinge", backend=backend).fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    np.testing.assert_allclose(values["val_loss"], expected["val_loss"], rtol=1e-5)
    assert (before == Y).all()


class Negative(Layer):
    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
        x *= -1
        return x, None

    def backward(self, dy: Any, cache: Any) -> Any:
        return -dy, {}


@pytest.mark.parametrize(
    "layer",
    [Negative, lambda: Lambda(lambda x: np.negative(x, out=x), backward=lambda dy, x: -dy)],
    ids=["layer", "Lambda"],
)
def test_a_layer_may_write_into_x(layer: Callable[[], Any]) -> None:
    """It does not reach the user's arrays, nor what the layer before it keeps for its backward pass."""
    for before in ([], [Dense(4, "tanh")], [Flatten()]):
        model = Sequential([Input((4,)), *before, layer(), Dense(1, "sigmoid")], seed=1)
        model.compile("sgd", "mse")
        pure = Lambda(lambda x: -x, backward=lambda dy, x: -dy)
        other = Sequential([Input((4,)), *(each.clone() for each in before), pure, Dense(1, "sigmoid")], seed=1)
        other.set_weights(model.get_weights())
        other.compile("sgd", "mse")
        x = X.copy()
        for each in (model, other):
            each.fit(x, Y, epochs=2, verbose=0, shuffle=False)
        assert (x == X).all()
        np.testing.assert_array_equal(model.predict(x), model.predict(x))
        for ours, expected in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


def test_a_layer_whose_settings_are_unknown_trains() -> None:
    class Nameless(Negative):
        def get_config(self) -> Any:
            raise NotImplementedError

    model = Sequential([Input((4,)), Nameless(), Dense(1)])
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).history["loss"][0] > 0


def test_a_layer_draws_no_mask_of_the_next_layer() -> None:
    keys = Keys(1, epoch=0, step=0, layer=0)
    drawn = [tuple(keys.next()) for _ in range(16)]
    assert len(set(drawn)) == 16 and tuple(Keys(1, epoch=0, step=0, layer=1).next()) not in drawn
    with pytest.raises(RuntimeError, match="at most 16 masks"):
        keys.next()


# ---- callbacks


class Changes(Callback):
    """Sets an attribute of a layer before the third step."""

    def __init__(self, layer: int, name: str, value: Any) -> None:
        self.layer, self.attribute, self.value = layer, name, value

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            setattr(self.model.layers[self.layer], self.attribute, self.value)


@pytest.mark.parametrize(
    ("layers", "change"),
    [
        ([Dense(1, "sigmoid")], (0, "activation", "linear")),
        ([Dense(1, "linear")], (0, "activation", "sigmoid")),
        ([Dense(1, "sigmoid"), Dropout(0.0)], (1, "rate", 0.5)),
        ([Dense(1, "sigmoid"), Dropout(0.5)], (1, "rate", 0.0)),
    ],
    ids=lambda value: str(value[-2:]) if isinstance(value, tuple) else "",
)
def test_a_layer_changed_between_two_steps_is_changed_for_the_loss_too(layers: list[Layer], change: Any) -> None:
    ends = []
    for _ in range(2):
        model = Sequential([Input((4,)), *(layer.clone() for layer in layers)], seed=1)
        model.compile("sgd", "binary_crossentropy", metrics=["mse"])
        ends.append(model)
    ends[0].fit(X[:16], np.abs(Y[:16]), batch_size=4, shuffle=False, verbose=0, callbacks=[Changes(*change)])
    for step in range(4):
        if step == 2:
            setattr(ends[1].layers[change[0]], *change[1:])
        ends[1].train_on_batch(X[4 * step : 4 * step + 4], Y[4 * step : 4 * step + 4])
    for ours, expected in zip(ends[0].get_weights(), ends[1].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_fit_between_two_steps_of_fit_is_refused() -> None:
    class Fits(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.fit(X, Y, verbose=0)

    class FitsLater(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.fit(X, Y, verbose=0)

    model = made()
    with pytest.raises(RuntimeError, match="between two steps of another fit"):
        model.fit(X, Y, callbacks=[Fits()], verbose=0)
    model.fit(X, Y, callbacks=[FitsLater()], verbose=0)


# ---- data and the optimizer


@pytest.mark.parametrize("change", [1, -1])
def test_a_dataset_may_have_another_length_in_each_epoch(change: int) -> None:
    class Changing(PyDataset):
        n = 4

        def __len__(self) -> int:
            return self.n

        def __getitem__(self, index: int) -> Any:
            assert index < self.n
            return X[index : index + 2], Y[index : index + 2]

        def on_epoch_end(self) -> None:
            self.n += change

    model = made()
    model.fit(Changing(), epochs=3, verbose=0)
    assert model.optimizer is not None
    assert model.optimizer.iterations == 3 * 4 + 3 * change  # as in Keras


def test_an_epoch_goes_on_with_what_it_was_begun_with() -> None:
    class Stops(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 3:
                raise KeyboardInterrupt

    model, progress = made(["mse"]), Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, 4, verbose=0, progress=progress, callbacks=[Stops()])
    assert progress.step == 4
    with pytest.raises(ValueError, match="begun with 10 batches; going on with 5"):
        model.fit(X[:20], Y[:20], 4, verbose=0, progress=progress)
    model.compile(model.optimizer, "binary_crossentropy", metrics=["mae"])
    with pytest.raises(ValueError, match=r"begun with the metrics \['mse'\], and would end with \['mae'\]"):
        model.fit(X, Y, 4, verbose=0, progress=progress)
    model.compile(model.optimizer, "binary_crossentropy", metrics=["mse"])
    model.fit(X, Y, 4, verbose=0, progress=progress)
    assert progress.epoch == 1 and model.optimizer is not None and model.optimizer.iterations == 10


@pytest.mark.parametrize("wrap", [lambda layer: layer, Bidirectional], ids=["GRU", "Bidirectional"])
def test_the_biases_of_a_gru_are_clipped_as_one_variable(wrap: Any) -> None:
    """Keras: the bias, of shape (2, 3H), is one variable, and moves by 0.01; as two it would by 0.01 √2."""
    model = Sequential([Input((5, 3)), wrap(GRU(2))], seed=1)
    model.compile(optimizers.SGD(1.0, clipnorm=0.01), "mse")
    before = model.get_weights()
    shape = (8, *model.output_shape[1:])
    model.train_on_batch(rng.normal(size=(8, 5, 3)), 9 * rng.normal(size=shape))
    moved = [np.linalg.norm(new - old) for new, old in zip(model.get_weights(), before, strict=True)]
    np.testing.assert_allclose(moved, 0.01, rtol=1e-4)


def test_a_model_with_another_layer_says_that_its_optimizer_begins_again() -> None:
    model = Sequential([Embedding(20, 3), Flatten()])
    model.build((None, 4))
    model.compile("adam", "mse")
    ids = rng.integers(0, 20, (8, 4))
    model.fit(ids, rng.normal(size=(8, 12)), verbose=0)
    model.add(Dense(1))
    with pytest.warns(UserWarning, match="other layers than when its optimizer took its first 1 steps"):
        model.fit(ids, rng.normal(size=(8, 1)), verbose=0)


# ---- Keras' methods that nothing calls


@pytest.mark.parametrize(
    ("base", "method", "instead"),
    [
        (losses.Loss, "call", "define values"),
        (losses.BinaryCrossentropy, "call", "define values"),
        (losses.MeanSquaredError, "__call__", "define values"),
        (optimizers.SGD, "apply_gradients", "define update"),
        (optimizers.Adam, "update_step", "define update"),
        (optimizers.Optimizer, "apply", "define update"),
        (EarlyStopping, "get_monitor_value", "derive from Callback"),
        (ModelCheckpoint, "get_monitor_value", "derive from Callback"),
    ],
)
def test_a_method_that_would_never_be_called_is_refused(base: type, method: str, instead: str) -> None:
    with pytest.raises(TypeError, match=f"Mine.{method} would never be called: .*{instead}"):
        type("Mine", (base,), {method: lambda self, *args: None, "__module__": __name__})


def test_a_list_of_callbacks_of_ones_own_is_refused() -> None:
    class Mine(CallbackList):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise AssertionError

    with pytest.raises(TypeError, match="Mine, derived from CallbackList, would not be called"):
        made().fit(X, Y, callbacks=Mine([]), verbose=0)


def test_a_dataset_says_how_many_batches_it_has() -> None:
    class Three(PyDataset):
        num_batches = 3  # as in Keras, an attribute or a property

        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> Any:
            return X[index : index + 2], Y[index : index + 2]

    model = made()
    model.fit(Three(), epochs=3, verbose=0)
    assert model.optimizer is not None and model.optimizer.iterations == 9
    assert len(model.predict(Three())) == 6


def test_metric_objects_hold_what_was_counted() -> None:
    """As in Keras, whose callbacks read them: of the last epoch, and of its validation where there is some."""

    accuracy, auc = metrics.BinaryAccuracy(), metrics.AUC(name="auc")
    model = made([accuracy, "mse", auc])
    history = model.fit(X[:30], Y[:30], epochs=2, validation_data=(X[30:], Y[30:]), verbose=0).history
    assert [accuracy.result(), auc.result()] == [
        history["val_binary_accuracy"][-1], history["val_auc"][-1]
    ]  # fmt: skip
    history = model.fit(X[:30], Y[:30], verbose=0).history
    assert [accuracy.result(), auc.result()] == [history["binary_accuracy"][-1], history["auc"][-1]]
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert isinstance(found, dict)
    assert [accuracy.result(), auc.result()] == [found["binary_accuracy"], found["auc"]]


class Calls:
    """A mixin, in which Keras' method is not seen where the class is written."""

    def call(self, *args: Any) -> Any:
        raise AssertionError


@pytest.mark.parametrize("base", [Layer, Dense, Sequential, losses.Loss, Cell])
def test_a_method_that_would_never_be_called_is_refused_in_a_mixin_too(base: type) -> None:
    with pytest.raises(TypeError, match=r"Mine\.call would never be called"):
        type("Mine", (Calls, base), {"__module__": __name__})
