# %% [markdown]
# # Lab 2: which way should the weights change?
#
# A network has read a sequence and its outputs were wrong. How would the loss change if one number in Wh were a little
# larger? Wh was used at every step, and each use changed all states behind it. You will write the backward pass that
# answers this: *backpropagation through time*. About 25 minutes; lab 1 comes before.
#
# The forward pass, T steps, B rows, D features, H units, and what each array is called:
#
#     (1)  a[t]   = x[t] Wx + b + h[t] Wh          h[t] enters step t, h[t+1] leaves it
#     (2)  h[t+1] = tanh(a[t])
#
# `dh[t]` always means the gradient of the loss with respect to h[t], and has its shape; so with `da`, `dWh` and others.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab2.py`. `python -m scratchnn.labs check 2` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 2` helps.

# %%
import numpy as np

SEED = 1  # drawn for you
LENGTH = 30  # drawn for you
UNITS = 6  # drawn for you

rng = np.random.default_rng(SEED)
Wx = rng.normal(size=(3, UNITS)) / np.sqrt(3)
Wh = 0.9 * np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
b = np.zeros(UNITS)
x = rng.normal(size=(LENGTH, 4, 3))  # (T, B, D)


def forward(x, Wx, Wh, b):
    """x (T, B, D) -> h (T+1, B, H), as in lab 1."""
    h = np.zeros((len(x) + 1, x.shape[1], len(b)), dtype=np.result_type(x, Wx, Wh, b))
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ Wx + b + h[t] @ Wh)  # (1), (2)
    return h


# %% [markdown]
# ## On paper first
#
# One row, one unit, two steps: Wh = 0.5, and the states came out as h[1] = 0.6 and h[2] = 0.8. The loss gives each
# output a gradient of its own: dy[0] = 0.1 for h[1], and dy[1] = 0.3 for h[2].
#
# The last state is used once, as an output: dh[2] = 0.3. The derivative of tanh is 1 - tanh², so
# da[1] = 0.3 · (1 - 0.8²) = 0.108. Now h[1]: it is used *twice*, as an output and, times Wh, in a[1]. Where a variable
# is used twice, the gradients of both uses add. What is dh[1]?

# %%
dh1_on_paper = None  # a number

# %% [markdown]
# ## The walk back
#
# The same for B rows and H units, from the last step to the first:
#
#     (3)  dh[t+1] = dy[t] + (what step t+1 sends back; nothing at the last step)
#     (4)  da[t]   = dh[t+1] ⊙ (1 - h[t+1]²)          ⊙ multiplies element by element
#     (5)  step t sends back da[t] Whᵀ
#
# What step 0 sends back is dh[0]. The transpose: unit k reaches every unit j through Wh[k, j], so its gradient is a sum
# over j.


# %%
def walk_back(dy, h, Wh):
    """(3) to (5), from the last step to the first.

    dy (T, B, H), where dy[t] is the gradient of the output h[t+1] from outside
    h (T+1, B, H), Wh (H, H) -> da (T, B, H), dh0 (B, H), the gradient of h[0]
    """
    raise NotImplementedError("write walk_back")


# %% [markdown]
# ## The weights
#
# Imagine each step had a Wh of its own: then each would be used once, and by (1) its gradient is h[t]ᵀ da[t]. They are
# all the same matrix, so the gradients of all uses add:
#
#     (6)  dWh = Σ h[t]ᵀ da[t], the sum over the steps


# %%
def gradient_of_Wh(h, da):
    """The sum (6).

    h (T+1, B, H), da (T, B, H) -> dWh (H, H)
    """
    raise NotImplementedError("write gradient_of_Wh")


# %% [markdown]
# The other gradients go the same way and are given: x[t] in place of h[t] for Wx, and 1 for b.


# %%
def backward(dy, x, h, Wx, Wh):
    """The whole backward pass, from your two functions: when both are right, so is it."""
    da, _ = walk_back(dy, h, Wh)
    dWx = np.einsum("tbd,tbh->dh", x, da)  # the sum over steps and rows
    return da @ Wx.T, {"Wx": dWx, "Wh": gradient_of_Wh(h, da), "b": da.sum(axis=(0, 1))}


# %% [markdown]
# ## Is it true?
#
# A wrong backward pass often still trains a little, so a falling loss shows nothing. What shows something is to change
# one weight by a very small e, both ways, and look at the loss: (L(w + e) - L(w - e)) / 2e. The loss here is a random
# sum of all outputs, so that every path counts.

# %%
h = forward(x, Wx, Wh, b)
dy = rng.normal(size=h[1:].shape)
dx, grads = backward(dy, x, h, Wx, Wh)
for k, j in ((0, 1), (2, 2), (UNITS - 1, 0)):
    e, moved = 1e-5, np.zeros_like(Wh)
    moved[k, j] = e
    slope = ((forward(x, Wx, Wh + moved, b) - forward(x, Wx, Wh - moved, b))[1:] * dy).sum() / (2 * e)
    print(f"dWh[{k}, {j}]: backward says {grads['Wh'][k, j]:10.6f}, differences say {slope:10.6f}")

# %% [markdown]
# `check` does this with every number of x, Wx, Wh and b.
#
# ## What does the gradient know of the beginning?
#
# Now let only the last output count, as when a review is judged after its last word. Suppose we walk back five steps
# only, and sum the last five items of (6): by how much is dWh wrong, in percent of its length (`np.linalg.norm`)?

# %%
percent_wrong = None  # a number, 0 if the steps before do not count at all

# %%
dy = np.zeros_like(h[1:])
dy[-1] = 1
da, dh0 = walk_back(dy, h, Wh)
items = np.stack([h[t].T @ da[t] for t in range(LENGTH)])
whole = np.linalg.norm(items.sum(axis=0))
for t in (0, LENGTH // 2, LENGTH - 5, LENGTH - 2, LENGTH - 1):
    print(f"step {t:2}: {100 * np.linalg.norm(items[t]) / whole:8.4f} % of the whole")
print(f"with the last five items alone, dWh is off by {100 * np.linalg.norm(items[:-5].sum(axis=0)) / whole:.1f} %")

# %% [markdown]
# Each step back multiplies by Whᵀ and by the derivative of tanh, and both shrink here. So a weight is told almost only
# what it should have done at the end: this is the vanishing gradient, and lab 3 measures it before and after training
# (`python -m scratchnn.labs start 3`). docs/bptt.md in the project's repository derives this page, with masks.
