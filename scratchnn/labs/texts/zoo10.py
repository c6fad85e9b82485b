# %% [markdown]
# # Bug 10: one verdict for all short reviews
#
# A model gives every short review the same verdict, whatever it says, and is right about long ones. Its author wants
# to collect more short reviews. The last cell shows it: run this file. Find the fault, there is one, and mend it;
# `python -m scratchnn.labs zoo check 10` says whether the numbers are right then, and `zoo hint 10` helps. The names
# of the functions, their arguments and what they return stay.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 6  # drawn for you
LENGTH = 60  # drawn for you


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def pad(sequences, length):
    """Arrays (t, D) with t of their own -> x (B, length, D), the shorter ones filled up with zeros."""
    x = np.zeros((len(sequences), length, sequences[0].shape[1]))
    for row, sequence in enumerate(sequences):
        x[row, : len(sequence)] = sequence
    return x


def last_state(x, Wx, Wh, b):
    """An LSTM, x (B, T, D) -> the h that leaves its last step (B, H)."""
    h = c = np.zeros((len(x), len(Wh)))
    for t in range(x.shape[1]):
        a_i, a_f, a_g, a_o = np.split(x[:, t] @ Wx + b + h @ Wh, 4, axis=-1)
        c = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)
        h = sigmoid(a_o) * np.tanh(c)
    return h


def read(sequences, length, Wx, Wh, b):
    """What the LSTM makes of each sequence, read in one batch: (B, H). The same as of each alone."""
    return last_state(pad(sequences, length), Wx, Wh, b)


# %%
rng = np.random.default_rng(SEED)
Wx = rng.normal(size=(3, 4 * UNITS))
Wh = np.linalg.qr(rng.normal(size=(4 * UNITS, UNITS)))[0].T
b = np.repeat([0.0, 1.0, 0.0, 0.0], UNITS)  # a forget bias of 1
reviews = [rng.normal(size=(words, 3)) for words in (5, 10, LENGTH - 1, LENGTH)]
for review, together in zip(reviews, read(reviews, LENGTH, Wx, Wh, b), strict=True):
    alone = last_state(review[None], Wx, Wh, b)[0]
    words, length, off = len(review), np.linalg.norm(together), np.linalg.norm(together - alone)
    print(f"{words:3} words: |h| = {np.linalg.norm(alone):.3f} alone, {length:.3f} in the batch, off by {off:.3f}")
