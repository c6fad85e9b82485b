"""The textbook character model: it learns to continue a text letter by letter, and then writes one of its own.

The text is cut into eight streams that are read side by side, a window of twenty letters at a time. The LSTM is
stateful: each window begins with the states that the one before left, so that the model remembers more than twenty
letters, while its gradient ends where the window begins (truncated backpropagation through time; docs/sequences.md).
"""

import numpy as np

from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.optimizers import Adam

TEXT = """
one loop is a thread and a thread is a line, the needle goes under, the pattern is mine;
two loops are a knot and a knot is a word, the quietest knitting that anyone heard.
three loops are a row and a row is a rhyme, the needles keep counting, they click all the time;
four loops are a square and a square is a page, the wool has a colour, the wool has an age.
the kettle is singing, the window is grey, the rain has been knocking and knocking all day;
the cat has a basket, the basket is round, the yarn has been rolling without any sound.
it rolled to the kitchen, it rolled to the hall, it rolled down the stairway and in by the wall;
it rolled through the garden, it rolled to the sea, and tied all the harbour and all of the quay.
the fishermen followed the line to the door, and asked for a jumper, and asked for some more;
one loop is a thread and a thread is a line, the sea has a pattern, the pattern is mine.
"""
LETTERS = sorted(set(TEXT))
STREAMS, WINDOW = 8, 20


class FromTheStart(Callback):
    """An epoch reads the text from its beginning, so nothing is to be remembered of the one before."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.reset_states()


def windows(text):
    """Letters and the letter after each, batch after batch: row i of a batch goes on where row i of the last ended."""
    ids = np.array([LETTERS.index(letter) for letter in text])
    length = (len(ids) - 1) // (STREAMS * WINDOW) * WINDOW  # of a stream
    pairs = (ids[start : start + STREAMS * length].reshape(STREAMS, -1, WINDOW) for start in (0, 1))
    return tuple(each.swapaxes(0, 1).reshape(-1, WINDOW) for each in pairs)


def trained(epochs=60, seed=1):
    layers = [
        Embedding(len(LETTERS), 16),
        LSTM(96, return_sequences=True, stateful=True),
        Dense(len(LETTERS), activation="softmax"),
    ]
    model = Sequential(layers, seed=seed)
    model.compile(Adam(0.006, global_clipnorm=1.0), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(
        *windows(TEXT), batch_size=STREAMS, epochs=epochs, shuffle=False, verbose=0, callbacks=[FromTheStart()]
    )
    return model, history.history


def written(model, start="one ", letters=200, temperature=0.5, seed=1):
    """The start and so many letters more, and the probabilities that each of them was drawn from."""
    rng, text, probabilities = np.random.default_rng(seed), start, []
    model.reset_states()
    given = start  # then one letter at a time: the states remember the rest
    for _ in range(letters):
        y = model.predict(np.array([[LETTERS.index(letter) for letter in given]]))[0, -1]
        sharp = np.exp(np.log(y) / temperature)
        given = LETTERS[rng.choice(len(LETTERS), p=sharp / sharp.sum())]
        text += given
        probabilities.append(y)
    return text, np.array(probabilities)


if __name__ == "__main__":
    model, history = trained()
    for epoch in range(9, len(history["loss"]), 10):
        print(f"epoch {epoch + 1:2d}: loss {history['loss'][epoch]:.3f}, accuracy {history['accuracy'][epoch]:.2f}")
    for temperature in (0.2, 0.6, 1.2):  # below 1 it plays safe, above 1 it dares, and errs
        print(f"\ntemperature {temperature}: {written(model, temperature=temperature)[0]}")
