"""`trainable`: what is frozen does not move, the rest moves as in Keras, and nobody pays for the frozen part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Cell,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.optimizers import SGD, Adam, AdamW, RMSprop
from scratchnn.report.diagram import rows_of
from scratchnn.training.progress import NonFiniteError, Progress
from tests.models.own_things import Mix, Slow

RNG = np.random.default_rng(7)
X, Y = RNG.integers(0, 12, (6, 5)), RNG.normal(size=(6, 1)).astype("float32")
SHAPES = [(12, 4), (4, 12), (3, 12), (12,), (3, 2), (2,), (2, 1), (1,)]
WEIGHTS = [RNG.normal(size=shape).astype("float32") * np.float32(0.5) for shape in SHAPES]
BACKENDS = ["reference", "cpu"]
LAYER_OF = (0, 1, 1, 1, 2, 2, 3, 3)  # of each weight


def a_model(optimizer: Any = "sgd", *, frozen: Sequence[int] = (), **settings: Any) -> Sequential:
    layers = [Embedding(12, 4), LSTM(3), Dense(2, "tanh"), Dense(1)]
    model = Sequential([Input((5,)), *layers], **{"backend": "reference", "seed": 1} | settings)
    model.set_weights(WEIGHTS)
    for i in frozen:
        model.layers[i].trainable = False
    model.compile(optimizer, "mse")
    return model


def moved(model: Sequential, train: Any = None) -> list[int]:
    """The layers whose weights an epoch changes."""
    before = model.get_weights()
    (train or (lambda: model.fit(X, Y, verbose=0)))()
    changed = [not np.array_equal(*each) for each in zip(before, model.get_weights(), strict=True)]
    return sorted({layer for layer, each in zip(LAYER_OF, changed, strict=True) if each})


# ---- the numbers, beside Keras'

# Keras 3.15.1: Sequential([Input((5,)), Embedding(12, 4), LSTM(3), Dense(2, "tanh"), Dense(1)]) with WEIGHTS set, these
# layers frozen, compile(optimizer, "mse"), ten times train_on_batch(X, Y): the losses of steps 1, 5 and 10, and the sum
# of every weight after them. On TensorFlow, where Adam updates embeddings in another way: one is frozen there.
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: SGD(0.1),
    "global": lambda: SGD(0.1, global_clipnorm=0.05),
    "clipnorm": lambda: SGD(0.1, clipnorm=0.05),
    "decay": lambda: SGD(0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda: Adam(0.02),
}
KERAS = """
0   sgd      1.0787542 0.8490774 0.8283978  -2.88298 -1.98789 -3.65028 -1.51360 -1.23187 0.16859 -0.62473 -0.95195
0   global   1.0787542 1.0556340 1.0283729  -2.88298 -1.97075 -3.64959 -1.43135 -1.18472 -0.01721 -0.62614 -0.64998
0   clipnorm 1.0787542 1.0369031 0.9903075  -2.88298 -1.96830 -3.64782 -1.48337 -1.23697 0.01509 -0.63294 -0.65805
0   decay    1.0787542 0.8895342 0.8188651  -2.88298 -1.86068 -3.31200 -1.47164 -1.16378 0.22554 -0.07842 -0.84050
0   adam     1.0787542 0.9017684 0.7949982  -2.88298 -1.85306 -4.95138 -0.91684 -1.96358 0.33014 -0.69717 -0.78942
1   sgd      1.0787542 0.8496506 0.8273993  -2.82797 -1.97104 -3.64953 -1.42093 -1.22949 0.17160 -0.62501 -0.95764
0,1 sgd      1.0787542 0.8531565 0.8332711  -2.88298 -1.97104 -3.64953 -1.42093 -1.22289 0.17333 -0.61640 -0.96104
0,2 sgd      1.0787542 0.8624458 0.8304241  -2.88298 -1.98423 -3.64975 -1.52329 -1.18123 -0.04226 -0.60145 -1.01556
0,2 global   1.0787542 1.0580498 1.0334426  -2.88298 -1.97070 -3.64959 -1.43253 -1.18123 -0.04226 -0.62572 -0.65496
0,2 clipnorm 1.0787542 1.0481249 1.0126966  -2.88298 -1.96700 -3.64749 -1.48386 -1.18123 -0.04226 -0.62799 -0.65805
0,2 decay    1.0787542 0.8597994 0.8193111  -2.88298 -1.85960 -3.31195 -1.49903 -1.18123 -0.04226 -0.34229 -0.97122
0,2 adam     1.0787542 0.9404195 0.8321117  -2.88298 -1.62885 -4.52407 -0.96687 -1.18123 -0.04226 -0.65396 -0.79865
2   sgd      1.0787542 0.8589827 0.8251212  -2.82589 -1.98552 -3.64839 -1.52053 -1.18123 -0.04226 -0.61060 -1.01239
3   sgd      1.0787542 0.9609242 0.8820671  -2.77564 -1.97192 -3.64233 -1.59558 -1.28000 0.39559 -0.62558 -0.60805
-   sgd      1.0787542 0.8455829 0.8224978  -2.83037 -1.98945 -3.64887 -1.51016 -1.23823 0.16661 -0.63301 -0.94846
"""
ROWS = [line.split() for line in KERAS.strip().splitlines()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row[:2]) for row in ROWS])
def test_ten_steps_are_those_of_keras(row: list[str], backend: str) -> None:
    frozen = [int(i) for i in row[0].split(",") if i != "-"]
    model = a_model(OPTIMIZERS[row[1]](), frozen=frozen, backend=backend)
    found = [model.train_on_batch(X, Y) for _ in range(10)]
    rtol = 3e-6 if row[1] == "adam" else 1e-6  # Keras rounds Adam's constants to float32
    np.testing.assert_allclose(found[::9] + found[4:5], np.array([row[2], row[4], row[3]], float), rtol=rtol)
    sums = [weight.sum(dtype=np.float64) for weight in model.get_weights()]
    np.testing.assert_allclose(sums, np.array(row[5:], float), rtol=0, atol=2e-5)
    for layer, weight, start in zip(LAYER_OF, model.get_weights(), WEIGHTS, strict=True):
        assert np.array_equal(weight, start) == (layer in frozen)


# ---- every layer

STACK: dict[str, Any] = {
    "convolutional": lambda: [
        Embedding(12, 4), Conv1D(3, 2), MaxPooling1D(2), GlobalMaxPooling1D(), Dense(2), Activation("tanh"),
    ],
    "recurrent": lambda: [
        Embedding(12, 4), GRU(3, return_sequences=True), SimpleRNN(3, return_sequences=True), Dropout(0.5),
        Bidirectional(LSTM(2)), Dense(2),
    ],
    "cell": lambda: [Embedding(12, 4), RNN(Mix(3), return_sequences=True), GlobalAveragePooling1D(), Dense(2)],
}  # fmt: skip


def gradients_of_the_loss(model: Sequential) -> dict[str, np.ndarray]:
    return gradients(model, dy=lambda y: 2 * (y - Y) / len(Y))[1]


def gradients(model: Sequential, dy: Any = np.cos, **options: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """dx, and the gradient of every trained parameter by layer and name."""
    y, caches = model.forward(X, training=True)
    dx, grads = model.backward(dy(y), caches, **options)
    names = [f"{i} {name}" for i, names in enumerate(model.trained) for name in names]
    return dx, {name: grads[segment].copy() for name, segment in zip(names, model.segments, strict=True)}


@pytest.mark.parametrize("stack", STACK)
@pytest.mark.parametrize("backend", BACKENDS)
def test_freezing_changes_no_other_gradient_by_a_bit(stack: str, backend: str) -> None:
    if stack == "cell" and backend != "reference":
        return
    model = Sequential([Input((5,)), *STACK[stack]()], backend=backend, seed=3)
    _, whole = gradients(model)
    assert len(whole) == sum(len(layer.params) for layer in model.layers)
    with_params = [i for i, layer in enumerate(model.layers) if layer.params]
    for frozen in [*([i] for i in with_params), with_params[:-1], with_params[1:], with_params]:
        model.trainable = True
        for i in frozen:
            model.layers[i].trainable = False
        _, rest = gradients(model)
        assert set(rest) == {name for name in whole if int(name.split()[0]) not in frozen}
        assert all(np.array_equal(gradient, whole[name]) for name, gradient in rest.items())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1, momentum=0.5, nesterov=True), RMSprop(weight_decay=0.1), AdamW(clipvalue=1e-3), Slow(0.1)],
    ids=repr,
)
def test_what_is_frozen_does_not_move_by_a_bit(optimizer: Any, backend: str) -> None:
    for frozen in ([0], [1], [3], [0, 1, 2]):
        model = a_model(
            type(optimizer)(**{k: v for k, v in optimizer.get_config().items() if k not in ("name", "custom")}),
            frozen=frozen,
            backend=backend,
        )
        assert moved(model) == [i for i in range(4) if i not in frozen]


def test_the_backward_pass_ends_at_the_lowest_layer_that_is_trained() -> None:
    def unexpected(dy: Any, cache: Any) -> Any:
        raise AssertionError("a frozen layer with nothing to train below")

    model = a_model(frozen=[0, 1])
    for layer in model.layers[:2]:
        layer.backward = unexpected
    assert moved(model) == [2, 3]

    x = RNG.normal(size=(4, 3)).astype("float32")
    model = Sequential([Input((3,)), Dense(4), Dense(2)], backend="reference", seed=0)
    y, caches = model.forward(x)
    whole, _ = model.backward(np.cos(y), caches)
    model.layers[0].trainable = False
    assert model.backward(np.cos(y), caches)[0] is None
    assert np.array_equal(model.backward(np.cos(y), caches, down_to_x=True)[0], whole)


def test_dropout_in_a_frozen_model_still_drops() -> None:
    """As in Keras: `trainable` is about weights, `training` about dropout."""
    model = Sequential([Input((8,)), Dense(20), Dropout(0.5), Dense(1)], backend="reference", seed=0)
    x = RNG.normal(size=(3, 8)).astype("float32")
    before = model.forward(x, training=True)[0]
    model.layers[0].trainable = model.layers[1].trainable = False
    assert np.array_equal(model.forward(x, training=True)[0], before)
    assert not np.array_equal(model.forward(x)[0], before)


def test_a_frozen_part_counts_in_no_norm_and_no_limit() -> None:
    model, part = a_model(SGD(0.0001)), a_model(SGD(0.0001), frozen=[0, 1])
    norms = [each.fit(X, Y, verbose=0).records[0]["gradient_norm"] for each in (model, part)]
    squares = {name: float((gradient**2).sum()) for name, gradient in gradients_of_the_loss(a_model()).items()}
    assert norms[0] == pytest.approx(math.sqrt(sum(squares.values())), rel=1e-6)
    assert norms[1] == pytest.approx(math.sqrt(sum(n for name, n in squares.items() if name[0] in "23")), rel=1e-6)
    assert part.optimizer is not None and part.optimizer.size == part.flat_grads.size == 11

    # x of 1e17, which a tiny kernel brings back to 1: its own gradient would be 1e17 times the others.
    x = np.full((4, 1), 1e17, "float32")
    for frozen in (False, True):
        big = Sequential([Input((1,)), Dense(1, use_bias=False), Dense(1)], backend="reference", seed=0)
        big.layers[0].trainable = not frozen
        big.layers[0].set_weights([[[1e-17]]])
        big.compile(SGD(0.1), "mse")
        if frozen:
            assert math.isfinite(big.fit(x, np.zeros((4, 1)), verbose=0).history["loss"][0])
        else:
            with pytest.raises(NonFiniteError, match="gradient"):
                big.fit(x, np.zeros((4, 1)), verbose=0)


# ---- when it acts


@pytest.mark.parametrize(
    "train", [lambda m: m.fit(X, Y, verbose=0), lambda m: m.train_on_batch(X, Y)], ids=["fit", "batch"]
)
def test_it_acts_from_the_first_step_after_compile(train: Any) -> None:
    model = a_model("adam")
    model.layers[0].trainable = False  # Keras too: what is trainable is looked up at the first step
    assert moved(model, lambda: train(model)) == [1, 2, 3]
    model.layers[1].trainable = False
    with pytest.raises(RuntimeError, match="compile"):  # Keras goes on with what was trainable before, and says nothing
        train(model)
    model.layers[1].trainable = True
    assert moved(model, lambda: train(model)) == [1, 2, 3]
    assert model.optimizer is not None and model.optimizer.iterations == 2
    model.layers[1].trainable = False
    model.compile("adam", "mse")
    assert moved(model, lambda: train(model)) == [2, 3]
    model.trainable = True
    model.compile("adam", "mse")
    assert moved(model, lambda: train(model)) == [0, 1, 2, 3]


def test_an_optimizer_goes_on_with_fewer_variables_but_not_with_more() -> None:
    """As in Keras, where the second compile keeps iterations and slots, and the third one's fit is an error."""
    optimizer = Adam(0.02)
    model = a_model(optimizer)
    model.fit(X, Y, verbose=0)
    before = {name: np.split(slot, np.cumsum([48, 96])) for name, slot in optimizer.slots.items()}
    model.layers[1].trainable = False
    model.compile(optimizer, "mse")
    model.ready_optimizer()
    for name, slot in optimizer.slots.items():
        assert np.array_equal(slot, np.concatenate([before[name][0], before[name][2]]))
    assert moved(model) == [0, 2, 3]
    assert optimizer.iterations == 2
    model.trainable = True
    model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match=r"without lstm/Wx, lstm/Wh, lstm/b.*new optimizer"):
        model.fit(X, Y, verbose=0)


