# %% [markdown]
# # Bug 2: slower than a friend's
#
# An LSTM trains, more slowly than the one of a friend who has the same seed. No shape is wrong, no number is NaN.
# gradcheck finds two kinds of blocks off and two right where there is one step, and more with more steps. The last
# cell shows it: run this file. Find the fault, there is one, and mend it; `python -m scratchnn.labs zoo check 2` says
# whether the numbers are right then, and `zoo hint 2` helps. The names of the functions, their arguments and what
# they return stay.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 3  # drawn for you


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(x, Wx, Wh, b):
    """x (T, B, D) -> h and c (T+1, B, H), and the gates (i, f, g, o) of each step; Wx, Wh, b in blocks i f g o."""
    h, c, gates = [np.zeros((x.shape[1], len(Wh)))], [np.zeros((x.shape[1], len(Wh)))], []
    for t in range(len(x)):
        a_i, a_f, a_g, a_o = np.split(x[t] @ Wx + b + h[t] @ Wh, 4, axis=-1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c.append(f * c[t] + i * g)
        h.append(o * np.tanh(c[t + 1]))
        gates.append((i, f, g, o))
    return np.stack(h), np.stack(c), gates


def backward(dy, x, h, c, gates, Wx, Wh):
    """dy (T, B, H), dy[t] the gradient of h[t+1] from outside -> dx (T, B, D) and the gradients of Wx, Wh, b."""
    da = np.zeros((*dy.shape[:2], Wh.shape[1]))
    dh, dc = np.zeros_like(h[0]), np.zeros_like(c[0])
    for t in reversed(range(len(x))):
        i, f, g, o = gates[t]
        dh = dh + dy[t]
        do = dh * np.tanh(c[t + 1])
        total = dc + dh * o * (1 - np.tanh(c[t + 1]) ** 2)
        di, df, dg = total * g, total * c[t], total * i
        da_i, da_f, da_o = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        da_g = dg * (1 - g**2)
        da[t] = np.concatenate([da_f, da_i, da_g, da_o], axis=-1)
        dh, dc = da[t] @ Wh.T, total * f
    grads = {
        "Wx": np.einsum("tbd,tbk->dk", x, da),
        "Wh": np.einsum("tbh,tbk->hk", h[:-1], da),
        "b": da.sum(axis=(0, 1)),
    }
    return da @ Wx.T, grads


# %%
def gradcheck(T):
    """Print how far each gradient is from the slope of the loss; Wx, Wh and b block by block."""
    rng = np.random.default_rng(SEED)
    arrays = {"x": (T, 2, 3), "Wx": (3, 4 * UNITS), "Wh": (UNITS, 4 * UNITS), "b": (4 * UNITS,)}
    arrays = {name: rng.normal(size=shape) for name, shape in arrays.items()}
    dy = rng.normal(size=(T, 2, UNITS))

    def loss():
        return (forward(*arrays.values())[0][1:] * dy).sum()

    dx, grads = backward(dy, arrays["x"], *forward(*arrays.values()), arrays["Wx"], arrays["Wh"])
    for name, found in ({"x": dx} | grads).items():
        slopes = np.zeros_like(found)
        for place in np.ndindex(found.shape):
            kept = arrays[name][place]
            arrays[name][place] = kept + 1e-5
            slopes[place] = loss()
            arrays[name][place] = kept - 1e-5
            slopes[place] = (slopes[place] - loss()) / 2e-5
            arrays[name][place] = kept
        distance = np.abs(found - slopes) / max(np.abs(slopes).max(), 1e-8)
        blocks = [""] if name == "x" else ["i", "f", "g", "o"]
        for block, error in zip(blocks, np.split(distance, len(blocks), axis=-1), strict=True):
            print(f"  d{name:<2} {block:1} {error.max():8.1e}  {'ok' if error.max() < 1e-6 else 'OFF'}")


for T in (1, 2, 5):
    print(f"{T} step{'s' * (T > 1)}:")
    gradcheck(T)
