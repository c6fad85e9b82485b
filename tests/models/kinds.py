"""Kinds of models, each with data, for the tests of what files and copies keep."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnn import Input, Model, Sequential
from scratchnn.activations import Activation as Function
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
    GlobalMaxPooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.optimizers import SGD, Adam, AdamW, RMSprop
from tests.models.own_things import Absolute, Mix, Scale, Slow

RNG = np.random.default_rng(5)
IDS = RNG.integers(0, 20, (22, 6))
ROWS = RNG.normal(size=(22, 6, 3)).astype(np.float32)
LABELS = np.arange(22) % 2
TABLE = np.random.default_rng(6).normal(size=(20, 4)).astype(np.float32)
TIMES = RNG.normal(size=(22, 6, 1))


def _forward(a: Any) -> Any:
    return a / 2


def _backward(dy: Any, y: Any) -> Any:
    return dy / 2


halved = Function("halved", _forward, _backward)  # functions that pickle finds by their names


@dataclass
class Kind:
    """`make()` a compiled model that is trained on x and y; `own` are what loading it asks for."""

    make: Callable[[], Any]
    x: Any = None
    y: Any = None
    own: Any = None

    def __post_init__(self) -> None:
        self.x = IDS if self.x is None else self.x
        self.y = LABELS if self.y is None else self.y

    def fit(self, model: Any, epochs: int, **settings: Any) -> dict[str, list[float]]:
        return model.fit(self.x, self.y, 8, epochs, verbose=0, **settings).history

    def trained(self, epochs: int = 2) -> Any:
        model = self.make()
        self.fit(model, epochs)
        return model


def _sequential(
    *layers: Any,
    optimizer: Any = "adam",
    loss: Any = "binary_crossentropy",
    metrics: Any = ("accuracy",),
    **settings: Any,
) -> Sequential:
    settings.setdefault("seed", 3)
    model = Sequential([*layers], **settings)
    model.compile(optimizer, loss, list(metrics))
    return model


def _chosen() -> Model:
    inputs = Input((6,))
    _, h, _ = LSTM(3, return_state=True, dropout=0.2)(Embedding(20, 4, mask_zero=True)(inputs))
    model = Model(inputs, h, seed=(4, 2), name="states")
    model.compile(Adam(0.01), "mse", ["mae"])
    return model


def _partly_frozen() -> Sequential:
    both = Bidirectional(LSTM(2, dropout=0.2), trainable=True)
    both.backward_layer.trainable = False
    table = Embedding(20, 4, weights=[TABLE], mask_zero=True, trainable=False)
    return _sequential(table, both, Dense(1, "sigmoid"), optimizer=Adam(0.02, global_clipnorm=0.1))


KINDS: dict[str, Kind] = {
    "feed forward": Kind(
        lambda: _sequential(
            Embedding(20, 4, input_length=6), Dropout(0.3), Flatten(), Dense(4, "relu"), Dense(1, "sigmoid")
        )
    ),
    "lstm, dropout": Kind(
        lambda: _sequential(
            Embedding(20, 4), LSTM(3, dropout=0.2, recurrent_dropout=0.3), Dense(1, "sigmoid"), optimizer="rmsprop"
        )
    ),
    "gru, masks": Kind(
        lambda: _sequential(Embedding(20, 4, mask_zero=True), GRU(3), Dense(1, "sigmoid"), optimizer=Adam(0.02))
    ),
    "bidirectional": Kind(
        lambda: _sequential(
            Embedding(20, 4, mask_zero=True),
            Bidirectional(GRU(3, return_sequences=True, recurrent_dropout=0.2), "sum"),
            Bidirectional(LSTM(2)),
            Dense(1, "sigmoid"),
            optimizer=SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5),
        )
    ),
    "convolutional": Kind(
        lambda: _sequential(
            *(Embedding(20, 4), Conv1D(3, 2, activation="relu"), MaxPooling1D(2), Conv1D(2, 2), GlobalMaxPooling1D()),
            Dense(1, "sigmoid"),
            optimizer=RMSprop(0.01, momentum=0.5, centered=True),
            seed=None,
        )
    ),
    "stacked, every step": Kind(
        lambda: _sequential(
            SimpleRNN(3, return_sequences=True),
            LSTM(3, return_sequences=True, go_backwards=True),
            Dense(1),
            optimizer=AdamW(0.01, clipvalue=0.1),
            loss="mse",
            metrics=["mae", "mse"],
        ),
        ROWS,
        TIMES,
    ),
    "one chosen output": Kind(_chosen, y=RNG.normal(size=(22, 3))),
    "double precision": Kind(
        lambda: _sequential(
            Embedding(20, 4, input_length=6),
            Flatten(),
            Dense(1, "sigmoid"),
            optimizer=AdamW(global_clipnorm=0.1),
            dtype="float64",
        )
    ),
    "classes, activation last": Kind(
        lambda: _sequential(
            *(Embedding(20, 4, input_length=6), Flatten(), Dense(3), Activation("softmax")),
            loss="sparse_categorical_crossentropy",
            backend="reference",
        ),
        y=np.arange(22) % 3,
    ),
    "logits": Kind(
        lambda: _sequential(
            *(Embedding(20, 4), GRU(3, reset_after=False), Dense(1)),
            loss={"name": "binary_crossentropy", "from_logits": True},
            metrics=[],
        )
    ),
    "frozen parts": Kind(lambda: _partly_frozen()),
    "own things": Kind(
        lambda: _sequential(
            *(Scale(1.5), RNN(Mix(3, halved, "zeros"), recurrent_dropout=0.2), Dense(1, halved)),
            optimizer=Slow(0.05, momentum=0.5),
            loss=Absolute(),
            metrics=["mae"],
            backend="reference",
        ),
        ROWS,
        TIMES[:, 0],
        {"Scale": Scale, "Mix": Mix, "halved": halved, "Slow": Slow, "Absolute": Absolute},
    ),
}


def state_of(model: Any) -> dict[str, Any]:
    """All that a model is, to compare by `==`."""
    return {
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "optimizer": model.has_ready_optimizer
        and {name: array.tobytes() for name, array in model.optimizer.state().items()},
        "config": model.get_config(),
        "class": type(model),
        "clock": (model.clock.epoch, model.clock.step),
        "metrics": [str(name) for name in model.metric_names],
    }
