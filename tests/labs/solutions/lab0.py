import numpy as np

steps_to_one_percent = 44
five_steps_back = "smaller"


def forward(W, x, h0):
    h = [h0]
    for x_t in x:
        h.append(W @ h[-1] + x_t)
    return np.stack(h)


def backward(W, dh_last, T):
    dh = np.zeros((T + 1, len(W)))
    dh[T] = dh_last
    for t in reversed(range(T)):
        dh[t] = W.T @ dh[t + 1]
    return dh


def norms(W, most):
    power, found = np.eye(len(W)), []
    for _ in range(most + 1):
        found.append(np.linalg.norm(power, 2))
        power = power @ W
    return np.array(found)


def spectral_radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


WRONG = (
    ("dh[t] = W.T @ dh[t + 1]", "dh[t] = W @ dh[t + 1]", "dh agrees at the last step, and is off from step 5 on"),
    (
        "found.append(np.linalg.norm(power, 2))",
        "found.append(np.linalg.norm(W, 2) ** len(found))",
        "a power of the norm",
    ),
    ("np.abs(np.linalg.eigvals(W)).max()", "np.linalg.eigvals(W).real.max()", "complex or negative"),
    ("h = [h0]", "h = [0 * h0]", "h is off already at the first step"),
)
