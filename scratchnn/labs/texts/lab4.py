# %% [markdown]
# # Lab 4: what does an LSTM keep that a SimpleRNN loses?
#
# In lab 2 each step back multiplied the gradient by a matrix and by a derivative below 1. An LSTM has a second state,
# the cell c, whose way back has neither. Undo its equations one by one, from the last to the first, and see what is
# left on that way. About 35 minutes; lab 2 comes before.
#
# One step, with σ the sigmoid. The pre-activation a = x[t] Wx + b + h[t] Wh has four blocks of H columns, i f g o:
#
#     (3)  i, f, o = σ(a_i), σ(a_f), σ(a_o)        input, forget and output gate
#     (4)  g       = tanh(a_g)                     candidate
#     (5)  c'      = f ⊙ c + i ⊙ g
#     (6)  h'      = o ⊙ tanh(c')
#
# h, c enter the step; h', c' leave it. `dc'` in a formula is `dc_after` in code.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab4.py`. `python -m scratchnn.labs check 4` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 4` helps.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 4  # drawn for you
FORGET_BIAS = 2.0  # drawn for you

rng = np.random.default_rng(SEED)
Wx = rng.normal(size=(3, 4 * UNITS)) / np.sqrt(3)
Wh = np.linalg.qr(rng.normal(size=(4 * UNITS, UNITS)))[0].T  # (H, 4H), orthonormal rows
b = np.repeat([0.0, FORGET_BIAS, 0.0, 0.0], UNITS)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(x, Wx, Wh, b):
    """x (T, B, D) -> h, c (T+1, B, H) and gates, a list with (i, f, g, o) of every step, each (B, H)."""
    zeros = np.zeros((x.shape[1], len(Wh)))
    h, c, gates = [zeros], [zeros], []
    for t in range(len(x)):
        a_i, a_f, a_g, a_o = np.split(x[t] @ Wx + b + h[t] @ Wh, 4, axis=-1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)  # (3), (4)
        c.append(f * c[t] + i * g)  # (5)
        h.append(o * np.tanh(c[t + 1]))  # (6)
        gates.append((i, f, g, o))
    return np.stack(h), np.stack(c), gates


# %% [markdown]
# ## Undo (6)
#
# h' = o ⊙ tanh(c') uses o and c'. But c' is used in a second place: it enters the next step, from where dc' comes. So
# what (6) adds must be *added* to dc', as the two terms of dh were in lab 2. The derivative of tanh is 1 - tanh².


# %%
def undo_6(dh_after, dc_after, o, c_after):
    """Equation (6) backward.

    dh_after, dc_after: gradients of h' and c', of the latter as far as the next step knows it
    all (B, H) -> do, dc_after with what comes through (6) added
    """
    raise NotImplementedError("write undo_6")


# %% [markdown]
# ## Undo (5)
#
# c' = f ⊙ c + i ⊙ g uses four arrays, each multiplied by one other. From here on dc' is whole, both terms in it.


# %%
def undo_5(dc_after, i, f, g, c):
    """Equation (5) backward.

    dc_after: the whole gradient of c'; c: the cell that entered the step
    all (B, H) -> di, df, dg, dc
    """
    raise NotImplementedError("write undo_5")


# %% [markdown]
# ## Undo (4) and (3)
#
# For y = tanh(a), da = dy ⊙ (1 - y²). For y = σ(a), da = dy ⊙ y ⊙ (1 - y). Both need only the output y.


# %%
def undo_4_and_3(di, df, dg, do, i, f, g, o):
    """Equations (4) and (3) backward, packed as a was.

    all (B, H) -> da (B, 4H), the blocks in the order i f g o
    """
    raise NotImplementedError("write undo_4_and_3")


# %% [markdown]
# ## The walk back
#
# As in lab 2: what comes back to h from the next step is da Whᵀ, and dy[t] is added to it. What comes back to c is the
# dc of (5), and from outside nothing is added: nobody but the LSTM sees c.


# %%
def walk_back(dy, h, c, gates, Wh):
    """From the last step to the first.

    dy (T, B, H), where dy[t] is the gradient of the output h[t+1] from outside
    h, c (T+1, B, H), gates as forward returns them, Wh (H, 4H) -> da (T, B, 4H), dh0 (B, H), dc0 (B, H)
    """
    raise NotImplementedError("write walk_back")


# %%
def backward(dy, x, h, c, gates, Wx, Wh):
    """The whole backward pass; the sums over the steps are those of lab 2."""
    da, _, _ = walk_back(dy, h, c, gates, Wh)
    dWx = np.einsum("tbd,tbk->dk", x, da)
    dWh = np.einsum("tbh,tbk->hk", h[:-1], da)
    return da @ Wx.T, {"Wx": dWx, "Wh": dWh, "b": da.sum(axis=(0, 1))}


# %% [markdown]
# ## What is left after 50 steps?
#
# Follow dc alone, from c' to c, by (5) only. What does one step multiply it by? FORGET_BIAS stands in b: where a_f has
# no other part, f = σ(FORGET_BIAS), at every step. How much of a gradient is left after 50 steps, in percent?

# %%
percent_left = None  # a number from 0 to 100

# %%
f = sigmoid(FORGET_BIAS)
print(f"f = {f:.4f} at every step; after 50 steps {100 * f**50:.3g} % are left on the way through (5)")
x = 0.5 * rng.normal(size=(50, 1, 3))
h, c, gates = forward(x, Wx, Wh, b)
product = np.ones(UNITS)
for t in reversed(range(50)):
    product = product * gates[t][1][0]
    if t in (49, 40, 25, 0):
        print(f"real gates, {50 - t:2} steps back: of each unit's dc is left", (100 * product).round(2), "%")

# %% [markdown]
# And with all paths? Would you expect more or less than on the path through c alone, where the ways through h, the
# gates and Wh are added? Measure, for a gradient of ones at the last output.

# %%
dy = np.zeros_like(h[1:])
dy[-1] = 1
for steps in (5, 10, 25, 50):
    _, dh0, dc0 = walk_back(dy[-steps:], h[-steps - 1 :], c[-steps - 1 :], gates[-steps:], Wh)
    print(f"{steps:2} steps back: |dh| = {np.linalg.norm(dh0):.1e}, |dc| = {np.linalg.norm(dc0):.1e}")

# %% [markdown]
# An LSTM does not abolish the vanishing gradient. It puts a gate where a SimpleRNN has a fixed product, and training
# can open it: with f = 1 the cell hands its gradient on as it is, with f = 0 it forgets on purpose. Keras and scratchnn
# start with a forget bias of 1, f = 0.73, of which fifty steps leave about a ten-millionth.
