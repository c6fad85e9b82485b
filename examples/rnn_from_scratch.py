"""A recurrent network with nothing but NumPy: `python examples/rnn_from_scratch.py` checks its gradients and trains it.

The task: repeat the bit that was read two steps ago, which only the state h can carry there. docs/bptt.md derives
`backward`. Time comes first: x (T, B, D), target (T, B, 1); h[t] enters step t, h[t+1] leaves it.
"""

import numpy as np

T, B, D, H = 10, 32, 1, 8


def forward(x, target, w):
    """Return the loss, a mean over all steps and rows, and what backward needs."""
    h = np.zeros((len(x) + 1, x.shape[1], len(w["Wh"])))
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ w["Wx"] + h[t] @ w["Wh"] + w["b"])
    error = h[1:] @ w["Wy"] - target
    return np.mean(error**2), (x, h, error)


def backward(w, cache):
    """Return the gradient of the loss with respect to every array of w."""
    x, h, error = cache
    dp = 2 * error / error.size  # of the predictions h[t+1] Wy
    grads = {name: np.zeros_like(array) for name, array in w.items()}
    dh_later = np.zeros_like(h[0])  # nothing comes after the last step
    for t in reversed(range(len(x))):
        dh = dp[t] @ w["Wy"].T + dh_later  # of h[t+1]: through the output, and through the next step
        da = dh * (1 - h[t + 1] ** 2)  # through tanh
        dh_later = da @ w["Wh"].T
        grads["Wx"] += x[t].T @ da  # the same weights at every step: their gradients add up
        grads["Wh"] += h[t].T @ da
        grads["b"] += da.sum(axis=0)
        grads["Wy"] += h[t + 1].T @ dp[t]
    return grads


def check(x, target, w, grads, by=1e-6):
    """Return the largest difference between grads and central differences, over every number of w."""
    worst = 0.0
    for name, array in w.items():
        for at in np.ndindex(array.shape):
            nudge = np.zeros_like(array)
            nudge[at] = by
            above, below = (forward(x, target, w | {name: moved})[0] for moved in (array + nudge, array - nudge))
            worst = max(worst, abs((above - below) / (2 * by) - grads[name][at]))
    return worst


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    w = {name: rng.normal(0, 0.3, shape) for name, shape in dict(Wx=(D, H), Wh=(H, H), b=H, Wy=(H, 1)).items()}
    for step in range(1001):
        x = rng.integers(0, 2, (T, B, D)).astype(float)
        target = np.concatenate([np.zeros((2, B, 1)), x[:-2]])
        loss, cache = forward(x, target, w)
        grads = backward(w, cache)
        if step % 250 == 0:
            print(f"step {step:4}: loss {loss:.4f}, gradients off by {check(x, target, w, grads):.0e}")
        w = {name: array - 0.3 * grads[name] for name, array in w.items()}
