"""The textbook character model: it learns to continue a text letter by letter, and then writes one of its own.

The text, 300,000 letters of the reviews that the package generates, is cut into 32 streams that are read side by side,
forty letters at a time. The LSTM is stateful: each window begins with the states that the one before left, while its
gradient ends where the window begins (truncated backpropagation through time; docs/sequences.md).
"""

import argparse

import numpy as np

from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.data import imdb
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.optimizers import Adam
from scratchnn.optimizers.schedules import CosineDecay

LETTERS = "\n .0123456789abcdefghijklmnopqrstuvwxyz"
STREAMS, WINDOW = 32, 40


class FromTheStart(Callback):
    """An epoch reads the text from its beginning, so nothing is to be remembered of the one before."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.reset_states()


def reviews(letters=300_000):
    """One review a line, without capitals and commas."""
    data = imdb.load(num_words=None, maxlen=400, synthetic=True)
    return ".\n".join(data.decode(row) for row in data.x_train[: letters // 500])[:letters]


def windows(text):
    """Letters and the letter after each, batch after batch: row i of a batch goes on where row i of the last ended."""
    ids = np.array([*map(LETTERS.index, text)])
    length = (len(ids) - 1) // (STREAMS * WINDOW) * WINDOW  # of a stream
    pairs = (ids[start : start + STREAMS * length].reshape(STREAMS, -1, WINDOW) for start in (0, 1))
    return tuple(each.swapaxes(0, 1).reshape(-1, WINDOW) for each in pairs)


def trained(text, units=128, epochs=8, seed=1):
    layers = [Embedding(len(LETTERS), 32), LSTM(units, return_sequences=True, stateful=True)]
    model = Sequential([*layers, Dense(len(LETTERS), activation="softmax")], seed=seed)
    x, y = windows(text)
    rate = CosineDecay(0.006, epochs * len(x) // STREAMS)
    model.compile(Adam(rate, global_clipnorm=1.0), "sparse_categorical_crossentropy", ["accuracy"])
    fit = {"shuffle": False, "verbose": 0, "callbacks": [FromTheStart()]}
    return model, model.fit(x, y, batch_size=STREAMS, epochs=epochs, **fit).history


def written(model, start="what a ", letters=300, temperature=0.5, seed=1):
    """The start and so many letters more, and the probabilities that each of them was drawn from."""
    rng, text, given, probabilities = np.random.default_rng(seed), start, start, []
    model.reset_states()
    for _ in range(letters):  # after the start, one letter at a time: the states remember the rest
        y = model.predict(np.array([[*map(LETTERS.index, given)]]))[0, -1]
        sharp = np.exp(np.log(y) / temperature)
        given = LETTERS[rng.choice(len(LETTERS), p=sharp / sharp.sum())]
        text += given
        probabilities.append(y)
    return text, np.array(probabilities)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", default="what a ", help="what the texts begin with")
    start = parser.parse_args().start
    if not start or set(start) - set(LETTERS):
        parser.error(f"--start needs small letters, as the text has them: {LETTERS[1:]}")
    model, history = trained(text := reviews())
    print("loss of a letter, epoch by epoch:", *(f"{loss:.2f}" for loss in history["loss"]))
    words = set(text.replace(".", " ").split())
    for temperature, what in ((0.3, "safe, and says the same again"), (0.7, "lively"), (1.2, "invents words")):
        new = written(model, start, temperature=temperature)[0]
        share = np.mean([word in words for word in new.replace(".", " ").split()[:-1]])
        print(f"\ntemperature {temperature}, {what}; {share:.0%} of its words stand in the text\n{new}")
