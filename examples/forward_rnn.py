"""The forward pass of a recurrent layer, as it is first taught: a loop that carries a state along.

    python examples/forward_rnn.py

100 steps of 32 features go into 64 units; the 100 outputs of 64 numbers, one after another, are 6,400 numbers. Then the
same from scratchnn's layers, which compute this for a batch, in compiled code, and have a backward pass.
"""

import numpy as np

from scratchnn import Sequential
from scratchnn.layers import Flatten, Input, SimpleRNN

T, D, H = 100, 32, 64


def forward(x: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x (T, D) -> the outputs of all steps one after another (T * H,)."""
    h = np.zeros(len(b), x.dtype)  # nothing has been read yet
    outputs = []
    for x_t in x:
        h = np.tanh(x_t @ Wx + h @ Wh + b)  # what is read now, and what was kept of all before
        outputs.append(h)
    return np.concatenate(outputs)


def draw(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (T, D), Wx (D, H), Wh (H, H) and b (H,), small enough that tanh does not saturate."""
    rng = np.random.default_rng(seed)
    shapes = {"x": (T, D), "Wx": (D, H), "Wh": (H, H), "b": (H,)}
    x, Wx, Wh, b = (rng.uniform(-0.2, 0.2, shape).astype(np.float32) for shape in shapes.values())
    return x, Wx, Wh, b


def layers(Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray, backend: str = "cpu") -> Sequential:
    """The same as a model."""
    model = Sequential([Input((T, D)), SimpleRNN(H, return_sequences=True), Flatten()], backend=backend)
    model.set_weights([Wx, Wh, b])
    return model


if __name__ == "__main__":
    x, *weights = draw()
    y = forward(x, *weights)
    model = layers(*weights)
    print(f"{x.shape} -> {y.shape}, {model.count_params():,} parameters")
    print(f"largest difference to scratchnn's layers: {np.abs(model.predict(x[None], verbose=0)[0] - y).max():.1e}")
