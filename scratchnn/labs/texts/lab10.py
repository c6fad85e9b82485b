# %% [markdown]
# # Lab 10: can you foretell how a gradient fades?
#
# Lab 3 measured it. Lab 0 took powers of a matrix, and its eigenvalues foretold what they do; a real network has an
# activation and gates, and each step another matrix. How far do eigenvalues and singular values still reach? You will
# write the product of Jacobians of a SimpleRNN, and foretell an LSTM's fading from its weights alone. About 30 minutes;
# labs 0, 3 and 4 come before.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab10.py`. `python -m scratchnn.labs check 10` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 10` helps.

# %%
import numpy as np

from scratchnn import Sequential, data, explain
from scratchnn.layers import LSTM, Dense, Embedding

SEED = 1  # drawn for you
UNITS = 32  # drawn for you
LENGTH = 60  # steps

# %% [markdown]
# ## A product of Jacobians
#
# One step of a SimpleRNN is h[t+1] = tanh(x[t] Wx + b + h[t] Wh), with h a row. If h[t] changes a little in its unit j,
# unit k of h[t+1] changes by Wh[j, k] times the derivative of tanh, 1 - h[t+1]_k². As a matrix, row j, column k:
#
#     (1)  D[t] = Wh diag(1 - h[t+1]²)
#     (2)  J[t] = ∂h[T] / ∂h[t] = D[t] D[t+1] ... D[T-1]          so J[T] is the identity
#
# A gradient w of the last state, as a column, becomes dh[t] = J[t] w: lab 3's walk back for every w at once. (Most
# books write the transpose, row k and column j, and call that the Jacobian. As it is here, (1) needs no transpose, and
# the product is in the order of the steps.)


# %%
def jacobians(h, Wh):
    """(2), from the last to the first.

    h (T+1, H): h[t] enters step t, h[t+1] leaves it; Wh (H, H)
    -> J (T+1, H, H), J[t][j, k] = ∂h[T]_k / ∂h[t]_j
    """
    raise NotImplementedError("write jacobians")


# %% [markdown]
# The singular values of J[T-10] say how much the last ten steps leave of the gradient that fades least there, and of
# the one that fades most. Wh is orthogonal again. With large inputs, how many powers of ten lie between the two: fewer
# than 3, or more?

# %%
powers_between = None  # "fewer" or "more"

# %%
rng = np.random.default_rng(SEED)
orthogonal = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
for name, size in (("small", 0.05), ("large", 1.0)):
    h = np.zeros((LENGTH + 1, UNITS))
    for t in range(LENGTH):
        h[t + 1] = np.tanh(size * rng.normal(size=UNITS) + h[t] @ orthogonal)
    left = np.linalg.svd(jacobians(h, orthogonal)[-11], compute_uv=False)
    print(f"{name} inputs, ten steps: fades by {-np.log10(left[0]):.1f} to {-np.log10(left[-1]):.1f} powers of ten")

# %% [markdown]
# All eigenvalues of Wh have the absolute value 1, and say nothing of this: 1 - h² does it. And one number for "how much
# is left" is an average over gradients that fare quite differently.
#
# ## An LSTM at rest
#
# From one c to the next there are two ways: times f, and by h = o ⊙ tanh(c) into g = tanh(... + h Wh_g), times i. Take
# the network at rest: h = c = g = 0. There tanh has the derivative 1, and each gate is σ of its bias. The gates depend
# on h too, but what a change of f, i or o does to the state is multiplied by c, g or tanh(c), which are all 0: at rest
# these ways are closed. One step multiplies the gradient of c, a column as in (1), by the matrix
#
#     (3)  M = diag(o) Wh_g diag(i) + diag(f)
#
# whose spectral radius ρ is how much of the gradient a step leaves, once many are taken.


# %%
def rest_radius(Wh, b):
    """The spectral radius of (3).

    Wh (H, 4H) and b (4H,) with blocks of H columns in the order i f g o; Wh_g is the third
    -> a number
    """
    raise NotImplementedError("write rest_radius")


# %% [markdown]
# An LSTM that is not trained has i = o = σ(0) = ½ and f = σ(1) = 0.73. The forget gate alone foretells that the
# gradient fades by 8 powers of ten in 59 steps. How many will be measured, when it reads random words?

# %%
powers_of_the_lstm = None  # a number: 3 means that a thousandth is left


# %%
def faded(model, rows):
    """The median over rows of log10(|dp/dh| at the last step / at the first), p being the model's prediction."""
    flows = [explain.flow(model, explain.read(model, row)) for row in rows]
    norms = [next(iter(flow.layers.values())).norms() for flow in flows]
    return float(np.median([np.log10(each[-1] / each[0]) for each in norms]))


def rho(model):
    return rest_radius(*(np.asarray(model.layers[1].params[name], float) for name in ("Wh", "b")))


# %% measure
model = Sequential([Embedding(1000, 16), LSTM(UNITS), Dense(1, activation="sigmoid")], seed=SEED)
model.compile("adam", "binary_crossentropy")
model.build((None, LENGTH))
random_rows = np.random.default_rng(SEED).integers(4, 1000, (5, LENGTH))
untrained = faded(model, random_rows)
foretold = -(LENGTH - 1) * np.log10(rho(model))
print(f"ρ = {rho(model):.3f} foretells {foretold:.1f} powers of ten; measured: {untrained:.1f}")

# %% [markdown]
# The eigenvalues of M are 0.73 + ¼ λ, with λ those of Wh_g, whose size goes up to about ½. So ρ is about 0.85, and less
# where the largest λ are not positive: 0.81 to 0.88 with seven seeds. Measured is about a power of ten more than
# foretold: the gradient of h enters c once (times o = ½) and leaves it once (times i and Wh_g, about ¼), and 1/8 is 0.9
# powers. The rest is that a network which reads words is not quite at rest.
#
# ## Trained
#
# Lab 3's LSTM faded less after training, and its forget gate had stayed. Then ρ must have risen, by Wh_g: to what?

# %%
rho_trained = None  # a number

# %% measure
reviews = data.load(num_words=1000, maxlen=LENGTH, synthetic=True)
model.fit(reviews.x_train[:10_000], reviews.y_train[:10_000], epochs=3, verbose=0)
full = reviews.x_test[reviews.x_test[:, 0] > 0][:10]
print(f"trained: ρ = {rho(model):.3f}, measured: faded by {faded(model, full):.1f} powers of ten")

# %% [markdown]
# On the real reviews ρ rose to 1.00 (docs/gradient-flow.md in the repository): the least that keeps a gradient over any
# number of steps, and the most that does not make it explode. Nobody asked for it: training found it.
