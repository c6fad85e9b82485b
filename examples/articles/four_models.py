"""Four models of film reviews, made with the functional API, and their learning curves side by side.

    python examples/articles/four_models.py [--quick]

A feed-forward network sees the order of words by position only; two stacked SimpleRNN and an LSTM read the review word
by word; a convolutional network looks at seven words at a time. All have the same embedding in front.
"""

import sys

import matplotlib.pyplot as plt
import reviews
from scratchnn.keras.datasets import imdb
from scratchnn.keras.layers import (
    LSTM,
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
from scratchnn.keras.models import Model
from scratchnn.keras.preprocessing.sequence import pad_sequences

ROWS, EPOCHS = (400, 3) if "--quick" in sys.argv else (25_000, 10)
WORDS, LENGTH = 1000, 100

# ---- data: the last 100 words of each review

reviews.find(ROWS)
(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=WORDS)
x_train, y_train = pad_sequences(x_train[:ROWS], maxlen=LENGTH), y_train[:ROWS]
x_test, y_test = pad_sequences(x_test[:ROWS], maxlen=LENGTH), y_test[:ROWS]

# ---- models


def feed_forward(x):
    return Flatten()(x)


def rnn(x):
    x = SimpleRNN(32, return_sequences=True)(x)
    return SimpleRNN(32)(x)


def lstm(x):
    x = LSTM(32)(x)
    x = Dense(32, activation="relu")(x)
    return Dropout(0.2)(x)


def cnn(x):
    x = Conv1D(32, 7, activation="relu")(x)
    x = MaxPooling1D(5)(x)
    x = Conv1D(32, 7, activation="relu")(x)
    return GlobalMaxPooling1D()(x)


def build(middle):
    inputs = Input(shape=(LENGTH,))
    x = Embedding(WORDS, 16)(inputs)
    x = middle(x)
    outputs = Dense(1, activation="sigmoid")(x)
    return Model(inputs, outputs, name=middle.__name__)


# ---- training

models = [build(middle) for middle in (feed_forward, rnn, lstm, cnn)]
histories = {}
for model in models:
    model.summary()
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_split=0.2)
    histories[model.name] = history.history
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{model.name}: test loss {loss:.4f}, test accuracy {accuracy:.4f}\n")

# ---- learning curves

figure, axes = plt.subplots(2, len(models), figsize=(16, 7), sharex=True, sharey="row")
for (name, curves), (top, bottom) in zip(histories.items(), axes.T, strict=True):
    epochs = range(1, EPOCHS + 1)
    for ax, what in ((top, "accuracy"), (bottom, "loss")):
        ax.plot(epochs, curves[what], label="training")
        ax.plot(epochs, curves[f"val_{what}"], label="validation")
        ax.set_ylabel(what)
    top.set_title(name)
    bottom.set_xlabel("epoch")
axes[0, 0].legend()
figure.savefig("four_models.png")
plt.close(figure)
