import numpy as np

powers_between = "fewer"
powers_of_the_lstm = 8
rho_trained = 0.9


def jacobians(h, Wh):
    J = [np.eye(len(Wh))]
    for t in reversed(range(len(h) - 1)):
        J.insert(0, (Wh * (1 - h[t + 1] ** 2)) @ J[0])
    return np.stack(J)


def rest_radius(Wh, b):
    i, f, _, o = 1 / (1 + np.exp(-b.reshape(4, -1)))
    Wh_g = np.split(Wh, 4, axis=1)[2]
    return np.abs(np.linalg.eigvals(np.diag(f) + o[:, None] * Wh_g * i)).max()


WRONG = (
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "(Wh * (1 - h[t] ** 2)) @ J[0]", "the state that leaves the step"),
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "(Wh.T * (1 - h[t + 1] ** 2)) @ J[0]", "row j, column k"),
    ("(Wh * (1 - h[t + 1] ** 2)) @ J[0]", "J[0] @ (Wh * (1 - h[t + 1] ** 2))", "other order"),
    ("np.split(Wh, 4, axis=1)[2]", "np.split(Wh, 4, axis=1)[3]", "third block"),
    ("np.abs(np.linalg.eigvals(np.diag(f) + o[:, None] * Wh_g * i)).max()", "f.max()", "forget gate alone"),
)


def surprises(names):
    """What is not as with three seeds, with a margin: powers of ten faded, and ρ of the trained LSTM."""
    rho = names["rho"](names["model"])
    return [f"ρ = {rho:.3f}"] * (not 0.9 < rho < 1.1) + [str(names["untrained"])] * (not 3.5 < names["untrained"] < 8)
