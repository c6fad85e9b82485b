# %% [markdown]
# # Lab 3: which network's gradient vanishes?
#
# Lab 0 took powers of a matrix: a gradient vanishes if the matrix has a spectral radius below 1. A real network has an
# activation, gates, and weights that change in training. "LSTMs solve vanishing gradients": when, and by what? You will
# write the product of Jacobians of a SimpleRNN, foretell an LSTM's fading from its weights, and measure both before and
# after training. No download: the reviews are generated. About 30 minutes; labs 0 and 2 come before.

# %%
import numpy as np

from scratchnn import Sequential, data, explain
from scratchnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN

SEED = 1  # drawn for you
UNITS = 32  # drawn for you
LENGTH = 60

# %% [markdown]
# ## A product of Jacobians
#
# One step of a SimpleRNN is h[t+1] = tanh(x[t] Wx + b + h[t] Wh), with h a row. If h[t] changes a little in its unit j,
# unit k of h[t+1] changes by Wh[j, k] times the derivative of tanh, 1 - h[t+1]_k². As a matrix, row j, column k:
#
#     (1)  D[t] = Wh diag(1 - h[t+1]²)
#     (2)  J[t] = ∂h[T] / ∂h[t] = D[t] D[t+1] ... D[T-1]          so J[T] is the identity
#
# J[t] tells all: a gradient w of the last state becomes dh[t] = J[t] w.


# %%
def jacobians(h, Wh):
    """(2), from the last to the first.

    h (T+1, H): h[t] enters step t, h[t+1] leaves it; Wh (H, H)
    -> J (T+1, H, H), J[t][j, k] = ∂h[T]_k / ∂h[t]_j
    """
    raise NotImplementedError("write jacobians")


def powers_faded(h, Wh, w):
    """By how many powers of ten the gradient is shorter at h[0] than at h[T]: log10(|dh[T]| / |dh[0]|).

    h and Wh as above, w (H,) = dh[T]
    -> a number; 3 means that a thousandth is left
    """
    raise NotImplementedError("write powers_faded")


# %% [markdown]
# Keras and scratchnn begin with an orthogonal Wh: its transpose is its inverse, so it changes no length.

# %%
rng = np.random.default_rng(SEED)
orthogonal = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
w = rng.normal(size=UNITS)
for name, size in (("small", 0.05), ("large", 1.0)):
    h = np.zeros((LENGTH + 1, UNITS))
    for t in range(LENGTH):
        h[t + 1] = np.tanh(size * rng.normal(size=UNITS) + h[t] @ orthogonal)
    print(f"{name} inputs, {LENGTH} steps: faded by {powers_faded(h, orthogonal, w):.2f} powers of ten")

# %% [markdown]
# ## Predict
#
# Three networks of UNITS units, none of them trained, read rows of 60 random words. Which of the three gradients fades
# most from the last step to the first: "SimpleRNN", "LSTM" or "GRU"? And by how many powers of ten does the LSTM fade?
# (Its forget gate's bias begins with 1. The forget gate alone would multiply by σ(1) = 0.73 at each of 59 steps.)

# %%
fades_most_untrained = None  # "SimpleRNN", "LSTM" or "GRU"
powers_of_the_lstm = None  # a number: 3 means that a thousandth is left


# %%
def model_of(layer):
    model = Sequential([Embedding(1000, 16), layer, Dense(1, activation="sigmoid")], seed=SEED)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.build((None, LENGTH))
    return model


def faded(model, rows):
    """The median over rows of log10(|dp/dh| at the last step / at the first)."""
    flows = [explain.flow(model, explain.read(model, row)) for row in rows]
    norms = [next(iter(flow.layers.values())).norms() for flow in flows]
    return float(np.median([np.log10(each[-1] / each[0]) for each in norms]))


# %% measure
models = {"SimpleRNN": model_of(SimpleRNN(UNITS)), "LSTM": model_of(LSTM(UNITS)), "GRU": model_of(GRU(UNITS))}
random_rows = np.random.default_rng(SEED).integers(4, 1000, (5, LENGTH))
untrained = {name: faded(model, random_rows) for name, model in models.items()}
print("powers of ten that an untrained gradient fades:", {name: round(value, 1) for name, value in untrained.items()})

