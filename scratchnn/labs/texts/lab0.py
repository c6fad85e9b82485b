# %% [markdown]
# # Lab 0: how far back does a network remember?
#
# The simplest recurrent network has no activation and no bias. Its state h is a vector of H numbers, and one step is
#
#     (1)  h[t+1] = W h[t] + x[t]
#
# Here everything can be done by hand that later needs care: the gradient of the first state is a power of W. Whether it
# vanishes is written in the eigenvalues of W before a single step is taken. About 20 minutes.
#
# How to work: read from top to bottom, write your predictions, fill the holes (`raise NotImplementedError`), and run
# the cells in order, in an editor that knows `# %%`, or all at once with `python labs/lab0.py`: it stops at the first
# hole that is open. `python -m scratchnn.labs check 0` says what is right; it leaves out cells that begin with
# `# %% measure`, which take long. `python -m scratchnn.labs hint 0` helps.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 4  # drawn for you
RADIUS = 0.9  # drawn for you

rng = np.random.default_rng(SEED)
Q = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
W = Q @ np.diag(np.linspace(0.3, RADIUS, UNITS)) @ Q.T  # symmetric, eigenvalues from 0.3 to RADIUS

# %% [markdown]
# ## Forward
#
# There are T inputs and T+1 states: `h[t]` enters step t, `h[t+1]` leaves it. `h[0]` is given. "-> h (T+1, H)" says
# that the function returns a NumPy array of that shape.


# %%
def forward(W, x, h0):
    """Equation (1), from the first step to the last.

    W (H, H), x (T, H), h0 (H,) -> h (T+1, H), with h[0] = h0
    """
    raise NotImplementedError("write forward")


# %%
x = rng.normal(size=(3, UNITS))
print("the states of three steps:")
print(forward(W, x, np.zeros(UNITS)).round(3))

# %% [markdown]
# ## Backward
#
# Let a loss L depend on the last state alone, and call its gradient there dh[T], a vector with the entries ∂L/∂h[T]_j.
# One step earlier: h[t] reaches L only through h[t+1]. By (1), h[t+1]_j contains W[j, k] h[t]_k, so
#
#     (2)  dh[t]_k = Σ_j W[j, k] dh[t+1]_j          as vectors: dh[t] = Wᵀ dh[t+1]
#
# That is all of backpropagation through time: the same step again and again, from the last to the first.


# %%
def backward(W, dh_last, T):
    """Equation (2), T times.

    W (H, H), dh_last (H,), the gradient of h[T] -> dh (T+1, H), with dh[T] = dh_last and dh[t] the gradient of h[t]
    """
    raise NotImplementedError("write backward")


# %% [markdown]
# Written out, dh[0] = Wᵀ Wᵀ ... Wᵀ dh[T], with T factors Wᵀ: a power. How large can it be? At most the length of dh[T]
# times the largest singular value of the power, its *norm* (`np.linalg.norm(matrix, 2)`).


# %%
def norms(W, most):
    """The norm of W to the power of k, for k = 0, 1, ... most.

    W (H, H) -> (most+1,); the first is 1, since W to the power of 0 is the identity
    """
    raise NotImplementedError("write norms")


# %% [markdown]
# ## Predict, then measure
#
# RADIUS is the largest eigenvalue of this symmetric W. Before you run the next cell: **how many steps back is the
# gradient below 1% of what it was, whichever gradient it was?** Write the smallest such number of steps. A guess is
# fine, a short calculation better.

# %%
steps_to_one_percent = None  # a whole number

# %%
shrinking = norms(W, 400)
for k in (0, 1, 2, 5, 10, 20, 50, 100):
    print(f"{k:3} steps back: at most {shrinking[k]:.1e} of the gradient is left")
print("below 1% from", int(np.argmax(shrinking < 0.01)), "steps on")

# %% [markdown]
# ## Eigenvalues foretell it
#
# Along an eigenvector W is only a number λ, and its power is λ^k. After enough steps the eigenvalue with the largest
# absolute value, the *spectral radius* ρ, is what is left, so the norm goes as ρ^k: it vanishes for ρ < 1, explodes for
# ρ > 1. For a symmetric W it *is* ρ^k. To go below 1%, k must exceed log 0.01 / log ρ.


# %%
def spectral_radius(W):
    """The largest absolute value of W's eigenvalues, which may be complex.

    W (H, H) -> a number
    """
    raise NotImplementedError("write spectral_radius")


# %%
print(f"spectral radius {spectral_radius(W):.3f}; 1% takes {np.log(0.01) / np.log(spectral_radius(W)):.1f} steps")

# %% [markdown]
# ## Another matrix
#
# `[[0.9, 2], [0, 0.9]]` has the spectral radius 0.9 too. Is its gradient smaller five steps back than it was at the
# end? Write "smaller" or "larger", then run the last cell.

# %%
five_steps_back = None  # "smaller" or "larger"

# %%
other = norms(np.array([[0.9, 2.0], [0.0, 0.9]]), 100)
for k in (0, 1, 5, 10, 20, 50, 100):
    print(f"{k:3} steps back: at most {other[k]:.4f} times the gradient")

# %% [markdown]
# Eigenvalues tell how it ends, singular values how it begins: this W turns and stretches before it shrinks. In a real
# network both happen, and the derivative of the activation multiplies each step by another number below 1. That is
# where lab 2 goes on, after lab 1 (`python -m scratchnn.labs start 1`); an LSTM (lab 4) keeps a state whose step
# multiplies by no matrix at all.
