# %%
import numpy as np

SEED = 1  # drawn for you
LIMIT = 1.0  # drawn for you


def clip(grads, limit):
    """Shorten the whole gradient to `limit` where it is longer, and leave it where it is not.

    grads: arrays by name, which together are one long vector -> the same names
    """
    norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
    return {name: grad * min(1.0, limit / norm) for name, grad in grads.items()}


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
