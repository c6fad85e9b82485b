"""Layers of one's own that come from Keras: what would never be called is refused where the class is written."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.initializers import Initializer
from scratchnn.layers import LSTM, Cell, Dense, Embedding, Layer, LeakyReLU


def with_call() -> None:
    class Double(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2


def with_call_of_a_layer_of_ours() -> None:
    class Noisy(Dense):
        def call(self, inputs: Any, training: bool | None = None) -> Any:
            return inputs


def cell_with_call() -> None:
    class Minimal(Cell):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            return inputs, [inputs]


def with_keras_build() -> None:
    class Scaled(Layer):
        def build(self, input_shape: Any) -> None:  # type: ignore[override]
            self.scale = 1.0


def with_forward_of_x_alone() -> None:
    class Double(Layer):
        def forward(self, x: Any) -> Any:  # type: ignore[override]
            return x * 2, None


def initializer_with_keras_call() -> None:
    class Sevens(Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:  # type: ignore[override]
            return np.full(shape, 7.0)


@pytest.mark.parametrize(
    ("define", "message"),
    [
        (initializer_with_keras_call, r"Sevens\.__call__ takes no generator, .* write draw\(self, shape, generator\)"),
        (with_call, r"Double\.call would never be called: write forward and backward, .*; docs/extending\.md"),
        (with_call_of_a_layer_of_ours, r"Noisy\.call would never be called: write forward and backward"),
        (cell_with_call, r"Minimal\.call would never be called: write forward and backward"),
        (with_keras_build, r"Scaled\.build does not take backend, dtype, seed, index, .* parameter_shapes\(self, inp"),
        (with_forward_of_x_alone, r"Double\.forward does not take mask, training, rng, .* write def forward\(self, x"),
    ],
)
def test_methods_of_keras_are_refused_where_the_class_is_written(define: Callable[[], None], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        define()


class Forgetful(Layer):
    def __init__(self, units: int) -> None:
        self.units = units

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)


class ForgetfulDense(Dense):
    def __init__(self, units: int) -> None:
        self.units = units


class ForgetfulModel(Model):
    def __init__(self) -> None:
        self.dense = Dense(3)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: Forgetful(3)(Input((2,))), r"^Forgetful\.__init__ must call super\(\)\.__init__\(\), which sets"),
        (lambda: Forgetful(3)(np.ones((1, 2))), r"^Forgetful\.__init__ must call super\(\)\.__init__\(\), which sets"),
        (lambda: Sequential([Input((2,)), Forgetful(3)]), r"^Forgetful\.__init__ must call super\(\)\.__init__\(\)"),
        (lambda: Sequential([ForgetfulDense(3)]), r"^ForgetfulDense\.__init__ must call super\(\)\.__init__\(\)"),
        (lambda: repr(ForgetfulDense(3)), r"^ForgetfulDense\.__init__ must call super\(\)\.__init__\(\)"),
        (lambda: ForgetfulModel().predict(np.ones((1, 2))), r"^ForgetfulModel\.__init__ must call super\(\)\.__init_"),
    ],
)
def test_a_constructor_that_forgets_its_base_is_told(use: Callable[[], Any], message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        use()


class Bare(Layer):
    pass


@pytest.mark.parametrize(
    ("use", "method"),
    [
        (lambda layer: layer(Input((2,))), "compute_output_shape(self, input_shape)"),
        (lambda layer: layer.forward(np.ones((1, 2))), "forward(self, x, *, mask=None, training=False, rng=None)"),
        (lambda layer: layer.backward(np.ones((1, 2)), None), "backward(self, dy, cache)"),
    ],
)
def test_what_a_layer_must_define_is_named(use: Callable[[Layer], Any], method: str) -> None:
    with pytest.raises(NotImplementedError, match=re.escape(f"Bare must define {method}; docs/extending.md")):
        use(Bare())


@pytest.mark.parametrize("layer", [Bare(), LeakyReLU()], ids=["own", "ours"])
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("add_weight", "name it in parameter_shapes"),
        ("add_loss", "derive a regularizer"),
        ("call", r"layer\(x\) gives the output"),
        ("input", "read input_shape and output_shape; for the outputs of layer k"),
        ("output", "read input_shape and output_shape; for the outputs of layer k"),
    ],
)
def test_what_keras_layers_have_says_what_to_use(layer: Layer, name: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}': {advice}"):
        getattr(layer, name)


# ---- the outputs of a layer in the middle


def of_a_layer_in_another_model() -> Any:
    inputs = Input((3,))
    hidden = Dense(2)(inputs)
    return Model(inputs, Dense(1)(hidden)), Model(inputs, hidden)


MODEL = Sequential([Input((4,)), Embedding(5, 3, mask_zero=True), LSTM(2, return_sequences=True), LSTM(3), Dense(1)])


@pytest.mark.parametrize(
    "ask",
    [
        of_a_layer_in_another_model,
        *(lambda name=name: getattr(MODEL.layers[1], name) for name in ("input", "output")),
        *(lambda name=name: getattr(MODEL, name) for name in ("input", "output", "inputs", "outputs")),
    ],
)
def test_the_way_to_the_outputs_of_a_layer_is_named_and_works(ask: Callable[[], Any]) -> None:
    with pytest.raises((AttributeError, ValueError)) as refused:
        ask()
    (lines,) = re.findall("for the outputs of layer k of a trained model: (.*)", str(refused.value))
    x = np.array([[1, 2, 0, 0], [3, 4, 1, 0]])
    for k in range(len(MODEL.layers)):
        names: dict[str, Any] = {"Sequential": Sequential, "Input": Input, "model": MODEL, "k": k, "x": x}
        *lines_before, last = lines.split("; ")
        exec("\n".join(lines_before), names)
        y, mask = x, None
        for layer in MODEL.layers[: k + 1]:
            y, mask = layer.forward(y, mask=mask)[0], layer.compute_mask(y, mask)
        np.testing.assert_array_equal(eval(last, names), y)
