"""Setting an attribute acts, or is refused: nothing is taken that nobody reads."""

import copy
from functools import partial
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, losses, metrics
from scratchnn.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from scratchnn.core.attributes import attributes_of
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from scratchnn.training.progress import Clock

RNG = np.random.default_rng(2)


def model() -> Sequential:
    made = Sequential([Input((3,)), Dense(4, name="first"), Dropout(0.5, name="drops"), Dense(1, name="last")], seed=0)
    made.compile("adam", "mse")
    return made


# ---- what nobody reads


def _metric(kind: Any) -> Any:
    return kind(*(0.5 for each in ("At",) if each in kind.__name__))


MADE: dict[str, Any] = {
    "a layer": lambda: Dense(3),
    "a built layer": lambda: model().layers[0],
    "a recurrent layer": lambda: LSTM(3),
    "Bidirectional": lambda: Bidirectional(GRU(2)),
    "a layer without parameters": Flatten,
    "a model": model,
    "an optimizer": Adam,
    "a callback": lambda: EarlyStopping(),
    "the base of callbacks": Callback,
    **{f"the metric {kind.__name__}": partial(_metric, kind) for kind in metrics._KINDS},
    "the metric Mean": metrics.Mean,
    "the metric accuracy": lambda: metrics.get("accuracy"),
    "the metric of a loss": lambda: metrics.get(losses.Huber()),
    "the metric of a function": lambda: metrics.MeanMetricWrapper(metrics.top_k_categorical_accuracy, k=3),
}


@pytest.mark.parametrize("what", MADE)
def test_a_name_that_is_not_there_cannot_be_set(what: str) -> None:
    thing = MADE[what]()
    with pytest.raises(AttributeError, match=rf"{type(thing).__name__} has no attribute 'nonsense', so that nothing"):
        thing.nonsense = 3
    assert not hasattr(thing, "nonsense")
    thing._mine = 3  # an underscore is nobody's business


