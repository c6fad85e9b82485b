"""What Keras' tutorials do with IMDB reviews, written as they write it: only the import lines are ours."""

from typing import Any

import numpy as np
import pytest

from scratchnn import callbacks, layers, models, optimizers, utils
from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    Input,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.models import Model, Sequential
from scratchnn.utils import pad_sequences

max_features, maxlen = 50, 12


def reviews(n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Lists of ids of different lengths, padded; the label is whether word 7 occurs."""
    rng = np.random.default_rng(0)
    texts = [list(rng.integers(1, max_features, rng.integers(3, 20))) for _ in range(n)]
    for text in texts[::2]:
        text[-1] = 7
    return pad_sequences(texts, maxlen=maxlen), np.array([int(7 in text[-maxlen:]) for text in texts])


def feed_forward() -> Any:
    model = Sequential()
    model.add(Embedding(max_features, 8, input_length=maxlen))
    model.add(Flatten())
    model.add(Dense(16, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(1, activation="sigmoid"))
    return model


def simple_rnn() -> Any:
    return Sequential(
        [
            Embedding(input_dim=max_features, output_dim=8, input_length=maxlen),
            SimpleRNN(8, return_sequences=True),
            SimpleRNN(8),
            Dense(1, activation="sigmoid"),
        ]
    )


def lstm() -> Any:
    model = Sequential()
    model.add(Input(shape=(None,), dtype="int32"))
    model.add(Embedding(max_features, 8, mask_zero=True))
    model.add(LSTM(8, dropout=0.2, recurrent_dropout=0.2))
    model.add(Dense(1, activation="sigmoid"))
    return model


def cnn() -> Any:
    return models.Sequential(
        [
            layers.Embedding(max_features, 8, input_length=maxlen),
            Conv1D(filters=8, kernel_size=3, padding="valid", activation="relu", strides=1),
            MaxPooling1D(pool_size=2),
            Conv1D(8, 3, activation="relu"),
            GlobalMaxPooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def functional() -> Any:
    inputs = Input(shape=(None,), dtype="int32")
    x = Embedding(max_features, 8)(inputs)
    x = Bidirectional(LSTM(4, return_sequences=True))(x)
    x = Bidirectional(GRU(4))(x)
    outputs = Dense(1, activation="sigmoid")(x)
    return Model(inputs, outputs)


@pytest.mark.parametrize("build_model", [feed_forward, simple_rnn, lstm, cnn, functional])
def test_a_tutorial_runs(build_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (x_train, y_train), (x_test, y_test) = reviews(), reviews(10)
    utils.set_random_seed(0)

    model = build_model()
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    history = model.fit(x_train, y_train, epochs=2, batch_size=16, validation_split=0.2)
    score = model.evaluate(x_test, y_test, batch_size=16, verbose=0)
    probabilities = model.predict(x_test)

    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert all(len(values) == 2 for values in history.history.values())
    assert history.epoch == [0, 1]
    loss, acc = score
    assert loss > 0
    assert acc == np.mean((probabilities[:, 0] > 0.5) == y_test)
    assert probabilities.shape == (10, 1)
    assert np.all((probabilities > 0) & (probabilities < 1))
    # A heading and one row per epoch.
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_tutorial_with_objects_instead_of_names() -> None:
    x_train, y_train = reviews()
    model = cnn()
    model.compile(optimizer=optimizers.Adam(learning_rate=0.01), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train,
        y_train,
        batch_size=8,
        epochs=30,
        verbose=0,
        validation_data=reviews(20),
        callbacks=[callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)],
    )
    val_loss = history.history["val_loss"]
    assert history.history["accuracy"][-1] > 0.9
    # Keras' dictionary and its list hold the same numbers, and the best weights are back.
    results = model.evaluate(*reviews(20), verbose=0, return_dict=True)
    assert list(results.values()) == model.evaluate(*reviews(20), verbose=0)
    assert results["loss"] == min(val_loss)
