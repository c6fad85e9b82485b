import numpy as np

fades_most_untrained = "SimpleRNN"
powers_of_the_lstm = 8
forget_gate = "rises"


def jacobians(h, Wh):
    J = [np.eye(len(Wh))]
    for t in reversed(range(len(h) - 1)):
        J.insert(0, (Wh * (1 - h[t + 1] ** 2)) @ J[0])
    return np.stack(J)


def powers_faded(h, Wh, w):
    return np.log10(np.linalg.norm(w) / np.linalg.norm(jacobians(h, Wh)[0] @ w))


def rest_radius(Wh, b):
    i, f, _, o = 1 / (1 + np.exp(-b.reshape(4, -1)))
    Wh_g = np.split(Wh, 4, axis=1)[2]
    return np.abs(np.linalg.eigvals(np.diag(f) + o[:, None] * Wh_g * i)).max()


WRONG = (
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "(Wh * (1 - h[t] ** 2)) @ J[0]", "the state that leaves the step"),
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "(Wh.T * (1 - h[t + 1] ** 2)) @ J[0]", "row j, column k"),
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "J[0] @ (Wh * (1 - h[t + 1] ** 2))", "other order"),
    ("np.linalg.norm(w) / np.linalg.norm(jacobians(h, Wh)[0] @ w)", "np.linalg.norm(jacobians(h, Wh)[0] @ w)", "1"),
    ("np.split(Wh, 4, axis=1)[2]", "np.split(Wh, 4, axis=1)[3]", "third block"),
    ("np.abs(np.linalg.eigvals(np.diag(f) + o[:, None] * Wh_g * i)).max()", "f.max()", "forget gate alone"),
)