@pytest.mark.parametrize(
    ("thing", "name", "message"),
    [
        (Adam(), "lr", "Adam has no attribute 'lr': its name is learning_rate"),
        (SGD(), "decay", "SGD has no attribute 'decay': it made the learning rate fall, and was no weight_decay"),
        (SGD(), "momentun", r"did you mean 'momentum'\?"),
        (Adam(), "momentum", "Adam has no attribute 'momentum'"),
        (Adam(), "use_ema", "'use_ema': no running mean of the weights is kept"),
        (Dropout(0.5), "raet", r"did you mean 'rate'\?"),
        (LeakyReLU(0.1), "alpha", "LeakyReLU has no attribute 'alpha': its name is negative_slope"),
        (Dense(3), "weights", "'weights': call set_weights"),
        (Dense(3), "kernel_constraint", "'kernel_constraint': there are no constraints"),
        (SimpleRNN(3), "recurrent_activation", "SimpleRNN has no attribute 'recurrent_activation'"),
        (model(), "optimizr", r"did you mean 'optimizer'\?"),
        (model(), "run_eagerly", "'run_eagerly': each backend compiles what it needs"),
        (model(), "metrics", r"'metrics': compile\(optimizer, loss, metrics="),
        (Callback(), "on_epoch_finish", "has no attribute 'on_epoch_finish'"),
        (metrics.AUC(), "num_threshold", r"AUC has no attribute 'num_threshold', .* did you mean 'num_thresholds'\?"),
        (
            metrics.AUC(),
            "num_thresholds",
            r"num_thresholds is fixed when the metric is made: AUC\(num_thresholds=",
        ),
        (metrics.Precision(), "thresholds", "Precision: thresholds is fixed when the metric is made"),
        (metrics.BinaryAccuracy(), "threshold", "threshold is fixed when the metric is made"),
        (metrics.F1Score(), "average", "average is fixed when the metric is made"),
        (metrics.MeanMetricWrapper(metrics.hinge), "fn", "fn is fixed when the metric is made"),
        (metrics.AUC(), "dtype", "AUC has no attribute 'dtype': a metric counts in float64"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_the_message_says_what_to_do(thing: Any, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        setattr(thing, name, 3)


def test_reading_says_what_to_do_too() -> None:
    with pytest.raises(AttributeError, match="'SGD' object has no attribute 'lr': its name is learning_rate"):
        SGD().lr  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="'pop': make another model of the layers that stay"):
        model().pop()  # type: ignore[attr-defined]
    for name in ("inputs", "outputs", "input", "output"):
        with pytest.raises(
            AttributeError, match=rf"{name}'?: read input_shape and output_shape; for the outputs of layer k"
        ):
            getattr(model(), name)


# ---- what is fixed once it is made


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        (Dense(3), "units", 5), (Dense(3), "use_bias", False), (Dense(3), "kernel_initializer", "zeros"),
        (LSTM(3), "units", 5), (LSTM(3), "return_sequences", True), (LSTM(3), "unit_forget_bias", False),
        (GRU(3), "reset_after", False), (Conv1D(2, 3), "strides", 2), (Conv1D(2, 3), "padding", "same"),
        (MaxPooling1D(2), "pool_size", 3), (Embedding(9, 2), "mask_zero", True), (Embedding(9, 2), "input_dim", 20),
        (Bidirectional(GRU(2)), "merge_mode", "sum"), (model().layers[0], "units", 7),
    ],
)  # fmt: skip
def test_settings_that_are_read_once_are_fixed(layer: Layer, name: str, value: Any) -> None:
    before = getattr(layer, name)
    with pytest.raises(AttributeError, match=rf"{name} is fixed when the layer is made; make another one with {name}="):
        setattr(layer, name, value)
    assert getattr(layer, name) is before


@pytest.mark.parametrize("name", ["inputs", "outputs", "train_step", "pop", "input"])
def test_what_nothing_would_read_cannot_be_set(name: str) -> None:
    start = Input((3,))
    for made in (model(), Model(start, Dense(1)(start), seed=0)):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            setattr(made, name, 3)
        assert not hasattr(made, name)


@pytest.mark.parametrize("name", ["train_step", "test_step", "predict_step", "call", "compute_loss"])
def test_methods_that_only_keras_calls_are_refused(name: str) -> None:
    """Otherwise fit would go past them without a word."""
    method = {name: lambda self, *_: None}
    for bases in ((Sequential,), (Model,), (type("Mixin", (), method), Sequential)):
        with pytest.raises(TypeError, match=rf"Mine\.{name} would never be called: a loop of your own calls forward"):
            type("Mine", bases, method if len(bases) == 1 else {})


def test_what_building_decides_is_fixed() -> None:
    made = model()
    for layer in (made.layers[0], made.layers[1], Dense(2)):
        for name in ("input_shape", "output_shape", "dtype", "backend"):
            with pytest.raises(AttributeError, match=f"{name} follows from what the layer is built for"):
                setattr(layer, name, 123)
        with pytest.raises(ValueError, match="built must be True or False, got 123"):
            layer.built = 123  # type: ignore[assignment]
    layer = Dense(2)
    layer.build((None, 3))
    layer.build((None, 5), dtype="float64")  # building again decides again
    assert (layer.input_shape, layer.output_shape, layer.dtype) == ((None, 5), (None, 2), np.dtype("float64"))
    with pytest.raises(ValueError, match="model: built must be True or False, got 123"):
        made.built = 123  # type: ignore[assignment]


def test_the_clock_of_a_model_is_a_clock() -> None:
    made = model()
    with pytest.raises(TypeError, match=r"model\.clock takes Clock objects, got 5$"):
        made.clock = 5  # type: ignore[assignment]
    for wrong in (-1, "one", 0.5, None):
        with pytest.raises((ValueError, TypeError), match="seed"):
            made.seed = wrong  # type: ignore[assignment]
    made.clock = Clock(epoch=3)
    made.fit(np.ones((2, 3)), np.ones(2), verbose=0)
    assert made.clock.epoch == 4


@pytest.mark.parametrize("name", ["layers", "backend", "dtype", "input_shape"])
def test_what_a_model_is_made_of_is_fixed(name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name} is fixed when the model is made; make another model"):
        setattr(model(), name, "float64")


def test_compile_sets_optimizer_and_loss() -> None:
    made = model()
    for name in ("optimizer", "loss"):
        with pytest.raises(TypeError, match=f"model.{name} takes .* objects, got 'mse'; compile takes names"):
            setattr(made, name, "mse")
    made.optimizer = SGD(0.25)  # an object acts from the next step on, as in Keras before the first fit
    before = made.get_weights()[-1]
    made.fit(np.ones((2, 3)), np.ones(2), verbose=0, shuffle=False)
    assert made.optimizer.iterations == 1 and not np.array_equal(before, made.get_weights()[-1])


# ---- what acts later


def test_a_rate_set_later_acts() -> None:
    """Keras 3.15.1: Dropout(0.5) with rate = 0.9 drops 0.9017 of 10,000 ones in training."""
    layer = Dropout(0.5)
    layer.build((None, 100))
    layer.rate = 0.9
    y, _ = layer.forward(np.ones((100, 100), np.float32), training=True, rng=np.random.default_rng(0))
    assert 0.89 < np.mean(y == 0) < 0.91
    np.testing.assert_allclose(y[y != 0], 10, rtol=1e-6)
    for wrong in (1.0, -0.1, "half", float("nan"), None):
        with pytest.raises(ValueError, match="Dropout: rate must be at least 0 and below 1"):
            layer.rate = wrong  # type: ignore[assignment]
    assert layer.rate == 0.9


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    "make", [lambda a: Dense(2, a), lambda a: SimpleRNN(2, a), lambda a: Conv1D(2, 2, activation=a)]
)
def test_an_activation_set_later_acts(make: Any, backend: str) -> None:
    late, early = make("tanh"), make("relu")
    shape = (None, 3) if isinstance(late, Dense) else (None, 4, 3)
    x = RNG.normal(size=(2, *shape[1:])).astype(np.float32)
    for layer in (late, early):
        layer.build(shape, backend=backend, seed=3)
    late.activation = "relu"
    np.testing.assert_array_equal(late.forward(x)[0], early.forward(x)[0])
    with pytest.raises(ValueError, match="unknown activation 'rleu'"):
        late.activation = "rleu"


