# %% [markdown]
# # Lab 1: what does a recurrent network compute?
#
# Does the order of words matter to it, and how long does it remember a word? To ask, write its forward pass: a loop
# over time, and one line of NumPy in it. About 15 minutes.
#
# Letters: B rows in a batch, T time steps, D numbers per input, H units. `x[t]` (B, D) is the input of step t.
# `h[t]` (B, H) enters step t and `h[t+1]` leaves it, so there are T+1 states. The weights are `Wx` (D, H), `Wh` (H, H)
# and `b` (H,), the same at every step:
#
#     (1)  a[t]   = x[t] Wx + b + h[t] Wh
#     (2)  h[t+1] = tanh(a[t])
#
# Rows are multiplied from the left, as is usual in code: `x[t] @ Wx`.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab1.py`. `python -m scratchnn.labs check 1` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 1` helps.

# %%
import numpy as np

SEED = 1  # drawn for you
FEATURES = 3  # drawn for you
UNITS = 5  # drawn for you

rng = np.random.default_rng(SEED)
Wx = rng.normal(size=(FEATURES, UNITS)) / np.sqrt(FEATURES)
Wh = 0.8 * np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]  # it shrinks the length of every vector to 0.8 of it
b = np.zeros(UNITS)

# %% [markdown]
# ## One step


# %%
def step(x_t, h_t, Wx, Wh, b):
    """Equations (1) and (2) for a single step.

    x_t (B, D), h_t (B, H), Wx (D, H), Wh (H, H), b (H,) -> the next state (B, H)
    """
    raise NotImplementedError("write step")


# %% [markdown]
# ## The loop


# %%
def forward(x, Wx, Wh, b):
    """All steps, from a state of zeros.

    x (T, B, D), Wx (D, H), Wh (H, H), b (H,) -> h (T+1, B, H); h[0] is zero, h[t+1] is what step t makes of h[t]
    """
    raise NotImplementedError("write forward")


# %%
x = rng.normal(size=(4, 1, FEATURES))
print("the states of four steps:")
print(forward(x, Wx, Wh, b)[:, 0].round(3))

# %% [markdown]
# ## How many numbers are learned?
#
# Predict first: how many are there if the sequence is twice as long?

# %%
twice_as_long = None  # "twice as many", "as many" or "more, but fewer than twice as many"


# %%
def count_parameters(D, H):
    """How many numbers are in Wx, Wh and b together.

    D features, H units -> a whole number
    """
    raise NotImplementedError("write count_parameters")


# %%
print("8 features, 16 units:", count_parameters(8, 16), "parameters")

# %% [markdown]
# T is in none of the shapes: the same numbers serve at every step, so a longer sequence needs no more of them.
#
# ## Does the order matter?
#
# Swap the first two inputs of a sequence. Does the last state change?

# %%
last_state_changes = None  # "yes" or "no"

# %%
swapped = x[[1, 0, 2, 3]]
change = np.abs(forward(swapped, Wx, Wh, b)[-1] - forward(x, Wx, Wh, b)[-1]).max()
print(f"largest change of a unit: {change:.3f}")

# %% [markdown]
# ## How long does it remember?
#
# One input of ones at the first step, then zeros only. What the state still holds of it is `np.linalg.norm(h[t+1])`. At
# each step Wh shrinks it to 0.8, and tanh, which bends large values down, somewhat more at first. After how many
# steps in all (the one with the input included) is it below 1% of `np.linalg.norm(h[1])`?

# %%
steps_to_forget = None  # a whole number

# %%
pulse = np.zeros((60, 1, FEATURES))
pulse[0] = 1
held = np.linalg.norm(forward(pulse, Wx, Wh, b)[1:, 0], axis=1)
for t in (0, 1, 2, 5, 10, 20, 40):
    print(f"after {t + 1:2} steps: {held[t] / held[0]:.4f}")
print("below 1% after", int(np.argmax(held < 0.01 * held[0])) + 1, "steps")

# %% [markdown]
# A state is a fixed number of units that each step writes over, so what is not written again fades. Training can choose
# Wh; how training finds out which way to change it is lab 2: the same loop, run backward.
#
# `scratchnn.layers.SimpleRNN` runs these two equations. `python -m scratchnn.labs start 2` begins lab 2.
