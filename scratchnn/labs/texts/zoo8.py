# %% [markdown]
# # Bug 8: right at any length, wrong in a batch
#
# A SimpleRNN that passes gradcheck at any length. In training, its loss is right, and still it learns less from a
# batch of long and short reviews than from reviews of one length. The last cell shows it: run this file. Find the
# fault, there is one, and mend it; `python -m scratchnn.labs zoo check 8` says whether the numbers are right then,
# and `zoo hint 8` helps. The names of the functions, their arguments and what they return stay.

# %%
import numpy as np

SEED = 1  # drawn for you
UNITS = 4  # drawn for you


def forward(x, mask, Wx, Wh, b):
    """x (T, B, D), mask (T, B) -> h (T+1, B, H); h[t] enters step t. A row keeps its state where the mask is False."""
    h = [np.zeros((x.shape[1], len(Wh)))]
    for t in range(len(x)):
        a = x[t] @ Wx + b + h[t] @ Wh
        h.append(np.where(mask[t][:, None], np.tanh(a), h[t]))
    return np.stack(h)


def backward(dy, x, mask, h, Wx, Wh):
    """dy (T, B, H), dy[t] the gradient of h[t+1] from outside -> dx (T, B, D) and the gradients of Wx, Wh, b."""
    da = np.zeros_like(dy)
    dh = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        dh = dh + dy[t]
        da[t] = dh * (1 - h[t + 1] ** 2)
        dh = da[t] @ Wh.T
    grads = {
        "Wx": np.einsum("tbd,tbh->dh", x, da),
        "Wh": np.einsum("tbk,tbh->kh", h[:-1], da),
        "b": da.sum(axis=(0, 1)),
    }
    return da @ Wx.T, grads


# %%
def gradcheck(T, mask):
    """Print how far each gradient is from the slope of the loss, measured by moving the numbers one by one."""
    rng = np.random.default_rng(SEED)
    arrays = {"x": (T, 2, 3), "Wx": (3, UNITS), "Wh": (UNITS, UNITS), "b": (UNITS,)}
    arrays = {name: rng.normal(size=shape) for name, shape in arrays.items()}
    dy = rng.normal(size=(T, 2, UNITS))

    def loss():
        return (forward(arrays["x"], mask, arrays["Wx"], arrays["Wh"], arrays["b"])[1:] * dy).sum()

    h = forward(arrays["x"], mask, arrays["Wx"], arrays["Wh"], arrays["b"])
    dx, grads = backward(dy, arrays["x"], mask, h, arrays["Wx"], arrays["Wh"])
    for name, found in ({"x": dx} | grads).items():
        slopes = np.zeros_like(found)
        for place in np.ndindex(found.shape):
            kept = arrays[name][place]
            arrays[name][place] = kept + 1e-5
            slopes[place] = loss()
            arrays[name][place] = kept - 1e-5
            slopes[place] = (slopes[place] - loss()) / 2e-5
            arrays[name][place] = kept
        error = np.abs(found - slopes).max() / max(np.abs(slopes).max(), 1e-8)
        print(f"  d{name:<3} {error:8.1e}  {'ok' if error < 1e-6 else 'OFF'}")


for T in (1, 5):
    print(f"{T} step{'s' * (T > 1)}, no padding:")
    gradcheck(T, np.ones((T, 2), bool))
print("5 steps, of which the second row has 3:")
gradcheck(5, np.arange(5)[:, None] < np.array([5, 3]))
