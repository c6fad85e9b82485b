# %% [markdown]
# # Bug 5: shorter, but where to?
#
# Clipping is to make a step shorter that would be too long, and not to change where it goes. Here steps are longer
# than the limit, and turned: watch the angle between the gradient before and after. The last cell shows it: run this
# file. Find the fault, there is one, and mend it; `python -m scratchnn.labs zoo check 5` says whether the numbers are
# right then, and `zoo hint 5` helps. The names of the functions, their arguments and what they return stay.

# %%
import numpy as np

SEED = 1  # drawn for you
LIMIT = 1.0  # drawn for you


def clip(grads, limit):
    """Shorten the whole gradient to `limit` where it is longer, and leave it where it is not.

    grads: arrays by name, which together are one long vector -> the same names
    """
    clipped = {}
    for name, grad in grads.items():
        norm = np.sqrt((grad**2).sum())
        clipped[name] = grad * min(1.0, limit / norm)
    return clipped


# %%
def as_one(grads):
    return np.concatenate([grad.ravel() for grad in grads.values()])


rng = np.random.default_rng(SEED)
for scale in (0.01, 1, 100):
    grads = {"Wx": scale * rng.normal(size=(4, 6)), "Wh": 3 * scale * rng.normal(size=(6, 6)), "b": scale * np.ones(6)}
    whole, clipped = as_one(grads), as_one(clip(grads, LIMIT))
    length = np.linalg.norm(clipped)
    angle = np.degrees(np.arccos(min(1.0, whole @ clipped / np.linalg.norm(whole) / length)))
    print(f"length {np.linalg.norm(whole):8.3f} -> {length:.3f} (limit {LIMIT}), turned by {angle:4.1f} degrees")
