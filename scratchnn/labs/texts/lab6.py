# %% [markdown]
# # Lab 6: how does a network write?
#
# A network reads a text letter by letter and learns which letter comes next. Then it writes: it draws a letter from
# what it believes, reads that, and draws again. You will write the three things around it, and see what the temperature
# does, and what it is worth to remember what was read in the window before. About 30 minutes; lab 2 comes before.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab6.py`. `python -m scratchnn.labs check 6` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 6` helps.

# %%
import numpy as np

from scratchnn import Sequential
from scratchnn.callbacks import LambdaCallback
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.optimizers import Adam

SEED = 1  # drawn for you
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
IDS = np.array([LETTERS.index(letter) for letter in TEXT])
print(f"{len(IDS)} letters, {len(LETTERS)} different ones:", "".join(LETTERS).replace("\n", "\\n"))

# %% [markdown]
# ## Windows that go on
#
# The text is cut into B streams of equal length, which are read side by side, a window of T letters at a time. A batch
# is one window of each stream. Row i of a batch must go on where row i of the batch before ended: then the network can
# begin each window with the states that the one before left, and knows more than T letters back, although the gradient
# ends where the window begins (truncated backpropagation through time).
#
# With 13 ids 0 1 2 ... 12, B = 2 and T = 3, there are (13 - 1) // (2 · 3) = 2 windows in a stream, which is 2 · 3 = 6
# long (the last id of the text is the y of the one before, and is never an x):
#
#     stream 0:  0 1 2 | 3 4 5         batch 0:  x = 0 1 2   y = 1 2 3      batch 1:  x = 3 4 5     y = 4 5 6
#     stream 1:  6 7 8 | 9 10 11                     6 7 8       7 8 9                    9 10 11       10 11 12


# %%
def windows(ids, B, T):
    """All batches, one after another: x and y, each (n B, T), y the id after each id of x.

    n is the number of windows in a stream; rows k B ... k B + B - 1 are batch k. What is left at the end of the text
    is not read.
    """
    raise NotImplementedError("write windows")


# %% [markdown]
# ## Drawing a letter
#
# The last layer gives a probability p for each letter. To draw one, take a number u between 0 and 1 and walk along the
# probabilities until their sum is above it:
#
#     (1)  the first letter k for which p[0] + ... + p[k] > u
#
# Before that, the temperature τ makes the network bolder or more timid. It divides the logarithms:
#
#     (2)  q = exp(log(p) / τ) / Σ exp(log(p) / τ)
#
# Predict, on paper: p = (0.6, 0.3, 0.1). How likely is the first letter at τ = 0.5? And what is the loss of a network
# that has learnt nothing, and finds all len(LETTERS) letters equally likely? (The loss is -log of the probability that
# was given to the letter which came, with the natural logarithm.)

# %%
first_at_half = None  # a number from 0 to 1
loss_of_guessing = None  # a number


# %%
def draw(p, u):
    """(1): probabilities p (V,), u in [0, 1) -> the number of a letter."""
    raise NotImplementedError("write draw")


def with_temperature(p, tau):
    """(2): probabilities p (V,), tau above 0 -> q (V,)."""
    raise NotImplementedError("write with_temperature")


# %%
p = np.array([0.6, 0.3, 0.1])
for tau in (0.1, 0.5, 1, 2, 10):
    print(f"τ = {tau:4}: {with_temperature(p, tau).round(3)}")

# %% [markdown]
# Near 0 the likeliest letter always wins; at 1 nothing changes; the larger τ is, the more all letters are alike.
#
# ## Reading
#
# The same network twice: once it begins every window with the states of the one before, once with zeros. Which has the
# lower loss after 60 epochs: "carried" or "zeros"? (`stateful=True` keeps the states from batch to batch, until
# `reset_states` makes zeros of them.)

# %%
lower_loss = None  # "carried" or "zeros"


# %%
def trained(carried, B=8, T=20, epochs=60):
    layers = [
        Embedding(len(LETTERS), 16),
        LSTM(96, return_sequences=True, stateful=True),
        Dense(len(LETTERS), activation="softmax"),
    ]
    model = Sequential(layers, seed=SEED)
    model.compile(Adam(0.006, global_clipnorm=1.0), "sparse_categorical_crossentropy", ["accuracy"])

    def reset(*_, **__):
        model.reset_states()

    anew = LambdaCallback(on_epoch_begin=reset) if carried else LambdaCallback(on_train_batch_begin=reset)
    x, y = windows(IDS, B, T)
    history = model.fit(x, y, batch_size=B, epochs=epochs, shuffle=False, verbose=0, callbacks=[anew])
    return model, history.history["loss"]


# %% measure
models = {}
for name in ("carried", "zeros"):
    models[name], losses = trained(name == "carried")
    print(f"{name:8} loss after 1, 10, 60 epochs: {losses[0]:.2f} {losses[9]:.2f} {losses[-1]:.3f}")

# %% [markdown]
# With zeros the first letters of every window must be guessed without knowing what came before: whoever reads "ead is"
# does not know yet whether a thread or a bread is meant. In the end it is learnt by heart too, at 1.4 to 2.2 times the
# loss.
#
# ## Writing


# %%
def written(model, tau, start="one ", letters=160):
    rng, text, given = np.random.default_rng(SEED), start, start
    model.reset_states()
    for _ in range(letters):  # after the start one letter at a time: the states remember the rest
        p = model.predict(np.array([[LETTERS.index(letter) for letter in given]]), verbose=0)[0, -1]
        given = LETTERS[draw(with_temperature(p, tau), rng.random())]
        text += given
    return text


# %% measure
for tau in (0.2, 0.6, 1.2):
    print(f"--- τ = {tau}\n{written(models['carried'], tau)}\n")

# %% [markdown]
# At 0.2 it repeats what is surest and easily walks in a circle; at 0.6 it recites and now and then takes another turn;
# at 1.2 the words fall apart. A loss of 0.06 means that it knows these ten lines by heart: it has not learnt English.
# That takes more text than anybody can learn by heart.
