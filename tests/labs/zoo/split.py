# %%
import numpy as np

SEED = 1  # drawn for you
ROWS = 400  # drawn for you


def load(rows, rng):
    """Two clouds of points that overlap, x (rows, 2), with their labels y (rows,). As files lie in two folders, those
    of class 0 come first."""
    y = np.repeat([0, 1], rows // 2)
    return rng.normal(size=(rows, 2)) + np.where(y, 0.7, -0.7)[:, None], y


def split(x, y, share, rng):
    """Hold out a share of the rows for validation -> x_train, y_train, x_val, y_val."""
    held = round(share * len(x))
    order = rng.permutation(len(x))
    train, val = order[:-held], order[-held:]
    return x[train], y[train], x[val], y[val]


# %%
rng = np.random.default_rng(SEED)
x_train, y_train, x_val, y_val = split(*load(ROWS, rng), 0.2, rng)
w, bias = np.zeros(2), 0.0
for epoch in range(301):
    p = 1 / (1 + np.exp(-(x_train @ w + bias)))
    if epoch % 50 == 0:
        train, val = ((((x @ w + bias) > 0) == y).mean() for x, y in ((x_train, y_train), (x_val, y_val)))
        print(f"epoch {epoch:3}: accuracy {train:.3f} in training, {val:.3f} in validation")
    w = w - 0.1 * x_train.T @ (p - y_train) / len(p)
    bias = bias - 0.1 * (p - y_train).mean()
