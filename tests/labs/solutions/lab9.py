import numpy as np

fails_at_parity = "MinGRU"
forgets_the_sign = "SimpleRNN"
still_adding = 2


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(ax, h):
    ax_z, ax_g = np.split(ax, 2, axis=-1)
    z = sigmoid(ax_z)
    return (1 - z) * h + z * ax_g, z


def step_back(dh_after, ax, h, z):
    ax_g = np.split(ax, 2, axis=-1)[1]
    dz = dh_after * (ax_g - h)
    return np.concatenate([dz * z * (1 - z), dh_after * z], axis=-1), dh_after * (1 - z)


WRONG = (
    ("return (1 - z) * h + z * ax_g, z", "return z * h + (1 - z) * ax_g, z", "z takes the candidate in"),
    ("return (1 - z) * h + z * ax_g, z", "return (1 - z) * h + z * np.tanh(ax_g), z", "no activation"),
    ("dz = dh_after * (ax_g - h)", "dz = dh_after * ax_g", "twice in (2)"),
    ("dz * z * (1 - z), dh_after * z", "dz, dh_after * z", "derivative of σ"),
    ("axis=-1), dh_after * (1 - z)", "axis=-1), dh_after", "a share 1 - z"),
)
