# %% [markdown]
# # Bug 7: it overfits from the first epoch
#
# The accuracy in training is about as it should be and in validation it is far away, from the first epoch on. Its
# author says: "It overfits", and makes the model smaller, which does not help. The last cell shows it: run this file.
# Find the fault, there is one, and mend it; `python -m scratchnn.labs zoo check 7` says whether the numbers are right
# then, and `zoo hint 7` helps. The names of the functions, their arguments and what they return stay.

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
    order = np.arange(len(x))
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
