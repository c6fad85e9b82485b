import numpy as np

twice_as_long = "as many"
last_state_changes = "yes"
steps_to_forget = 20


def step(x_t, h_t, Wx, Wh, b):
    return np.tanh(x_t @ Wx + b + h_t @ Wh)


def forward(x, Wx, Wh, b):
    h = np.zeros((len(x) + 1, x.shape[1], len(b)))
    for t in range(len(x)):
        h[t + 1] = step(x[t], h[t], Wx, Wh, b)
    return h


def count_parameters(D, H):
    return D * H + H * H + H


WRONG = (
    ("np.tanh(x_t @ Wx + b + h_t @ Wh)", "x_t @ Wx + b + h_t @ Wh", "the tanh, is missing"),
    ("h_t @ Wh)", "h_t @ Wh.T)", "Wh is transposed"),
    (
        "step(x[t], h[t], Wx, Wh, b)",
        "step(x[t], h[0], Wx, Wh, b)",
        "h agrees from the first step to step 1, and is off from step 2 on",
    ),
    ("return h\n", "return h[1:]\n", "expected shape"),
    ("return D * H + H * H + H", "return D * H + H * H", "b has H"),
)