def test_dropout_of_a_recurrent_layer_set_later_acts() -> None:
    layer = LSTM(3)
    layer.build((None, 4, 2))
    assert not layer.uses_rng
    layer.dropout = 0.5
    assert layer.uses_rng and layer.get_config()["dropout"] == 0.5
    with pytest.raises(ValueError, match="recurrent_dropout must be at least 0 and below 1, got 2"):
        layer.recurrent_dropout = 2


# ---- classes of the user's own


def test_a_class_of_your_own_has_what_attributes_it_likes() -> None:
    class Mine(Dense):
        def __init__(self, units: int, **settings: Any) -> None:
            super().__init__(units, **settings)
            self.calls = 0

    class Counts(Callback):
        def __init__(self) -> None:
            self.epochs = 0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.epochs, self.last = self.epochs + 1, logs

    class Slow(SGD):
        pass

    layer, callback, rule = Mine(3, name="mine"), Counts(), Slow()
    layer.more = rule.anything = callback.extra = 3  # type: ignore[attr-defined]
    made = Sequential([Input((3,)), layer, Dense(1)], seed=0)
    made.compile(rule, "mse")
    made.fit(np.ones((2, 3)), np.ones(2), verbose=0, callbacks=[callback])
    assert callback.epochs == 1
    with pytest.raises(AttributeError, match="units is fixed"):  # nothing would read it: the layer is built
        layer.units = 5
    with pytest.raises(AttributeError, match="its name is learning_rate"):
        rule.lr = 0.5  # type: ignore[attr-defined]
    assert copy.copy(layer).more == 3  # type: ignore[attr-defined]


def test_what_is_set_is_what_the_class_has() -> None:
    """Whatever our own code sets, after the constructor too, is an attribute that its class declares."""
    made = Sequential([Input((6,)), Embedding(9, 4), Conv1D(3, 2), Bidirectional(LSTM(2)), Dense(1)], seed=0)
    made.compile(RMSprop(momentum=0.5), "mse")
    made.fit(np.ones((2, 6), int), np.ones(2), verbose=0)
    for thing in (made, made.optimizer, *made.layers, EarlyStopping(), CSVLogger("x.csv"), ModelCheckpoint("x.npz")):
        public = {name for name in vars(thing) if not name.startswith("_")}
        assert public <= attributes_of(type(thing)), type(thing)
    assert "cell" in attributes_of(RNN) and "activation" in attributes_of(Activation)


# ---- optimizers


def steps(rule: Optimizer, then: dict[str, Any], more: int = 3) -> np.ndarray:
    """Two steps, a change, and some more."""
    w = np.linspace(-1, 1, 6)
    rule.init(6, np.float64)
    for step in range(2 + more):
        if step == 2:
            for name, value in then.items():
                setattr(rule, name, value)
        rule.step(w, np.linspace(-2, 3, 6) * (step + 1), [slice(0, 2), slice(2, 6)])
    return w


def plain(rates: list[float], limit: float | None = None, momentum: float = 0.0) -> np.ndarray:
    """SGD written out; momentum from the third step on."""
    w, m = np.linspace(-1, 1, 6), np.zeros(6)
    for step, rate in enumerate(rates):
        g = np.linspace(-2, 3, 6) * (step + 1)
        g = g if limit is None or step < 2 else np.clip(g, -limit, limit)
        m = (momentum * m if step > 2 else 0) - rate * g
        w = w + m
    return w


