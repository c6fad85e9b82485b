"""Which words does a network take for alike? Neighbours in the embedding, before and after it has read reviews.

It trains on the reviews of IMDB where they are found (docs/data.md), on generated ones where not. neighbours.png shows
the two directions in which the rows of the table differ most.
"""

import numpy as np
from matplotlib import pyplot

from scratchnn import Sequential
from scratchnn.data import imdb
from scratchnn.explain import neighbours
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.optimizers import Adam

PRAISE = "great excellent wonderful perfect best brilliant beautiful superb amazing"
BLAME = "awful terrible worst waste boring poor dull horrible mess"
OTHERS = "three two she he director movie on with time"
ASKED = ("great", "awful", "boring", "three", "she")


def untrained(data, seed=1):
    words = list(data.vocabulary.words)
    model = Sequential([Embedding(len(words), 32, mask_zero=True), LSTM(32), Dense(1, activation="sigmoid")], seed=seed)
    model.build((None, data.maxlen))
    model.metadata["vocabulary"] = words
    return model


def train(model, data, epochs=3):
    model.compile(Adam(0.001), "binary_crossentropy", ["accuracy"])
    model.fit(data.x_train, data.y_train, batch_size=32, epochs=epochs, verbose=0)
    return model.evaluate(data.x_test, data.y_test, verbose=0)[1]


def known(model, words):
    return [word for word in words if word in model.metadata["vocabulary"]]


def plane(model):
    """Each word's place in the two main directions of the table, and which share of all differences these hold."""
    E = model.get_weights()[0][4:]  # the first four are no words
    U, S, _ = np.linalg.svd(E - E.mean(axis=0), full_matrices=False)
    return dict(zip(model.metadata["vocabulary"][4:], U[:, :2] * S[:2], strict=True)), S**2 / (S**2).sum()


def told(model):
    for word in known(model, ASKED):
        found = (f"{other} {cosine:.2f}" for other, cosine in neighbours(model, word, 5))
        print(f"  {word:<8}{', '.join(found)}")
    print(f"  the first of 32 directions holds {plane(model)[1][0]:.0%} of all differences")


def draw(ax, model, title):
    places, shares = plane(model)
    ax.scatter(*np.array(list(places.values())).T, s=3, color="0.85")
    for words, color in ((OTHERS, "0.2"), (PRAISE, "tab:blue"), (BLAME, "tab:red")):
        for word in known(model, words.split()):
            ax.annotate(word, places[word], color=color, ha="center", va="center")
    ax.margins(0.12)
    ax.set(title=title, xlabel=f"first direction ({shares[0]:.0%})", ylabel=f"second direction ({shares[1]:.0%})")


def report(data, **settings):
    """Print and draw both, before and after."""
    model = untrained(data)
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    print("generated reviews" if data.is_synthetic else "IMDB", "before training:", sep=", ")
    told(model)
    draw(panels[0], model, "Before training: at random")
    print(f"after it, test accuracy {train(model, data, **settings):.3f}:")
    told(model)
    draw(panels[1], model, "After it: praise (blue) and blame (red) part")
    figure.savefig("neighbours.png", dpi=120)


if __name__ == "__main__":
    report(imdb.load(num_words=2000))
