"""A language model of the reviews, from which a classifier starts: it has read all of them before it sees a label.

The training reviews, in an order drawn for each epoch, are one long text. It is cut into streams, which are read side
by side, a window at a time, and the network foretells each next word from the words so far:

    embedding -> dropout -> recurrent layer -> dropout -> softmax over the commonest words

The states go on from window to window, the gradient does not (truncated BPTT). A word that is not among the commonest
is read, but never asked for: the softmax takes most of the time, and more words than these did not help the classifier.
What the embedding and the recurrent layer have learned then become the initial weights of the classifier's own; the
rest of it starts as ever.

Source: Dai, Le, "Semi-supervised Sequence Learning", NIPS 2015.
"""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Int32

from scratchnn.callbacks import LambdaCallback
from scratchnn.core.randomness import generator
from scratchnn.data.py_dataset import PyDataset
from scratchnn.data.text import OOV, PAD
from scratchnn.layers import Dense, Dropout, Embedding, Layer
from scratchnn.layers.recurrent import Recurrent
from scratchnn.losses import SparseCategoricalCrossentropy
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential
from scratchnn.optimizers import Adam
from scratchnn.optimizers.schedules import PolynomialDecay
from scratchnn.report.console import Console

COMMONEST = 2000  # ids that are foretold
STREAMS, WINDOW = 64, 100
LEARNING_RATE = 2e-3  # of Adam, at first; it falls to 0 in a line
DROPOUT, CLIPNORM = 0.2, 1.0


def pretrain(model: Model, x: Int32[Array, "N T"], epochs: int, console: Console) -> float:
    """Give the model the embedding and the recurrent layer of a language model of `x`, which reads it `epochs` times.

    Return the loss of its last epoch in nats per word foretold.

    Raises:
        ValueError: if the model does not begin with an embedding and a recurrent layer, or `x` is too short.
    """
    embedding, recurrent = starts_with(model)
    text = Text(x, min(COMMONEST, embedding.input_dim), model.seed)
    reader = language_model(embedding, recurrent, text.words, model)
    rate = PolynomialDecay(LEARNING_RATE, epochs * len(text), 0.0)
    loss = SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")  # the words that are foretold count
    reader.compile(Adam(rate, global_clipnorm=CLIPNORM), loss)
    anew = LambdaCallback(on_epoch_begin=lambda *_: reader.reset_states())
    history = reader.fit(text, epochs=epochs, shuffle=False, callbacks=[anew], console=console)
    learned = [layer.get_weights() for layer in reader.layers]
    embedding.set_weights(learned[0])
    recurrent.set_weights(learned[2])
    return history.history["loss"][-1]


def starts_with(model: Model) -> tuple[Embedding, Recurrent]:
    """The two layers that are pretrained; or a ValueError, where it begins in another way."""
    first, *others = [layer for layer in model.layers if not isinstance(layer, Dropout)]
    if not (isinstance(first, Embedding) and others and isinstance(others[0], Recurrent)):
        found = " and ".join(type(layer).__name__ for layer in (first, *others)[:2])
        raise ValueError(
            f"{model.name!r} begins with {found}; only an Embedding and a SimpleRNN, LSTM or GRU after it can be "
            "pretrained: leave pretrain_epochs out, or the model"
        )
    return first, others[0]


def language_model(embedding: Embedding, recurrent: Recurrent, words: int, model: Model) -> Sequential:
    """The network that foretells words, with layers of the same sizes as the two."""
    config = recurrent.get_config() | {"return_sequences": True, "stateful": True}
    layers: list[Layer] = [
        Embedding(embedding.input_dim, embedding.output_dim),  # there is no padding in a text
        Dropout(DROPOUT),
        type(recurrent).from_config(config),
        Dropout(DROPOUT),
        Dense(words, activation="softmax"),
    ]
    return Sequential(layers, seed=model.seed, backend=model.backend.name, name="language_model")


class Text(PyDataset):
    """The reviews `x` (N, T) as one text, in batches of STREAMS windows; in another order in each epoch.

    A batch has the ids (STREAMS, WINDOW), the id after each, and its weight: 1 where it is below `words` and no word
    outside the vocabulary, else 0. Row i goes on where row i of the batch before ended. What is left at the end of the
    text is not read.
    """

    epoch: int
    steps: int
    given: Int32[Array, "B S"]
    next_one: Int32[Array, "B S"]

    def __init__(self, x: Int32[Array, "N T"], words: int, seed: Any) -> None:
        super().__init__()
        self.x, self.words, self.seed, self.epoch = x, words, seed, 0
        known = int(np.count_nonzero(x != PAD))
        self.steps = (known - 1) // (STREAMS * WINDOW)
        if not self.steps:
            raise ValueError(
                f"pretraining reads {STREAMS} streams of {WINDOW + 1} words and more, and all reviews together have "
                f"{known:,} words: train on more reviews, or leave pretrain_epochs out"
            )
        self._join()

    def _join(self) -> None:
        order = generator(self.seed, "data", epoch=self.epoch, layer=2)  # shuffled words are drawn with layer 1
        text = self.x[order.permutation(len(self.x))]
        text, length = text[text != PAD], self.steps * WINDOW  # of a stream
        self.given, self.next_one = (text[k : k + STREAMS * length].reshape(STREAMS, length) for k in (0, 1))

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[Array, Array, Array]:
        window = slice(step * WINDOW, (step + 1) * WINDOW)
        given, next_one = self.given[:, window], self.next_one[:, window]
        asked = (next_one > OOV) & (next_one < self.words)
        return given, np.where(asked, next_one, 0), asked.astype(np.float32)

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._join()
