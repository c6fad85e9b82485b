"""A SimpleRNN of 32 units that is trained until long after it overfits, and three attempts to do better.

    python examples/articles/rnn_overfitting.py [--quick]

Four of them stacked; one that reads from both ends; and one with variational dropout, in which a review loses the same
features, and the same units of the state, at every word.
"""

import sys

import matplotlib.pyplot as plt
import reviews
from scratchnn.keras.datasets import imdb
from scratchnn.keras.layers import Bidirectional, Dense, Embedding, SimpleRNN
from scratchnn.keras.models import Sequential
from scratchnn.keras.preprocessing import sequence

ROWS, BATCH = (400, 32) if "--quick" in sys.argv else (25_000, 128)
SHORT, LONG = (3, 3) if "--quick" in sys.argv else (10, 100)  # epochs
WORDS, LENGTH = 10_000, 500

reviews.find(ROWS)
(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=WORDS)
x_train, y_train = sequence.pad_sequences(x_train[:ROWS], maxlen=LENGTH), y_train[:ROWS]
x_test, y_test = sequence.pad_sequences(x_test[:ROWS], maxlen=LENGTH), y_test[:ROWS]


def train(name, layers, epochs):
    """The model and its history; its curves are drawn into a file of that name."""
    model = Sequential(name=name)
    model.add(Embedding(WORDS, 32, input_length=LENGTH))
    for layer in layers:
        model.add(layer)
    model.add(Dense(1, activation="sigmoid"))
    model.summary()
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    history = model.fit(x_train, y_train, epochs=epochs, batch_size=BATCH, validation_split=0.2).history
    best = min(range(epochs), key=lambda epoch: history["val_loss"][epoch])
    print(f"{name}: lowest validation loss {history['val_loss'][best]:.4f} after epoch {best + 1}")

    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for ax, what in zip(axes, ("acc", "loss"), strict=True):
        ax.plot(range(1, epochs + 1), history[what], "bo", label=f"training {what}")
        ax.plot(range(1, epochs + 1), history[f"val_{what}"], "b", label=f"validation {what}")
        ax.set_xlabel("epoch")
        ax.legend()
    figure.savefig(f"{name}.png")
    plt.close(figure)
    return model, history


results = [
    train("one", [SimpleRNN(32)], LONG),
    train(
        "stacked",
        [
            SimpleRNN(32, return_sequences=True),
            SimpleRNN(32, return_sequences=True),
            SimpleRNN(32, return_sequences=True),
            SimpleRNN(32),
        ],
        SHORT,
    ),
    train("bidirectional", [Bidirectional(SimpleRNN(32))], SHORT),
    train("variational_dropout", [SimpleRNN(32, dropout=0.2, recurrent_dropout=0.2)], LONG),
]
for model, _ in results:
    print(f"{model.name}: test loss and accuracy {model.evaluate(x_test, y_test, verbose=0)}")
