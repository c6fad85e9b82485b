"""What no step may do, on any backend: tests for classes that name theirs. Numbers are planted: no BLAS adds them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, initializers, optimizers
from scratchnn.callbacks import Callback
from scratchnn.layers import LSTM, Dense, Dropout, Embedding, Flatten, Layer
from scratchnn.training.diagnosis import LARGEST
from scratchnn.training.progress import NonFiniteError, Progress
from tests.gpu.training import everything_of

X, Y = np.ones((8, 3)), np.zeros((8, 3))
IDS = np.random.default_rng(0).integers(0, 20, (20, 6))
LABELS = IDS[:, 0] > 9
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
# Momentum and the like, and everything that must be as it was after a refusal.
RULES = {
    "sgd": lambda: optimizers.SGD(1.0, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    "adam": lambda: optimizers.Adam(0.1),
    "adamw": lambda: optimizers.AdamW(0.1),
}


class Planted(Layer):
    """A planted gradient of W for each step, whatever y is; the last one for all that come after."""

    def __init__(self, *gradients: Any) -> None:
        super().__init__()
        self.gradients = [np.broadcast_to(gradient, 3) for gradient in gradients]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def parameter_shapes(self, input_shape: Any) -> dict[str, Any]:
        return {"W": ((3,), initializers.get("zeros"))}

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> tuple[Any, Any]:
        return 0 * x, None

    def backward(self, dy: Any, cache: Any) -> tuple[Any, Any]:
        step = min(self.model().optimizer.iterations, len(self.gradients) - 1)
        return None, {"W": self.backend.array(self.gradients[step], self.dtype)}


@dataclass(eq=False)
class Faltering(optimizers.Adam):
    """Adam whose step of a given number is far too large, if the kind of failure is a weight's.

    It counts as one of ours: with the user's own no step is taken twice (see undoing.py).
    """

    __module__ = optimizers.__name__
    name = "faltering"
    kind: str = "weight"
    step_number: int = 0

    def update(self, w: Any, g: Any) -> None:
        super().update(w, g)
        if self.kind == "weight" and self.iterations == self.step_number:
            w *= 1e20


class Watching(Callback):
    """Keeps everything that a step changes, as it was after each."""

    def __init__(self) -> None:
        self.after: list[list[bytes]] = []

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        model: Any = self.model
        self.after.append(everything_of(model))


def limits(dtype: Any) -> tuple[Any, Any]:
    """The largest number that is allowed, and the next one."""
    near = dtype(LARGEST)
    return (near, np.nextafter(near, dtype(np.inf))) if near <= LARGEST else (np.nextafter(near, dtype(0)), near)


class StepLimit:
    """Its subclasses name the backend."""

    backend: str

    def planted(self, optimizer: Any, gradients: Sequence[Any], dtype: Any = np.float32) -> Sequential:
        model = Sequential([Planted(*gradients)], backend=self.backend, dtype=dtype, seed=0)
        model.build((None, 3))
        model.compile(optimizer, "mse")
        model.ready_optimizer()
        return model

    def refusal(
        self, model: Sequential, x: Any = X, y: Any = Y, callbacks: Sequence[Callback] = (), progress: Any = None
    ) -> str:
        with pytest.raises(NonFiniteError) as caught:
            model.fit(x, y, 2, epochs=3, verbose=0, callbacks=callbacks, progress=progress)
        return str(caught.value)

    # ---- where the limit lies

    @DTYPES
    def test_a_gradient_at_the_limit_acts_and_the_next_number_does_not(self, dtype: Any) -> None:
        allowed, refused = limits(dtype)
        # All three numbers at the limit: it is the largest that counts, not the norm.
        self.planted(optimizers.SGD(1e-15), [allowed, -allowed], dtype).fit(X, Y, 2, verbose=0)
        told = self.refusal(self.planted(optimizers.SGD(1e-15), [1, [0, -refused, 1]], dtype))
        assert told == (
            "a gradient of 1e+15, above 1e+15, at step 2 of epoch 1: the gradient of W of Planted 'planted' is the "
            "first in the backward pass. Try a smaller learning rate, or clipping with global_clipnorm=1.0"
        )

    @DTYPES
    def test_a_weight_at_the_limit_is_made_and_the_next_number_is_not(self, dtype: Any) -> None:
        allowed, refused = limits(dtype)
        model = self.planted(optimizers.SGD(float(allowed)), [1, 0], dtype)
        model.fit(X, Y, 2, verbose=0)
        assert (model.get_weights()[0] == -allowed).all()
        told = self.refusal(self.planted(optimizers.SGD(float(refused)), [0, [0, -1, 0]], dtype))
        assert told == (
            "step 2 of epoch 1 would bring parameter W of Planted 'planted' to 1e+15, above 1e+15. "
            "Try a smaller learning rate, or clipping with global_clipnorm=1.0"
        )

    def test_a_weight_that_would_come_back_is_refused_all_the_same(self) -> None:
        told = self.refusal(self.planted(optimizers.SGD(10.0), [0, 5e14, -5e14, 0]))
        assert "step 2 of epoch 1 would bring parameter W of Planted 'planted' to 5e+15" in told

    @pytest.mark.parametrize("none", [np.nan, np.inf])
    @pytest.mark.parametrize("clipping", [{}, {"clipvalue": 1.0}, {"global_clipnorm": 1.0}])
    def test_no_number_is_refused_clipped_or_not(self, none: float, clipping: dict[str, Any]) -> None:
        told = self.refusal(self.planted(optimizers.get({"name": "sgd", **clipping}), [1, [0, none, 0]]))
        assert "a non-finite gradient at step 2 of epoch 1: the gradient of W" in told

    @pytest.mark.parametrize("clipping", ["clipnorm", "clipvalue", "global_clipnorm"])
    def test_what_clipping_makes_small_may_act(self, clipping: str) -> None:
        model = self.planted(optimizers.get({"name": "sgd", clipping: 1.0}), [[0, 1e18, 0], 0])
        model.fit(X, Y, 2, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], [0, -0.01, 0], rtol=1e-6)

    # ---- what a refusal leaves behind

    @pytest.mark.parametrize("watched", [False, True])
    @pytest.mark.parametrize("kind", ["gradient", "weight"])
    @pytest.mark.parametrize("rule", RULES)
    def test_a_refused_step_has_not_acted(self, rule: str, kind: str, watched: bool) -> None:
        """Parameters, slots and the count of steps are those after the last good step, to the bit."""
        good = self.planted(RULES[rule](), [0.5, -1.5, 1.0])
        watching = Watching()
        good.fit(X[:6], Y[:6], 2, verbose=0, callbacks=[watching])
        fourth = 3e30 if kind == "gradient" else 0.25
        model, progress = self.planted(RULES[rule](), [0.5, -1.5, 1.0, fourth]), Progress()

        class Faster(Callback):  # between two epochs, so that nobody need watch
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                if epoch == 1 and kind == "weight":
                    assert model.optimizer is not None
                    model.optimizer.learning_rate = 1e18

        callbacks = [Faster(), Watching()] if watched else [Faster()]
        told = self.refusal(model, X[:6], Y[:6], callbacks=callbacks, progress=progress)
        assert "step 1 of epoch 2" in told
        assert everything_of(model) == watching.after[-1]
        assert (progress.epoch, progress.step) == (1, 0)

    @pytest.mark.parametrize("step", [7, 115])
    @pytest.mark.parametrize("kind", ["loss", "gradient", "weight"])
    def test_the_way_back_leads_to_the_step_that_failed(self, kind: str, step: int) -> None:
        """Nobody copied the model right before it, unless somebody listens: earlier steps are taken once more."""
        ends = []
        for callbacks in ([], [Watching()]):
            layers = [Embedding(20, 4), LSTM(5, dropout=0.2, recurrent_dropout=0.2), Dropout(0.3), Dense(1)]
            model = Sequential(layers, backend=self.backend, seed=2)
            model.build((None, 6))
            model.compile(Faltering(kind=kind, step_number=step), "mse", ["mae"])
            x, y, progress = np.resize(IDS, (240, 6)), np.resize(LABELS, 240).astype(float), Progress()
            y[2 * step] += {"loss": 1e30, "gradient": 1e17, "weight": 0.0}[kind]
            with pytest.raises(NonFiniteError) as caught:
                model.fit(x, y, 2, verbose=0, shuffle=False, callbacks=callbacks, progress=progress)
            ends.append(
                [str(caught.value), everything_of(model), progress.step, progress.seen, progress.loss, progress.counts]
            )
        assert ends[0] == ends[1]
        assert f"step {step + 1} of epoch 1" in ends[0][0]
        assert ends[0][2:4] == [step, 2 * step]

    def test_one_step_alone_is_refused_too(self) -> None:
        model = self.planted(optimizers.Adam(1e20), [1.0])
        before = everything_of(model)
        with pytest.raises(NonFiniteError, match="step 1 of epoch 1 would bring parameter W"):
            model.train_on_batch(X, Y)
        assert everything_of(model) == before

    # ---- what people do

    @DTYPES
    @pytest.mark.parametrize("seed", range(3))
    def test_a_learning_rate_of_1e30_is_refused_at_the_first_step(self, seed: int, dtype: Any) -> None:
        layers = [Embedding(20, 4), Flatten(), Dense(4, "tanh"), Dense(1, "sigmoid")]
        model = Sequential(layers, backend=self.backend, dtype=dtype, seed=seed)
        model.build((None, 6))
        model.compile(optimizers.SGD(1e30), "mse")
        before = model.get_weights()
        assert "step 1 of epoch 1 would bring parameter E of Embedding" in self.refusal(model, IDS, LABELS)
        np.testing.assert_equal(model.get_weights(), before)

    @DTYPES
    def test_a_learning_rate_of_1000_ends_at_the_same_step_everywhere(self, dtype: Any) -> None:
        x = np.random.default_rng(1).normal(size=(40, 3))
        model = Sequential([Dense(1, name="only")], backend=self.backend, dtype=dtype, seed=0)
        model.build((None, 3))
        model.compile(optimizers.SGD(1000.0), "mse")
        progress = Progress()
        told = self.refusal(model, x, x.sum(axis=1), progress=progress)
        assert re.match(r"step 5 of epoch 1 would bring parameter W of Dense 'only' to \S+, above 1e\+15", told)
        assert (progress.epoch, progress.step) == (0, 4)

    @DTYPES
    def test_adam_is_refused_a_gradient_of_3e30(self, dtype: Any) -> None:
        """In float32 its square is infinite, and Adam would stand still for ever, without a word."""
        model = self.planted(optimizers.Adam(), [3e30], dtype)
        before = everything_of(model)
        assert self.refusal(model).startswith("a gradient of 3e+30, above 1e+15, at step 1 of epoch 1: the gradient of")
        assert everything_of(model) == before