def test_a_callback_cannot_freeze_what_is_being_trained() -> None:
    from scratchnn.callbacks import Callback

    class Freeze(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.layers[0].trainable = batch != 1

    model, whole = a_model("adam"), a_model("adam")
    progress = Progress()
    with pytest.raises(RuntimeError, match="compile"):
        model.fit(X, Y, batch_size=2, shuffle=False, verbose=0, callbacks=[Freeze()], progress=progress)
    assert progress.step == 2
    for rows in (slice(0, 2), slice(2, 4)):
        whole.train_on_batch(X[rows], Y[rows])
    assert all(map(np.array_equal, model.get_weights(), whole.get_weights()))


def test_a_model_with_everything_frozen_does_not_learn_and_says_so() -> None:
    model = a_model("adam", frozen=range(4))
    with pytest.warns(UserWarning, match="nothing in this model is trainable"):
        assert moved(model) == []
    assert moved(model) == []  # warned of once
    loss = model.evaluate(X, Y, verbose=0)
    assert model.fit(X, Y, epochs=2, verbose=0).history["loss"] == pytest.approx([loss, loss])


def test_freezing_another_model_disturbs_none() -> None:
    model, other = a_model(), a_model()
    model.fit(X, Y, verbose=0)
    other.trainable = False
    assert moved(model) == [0, 1, 2, 3]


# ---- the tree of flags


def test_a_model_sets_all_its_layers() -> None:
    model = a_model()
    model.trainable = False
    assert [layer.trainable for layer in model.layers] == [False] * 4 and model.trainable_weights == []
    model.layers[2].trainable = True  # inside of a frozen model: Keras trains nothing either
    assert model.trainable_weights == [] and len(model.non_trainable_weights) == 8
    assert model.count_trainable() == 0
    model.trainable = True
    assert all(layer.trainable for layer in model.layers) and len(model.trainable_weights) == 8
    inputs = Input((3,))
    for frozen in (Sequential([inputs, Dense(2)], trainable=False), Model(inputs, Dense(2)(inputs), trainable=False)):
        assert frozen.trainable_weights == [] and frozen.layers[0].trainable
        frozen.trainable = True
        assert len(frozen.trainable_weights) == 2


def test_what_is_inside_of_a_layer() -> None:
    both = Bidirectional(LSTM(2))
    both.trainable = False
    assert not both.forward_layer.trainable and not both.backward_layer.trainable
    inner = Bidirectional(LSTM(2, trainable=False))  # as in Keras: the wrapper is trainable, and has nothing to train
    inner.build((None, 5, 3))
    assert inner.trainable and inner.trainable_weights == [] and inner.trainable_names() == []
    one = Bidirectional(LSTM(2))
    one.build((None, 5, 3))
    one.forward_layer.trainable = False
    assert one.trainable_names() == ["backward.Wx", "backward.Wh", "backward.b"]
    assert [weight.trainable for weight in one.weights] == [False] * 3 + [True] * 3
    for layer in (RNN(Mix(3)), RNN(Mix(3), trainable=False)):
        layer.build((None, 5, 3), backend="reference")
        layer.trainable = False
        assert not layer.cell.trainable and layer.trainable_names() == []
        layer.trainable = True
        assert layer.cell.trainable and len(layer.trainable_names()) == 4
        layer.cell.trainable = False  # in Keras all weights are the cell's
        assert layer.trainable and layer.trainable_names() == []


def test_a_cell_may_be_a_frozen_dataclass() -> None:
    @dataclass(frozen=True)
    class Plain(Cell):
        state_size: int = 2

    layer = RNN(Plain())
    layer.trainable = False
    assert not layer.cell.trainable and layer.trainable_state() == [False, [False]]


ALL: list[Any] = [
    lambda **s: Embedding(5, 2, **s), lambda **s: SimpleRNN(2, **s), lambda **s: LSTM(2, **s), lambda **s: GRU(2, **s),
    lambda **s: RNN(Mix(2), **s), lambda **s: Bidirectional(LSTM(2), **s), lambda **s: Conv1D(2, 2, **s),
    lambda **s: MaxPooling1D(2, **s), GlobalMaxPooling1D, GlobalAveragePooling1D, lambda **s: Dense(2, **s),
    lambda **s: Dropout(0.5, **s), Flatten, lambda **s: Activation("tanh", **s),
]  # fmt: skip


@pytest.mark.parametrize("make", ALL, ids=lambda make: type(make()).__name__)
def test_every_layer_takes_it(make: Any) -> None:
    assert make().trainable and "trainable" not in make().get_config()
    layer = make(trainable=False)
    assert not layer.trainable and layer.get_config()["trainable"] is False
    assert not layer.clone().trainable and "trainable" not in layer.in_file()["config"]
    layer.trainable = 1  # as Keras' setter
    assert layer.trainable is True


# ---- what is shown


def test_summary_and_diagram_tell_what_is_frozen() -> None:
    # Keras prints these three lines for the same model.
    model = Sequential([Input((6,)), Embedding(20, 4), LSTM(3), Dense(1)])
    model.layers[0].trainable = False
    words: list[str] = []
    model.summary(print_fn=words.append)
    assert words[-1].splitlines()[-4:-1] == [
        " Total params: 180 (720.00 B)",
        " Trainable params: 100 (400.00 B)",
        " Non-trainable params: 80 (320.00 B)",
    ]
    assert model.count_params() == 180 and model.layers[0].count_params() == 80
    assert [row.detail.endswith(", frozen") for row in rows_of(model)] == [True, False, False]
    model.trainable = False
    model.summary(print_fn=words.append)
    assert words[-1].splitlines()[-3:-1] == [
        " Trainable params: 0 (0.00 B)",
        " Non-trainable params: 180 (720.00 B)",
    ]
    half = Sequential([Input((6, 2)), Bidirectional(LSTM(3))])
    half.layers[0].backward_layer.trainable = False
    assert rows_of(half)[0].detail.endswith(", partly frozen")


def test_weights_as_keras_lists_them() -> None:
    model = Sequential([Input((6,)), Embedding(20, 4), GRU(3, return_sequences=True), Bidirectional(LSTM(2)), Dense(1)])
    names = [
        "embeddings",
        "kernel",
        "recurrent_kernel",
        "bias",
        *["kernel", "recurrent_kernel", "bias"] * 2,
        "kernel",
        "bias",
    ]
    assert [weight.name for weight in model.weights] == names
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in model.get_weights()]
    model.layers[1].trainable = False
    # Layer by layer, whatever is frozen, as in Keras.
    assert [weight.shape for weight in model.get_weights()][:4] == [(20, 4), (4, 9), (3, 9), (2, 9)]
    assert [weight.name for weight in model.trainable_weights] == names[:1] + names[4:]
    assert [weight.name for weight in model.non_trainable_weights] == names[1:4]
    assert [weight.name for weight in model.trainable_variables] == names[:1] + names[4:]
    assert len(model.layers[0].trainable_variables) == 1 and model.layers[1].trainable_variables == []
    assert [weight.trainable for weight in model.layers[1].weights] == [False] * 3
    assert Dense(3).weights == Dense(3).trainable_weights == []

    bias = model.layers[1].weights[2]
    bias.assign(np.ones((2, 9)))
    assert (model.layers[1].params["bh"] == 1).all() and np.array_equal(np.asarray(bias), bias.numpy())
    assert len(bias) == 2 and bias.dtype == "float32" and "bias" in repr(bias)
    with pytest.raises(ValueError, match="expects weights of shapes"):
        bias.assign(np.ones(9))
    with pytest.raises(AttributeError):
        bias.trainable = False  # pyright: ignore[reportAttributeAccessIssue]


def test_a_parameter_is_written_into_and_not_replaced() -> None:
    """Training, and a file, would not know of another array in its place."""
    model = Sequential([Input((3,)), Dense(2)], seed=1)
    with pytest.raises(TypeError, match="does not support item assignment"):
        model.layers[0].params["W"] = np.zeros((3, 2), np.float32)  # type: ignore[index]
    model.layers[0].params["W"][...] = 0
    assert not model.flat_params[:6].any()
