import numpy as np

first_at_half = 0.78
loss_of_guessing = 3.3
lower_loss = "zeros"


def windows(ids, B, T):
    length = (len(ids) - 1) // (B * T) * T
    x, y = (ids[k : k + B * length].reshape(B, -1, T).swapaxes(0, 1).reshape(-1, T) for k in (0, 1))
    return x, y


def draw(p, u):
    return int(np.argmax(np.cumsum(p) > u))


def with_temperature(p, tau):
    q = np.exp(np.log(p) / tau)
    return q / q.sum()


WRONG = (
    (".reshape(B, -1, T).swapaxes(0, 1).reshape(-1, T)", ".reshape(-1, T)", "swap streams and windows"),
    ("for k in (0, 1)", "for k in (0, 0)", "y is x itself"),
    ("np.cumsum(p) > u", "np.cumsum(p) >= u", "equal to it is not enough"),
    ("np.argmax(np.cumsum(p) > u)", "np.argmax(p)", "depends on u"),
    ("return q / q.sum()", "return q", "sum to 1 again"),
    ("np.log(p) / tau", "np.log(p) * tau", "divided by τ"),
)
