# %% [markdown]
# # Lab 5: why does padding behind destroy what an LSTM has read?
#
# Reviews have different lengths, a batch is a rectangle: short ones are filled up with zeros, *padded*, in front or
# behind. A reader who sees the review and then a hundred blanks should still know what it said. Does an LSTM? You will
# pad, measure the damage, and repair it with a mask, forward and backward. About 25 minutes; lab 4 comes before.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab5.py`. `python -m scratchnn.labs check 5` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 5` helps.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 6  # drawn for you
BLANKS = 40  # drawn for you

rng = np.random.default_rng(SEED)
Wx = rng.normal(size=(3, 4 * UNITS)) / np.sqrt(3)
Wh = np.linalg.qr(rng.normal(size=(4 * UNITS, UNITS)))[0].T
b = np.repeat([0.0, 1.0, 0.0, 0.0], UNITS)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(x_t, h, c, Wx, Wh, b):
    """One step of an LSTM (lab 4): x_t (B, D), h and c (B, H) -> the next h, the next c, and what backward needs."""
    a_i, a_f, a_g, a_o = np.split(x_t @ Wx + b + h @ Wh, 4, axis=-1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c_after = f * c + i * g
    return o * np.tanh(c_after), c_after, (i, f, g, o, c, c_after)


def step_back(dh, dc, saved, Wh):
    """The same step backward: gradients of the next h and c -> da (B, 4H), dh, dc of those that entered."""
    i, f, g, o, c, c_after = saved
    do, dc = dh * np.tanh(c_after), dc + dh * o * (1 - np.tanh(c_after) ** 2)
    da = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), do * o * (1 - o)]
    da = np.concatenate(da, axis=-1)
    return da, da @ Wh.T, dc * f


# %% [markdown]
# ## Pad
#
# A mask says which steps are real.


# %%
def pad(sequences, length, side):
    """Fill sequences up with zeros.

    sequences: arrays (t, D), each with a length t of its own, at most `length`
    side: "pre", zeros in front, or "post", zeros behind
    -> x (B, length, D) and mask (B, length), True where a step is real
    """
    raise NotImplementedError("write pad")


# %%
two = [rng.normal(size=(3, 3)), rng.normal(size=(5, 3))]
x, mask = pad(two, 6, "post")
print(mask.astype(int))

# %% [markdown]
# ## The damage
#
# Two different sequences of eight steps end in two different last states. Now pad both with BLANKS zeros and go on.
# What remains of the distance between the two last states, in percent of what it was?
# Think of dc = dc' ⊙ f from lab 4, or forward: c' = f ⊙ c + i ⊙ g with f about σ(1) = 0.73.

# %%
percent_behind = None  # a number: with the zeros behind
percent_in_front = None  # a number: with the zeros in front


# %%
def last_state(x, Wx, Wh, b):
    """x (B, T, D) -> the last h (B, H), without any mask."""
    h = c = np.zeros((len(x), len(Wh)))
    for t in range(x.shape[1]):
        h, c, _ = step(x[:, t], h, c, Wx, Wh, b)
    return h


# %%
pair = [rng.normal(size=(8, 3)), rng.normal(size=(8, 3))]
alone = last_state(np.stack(pair), Wx, Wh, b)
for side in ("post", "pre"):
    padded = last_state(pad(pair, 8 + BLANKS, side)[0], Wx, Wh, b)
    left = 100 * np.linalg.norm(padded[0] - padded[1]) / np.linalg.norm(alone[0] - alone[1])
    print(f"zeros {side}: {left:.4g} % of the distance is left")

# %% [markdown]
# Every blank is a step like any other: the forget gate takes its share of c, and after enough of them all reviews end
# in the same state, whatever they said. In front, the zeros meet a state of zeros, g = tanh(0) = 0, and nothing
# happens. (In a trained network even that is not exact, since the blank has an embedding and b is not zero.)
#
# ## The repair
#
# At a step that is not real, a row keeps its states:
#
#     (2)  h[t+1], c[t+1] = the next h, the next c     in rows where mask[t] is True
#                           h[t], c[t]                 in the others
#
# `np.where(real, a, b)` picks row by row if `real` is (B, 1).


# %%
def forward(x, mask, Wx, Wh, b):
    """An LSTM that keeps its states at steps that are not real.

    x (B, T, D), mask (B, T) -> the last h (B, H), and a list with what `step` saved of each step
    """
    raise NotImplementedError("write forward")


# %%
for side in ("post", "pre"):
    x, mask = pad(pair, 8 + BLANKS, side)
    print(f"zeros {side}, with the mask: off by {np.abs(forward(x, mask, Wx, Wh, b)[0] - alone).max():.1e}")

# %% [markdown]
# ## The way back
#
# What kept its state must keep its gradient. If h[t+1] *is* h[t] in a row, then
#
#     dh[t] = dh[t+1],  dc[t] = dc[t+1],  and da[t] = 0: neither x[t] nor the weights were used
#
# Forgetting this in backward gives no error and a network that trains, only less well: gradients of real steps shrink
# at every blank, and blanks teach the weights. One question: padding behind with BLANKS zeros and a mask, loss at the
# last state. If backward ignores the mask and walks through the blanks as if they were real, what is left of dWx, in
# percent of the right one's length? More than 100, from 10 to 100, or less than 10?

# %%
left_of_dWx = None  # "more than 100", "10 to 100" or "less than 10"


# %%
def backward(dh_last, mask, saved, Wh):
    """From the last step to the first.

    dh_last (B, H), the gradient of the last h; mask (B, T); saved: the list that forward returned
    -> da (T, B, 4H), zero where the step is not real
    """
    raise NotImplementedError("write backward")


# %%
x, mask = pad(pair, 8 + BLANKS, "post")
_, saved = forward(x, mask, Wx, Wh, b)
for title, used in (("with the mask", mask), ("mask ignored", np.ones_like(mask))):
    da = backward(np.ones_like(alone), used, saved, Wh)
    dWx = np.einsum("btd,tbk->dk", x, da)
    print(f"{title}: |dWx| = {np.linalg.norm(dWx):.2e}")

# %% [markdown]
# Padding in front needs no mask to remember; padding behind does. With a mask both give the same states and the same
# gradients, to the last bit of rounding. In scratchnn and Keras, `Embedding(mask_zero=True)` makes the mask, and every
# recurrent layer behind it does what you wrote. docs/bptt.md in the project's repository has the masked step with
# numbers.
