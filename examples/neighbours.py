"""What a network takes words for: the neighbours of a word among the trained embeddings.

    python examples/neighbours.py

The same words three times: before training, after learning to tell good reviews from bad ones, and after learning to
foretell the next word. A classifier puts words together that are said in the same reviews, good or bad, whatever they
mean; a language model puts together those that can stand in each other's place. Without the IMDB reviews it reads the
generated ones, whose words mean little.
"""

from scratchnn import Sequential
from scratchnn.data import imdb
from scratchnn.experiments.pretraining import pretrain
from scratchnn.explain import neighbours
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.report.console import Console

WORDS = ("great", "worst", "actor", "two", "french")


def build(data, seed=0):
    """An LSTM that reads 100 words, with the vocabulary beside it, so that its rows have names."""
    V = len(data.vocabulary)
    model = Sequential([Embedding(V, 32), LSTM(32), Dense(1, activation="sigmoid")], seed=seed)
    model.build((None, data.x_train.shape[1]))
    model.metadata = {"vocabulary": list(data.vocabulary.words)}
    return model


def table(model, words=WORDS, k=6):
    """A line for each word: the k words whose embeddings point most nearly its way."""
    return [f"  {word:8} {' '.join(near for near, _ in neighbours(model, word, k))}" for word in words]


def shown(data, epochs=3, words=WORDS):
    """The tables of an untrained network, a classifier and a language model, under their names."""
    model = build(data)
    yield "before training", table(model, words)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.fit(data.x_train, data.y_train, epochs=epochs, verbose=0)
    yield "after telling good reviews from bad ones", table(model, words)
    reader = build(data)
    pretrain(reader, data.x_train, epochs, Console(quiet=True))
    yield "after foretelling the next word", table(reader, words)


if __name__ == "__main__":
    data = imdb.load(num_words=5000, maxlen=100)
    known = [word for word in WORDS if word in data.vocabulary.ids] or list(data.vocabulary.ids)[100:105]
    for name, lines in shown(data, words=known):
        print("\n".join([name, *lines]), flush=True)
