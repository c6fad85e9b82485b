# %% [markdown]
# # Lab 3: which network's gradient vanishes?
#
# "LSTMs solve vanishing gradients": when, and by what? Lab 2's gradient faded on its way back. Measure by how much, in
# a SimpleRNN, an LSTM and a GRU, before and after training. No download: the reviews are generated. About 20 minutes,
# one of them the computer's; lab 2 comes before.
#
# How to work: fill the holes and run the cells in order, in an editor that knows `# %%`, or all of them with
# `python labs/lab3.py`. `python -m scratchnn.labs check 3` says what is right; it leaves out cells that begin with
# `# %% measure`. `python -m scratchnn.labs hint 3` helps.

# %%
import numpy as np

from scratchnn import Sequential, data, explain
from scratchnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN

SEED = 1  # drawn for you
UNITS = 32  # drawn for you
LENGTH = 60  # steps

# %% [markdown]
# ## A measure
#
# One row, and a loss that knows the last state only. Then lab 2's walk back has nothing to add on its way:
#
#     (1)  dh[t] = (dh[t+1] ⊙ (1 - h[t+1]²)) Whᵀ


# %%
def powers_faded(h, Wh, dh_last):
    """By how many powers of ten the gradient is shorter at h[0] than at h[T]: log10(|dh[T]| / |dh[0]|).

    h (T+1, H): h[t] enters step t, h[t+1] leaves it; Wh (H, H); dh_last (H,), which is dh[T]
    -> a number; 3 means that a thousandth is left
    """
    raise NotImplementedError("write powers_faded")


# %% [markdown]
# Keras and scratchnn begin with an *orthogonal* Wh: it turns a vector and leaves its length as it is. Two networks have
# such a Wh; one gets small inputs, around 0.05, the other large ones, around 1. Which gradient fades more, and by what?

# %%
fades_more = None  # "small inputs" or "large inputs"

# %%
rng = np.random.default_rng(SEED)
orthogonal = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
dh_last = rng.normal(size=UNITS)
for name, size in (("small", 0.05), ("large", 1.0)):
    h = np.zeros((LENGTH + 1, UNITS))
    for t in range(LENGTH):
        h[t + 1] = np.tanh(size * rng.normal(size=UNITS) + h[t] @ orthogonal)
    print(f"{name} inputs: faded by {powers_faded(h, orthogonal, dh_last):.2f} powers of ten in {LENGTH} steps")

# %% [markdown]
# Wh takes nothing away here; all that fades is due to 1 - h². Small inputs keep h near 0, where tanh has the slope 1.
# Large ones drive units near ±1, where tanh is flat: it *saturates*.
#
# ## Gates
#
# An LSTM has a second state, the cell c, and *gates*: numbers from 0 to 1 that multiply, and so decide what passes. A
# gate is σ(x[t] Wx + b + h Wh), with weights of its own and the sigmoid σ(a) = 1 / (1 + exp(-a)); a candidate g is the
# same with tanh. h and c enter a step, h' and c' leave it:
#
#     LSTM:  c' = f ⊙ c + i ⊙ g        h' = o ⊙ tanh(c')        forget gate f, input gate i, output gate o
#     GRU:   h' = z ⊙ h + (1 - z) ⊙ g                           update gate z
#
# So what c or h holds is not written anew, but multiplied by f or z and added to. Every bias begins as 0, so that a
# gate is about σ(0) = ½; only the LSTM's forget gate begins with the bias 1: σ(1) = 0.73.
#
# Three networks, none of them trained, read rows of 60 random words. Whose gradient fades most from the last step to
# the first?

# %%
fades_most_untrained = None  # "SimpleRNN", "LSTM" or "GRU"


# %%
def model_of(layer):
    model = Sequential([Embedding(1000, 16), layer, Dense(1, activation="sigmoid")], seed=SEED)
    model.compile("adam", "binary_crossentropy")
    model.build((None, LENGTH))
    return model


def faded(model, rows):
    """As powers_faded for the gradient of the model's prediction, which explain.flow walks back; the median of rows."""
    flows = [explain.flow(model, explain.read(model, row)) for row in rows]
    norms = [next(iter(flow.layers.values())).norms() for flow in flows]
    return float(np.median([np.log10(each[-1] / each[0]) for each in norms]))


# %% measure
models = {"SimpleRNN": model_of(SimpleRNN(UNITS)), "LSTM": model_of(LSTM(UNITS)), "GRU": model_of(GRU(UNITS))}
random_rows = np.random.default_rng(SEED).integers(4, 1000, (5, LENGTH))
untrained = {name: faded(model, random_rows) for name, model in models.items()}
for name, powers in untrained.items():
    print(f"{name}, untrained: faded by {powers:.1f} powers of ten")

# %% [markdown]
# The SimpleRNN is the first network of above: an orthogonal Wh and small inputs. A gate of ½ or 0.73 multiplies at
# every step, and 59 steps of 0.73 leave 10^-8, of ½ even 10^-18. The second way back, through h and g, gives some of it
# back. (Lab 10 foretells an LSTM's number from its weights.)
#
# ## Train, and measure again
#
# The LSTM learns to tell good reviews from bad ones. Does its mean forget gate rise or fall by more than 0.05, or does
# it stay? The cell below trains the three networks, in about a minute.

# %%
forget_gate = None  # "rises", "falls" or "stays"


# %%
def mean_forget_gate(rows):
    return float(np.mean([explain.read(models["LSTM"], row).traces["lstm"]["f"].mean() for row in rows]))


# %% measure
reviews = data.load(num_words=1000, maxlen=LENGTH, synthetic=True)
full = reviews.x_test[reviews.x_test[:, 0] > 0][:10]
before, trained = mean_forget_gate(full), {}
for name, model in models.items():
    print(f"training the {name} ...", flush=True)
    model.fit(reviews.x_train[:5_000], reviews.y_train[:5_000], epochs=3, verbose=0)
    trained[name] = faded(model, full)
    print(f"{name}, trained: faded by {trained[name]:.1f} powers of ten")
print(f"the LSTM's mean forget gate: {before:.2f} before, {mean_forget_gate(full):.2f} after")

# %% [markdown]
# The same on the real reviews, 32 units, 100 steps, ten seeds (docs/gradient-flow.md in the repository): untrained the
# gradient fades by a factor of 3 in a SimpleRNN, 10^8 in an LSTM, 10^20 in a GRU; trained, by 15, 12 and 3 on average,
# and single SimpleRNNs by 2 and by more than 600. So an LSTM does not begin with a gradient that lasts, and at least
# here it does not get one by opening its forget gate: that stayed at 0.73. It learns weights of the second way, through
# h and g, that make up for what the gate takes. One seed, yours included, says little about averages: lab 8.
