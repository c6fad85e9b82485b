"""Small classifiers of texts, with random weights, saved as training saves them."""

from pathlib import Path

from scratchnn import Sequential
from scratchnn.data import Vocabulary
from scratchnn.data.encoder import TextEncoder
from scratchnn.layers import LSTM, Dense, Embedding

WORDS = "the a film was dull great plot actor never always ending café it's".split()
TWO = ("negative", "positive")
THREE = ("sport", "politics", "art")


def encoder_of(classes: tuple[str, ...]) -> TextEncoder:
    return TextEncoder(Vocabulary.from_ranked(WORDS), 12, classes)


def model_of(classes: tuple[str, ...] = TWO, backend: str = "reference") -> Sequential:
    """Its embedding is wide enough for texts to differ."""
    head = Dense(1, activation="sigmoid") if len(classes) == 2 else Dense(len(classes), activation="softmax")
    table = Embedding(4 + len(WORDS), 8, embeddings_initializer="random_normal")
    model = Sequential([table, LSTM(6, kernel_initializer="random_normal"), head], backend=backend, seed=2)
    model.build((None, 12))
    model.set_weights([weight * 4 for weight in model.get_weights()])
    model.metadata = encoder_of(classes).to_metadata()
    return model


def saved(folder: Path, classes: tuple[str, ...] = TWO) -> Path:
    """The folder of a run, with nothing but its model."""
    model_of(classes).save(folder / "model.npz")
    return folder