def test_hyper_parameters_set_later_act() -> None:
    np.testing.assert_allclose(steps(SGD(0.1), {"learning_rate": 0.5}), plain([0.1, 0.1, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(steps(SGD(0.1), {"clipvalue": 0.7}), plain([0.1] * 5, limit=0.7))
    np.testing.assert_allclose(steps(SGD(0.1), {"momentum": 0.9}), plain([0.1] * 5, momentum=0.9))
    np.testing.assert_allclose(
        steps(SGD(0.1, momentum=0.9), {"momentum": 0.0}, 0), steps(SGD(0.1, momentum=0.9), {}, 0)
    )


@pytest.mark.parametrize("clip", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_set_later_is_clipping(clip: str) -> None:
    from_here, always = SGD(0.1), SGD(0.1, **{clip: 0.5})
    w, v = np.ones(6), np.ones(6)
    from_here.init(6, np.float64)
    always.init(6, np.float64)
    setattr(from_here, clip, 0.5)
    for rule, x in ((from_here, w), (always, v)):
        rule.step(x, np.arange(6.0), [slice(0, 2), slice(2, 6)])
    np.testing.assert_array_equal(w, v)
    setattr(from_here, clip, None)
    before = w.copy()
    from_here.step(w, np.arange(6.0), [slice(0, 6)])
    np.testing.assert_allclose(w, before - 0.1 * np.arange(6.0))


def test_slots_follow_the_settings() -> None:
    rule = RMSprop(0.1)
    rule.init(4, np.float32)
    rule.slots["velocity"][:] = 7
    rule.momentum = 0.5
    rule.centered = True
    assert set(rule.slots) == {"velocity", "momentum", "average_gradient"}
    assert rule.slots["momentum"].dtype == np.float32 and not rule.slots["momentum"].any()
    assert (rule.slots["velocity"] == 7).all()
    rule.momentum = 0.0
    assert set(rule.slots) == set(rule.slot_names) == {"velocity", "average_gradient"}
    again = RMSprop(0.1, centered=True)
    again.init(4, np.float32)
    again.load_state(rule.state())  # what a file keeps fits what the settings ask for


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rate", -1, "learning_rate must be positive and finite, got -1"),
        ("learning_rate", 0, "learning_rate must be positive and finite, got 0"),
        ("learning_rate", float("nan"), "learning_rate must be positive and finite, got nan"),
        ("learning_rate", "0.1", "learning_rate must be positive and finite, got '0.1'"),
        ("learning_rate", None, "learning_rate must be positive and finite, got None"),
        ("learning_rate", True, "learning_rate must be positive and finite, got True"),
        ("learning_rate", np.array([0.1, 0.2]), "learning_rate must be positive"),
        ("beta_1", 2, "beta_1 must be at least 0 and below 1, got 2"),
        ("beta_2", "x", "beta_2 must be at least 0 and below 1, got 'x'"),
        ("epsilon", 0, "epsilon must be positive and finite, got 0"),
        ("clipvalue", -1.0, "clipvalue must be positive and finite, got -1.0"),
        ("clipnorm", 1.0, r"only one of .* got \{'clipvalue': 1.0, 'clipnorm': 1.0\}"),
        ("weight_decay", -0.1, "weight_decay must be 0 or more and finite, got -0.1"),
        ("iterations", -1, "iterations must be a whole number of at least 0, got -1"),
    ],
)
def test_values_set_later_are_checked_as_in_the_constructor(name: str, value: Any, message: str) -> None:
    rule = AdamW(0.1, clipvalue=1.0)
    before = rule.get_config()
    with pytest.raises(ValueError, match=message):
        setattr(rule, name, value)
    assert rule.get_config() == before


def test_a_rate_of_numpy_is_a_number_for_a_file() -> None:
    rule = SGD(np.float32(0.25))  # type: ignore[arg-type]
    assert type(rule.learning_rate) is float
    rule.learning_rate = np.float64(0.5)
    assert type(rule.get_config()["learning_rate"]) is float


def test_an_optimizer_keeps_its_name() -> None:
    with pytest.raises(AttributeError, match="goes by the name of its class"):
        SGD().name = "mine"  # type: ignore[misc]


def test_weight_decay_is_the_second_argument_of_adamw() -> None:
    """As in Keras, where it would be beta_1 by the order of Adam."""
    assert (AdamW(0.1, 0.2).weight_decay, AdamW(0.1, 0.2).beta_1) == (0.2, 0.9)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda: EarlyStopping(), "monitor", "loss"), (lambda: EarlyStopping(), "mode", "max"),
        (lambda: EarlyStopping(), "min_delta", 0.1), (lambda: EarlyStopping(), "patience", -1),
        (lambda: ModelCheckpoint("x", save_best_only=True), "monitor", "loss"),
    ],
)  # fmt: skip
def test_what_a_callback_watches_is_fixed(make: Any, name: str, value: Any) -> None:
    callback = make()
    with pytest.raises((AttributeError, ValueError)):
        setattr(callback, name, value)
    callback.verbose = 1  # read whenever there is something to say