# %% [markdown]
# ## Foretell it
#
# The cell of an LSTM is c' = f ⊙ c + i ⊙ g. It also leaves as h = o ⊙ tanh(c), and comes back through
# g = tanh(... + h Wh_g). Where the network is at rest, h = c = g = 0, tanh has derivative 1, each gate is σ of its
# bias, and one step multiplies the gradient of c by the transpose of the matrix
#
#     (3)  diag(o) Wh_g diag(i) + diag(f)
#
# whose spectral radius ρ is how much of the gradient a step leaves, once many are taken.


# %%
def rest_radius(Wh, b):
    """The spectral radius of (3).

    Wh (H, 4H) and b (4H,) with blocks of H columns in the order i f g o; Wh_g is the third
    -> a number
    """
    raise NotImplementedError("write rest_radius")


# %% measure
Wh, b = (np.asarray(models["LSTM"].layers[1].params[name], float) for name in ("Wh", "b"))
rho = rest_radius(Wh, b)
print(
    f"LSTM: ρ = {rho:.3f}, which foretells {-(LENGTH - 1) * np.log10(rho):.1f} powers of ten; {untrained['LSTM']:.1f}"
)
print(f"the forget gate alone: {-(LENGTH - 1) * np.log10(1 / (1 + np.exp(-1))):.1f}")

# %% [markdown]
# The forget gate's 0.73 is not what decides alone: 59 steps of it leave 10^-8. The block Wh_g of an orthogonal Wh has a
# spectral radius of about ½, and with i = o = ½ the two ways add up to ρ of about 0.73 + ¼ · ½ = 0.85.
#
# ## Train, and measure again
#
# Before you go on: the LSTM learns to tell good reviews from bad ones. What does its mean forget gate do, by more than
# 0.05: does it rise, fall, or stay?

# %%
forget_gate = None  # "rises", "falls" or "stays"

# %% measure
reviews = data.load(num_words=1000, maxlen=LENGTH, synthetic=True)
full = reviews.x_test[reviews.x_test[:, 0] > 0][:10]
trained = {}
for name, model in models.items():
    readings = [explain.read(model, row) for row in full]
    gates = [np.mean([reading.traces["lstm"]["f"].mean() for reading in readings])] if name == "LSTM" else []
    before = faded(model, full)
    model.fit(reviews.x_train[:10_000], reviews.y_train[:10_000], epochs=3, verbose=0)
    trained[name] = faded(model, full)
    print(f"{name}: faded by {before:.1f} powers of ten before training, by {trained[name]:.1f} after")
    if name == "LSTM":
        gates.append(np.mean([explain.read(model, row).traces["lstm"]["f"].mean() for row in full]))
        print(f"    its mean forget gate: {gates[0]:.2f} before, {gates[1]:.2f} after")
        Wh, b = (np.asarray(model.layers[1].params[name], float) for name in ("Wh", "b"))
        print(f"    its ρ at rest: {rho:.3f} before, {rest_radius(Wh, b):.3f} after")

# %% [markdown]
# With three seeds we saw what stands here, with a margin. Does yours differ?

# %% measure
expected = {  # powers of ten faded, untrained and trained, each as (least, most)
    "SimpleRNN": ((0, 0.8), (-0.5, 3)),
    "LSTM": ((3.5, 8), (0, 3)),
    "GRU": ((9, 15), (0, 6)),
}
surprises = [
    f"{name}: {value:.1f}, not {least} to {most}"
    for name, limits in expected.items()
    for value, (least, most) in zip((untrained[name], trained[name]), limits, strict=True)
    if not least < value < most
]
print("\n".join(surprises) or "as expected")

# %% [markdown]
# The same on the real reviews, 32 units, 100 steps, ten seeds (docs/gradient-flow.md): untrained the gradient fades by
# a factor of 3 in a SimpleRNN, 10^8 in an LSTM, 10^20 in a GRU. Trained, by 15, 12 and 3 on average, and single
# SimpleRNNs by 2 and by more than 600. The LSTM's mean forget gate was 0.73 before and after; ρ rose to 1.00, by Wh_g.
# So an LSTM does not solve the problem by opening its forget gate, at least not here: it learns a recurrent matrix that
# makes up for what the gate takes. One seed, yours included, says little about averages: lab 8.
